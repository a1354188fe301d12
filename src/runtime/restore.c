/* restore's half of the talk with criu: where it finds what is the host's, and what it makes of the container. */
#include "runtime/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/inroot.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/json.h"
#include "common/statefile.h"
#include "runtime/criu_wire.h"

#define ROOT_NAME "criu-root" /* in the state directory; where criu finds the rootfs */

/* 0, 1, 2, and the namespaces that are joined. */
#define MAX_INHERITED 8

struct restoring {
	struct creation *c;
	const struct restore_request *request;
	GByteArray *opts;
	int inherited[MAX_INHERITED]; /* in criu 3, 4, ...; from number 3 on ours to close */
	int n_inherited;
};

/* What the first process's 0, 1 and 2 were: pipes of then are ours of now. */
static bool put_stdio(struct restoring *r, const struct criu_dirs *d, GError **error)
{
	g_autofree char *path = g_build_filename(d->images, CRIU_DESCRIPTORS, NULL);
	g_autoptr(JsonValue) list = json_parse_file(path, error);

	if (!list)
		return false;
	if (!YAJL_IS_ARRAY(list))
		return fail(error, "%s: expected an array", path);
	for (size_t i = 0; i < 3; i++) {
		const char *name = i < list->u.array.len ? YAJL_GET_STRING(list->u.array.values[i]) : NULL;

		r->inherited[r->n_inherited++] = (int)i;
		if (name && strstr(name, "pipe:"))
			criu_put_inherit(r->opts, name, 3 + (int)i);
	}
	return true;
}

static bool put_namespace(struct restoring *r, enum spec_namespace_type type, const char *path, GError **error)
{
	g_autoptr(GByteArray) join = g_byte_array_new();

	if (type == NS_CGROUP || type == NS_TIME || type == NS_MOUNT)
		return fail(error, "linux.namespaces: criu cannot join a %s namespace by path",
			spec_namespace_infos[type].name);
	if (type == NS_NETWORK || type == NS_PID) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return fail_errno(error, "namespace path: %s", path);
		criu_put_inherit(r->opts, criu_namespace_key(type), 3 + r->n_inherited);
		r->inherited[r->n_inherited++] = fd;
		return true;
	}
	wire_put_text(join, 1, spec_namespace_infos[type].proc_name);
	wire_put_text(join, 2, path);
	wire_put_message(r->opts, CRIU_JOIN_NS, join);
	return true;
}

static bool put_namespaces(struct restoring *r, GError **error)
{
	for (int t = 0; t < N_NS_TYPES; t++) {
		const char *path = r->c->spec->linux_.namespaces[t].path;

		if (path && !put_namespace(r, (enum spec_namespace_type)t, path, error))
			return false;
	}
	return true;
}

static void put_cgroup_mount(struct restoring *r, const char *place)
{
	const struct container *k = r->c->container;
	const struct cgroup_hierarchy *list;
	size_t n;

	if (!k->cgroup)
		return;
	list = cgroup_hierarchies(k->cgroup, &n);
	if (criu_binds_unified(k))
		criu_put_external(r->opts, "mnt[%s]:%s%s", place, list[0].mount, list[0].path);
	for (size_t i = 0; i < n; i++) {
		g_autofree char *name = g_path_get_basename(list[i].mount);

		if (*list[i].controllers)
			criu_put_external(r->opts, "mnt[%s/%s]:%s%s", place, name, list[i].mount, list[i].path);
	}
}

/* copy-symlink has made one, which is the rootfs' or the mount's that it is in. */
static bool is_copied_link(const struct spec_mount *m, const char *source)
{
	struct stat st;

	return source && m->options && g_strv_contains(m->options, "copy-symlink") && lstat(source, &st) == 0 &&
	       S_ISLNK(st.st_mode);
}

static void put_mounts(struct restoring *r)
{
	const struct spec *s = r->c->spec;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		g_autofree char *place = g_canonicalize_filename(m->destination, "/");
		g_autofree char *source =
			m->source ? g_canonicalize_filename(m->source, r->c->container->bundle) : NULL;

		if (criu_mount_is_bind(m) && source && !is_copied_link(m, source))
			criu_put_external(r->opts, "mnt[%s]:%s", place, source);
		else if (g_strcmp0(m->type, "cgroup") == 0)
			put_cgroup_mount(r, place);
	}
	if (s->linux_.masked_paths && s->linux_.masked_paths[0])
		criu_put_external(r->opts, "mnt[/dev/null]:/dev/null");
}

static void put_cgroup_root(struct restoring *r, const char *controller, const char *path)
{
	g_autoptr(GByteArray) root = g_byte_array_new();

	wire_put_text(root, 1, controller);
	wire_put_text(root, 2, path);
	wire_put_message(r->opts, CRIU_CG_ROOT, root);
}

/* As criu names hierarchies: by single controllers. */
static void put_cgroups(struct restoring *r)
{
	const struct cgroup_hierarchy *list;
	size_t n;

	if (!r->c->container->cgroup)
		return;
	list = cgroup_hierarchies(r->c->container->cgroup, &n);
	for (size_t i = 0; i < n; i++) {
		g_auto(GStrv) controllers = g_strsplit(list[i].controllers, ",", -1);

		/* cgroup2 is "": without a name it would be for all hierarchies. */
		if (!*list[i].controllers)
			put_cgroup_root(r, "", list[i].path);
		for (char **name = controllers; *name; name++)
			put_cgroup_root(r, *name, list[i].path);
	}
}

static bool make_options(struct restoring *r, const struct criu_dirs *d, const char *root, GError **error)
{
	const struct restore_cli *o = r->request->options;
	struct criu_common common = CRIU_COMMON(o);

	if (!criu_shares_cgroups(r->c->container->cgroup, getpid(), &common.shares_cgroups, error))
		return false;
	wire_put_text(r->opts, CRIU_ROOT, root);
	criu_put_flag(r->opts, CRIU_RST_SIBLING, true);
	criu_put_flag(r->opts, CRIU_TCP_CLOSE, o->tcp_close);
	if (o->lsm_profile && *o->lsm_profile)
		wire_put_text(r->opts, CRIU_LSM_PROFILE, o->lsm_profile);
	if (o->lsm_mount_context && *o->lsm_mount_context)
		wire_put_text(r->opts, CRIU_LSM_MOUNT_CONTEXT, o->lsm_mount_context);
	if (!criu_put_common(r->opts, &common, d, &r->c->spec->annotations, error) || !put_stdio(r, d, error) ||
		!put_namespaces(r, error))
		return false;
	put_mounts(r);
	put_cgroups(r);
	return true;
}

static bool below_another_mount(const struct spec *s, const char *place)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		g_autofree char *other = g_canonicalize_filename(s->mounts[i].destination, "/");

		if (g_str_has_prefix(place, other) && place[strlen(other)] == '/')
			return true;
	}
	return false;
}

/* Places of mounts that a rootfs that came from elsewhere may lack. Those in other mounts come with these. */
static bool make_places(const struct creation *c, GError **error)
{
	auto_fd root_fd = open(c->container->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct inroot root = { .fd = root_fd };

	if (root_fd < 0)
		return fail_errno(error, "open rootfs %s", c->container->rootfs);
	for (size_t i = 0; i < c->spec->n_mounts; i++) {
		const struct spec_mount *m = &c->spec->mounts[i];
		g_autofree char *place = g_canonicalize_filename(m->destination, "/");
		g_autofree char *source = m->source ? g_canonicalize_filename(m->source, c->container->bundle) : NULL;
		struct stat st;
		bool is_file = criu_mount_is_bind(m) && source && stat(source, &st) == 0 && !S_ISDIR(st.st_mode);
		auto_fd fd = -1;

		if (below_another_mount(c->spec, place) || is_copied_link(m, source))
			continue;
		fd = is_file ? inroot_make_file(&root, place) : inroot_make_dir(&root, place, 0755);
		if (fd < 0 && fd != -EROFS)
			return fail_with(error, fd, "mounts[%zu]: create mountpoint %s", i, place);
	}
	return true;
}

/* criu wants the rootfs to be a mount: it gets one in a mount namespace of its own, where it ends with it. */
static Criu *start_criu(
	const struct restoring *r, const char *program, const char *root, const struct criu_dirs *d, GError **error)
{
	auto_fd ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	auto_fd cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(Criu) criu = NULL;
	bool ok;

	if (ns < 0 || cwd < 0 || unshare(CLONE_NEWNS) < 0)
		return fail_errno(error, "make a mount namespace for criu"), NULL;
	ok = mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) == 0 &&
	     mount(r->c->container->rootfs, root, NULL, MS_BIND | MS_REC, NULL) == 0;
	if (!ok)
		fail_errno(error, "mount the rootfs for criu at %s", root);
	/* It mounts below its work directory, which therefore has to be one of this namespace. */
	else if (criu_dirs_reopen(d, error))
		criu = criu_start(program, r->inherited, r->n_inherited, d->work, "restore.log", error);
	if (setns(ns, CLONE_NEWNS) < 0 || fchdir(cwd) < 0) {
		if (criu)
			fail_errno(error, "return from criu's mount namespace");
		return NULL;
	}
	return g_steal_pointer(&criu);
}

/* criu restores into a time namespace, asked or not: exec has to follow. */
static void note_time_namespace(struct container *k, pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/ns/time", pid);
	g_autofree char *theirs = g_file_read_link(path, NULL);
	g_autofree char *ours = g_file_read_link("/proc/self/ns/time", NULL);

	k->own[NS_TIME] = theirs && ours && strcmp(theirs, ours) != 0;
}

static bool take_process(const struct restoring *r, pid_t pid, GError **error)
{
	struct launch *l = &r->c->launch;

	if (pid < 2)
		return fail(error, "criu names no process");
	l->pid_fd = sys_pidfd_open(pid, 0);
	if (l->pid_fd < 0)
		return fail_with(error, l->pid_fd, "open pidfd of the restored process %d", pid);
	l->pid = pid;
	note_time_namespace(r->c->container, pid);
	if (!create_record(r->c, error))
		return false;
	return !r->request->pid_file || statefile_write_pid(r->request->pid_file, pid, error);
}

static bool on_notify(const char *what, pid_t pid, int fd, void *user, GError **error)
{
	const struct restoring *r = user;
	static const char name[] = "/dev/ptmx";
	int err;

	if (strcmp(what, "setup-namespaces") == 0) {
		struct creation with_pid = *r->c;

		with_pid.launch.pid = pid;
		return create_run_hooks(&with_pid, error);
	}
	if (strcmp(what, "post-restore") == 0)
		return take_process(r, pid, error);
	if (strcmp(what, "orphan-pts-master") != 0)
		return true;
	if (r->request->console_fd < 0 || fd < 0)
		return fail(error, "a terminal was restored, and nobody is there to take it");
	err = fdpass_send(r->request->console_fd, fd, name, sizeof name - 1);
	return err == 0 || fail_with(error, err, "send the terminal to the console socket");
}

static bool restore(
	struct restoring *r, const char *program, const struct criu_dirs *d, const char *root, GError **error)
{
	Cgroup *cg = r->c->container->cgroup;
	g_autoptr(Criu) criu = NULL;

	if (!make_places(r->c, error) || !make_options(r, d, root, error))
		return false;
	criu = start_criu(r, program, root, d, error);
	if (!criu)
		return false;
	/* What it makes is born where it is itself. */
	if (cg && !cgroup_join(cg, criu_pid(criu), false, error))
		return fail_prefix(error, "unable to apply cgroup configuration");
	if (r->c->container->rdt && !rdt_join(r->c->container->rdt, criu_pid(criu), error))
		return false;
	return criu_call(criu, CRIU_RESTORE, r->opts, on_notify, r, error);
}

bool restore_processes(struct creation *c, const struct globals *globals, const struct restore_request *request,
	const struct criu_dirs *dirs, GError **error)
{
	g_autofree char *root = g_build_filename(c->container->path, ROOT_NAME, NULL);
	struct restoring r = { .c = c, .request = request, .opts = g_byte_array_new() };
	bool ok;

	if (mkdir(root, 0700) < 0)
		ok = fail_errno(error, "create %s", root);
	else
		ok = restore(&r, criu_program(globals), dirs, root, error);
	(void)rmdir(root); /* what stays goes with the state directory */
	for (int i = 3; i < r.n_inherited; i++)
		fd_close(&r.inherited[i]);
	g_byte_array_unref(r.opts);
	return ok;
}
