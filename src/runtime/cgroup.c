/* The container's cgroups: where they are, making, entering and removing them. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"

/* How long the kernel may take to let go of a cgroup whose processes have been killed. */
#define REMOVE_TIMEOUT_MS 10000

/* --- where --- */

void cgroup_add(Cgroup *cg, char *controllers, char *mount, char *path, bool v2, int root_fd)
{
	cg->hierarchies = g_renew(struct cgroup_hierarchy, cg->hierarchies, cg->n + 1);
	cg->nodes = g_renew(struct cgroup_node, cg->nodes, cg->n + 1);
	cg->hierarchies[cg->n] = (struct cgroup_hierarchy){ controllers, mount, path };
	cg->nodes[cg->n] = (struct cgroup_node){ .v2 = v2, .root_fd = root_fd, .dir_fd = -1 };
	cg->n++;
}

/* "a//./b/../c" as seen from base: "/base/a/c". Nothing climbs over the root. */
static char *clean_path(const char *base, const char *path)
{
	g_autofree char *joined = g_strconcat(base, "/", path, NULL);
	char *clean = g_canonicalize_filename(joined, "/");

	/* POSIX keeps a leading "//" apart; here it is just the root. */
	if (clean[0] == '/' && clean[1] == '/')
		memmove(clean, clean + 1, strlen(clean));
	return clean;
}

/* runc's rules: an absolute path starts at the root of each hierarchy; another one, or the id when there is none, at
 * our own cgroup (v1), or beside it (v2, where a cgroup with processes has no children with controllers). */
static void set_path(struct cgroup_hierarchy *h, bool beside, const char *cgroups_path, const char *id)
{
	g_autofree char *own = h->path;
	g_autofree char *parent = beside ? g_path_get_dirname(own) : g_strdup(own);
	const char *wanted = cgroups_path && *cgroups_path ? cgroups_path : id;
	/* Its own ".." must not climb out of the wanted path's base. */
	g_autofree char *below = clean_path("/", wanted);

	h->path = *wanted == '/' ? g_steal_pointer(&below) : clean_path(parent, below);
}

Cgroup *cgroup_plan(const char *cgroups_path, const char *id, GError **error)
{
	g_autoptr(Cgroup) cg = g_new0(Cgroup, 1);
	bool absolute = cgroups_path && *cgroups_path == '/';

	if (!cgroup_host_find(cg, !absolute, error))
		return NULL;
	for (size_t i = 0; i < cg->n; i++) {
		set_path(&cg->hierarchies[i], cg->mode == CGROUP_UNIFIED, cgroups_path, id);
		if (strcmp(cg->hierarchies[i].path, "/") == 0) {
			fail(error, "linux.cgroupsPath: \"%s\" is the root of the hierarchy", cgroups_path);
			return NULL;
		}
	}
	return g_steal_pointer(&cg);
}

/* Splits an absolute path at the mount point of its cgroup file system. */
static bool split_at_mount(const char *absolute, bool v2, char **ret_mount, char **ret_path)
{
	for (const char *p = strchr(absolute + 1, '/');; p = strchr(p + 1, '/')) {
		g_autofree char *mount = p ? g_strndup(absolute, (gsize)(p - absolute)) : g_strdup(absolute);
		struct statfs fs;

		if (statfs(mount, &fs) < 0)
			return false;
		if (fs.f_type == (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC)) {
			*ret_mount = g_steal_pointer(&mount);
			*ret_path = g_strdup(p ? p : "/");
			return true;
		}
		if (!p)
			return false;
	}
}

/* v1 controllers that are mounted together have one directory. */
static bool merge_controller(Cgroup *cg, const char *controller, const char *absolute)
{
	for (size_t i = 0; i < cg->n; i++) {
		g_autofree char *known = cgroup_abs_path(cg, i);
		char *both;

		if (strcmp(known, absolute) != 0)
			continue;
		both = g_strconcat(cg->hierarchies[i].controllers, ",", controller, NULL);
		g_free(cg->hierarchies[i].controllers);
		cg->hierarchies[i].controllers = both;
		return true;
	}
	return false;
}

Cgroup *cgroup_from_state(yajl_val cgroup_paths, GError **error)
{
	g_autoptr(Cgroup) cg = g_new0(Cgroup, 1);
	size_t n = YAJL_IS_OBJECT(cgroup_paths) ? cgroup_paths->u.object.len : 0;

	for (size_t i = 0; i < n; i++) {
		const char *controller = cgroup_paths->u.object.keys[i];
		const char *absolute = YAJL_GET_STRING(cgroup_paths->u.object.values[i]);
		bool v2 = *controller == '\0';
		char *mount, *path;

		if (!absolute || *absolute != '/' || strstr(absolute, "/..")) {
			fail(error, "cgroup_paths.%s: not an absolute path", controller);
			return NULL;
		}
		if (merge_controller(cg, controller, absolute))
			continue;
		if (split_at_mount(absolute, v2, &mount, &path))
			cgroup_add(cg, g_strdup(controller), mount, path, v2, -1);
	}
	cg->mode = cgroup_find_v2(cg) == CGROUP_NONE ? CGROUP_LEGACY : cg->n == 1 ? CGROUP_UNIFIED : CGROUP_HYBRID;
	return g_steal_pointer(&cg);
}

void cgroup_put_state(const Cgroup *cg, JsonWriter *w)
{
	json_object_open(w, "cgroup_paths");
	for (size_t i = 0; cg && i < cg->n; i++) {
		g_auto(GStrv) names = g_strsplit(cg->hierarchies[i].controllers, ",", -1);
		g_autofree char *path = cgroup_abs_path(cg, i);

		if (!names[0]) /* cgroup2 */
			json_put_string(w, "", path);
		for (char **name = names; *name; name++)
			json_put_string(w, *name, path);
	}
	json_object_close(w);
}

void cgroup_free(Cgroup *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < cg->n; i++) {
		g_free(cg->hierarchies[i].controllers);
		g_free(cg->hierarchies[i].mount);
		g_free(cg->hierarchies[i].path);
		fd_close(&cg->nodes[i].root_fd);
		fd_close(&cg->nodes[i].dir_fd);
	}
	g_free(cg->hierarchies);
	g_free(cg->nodes);
	g_free(cg);
}

enum cgroup_mode cgroup_mode(const Cgroup *cg)
{
	return cg->mode;
}

const struct cgroup_hierarchy *cgroup_hierarchies(const Cgroup *cg, size_t *ret_n)
{
	*ret_n = cg->n;
	return cg->hierarchies;
}

char *cgroup_abs_path(const Cgroup *cg, size_t i)
{
	return g_strconcat(cg->hierarchies[i].mount, cg->hierarchies[i].path, NULL);
}

size_t cgroup_find_v2(const Cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->nodes[i].v2)
			return i;
	return CGROUP_NONE;
}

size_t cgroup_find(const Cgroup *cg, const char *controller)
{
	for (size_t i = 0; i < cg->n; i++) {
		g_auto(GStrv) names = g_strsplit(cg->hierarchies[i].controllers, ",", -1);

		if (cg->nodes[i].v2 ? cg->mode == CGROUP_UNIFIED
				    : g_strv_contains((const char *const *)names, controller))
			return i;
	}
	return CGROUP_NONE;
}

size_t cgroup_find_main(const Cgroup *cg)
{
	static const char *const order[] = { "devices", "freezer", "memory", "pids", "name=systemd" };

	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		size_t found = cgroup_find(cg, order[i]);

		if (found != CGROUP_NONE)
			return found;
	}
	return cg->n > 0 ? 0 : CGROUP_NONE;
}

int cgroup_dir(const Cgroup *cg, size_t i)
{
	struct cgroup_node *node = &cg->nodes[i];
	int fd;

	if (node->dir_fd >= 0)
		return node->dir_fd;
	if (node->root_fd < 0) {
		fd = cgroupfs_open_root(cg->hierarchies[i].mount, node->v2);
		if (fd < 0)
			return fd;
		node->root_fd = fd;
	}
	fd = cgroupfs_open_dir(node->root_fd, cg->hierarchies[i].path);
	if (fd >= 0)
		node->dir_fd = fd;
	return fd;
}

/* --- making and removing --- */

static bool check_unused(const Cgroup *cg, GError **error)
{
	g_autoptr(GArray) pids = NULL;
	bool existed = false;

	for (size_t i = 0; i < cg->n; i++)
		existed |= cg->nodes[i].made == 0;
	if (!existed)
		return true;
	pids = cgroup_pids(cg, error);
	if (!pids)
		return false;
	if (pids->len > 0) {
		g_autofree char *path = cgroup_abs_path(cg, cgroup_find_main(cg));

		return fail(error, "container's cgroup is not empty: %u process(es) found (%s)", pids->len, path);
	}
	if (cgroup_frozen(cg))
		return fail(error, "container's cgroup unexpectedly frozen");
	return true;
}

bool cgroup_exists(const Cgroup *cg)
{
	return cg->n > 0 && cgroup_dir(cg, cgroup_find_main(cg)) >= 0;
}

static void undo_create(Cgroup *cg)
{
	for (size_t i = 0; i < cg->n; i++) {
		struct cgroup_node *node = &cg->nodes[i];

		fd_close(&node->dir_fd);
		if (node->made > 0)
			(void)cgroupfs_unmake_dir(node->root_fd, cg->hierarchies[i].path, node->made); /* best effort */
		node->made = 0;
	}
}

static bool make_dirs(Cgroup *cg, GError **error)
{
	for (size_t i = 0; i < cg->n;) {
		struct cgroup_node *node = &cg->nodes[i];
		int fd = cgroupfs_make_dir(node->root_fd, cg->hierarchies[i].path, &node->made);

		if (fd < 0 && !cgroup_drop_refused(cg, i, fd)) {
			g_autofree char *path = cgroup_abs_path(cg, i);

			return cgroup_fail_refused(cg, fd, error, "mkdir", path);
		}
		if (fd >= 0)
			cg->nodes[i++].dir_fd = fd;
	}
	return true;
}

static bool make_usable(Cgroup *cg, const struct spec_resources *resources, bool unused, GError **error)
{
	bool ok = make_dirs(cg, error) && (!unused || cg->n == 0 || check_unused(cg, error));

	if (ok && cg->n > 0 && cg->mode == CGROUP_UNIFIED)
		cgroup_v2_enable_controllers(cg);
	else if (ok && cg->n > 0)
		ok = cgroup_v1_prepare(cg, resources, error);
	if (!ok)
		undo_create(cg);
	return ok;
}

bool cgroup_create(Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	return make_usable(cg, resources, true, error);
}

bool cgroup_adopt(Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	return make_usable(cg, resources, false, error);
}

/* Waits until the kernel may let go of hierarchy i. There is an event for it on cgroup2 only. */
static void wait_for_emptiness(const Cgroup *cg, uint64_t pause_ns)
{
	size_t v2 = cgroup_find_v2(cg);
	int fd = v2 == CGROUP_NONE ? -ENOENT : cgroup_dir(cg, v2);

	if (fd >= 0 &&
		cgroupfs_wait_key(fd, "cgroup.events", "populated", 0, (int)(pause_ns / 1000000) + 1) == -ETIMEDOUT)
		return;
	/* v1 has none, and rmdir can be refused for a moment after the last process has gone. */
	nanosleep(&(struct timespec){ .tv_nsec = (long)pause_ns }, NULL);
}

static bool remove_one(const Cgroup *cg, size_t i, bool kill, uint64_t deadline, GError **error)
{
	const char *path = cg->hierarchies[i].path;
	uint64_t pause_ns = 250000;
	g_autofree char *absolute = NULL;
	g_autoptr(GArray) pids = NULL;
	int fd = cgroup_dir(cg, i), err;

	if (fd == -ENOENT || fd == -ENODEV)
		return true;
	err = fd < 0 ? fd : cgroupfs_unmake_dir(cg->nodes[i].root_fd, path, 1);
	while ((err == -EBUSY || err == -ENOTEMPTY) && sys_clock_ns(CLOCK_MONOTONIC) < deadline) {
		if (kill)
			cgroup_kill_listed(cg);
		(void)cgroupfs_remove_children(fd); /* what stays is tried again below */
		err = cgroupfs_unmake_dir(cg->nodes[i].root_fd, path, 1);
		if (err != -EBUSY && err != -ENOTEMPTY)
			break;
		wait_for_emptiness(cg, pause_ns);
		pause_ns = MIN(pause_ns * 2, 50000000);
	}
	if (err == 0 || err == -ENOENT)
		return true;
	absolute = cgroup_abs_path(cg, i);
	pids = cgroup_pids(cg, NULL);
	return fail_with(error, err, "remove cgroup %s (%u processes in it)", absolute, pids ? pids->len : 0);
}

bool cgroup_destroy(Cgroup *cg, bool kill, GError **error)
{
	uint64_t deadline = sys_clock_ns(CLOCK_MONOTONIC) + REMOVE_TIMEOUT_MS * 1000000ull;
	g_autoptr(GError) first = NULL;

	/* cgroup2 goes last: its events tell when the others are free as well. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < cg->n; i++)
			if (cg->nodes[i].v2 == (pass == 1)) {
				(void)remove_one(cg, i, kill, deadline, first ? NULL : &first);
				fd_close(&cg->nodes[i].dir_fd);
			}
	if (!first)
		return true;
	g_propagate_error(error, g_steal_pointer(&first));
	return false;
}

/* --- entering --- */

int cgroup_clone_fd(const Cgroup *cg)
{
	return cg->mode == CGROUP_UNIFIED ? cgroup_dir(cg, 0) : -1;
}

int cgroup_open_where(const Cgroup *cg, pid_t pid)
{
	g_autofree char *file = g_strdup_printf("/proc/%d/cgroup", pid);
	char text[8192], *line, *end;
	ssize_t n;

	/* Opens the hierarchy's root as well. */
	if (cg->mode != CGROUP_UNIFIED || cgroup_dir(cg, 0) < 0)
		return -EOPNOTSUPP;
	n = rw_read_file(AT_FDCWD, file, text, sizeof text);
	if (n < 0)
		return (int)n;
	line = g_str_has_prefix(text, "0::") ? text : strstr(text, "\n0::");
	if (!line)
		return -ENOENT;
	line = strchr(line, '/');
	end = line ? strchr(line, '\n') : NULL;
	if (!end)
		return -ENOENT;
	*end = '\0';
	return cgroupfs_open_dir(cg->nodes[0].root_fd, line);
}

static bool join_failed(const Cgroup *cg, size_t i, int err, GError **error)
{
	g_autofree char *path = cgroup_abs_path(cg, i);
	char type[64];
	int fd = cgroup_dir(cg, i);

	if (cg->nodes[i].v2 && fd >= 0 && cgroupfs_read(fd, "cgroup.type", type, sizeof type) > 0 &&
		strcmp(type, "domain") != 0)
		return fail_with(error, err, "cannot enter cgroupv2 \"%s\" with domain controllers -- it is in %s mode",
			path, type);
	g_free(path);
	path = g_strconcat(cg->hierarchies[i].mount, cg->hierarchies[i].path, "/cgroup.procs", NULL);
	return cgroup_fail_refused(cg, err, error, "write", path);
}

void cgroup_set_mover(Cgroup *cg, cgroup_mover move, void *user)
{
	cg->move = move;
	cg->move_user = user;
}

bool cgroup_join(Cgroup *cg, pid_t pid, bool entered_v2, GError **error)
{
	char text[NUM_MAX];

	num_format_i64(text, pid);
	/* The first write may wait for an RCU grace period and the others then come cheap, so they stay together. */
	for (size_t i = 0; i < cg->n;) {
		bool entered = cg->nodes[i].v2 && entered_v2;
		int err = entered ? 0 : cgroup_dir(cg, i);

		if (!entered && err >= 0)
			err = cgroupfs_write(err, "cgroup.procs", text);
		if (err == -EACCES && cg->nodes[i].v2 && cg->move) {
			if (!cg->move(pid, cg->move_user, error))
				return false;
			err = 0;
		}
		if (err >= 0)
			i++;
		else if (!cgroup_drop_refused(cg, i, err))
			return join_failed(cg, i, err, error);
	}
	return true;
}
