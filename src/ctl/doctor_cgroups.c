/* Cgroups: which kind, which controllers, and what we may do with them. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ctl/doctor.h"

#define AREA  "cgroups"
#define MOUNT "sys/fs/cgroup"

/* What is mounted, from mountinfo. */
struct mounts {
	bool unified;   /* at /sys/fs/cgroup itself */
	bool v2;        /* somewhere */
	bool read_only; /* all of it */
	GString *v1;    /* options of all file systems of version 1, each with a comma in front and behind */
};

static bool has_word(const char *list, const char *word)
{
	g_auto(GStrv) words = g_strsplit_set(list, ", \n", -1);

	return g_strv_contains((const char *const *)words, word);
}

/* id parent major:minor root mount options [optional fields] - type source super-options */
static void add_mount(const struct doctor *d, struct mounts *m, const char *line)
{
	g_auto(GStrv) f = g_strsplit(line, " ", -1);
	guint n = g_strv_length(f), dash = 6;

	while (dash < n && strcmp(f[dash], "-") != 0)
		dash++;
	if (dash + 3 >= n || *f[4] != '/' || !doctor_exists(d, f[4] + 1)) /* what another mount hides is not there */
		return;
	if (strcmp(f[4], "/" MOUNT) == 0) { /* the last one is on top */
		m->unified = strcmp(f[dash + 1], "cgroup2") == 0;
		m->read_only = m->unified && has_word(f[5], "ro");
	}
	m->v2 |= strcmp(f[dash + 1], "cgroup2") == 0;
	if (strcmp(f[dash + 1], "cgroup") == 0)
		g_string_append_printf(m->v1, "%s,", f[dash + 3]);
}

static void read_mounts(const struct doctor *d, struct mounts *m)
{
	g_autofree char *text = doctor_read(d, "proc/self/mountinfo");
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	for (char **line = lines; *line; line++)
		add_mount(d, m, *line);
}

/* Our own cgroup of version 2 as a path below root_fd: the mount itself where that cannot be seen. */
static char *own_group(const struct doctor *d)
{
	g_autofree char *text = doctor_read(d, "proc/self/cgroup");
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_autofree char *path =
			g_str_has_prefix(*line, "0::/") ? g_build_filename(MOUNT, *line + 4, NULL) : NULL;

		if (path && doctor_exists(d, path))
			return g_steal_pointer(&path);
	}
	return g_strdup(MOUNT);
}

static char *read_in(const struct doctor *d, const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return doctor_read(d, path);
}

static bool exists_in(const struct doctor *d, const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return doctor_exists(d, path);
}

/* What /proc/cgroups says of a controller: its hierarchy of version 1 (0: none), and whether it is enabled. */
static bool find_controller(const struct doctor *d, const char *controller, bool *ret_is_v1, bool *ret_enabled)
{
	g_autofree char *text = doctor_read(d, "proc/cgroups");
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) f = g_strsplit(*line, "\t", -1);

		if (g_strv_length(f) < 4 || strcmp(f[0], controller) != 0)
			continue;
		*ret_is_v1 = strcmp(f[1], "0") != 0;
		*ret_enabled = strcmp(f[3], "0") != 0;
		return true;
	}
	return false;
}

static char *remedy_for(const struct doctor *d, const char *controller, const struct mounts *m)
{
	const char *old = strcmp(controller, "io") == 0 ? "blkio" : controller;

	bool is_v1 = false, enabled = true;

	if (find_controller(d, old, &is_v1, &enabled) && !enabled)
		return g_strdup_printf("boot with cgroup_enable=%s", old);
	if (m->unified && is_v1)
		return g_strdup_printf("unmount the hierarchy of version 1 that has %s", old);
	if (m->unified && d->uid != 0)
		return g_strdup("have it delegated: Delegate=cpu cpuset io memory pids in the section [Service] of "
				"/etc/systemd/system/user@.service.d/delegate.conf, then log in anew");
	if (m->unified)
		return g_strdup_printf(
			"run a kernel that has the controller %s, or enable it in the parents' cgroup.subtree_control",
			controller);
	return g_strdup_printf("mount -t cgroup -o %s cgroup /sys/fs/cgroup/%s", old, old);
}

/* names: ended by NULL; have: a list of words */
static void add_controllers(struct doctor *d, const struct mounts *m, const char *const *names, const char *have)
{
	g_autoptr(GString) there = g_string_new(NULL);

	for (; *names; names++) {
		g_autofree char *remedy = NULL;

		if (has_word(have, *names)) {
			g_string_append_printf(there, "%s%s", there->len ? " " : "", *names);
			continue;
		}
		remedy = remedy_for(d, *names, m);
		doctor_add(d, AREA, *names, DOCTOR_WARNING, remedy, "no such controller: its limits are refused");
	}
	doctor_add(d, AREA, "controllers", there->len ? DOCTOR_OK : DOCTOR_NOTE, NULL, "%s",
		there->len ? there->str : "none");
}

static bool may_write(const struct doctor *d, const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return faccessat(d->root_fd, path, W_OK, AT_EACCESS) == 0;
}

static void add_delegation(struct doctor *d, const char *own)
{
	if (d->uid == 0)
		doctor_add(d, AREA, "delegation", DOCTOR_OK, NULL, "not needed by root");
	else if (may_write(d, own, "cgroup.procs") && may_write(d, own, "cgroup.subtree_control"))
		doctor_add(d, AREA, "delegation", DOCTOR_OK, NULL, "/%s is ours", own);
	else
		doctor_add(d, AREA, "delegation", DOCTOR_WARNING,
			"start containers in a scope of your own: systemd-run --user --scope -p Delegate=yes COMMAND",
			"/%s is not ours: no limits for containers of this user", own);
}

/* Groups made below one that is threaded cannot have processes of their own. */
static void add_type(struct doctor *d, const char *own)
{
	g_autofree char *type = read_in(d, own, "cgroup.type");

	if (type && strcmp(type, "domain") != 0)
		doctor_add(d, AREA, "type", DOCTOR_WARNING, "start containers from a cgroup of type domain",
			"/%s is of type \"%s\": no container can be below it", own, type);
}

/* The root has no such file; its children do. */
static bool has_kill(const struct doctor *d, const char *own)
{
	static const char *const usual[] = { MOUNT "/system.slice", MOUNT "/init.scope", MOUNT "/init" };
	bool found = exists_in(d, own, "cgroup.kill");

	for (size_t i = 0; !found && i < G_N_ELEMENTS(usual); i++)
		found = exists_in(d, usual[i], "cgroup.kill");
	return found;
}

static void add_unified(struct doctor *d, const struct mounts *m)
{
	static const char *const wanted[] = { "cpu", "cpuset", "io", "memory", "pids", NULL };
	g_autofree char *own = own_group(d);
	g_autofree char *have = read_in(d, d->uid == 0 ? MOUNT : own, "cgroup.controllers");

	add_controllers(d, m, wanted, have ?: "");
	if (m->read_only)
		doctor_add(d, AREA, "access", DOCTOR_PROBLEM, "mount -o remount,rw /sys/fs/cgroup",
			"/sys/fs/cgroup is read-only");
	add_delegation(d, own);
	add_type(d, own);
	if (has_kill(d, own))
		doctor_add(d, AREA, "cgroup.kill", DOCTOR_OK, NULL, "there");
	else if (strcmp(own, MOUNT) != 0)
		doctor_add(d, AREA, "cgroup.kill", DOCTOR_NOTE, NULL,
			"not there (Linux 5.14 has it): processes are frozen and killed one by one");
	else
		doctor_add(d, AREA, "cgroup.kill", DOCTOR_OK, NULL, "unknown: the root has none in any case");
}

static void add_legacy(struct doctor *d, const struct mounts *m)
{
	static const char *const wanted[] = { "blkio", "cpu", "cpuset", "devices", "freezer", "memory", "pids", NULL };

	add_controllers(d, m, wanted, m->v1->str);
	if (d->uid != 0)
		doctor_add(d, AREA, "delegation", DOCTOR_NOTE, "boot with systemd.unified_cgroup_hierarchy=1",
			"cgroups of version 1 are root's: no limits for containers of this user");
}

void doctor_cgroups(struct doctor *d)
{
	g_autoptr(GString) v1 = g_string_new(",");
	struct mounts m = { .v1 = v1 };

	read_mounts(d, &m);
	if (!m.unified && v1->len == 1) {
		doctor_add(d, AREA, "mode", DOCTOR_PROBLEM, "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
			"none: no cgroup file system is mounted at /sys/fs/cgroup");
		return;
	}
	doctor_add(d, AREA, "mode", DOCTOR_OK, NULL, "%s", m.unified ? "unified" : m.v2 ? "hybrid" : "legacy");
	if (m.unified)
		add_unified(d, &m);
	else
		add_legacy(d, &m);
	if (doctor_exists(d, "proc/pressure/memory"))
		doctor_add(d, AREA, "pressure", DOCTOR_OK, NULL, "there");
	else
		doctor_add(d, AREA, "pressure", DOCTOR_NOTE, "boot with psi=1",
			"not there: statistics say nothing of pressure");
}
