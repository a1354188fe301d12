/* What containers of ordinary users need, and systemd with its buses. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "ctl/doctor.h"

#define ROOTLESS "rootless"
#define SYSTEMD  "systemd"

#define BUS_PATIENCE_MS 2000
#define IDS_WANTED      65536

/* What is missing matters to who is not root; root is told. */
static enum doctor_level matter(const struct doctor *d)
{
	return d->uid == 0 ? DOCTOR_NOTE : DOCTOR_WARNING;
}

static bool file_is(const struct doctor *d, const char *path, const char *value)
{
	g_autofree char *text = doctor_read(d, path);

	return text && strcmp(text, value) == 0;
}

static void add_user_namespaces(struct doctor *d)
{
	const char *name = "user namespaces";

	if (!doctor_exists(d, "proc/self/ns/user") || file_is(d, "proc/sys/user/max_user_namespaces", "0"))
		doctor_add(d, ROOTLESS, name, matter(d), NULL, "none at all, see namespaces");
	else if (file_is(d, "proc/sys/kernel/unprivileged_userns_clone", "0"))
		doctor_add(d, ROOTLESS, name, matter(d), "sysctl -w kernel.unprivileged_userns_clone=1",
			"forbidden for ordinary users");
	else if (file_is(d, "proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
		doctor_add(d, ROOTLESS, name, matter(d),
			"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for tallyrun "
			"with userns",
			"without rights for ordinary users, by AppArmor");
	else
		doctor_add(d, ROOTLESS, name, DOCTOR_OK, NULL, "allowed for ordinary users");
}

/* Set-user-id, or with file capabilities as some distributions have it. */
static bool has_rights(const struct doctor *d, const char *path)
{
	auto_fd fd = openat(d->root_fd, path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fstatat(d->root_fd, path, &st, 0) == 0 && (st.st_mode & S_ISUID))
		return true;
	return fd >= 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

static void add_map_program(struct doctor *d, const char *name)
{
	g_autofree char *path = doctor_find_program(d, name);
	g_autofree char *remedy = path ? g_strdup_printf("chmod u+s /%s", path) : NULL;

	if (!path)
		doctor_add(d, ROOTLESS, name, matter(d), "install it: the package uidmap or shadow-utils",
			"not there: only the own id can be mapped");
	else if (!has_rights(d, path))
		doctor_add(d, ROOTLESS, name, matter(d), remedy, "/%s has not the rights that it needs", path);
	else
		doctor_add(d, ROOTLESS, name, DOCTOR_OK, NULL, "/%s", path);
}

/* How many ids the lines NAME:START:COUNT give to the user; to anybody if user is NULL. */
static guint64 ids_of(const char *text, const char *user, uid_t uid)
{
	g_autofree char *number = g_strdup_printf("%u", uid);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint64 sum = 0;

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) f = g_strsplit(*line, ":", -1);

		if (g_strv_length(f) == 3 && (!user || strcmp(f[0], user) == 0 || strcmp(f[0], number) == 0))
			sum += g_ascii_strtoull(f[2], NULL, 10);
	}
	return sum;
}

static void add_ids(struct doctor *d, const char *name)
{
	g_autofree char *path = g_strdup_printf("etc/%s", name);
	g_autofree char *text = doctor_read(d, path), *remedy = NULL;
	const char *user = d->uid == 0 ? NULL : d->user ?: "";
	guint64 n = text ? ids_of(text, user, d->uid) : 0;

	if (n >= IDS_WANTED) {
		doctor_add(d, ROOTLESS, name, DOCTOR_OK, NULL, "%" G_GUINT64_FORMAT " ids", n);
		return;
	}
	remedy =
		g_strdup_printf("usermod --add-%ss 100000-165535 %s", name, d->uid == 0 || !d->user ? "USER" : d->user);
	doctor_add(d, ROOTLESS, name, matter(d), remedy, "%" G_GUINT64_FORMAT " ids%s: images need %d", n,
		user ? "" : " of any user", IDS_WANTED);
}

static void add_no_new_privs(struct doctor *d)
{
	g_autofree char *status = doctor_read(d, "proc/self/status");

	if (status && strstr(status, "\nNoNewPrivs:\t1"))
		doctor_add(d, ROOTLESS, "no_new_privs", DOCTOR_WARNING, "start containers from where it is not set",
			"set: newuidmap and newgidmap get no rights");
	else
		doctor_add(d, ROOTLESS, "no_new_privs", DOCTOR_OK, NULL, status ? "not set" : "unknown");
}

void doctor_rootless(struct doctor *d)
{
	add_user_namespaces(d);
	add_map_program(d, "newuidmap");
	add_map_program(d, "newgidmap");
	add_ids(d, "subuid");
	add_ids(d, "subgid");
	if (d->uid == 0)
		return;
	if (d->runtime_dir)
		doctor_add(d, ROOTLESS, "XDG_RUNTIME_DIR", DOCTOR_OK, NULL, "%s", d->runtime_dir);
	else
		doctor_add(d, ROOTLESS, "XDG_RUNTIME_DIR", DOCTOR_WARNING,
			"log in by a session (loginctl enable-linger makes one at boot), or set it",
			"not set: --root is needed");
	add_no_new_privs(d);
}

/* Whether somebody answers there as a message bus does: the first words of D-Bus's authentication. 0 or -errno. */
static int ask_bus(const struct doctor *d, const char *path)
{
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char words[64] = "", uid[16], answer[16];
	int n;

	if (fd < 0)
		return -errno;
	if (g_snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", d->root_fd, path) >=
		(int)sizeof addr.sun_path)
		return -ENAMETOOLONG;
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return -errno;
	g_snprintf(uid, sizeof uid, "%u", geteuid());
	n = 1 + g_snprintf(words + 1, sizeof words - 1, "AUTH EXTERNAL ");
	for (const char *c = uid; *c; c++)
		n += g_snprintf(words + n, sizeof words - (size_t)n, "%02x", (unsigned int)*c);
	n += g_snprintf(words + n, sizeof words - (size_t)n, "\r\n");
	if (send(fd, words, (size_t)n, MSG_NOSIGNAL) != n)
		return -EPIPE;
	n = poll(&p, 1, BUS_PATIENCE_MS);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	n = (int)rw_read(fd, answer, sizeof answer);
	return n >= 2 && memcmp(answer, "OK", 2) == 0 ? 0 : n < 0 ? n : -EPROTO;
}

static void add_bus(struct doctor *d, const char *name, const char *path)
{
	int r = ask_bus(d, path);

	if (r == 0)
		doctor_add(d, SYSTEMD, name, DOCTOR_OK, NULL, "answers at /%s", path);
	else
		doctor_add(d, SYSTEMD, name, DOCTOR_WARNING,
			d->uid == 0
				? "install dbus and start it: systemctl start dbus.socket"
				: "install dbus-user-session and log in anew, or: systemctl --user start dbus.socket",
			"no answer at /%s (%s): --systemd-cgroup cannot be used", path, errno_text(-r));
}

void doctor_systemd(struct doctor *d)
{
	g_autofree char *user_bus =
		d->runtime_dir && *d->runtime_dir == '/' ? g_build_filename(d->runtime_dir + 1, "bus", NULL) : NULL;

	if (!doctor_exists(d, "run/systemd/system")) {
		doctor_add(d, SYSTEMD, "manager", DOCTOR_NOTE, NULL,
			"not running: --systemd-cgroup cannot be used, and is not needed");
		return;
	}
	doctor_add(d, SYSTEMD, "manager", DOCTOR_OK, NULL, "running");
	if (d->uid == 0)
		add_bus(d, "system bus", "run/dbus/system_bus_socket");
	else if (user_bus)
		add_bus(d, "user's bus", user_bus);
}
