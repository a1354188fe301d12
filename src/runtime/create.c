/* Makes a container: state directory, cgroup, plan, child, limits, state, pid file, in this order; and takes it all back
 * when a step fails. */
#include "runtime/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/rw.h"
#include "base/sys.h"
#include "child/tree.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/statefile.h"
#include "runtime/cgroup_delegate.h"
#include "runtime/destroy.h"
#include "runtime/device_rules.h"
#include "runtime/hooks.h"
#include "runtime/net_devices.h"
#include "runtime/idmap.h"
#include "runtime/procvalues.h"
#include "runtime/selinux.h"
#include "runtime/start.h"
#include "runtime/unix_connect.h"

int create_count_listen_fds(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n, owner;

	if (!fds || num_parse_u64(fds, 1024, &n) < 0)
		return 0;
	if (pid && (num_parse_u64(pid, INT32_MAX, &owner) < 0 || owner != (uint64_t)getpid()))
		return 0;
	return (int)n;
}

bool create_check_preserved(int skip, int n, GError **error)
{
	if (n < 0 || n > 65536)
		return fail(error, "invalid number of preserved descriptors: %d", n);
	for (int i = 0; i < n; i++) {
		int flags = fcntl(3 + skip + i, F_GETFD);

		/* One that is close-on-exec is not the caller's, but something of ours on the same number. */
		if (flags < 0 || (flags & FD_CLOEXEC))
			return fail_with(error, -EBADF, "unable to stat preserved-fd %d (of %d)", i, n);
	}
	return true;
}

static bool load_spec(struct creation *c, const struct create_options *o, GError **error)
{
	if (o->bundle && chdir(o->bundle) < 0)
		return fail_errno(error, "chdir %s", o->bundle);
	c->spec = spec_load(o->config ?: "config.json", error);
	if (!c->spec)
		return false;
	if (!c->spec->process)
		return fail(error, "process property must not be empty");
	return true;
}

static bool check_console(const struct creation *c, const struct create_options *o, GError **error)
{
	bool terminal = c->spec->process->terminal, socket_given = o->console_socket && *o->console_socket;

	if (terminal && o->detach && !socket_given)
		return fail(error, "cannot allocate tty if runc will detach without setting console socket");
	if (socket_given && (!terminal || !o->detach))
		return fail(error, "cannot use console socket if runc will not detach or allocate tty");
	return true;
}

/* An ordinary user has rights in a user namespace only. */
static bool check_rights(const struct spec *s, const struct self *self, GError **error)
{
	const struct spec_linux *l = &s->linux_;
	const struct idmap map = idmap_of_container(l);

	if (self_has_cap(self, CAP_SYS_ADMIN))
		return true;
	if (!l->namespaces[NS_USER].wanted)
		return fail(error, "rootless container requires user namespaces (linux.namespaces)");
	if (!l->namespaces[NS_MOUNT].wanted)
		return fail(error, "rootless container requires a mount namespace (linux.namespaces)");
	if (s->process->n_additional_gids && !l->namespaces[NS_USER].path && idmap_denies_groups(&map, self))
		return fail(error,
			"cannot set any additional groups in a rootless container (process.user.additionalGids)");
	return true;
}

static char **read_descriptors(void)
{
	char **list = g_new0(char *, 4);

	for (int fd = 0; fd < 3; fd++) {
		g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
		char target[4096];
		ssize_t n = readlink(path, target, sizeof target - 1);

		list[fd] = g_strndup(target, n > 0 ? (gsize)n : 0);
	}
	return list;
}

static bool fill_container(struct creation *c, GError **error)
{
	struct container *k = c->container;
	const struct spec *s = c->spec;
	char cwd[PATH_MAX];
	struct stat st;

	if (s->linux_.own_ids_only)
		diag_warning("linux.uidMappings: there are none: root of the container is %s, no other id is mapped",
			geteuid() == 0 ? "root of the host" : "the caller");
	if (!getcwd(cwd, sizeof cwd))
		return fail_errno(error, "getcwd");
	k->bundle = g_strdup(cwd);
	k->rootfs = g_canonicalize_filename(s->root_path, k->bundle);
	if (lstat(k->rootfs, &st) < 0)
		return fail_errno(error, "invalid rootfs: stat %s", k->rootfs);
	if (S_ISLNK(st.st_mode)) {
		char *real = realpath(k->rootfs, NULL);

		if (!real)
			return fail_errno(error, "invalid rootfs: stat %s", k->rootfs);
		g_free(k->rootfs);
		k->rootfs = g_strdup(real);
		free(real);
	}
	k->personality = g_strdup(s->linux_.personality_domain);
	k->alt_syscall = g_strdup(s->linux_.alt_syscall);
	k->securebits.set = s->linux_.skip_securebits != NULL;
	if (k->securebits.set)
		k->securebits.value = procvalues_securebits_without(s->linux_.skip_securebits);
	k->core_sched = s->linux_.core_sched;
	k->memory_policy_mode = s->linux_.memory_policy_mode;
	k->memory_policy_nodes = s->linux_.memory_policy_nodes;
	k->memory_policy_flags = s->linux_.memory_policy_flags;
	k->annotations = s->annotations;
	k->poststart = s->hooks[HOOK_POSTSTART];
	k->poststop = s->hooks[HOOK_POSTSTOP];
	for (int t = 0; t < N_NS_TYPES; t++)
		k->own[t] = s->linux_.namespaces[t].wanted;
	k->shared_pid_namespace = !s->linux_.namespaces[NS_PID].wanted || s->linux_.namespaces[NS_PID].path;
	k->external_descriptors = read_descriptors();
	return true;
}

/* A user's container may have been refused every cgroup, and goes on without. */
static void drop_empty_cgroup(struct creation *c)
{
	if (!c->container->cgroup || !cgroup_is_none(c->container->cgroup))
		return;
	g_clear_pointer(&c->container->cgroup, cgroup_free);
	c->made_cgroup = false;
}

/* systemd writes its own rules whenever it touches the scope: where they are lines of version 1 they replace ours. A user's
 * manager has no say in devices. NULL without an error: it is to leave them alone. */
static bool scope_devices(const struct creation *c, char **ret_devices, GError **error)
{
	g_autoptr(GArray) rules = device_rules_from_spec(c->spec->linux_.resources, error);
	g_autofree char *groups = NULL;

	if (!rules)
		return false;
	if (!c->container->systemd_user && !g_file_get_contents("/proc/devices", &groups, NULL, error))
		return false;
	*ret_devices = groups ? device_rules_for_systemd(rules, groups) : NULL;
	return true;
}

/* The cgroup is systemd's scope, which is there and has the helper in it. */
static bool make_scope(struct creation *c, const struct globals *globals, GError **error)
{
	struct container *k = c->container;
	g_autofree char *devices = NULL;

	k->systemd_user = globals->rootless_cgroups == CGROUP_ROOTLESS || geteuid() != 0 || self_in_user_namespace();
	if (!scope_devices(c, &devices, error))
		return false;
	c->scope = scope_start(globals->program, c->spec->linux_.cgroups_path, k->id, k->systemd_user, devices,
		&c->spec->annotations, error);
	if (!c->scope)
		return false;
	k->systemd_unit = g_strdup(scope_unit(c->scope));
	k->cgroup = cgroup_plan(scope_path(c->scope), k->id, error);
	if (!k->cgroup)
		return false;
	cgroup_set_rootless(k->cgroup, globals->rootless_cgroups, scope_path(c->scope), c->spec->linux_.resources);
	c->scope_ref = (struct scope_ref){ globals->program, k->systemd_unit, k->systemd_user };
	cgroup_set_mover(k->cgroup, scope_move, &c->scope_ref);
	if (!container_note(k, error) || !cgroup_adopt(k->cgroup, c->spec->linux_.resources, error))
		return false;
	c->made_cgroup = true;
	return true;
}

static bool make_cgroup(struct creation *c, const struct globals *globals, GError **error)
{
	struct container *k = c->container;
	bool existed;

	if (globals->cgroups_disabled)
		return true;
	if (globals->systemd_cgroup_wanted)
		return make_scope(c, globals, error) || fail_prefix(error, "unable to apply cgroup configuration");
	k->cgroup = cgroup_plan(c->spec->linux_.cgroups_path, k->id, error);
	if (!k->cgroup)
		return fail_prefix(error, "unable to apply cgroup configuration");
	/* Should we be killed from here on, delete must find what we have made. A cgroup that was there before is ours only
	 * once cgroup_create has found nobody in it. */
	cgroup_set_rootless(
		k->cgroup, globals->rootless_cgroups, c->spec->linux_.cgroups_path, c->spec->linux_.resources);
	existed = cgroup_exists(k->cgroup);
	if (!existed && !container_note(k, error))
		return false;
	if (!cgroup_create(k->cgroup, c->spec->linux_.resources, error))
		return fail_prefix(error, "unable to apply cgroup configuration");
	c->made_cgroup = true;
	drop_empty_cgroup(c);
	return !existed || !k->cgroup || container_note(k, error);
}

/* linux.intelRdt: noted before it is made, for delete should we be killed. */
static bool make_rdt(struct creation *c, GError **error)
{
	const struct spec_rdt *s = c->spec->linux_.intel_rdt;
	struct container *k = c->container;

	if (!s)
		return true;
	k->rdt = rdt_plan(s, k->id, NULL, error);
	return k->rdt && container_note(k, error) && rdt_make_class(k->rdt, s, error) &&
	       rdt_apply_schemata(k->rdt, s, error) && rdt_make_monitor(k->rdt, error);
}

static bool make_fifo(const struct container *k, const char *name, int *ret_fd, GError **error)
{
	if (mkfifoat(k->dir_fd, name, 0600) < 0)
		return fail_errno(error, "create %s/%s", k->path, name);
	*ret_fd = openat(k->dir_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd >= 0 || fail_errno(error, "open %s/%s", k->path, name);
}

static bool compile_filter(struct creation *c, const struct globals *globals, GError **error)
{
	g_autofree char *cache = g_build_filename(globals->root, ".seccomp-cache", NULL);
	const struct spec_seccomp *seccomp = c->spec->linux_.seccomp;
	struct container *k = c->container;
	const char *strict;
	struct stat st;

	if (!seccomp)
		return true;
	strict = spec_map_get(&c->spec->annotations, "run.oci.seccomp_fail_unknown_syscall");
	if ((strict && strcmp(strict, "0") != 0 && !seccomp_check_names(seccomp, error)) ||
		!seccomp_compile(seccomp, cache, &c->filter, error))
		return false;
	if (!(c->filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		return true;
	k->listener_path = g_canonicalize_filename(seccomp->listener_path, k->bundle);
	k->listener_metadata = g_strdup(seccomp->listener_metadata);
	/* The agent is needed at start; that there is none had better be said now. */
	return stat(k->listener_path, &st) == 0 ||
	       fail_errno(
		       error, "linux.seccomp.listenerPath: failed to connect with seccomp agent: %s", k->listener_path);
}

/* What exec loads into its process: the filter as it is, whatever becomes of the bundle. */
static bool save_filter(const struct creation *c, GError **error)
{
	g_autoptr(GByteArray) file = NULL;
	gsize size;
	int r;

	if (!c->filter.program)
		return true;
	file = g_byte_array_new();
	g_byte_array_append(file, (const guint8 *)&c->filter.flags, sizeof c->filter.flags);
	g_byte_array_append(
		file, g_bytes_get_data(c->filter.program, &size), (guint)g_bytes_get_size(c->filter.program));
	r = rw_replace_file(c->container->dir_fd, STATE_FILTER, file->data, file->len, 0600);
	return r == 0 || fail_with(error, r, "write %s/%s", c->container->path, STATE_FILTER);
}

static bool make_hook_files(struct creation *c, GError **error)
{
	int fds[2] = { -1, -1 };
	bool ok = c->spec->hooks[HOOK_START_CONTAINER].n_hooks == 0 || hooks_make_files(c->container, fds, error);

	c->request.hook_out_fd = fds[0];
	c->request.hook_err_fd = fds[1];
	return ok;
}

static bool make_plan(struct creation *c, const struct create_options *o, const struct self *self, GError **error)
{
	int listen_fds = create_count_listen_fds();
	bool keep_groups = g_strcmp0(spec_map_get(&c->spec->annotations, "run.oci.keep_original_groups"), "1") == 0;

	if (!create_check_preserved(listen_fds, o->preserve_fds, error))
		return false;
	/* What the caller left open is for the program or for nobody, hooks among them; our own is born so. */
	(void)sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	c->request.spec = c->spec;
	c->request.process = c->spec->process;
	c->request.container = c->container;
	c->request.self = self;
	c->request.filter = &c->filter;
	c->request.no_pivot = o->no_pivot;
	c->request.no_new_keyring = c->container->no_new_keyring = o->no_new_keyring;
	c->request.listen_fds = listen_fds;
	c->request.preserved = listen_fds + o->preserve_fds;
	c->request.keep_sys_groups = keep_groups;
	if (o->wait_for_start && (!make_fifo(c->container, STATE_FIFO, &c->request.go_fd, error) ||
					 !make_fifo(c->container, STATE_REPORT_FIFO, &c->request.start_fd, error) ||
					 !make_hook_files(c, error)))
		return false;
	c->plan = plan_container(&c->request, error);
	if (c->plan)
		diag_debug("container %s: plan of %u steps", c->container->id, c->plan->ops->len);
	return c->plan != NULL;
}

bool create_run_hooks(const struct creation *c, GError **error)
{
	static const enum spec_hook_kind kinds[] = { HOOK_PRESTART, HOOK_CREATE_RUNTIME };
	g_autofree char *state = container_oci_state(c->container, STATUS_CREATING, c->launch.pid);
	const struct spec_hook_list *early = &c->spec->hooks[HOOK_PRECHROOT];
	/* Not the specification's, these see the status that run_oci gives. */
	g_autofree char *created =
		early->n_hooks ? container_oci_state(c->container, STATUS_CREATED, c->launch.pid) : NULL;

	if (!hooks_run(c->container, early, HOOK_PRECHROOT, created, c->container->bundle, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (!hooks_run(c->container, &c->spec->hooks[kinds[i]], kinds[i], state, c->container->bundle, error))
			return false;
	return true;
}

static void run_poststop(const struct container *k)
{
	g_autofree char *state = container_oci_state(k, STATUS_STOPPED, 0);

	hooks_run_poststop(k, state);
}

/* Of a tree that an earlier mount has brought, which only the child could open: its rights are the container's. */
static bool map_ids(const struct creation *c, const struct child_report *report, GError **error)
{
	bool known = report->index >= 0 && (size_t)report->index < c->plan->child.n_ops;
	const struct child_op *op = known ? &c->plan->child.ops[report->index] : NULL;
	g_autofree char *text = NULL;
	auto_fd tree = -1;
	int r;

	if (!op || op->step != STEP_MOUNT || op->mount.tree.id_map_fd <= 0)
		return fail(error, "unexpected message %d from the container's process", report->message);
	tree = sys_pidfd_getfd(c->launch.pid_fd, report->value);
	r = tree < 0 ? tree : tree_map_ids(&op->mount.tree, tree);
	text = r < 0 ? plan_idmap_text(&op->mount.tree, op->number, -r) : NULL;
	return r == 0 || fail(error, "%s", text);
}

/* The child builds; answers what it asks, until it says that it is ready. */
static bool attend(struct creation *c, GError **error)
{
	struct child_report report;
	int r;

	while ((r = launch_receive(&c->launch, &report, error)) > 0) {
		if (report.message == MESSAGE_READY)
			return true;
		if (report.message != MESSAGE_HOOKS && report.message != MESSAGE_MAP_IDS)
			return fail(error, "unexpected message %d from the container's process", report.message);
		if (!(report.message == MESSAGE_HOOKS ? create_run_hooks(c, error) : map_ids(c, &report, error)))
			return false;
		launch_reply(&c->launch, report.message == MESSAGE_HOOKS ? REPLY_HOOKS : REPLY_GO);
	}
	return r < 0 ? false : launch_fail_died(&c->launch, error);
}

/* Likewise the process object, whatever file it was read from. */
static bool save_process(const struct creation *c, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;
	int r;

	json_put_value(w, NULL, json_get(c->spec->json, "process"));
	text = json_writer_text(w);
	r = rw_replace_file(c->container->dir_fd, STATE_PROCESS, text, strlen(text), 0600);
	return r == 0 || fail_with(error, r, "write %s/%s", c->container->path, STATE_PROCESS);
}

bool create_record(struct creation *c, GError **error)
{
	struct container *k = c->container;
	struct proc_stat st;
	int r;

	if (k->cgroup && !cgroup_apply(k->cgroup, c->spec->linux_.resources, error))
		return fail_prefix(error, "error setting cgroup config for procHooks process");
	if ((c->scope && !scope_sync(c->scope, error)) || !cgroup_delegate(k->cgroup, c->spec, error))
		return false;
	if (k->rdt && !rdt_join(k->rdt, c->launch.pid, error))
		return false;
	g_clear_pointer(&c->scope, scope_leave); /* the container's process keeps it alive from here on */
	r = proc_read_stat(c->launch.pid, &st);
	if (r < 0)
		return fail_with(error, r, "read start time of the container's process");
	k->pid = c->launch.pid;
	k->start_ticks = st.start_ticks;
	return save_filter(c, error) && save_process(c, error) && container_save(k, error);
}

/* A small memory limit is the usual reason for an init that was killed. */
static void blame_oom(const struct creation *c, GError **error)
{
	if (c->container->cgroup && cgroup_oom_kills(c->container->cgroup) > 0) {
		g_clear_error(error);
		fail(error, "container init was OOM-killed (memory limit too low?)");
	}
}

/* A child that joins a network namespace may not be there yet. */
static bool move_net_devices(const struct creation *c, GError **error)
{
	return net_devices_move(&c->spec->linux_, c->launch.pid, plan_joined_namespace(c->plan, NS_NETWORK), error);
}

static bool start_child(struct creation *c, const struct create_options *o, GError **error)
{
	bool started = launch_start(&c->launch, c->plan, c->container->cgroup, error);

	drop_empty_cgroup(c);
	if (!started || !move_net_devices(c, error) || !attend(c, error) || !create_record(c, error) ||
		!launch_set_rlimits(c->launch.pid, c->spec->process, error) ||
		!launch_send_pidfd(&c->launch, c->pidfd_socket, "standard", error) || !launch_go(&c->launch, error)) {
		if (c->launch.reaped)
			blame_oom(c, error);
		return false;
	}
	diag_debug("container %s: created, process %d", c->container->id, c->launch.pid);
	return !o->pid_file || !*o->pid_file || statefile_write_pid(o->pid_file, c->launch.pid, error);
}

bool create_prepare(struct creation *c, const struct globals *globals, GError **error)
{
	return fill_container(c, error) && make_cgroup(c, globals, error) && make_rdt(c, error) &&
	       compile_filter(c, globals, error);
}

/* In the foreground the container has our own pipes. Root of its user namespace could not open them again, nor hand them
 * on to the user of the process, were they not its own. Where that cannot be done it goes without. */
static void own_pipes(const struct creation *c)
{
	const struct idmap map = idmap_of_container(&c->spec->linux_);
	struct statfs fs;

	for (size_t i = 0; i < map.n_uids; i++)
		for (int fd = 0; map.uids[i].container_id == 0 && map.uids[i].size > 0 && fd < 3; fd++)
			if (fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
				(void)!fchown(fd, map.uids[i].host_id, (gid_t)-1);
}

static bool create_in_directory(struct creation *c, const struct globals *globals, const struct create_options *o,
	const struct self *self, GError **error)
{
	auto_fd console = -1;

	if (c->spec->process->terminal && o->console_fd < 0 &&
		!unix_connect(o->console_socket, "console socket", &console, error))
		return false;
	if (o->pidfd_socket && !unix_connect(o->pidfd_socket, "pidfd socket", &c->pidfd_socket, error))
		return false;
	c->request.console_fd = console >= 0 ? console : o->console_fd;
	c->request.plain_newlines = o->console_fd >= 0 && !isatty(STDOUT_FILENO);
	if (!create_prepare(c, globals, error) || !notify_prepare(c->spec, c->container, error) ||
		(!o->wait_for_start && !notify_listen(c->container, &c->notify, error)))
		return false;
	if (!o->detach && !c->spec->process->terminal)
		own_pipes(c);
	return (make_plan(c, o, self, error) && start_child(c, o, error)) ||
	       fail_prefix(error, "unable to start container process");
}

void create_undo(struct creation *c, const struct globals *globals)
{
	g_autoptr(GError) error = NULL;

	/* A hook may have frozen it, and on v1 a frozen process cannot die. */
	if (c->made_cgroup && cgroup_frozen(c->container->cgroup))
		(void)cgroup_thaw(c->container->cgroup, NULL); /* what is still frozen is seen by launch_abort */
	launch_abort(&c->launch);
	g_clear_pointer(&c->scope, scope_leave); /* the child had a copy of the pipe whose end it waits for */
	/* Want of descriptors may be why we are here, and removing needs some. */
	g_clear_pointer(&c->plan, plan_free);
	fd_close(&c->container->dir_fd);
	if (c->made_cgroup && !(cgroup_kill(c->container->cgroup, SIGKILL, &error) &&
				      destroy_cgroup(globals, c->container, &error))) {
		diag_warning("%s", error->message);
		return; /* the directory tells delete where to go on */
	}
	if (c->container->rdt)
		rdt_undo(c->container->rdt);
	g_clear_pointer(&c->container->cgroup, cgroup_free);
	if (!container_remove_dir(globals->root, c->container->id, &error))
		diag_warning("%s", error->message);
	if (c->container->bundle)
		run_poststop(c->container);
}

bool create_begin(struct creation *c, const struct globals *globals, const struct create_options *o,
	struct self *ret_self, const char *id, GError **error)
{
	c->request.console_fd = c->request.terminal_fd = c->request.go_fd = c->request.start_fd = -1;
	c->request.hook_out_fd = c->request.hook_err_fd = -1;
	if (!container_check_id(id, error) || !load_spec(c, o, error) || !check_console(c, o, error) ||
		!self_read(ret_self, error) || !check_rights(c->spec, ret_self, error) ||
		!selinux_check(c->spec->process, &c->spec->linux_, error))
		return false;
	c->container = container_new(globals->root, id, error);
	return c->container != NULL;
}

bool create_container(struct creation *c, const struct globals *globals, const struct create_options *options,
	const char *id, GError **error)
{
	g_autofree char *pid_file =
		options->pid_file && *options->pid_file ? g_canonicalize_filename(options->pid_file, NULL) : NULL;
	g_autofree char *console = options->console_socket && *options->console_socket
					   ? g_canonicalize_filename(options->console_socket, NULL)
					   : NULL;
	g_autofree char *pidfd = options->pidfd_socket && *options->pidfd_socket
					 ? g_canonicalize_filename(options->pidfd_socket, NULL)
					 : NULL;
	struct create_options o = *options;
	struct self self;

	o.pid_file = pid_file;
	o.console_socket = console;
	o.pidfd_socket = pidfd;
	if (!create_begin(c, globals, &o, &self, id, error))
		return false;
	if (create_in_directory(c, globals, &o, &self, error))
		return true;
	create_undo(c, globals);
	return false;
}

bool create_destroy(struct creation *c, const struct globals *globals, GError **error)
{
	struct container *k = c->container;

	/* With the first process of a pid namespace all others have ended. */
	if (k->cgroup && k->shared_pid_namespace && !cgroup_kill(k->cgroup, SIGKILL, error))
		return false;
	if ((k->cgroup && !destroy_cgroup(globals, k, error)) || (k->rdt && !rdt_remove(k->rdt, error)))
		return false;
	if (!container_remove_dir(globals->root, k->id, error))
		return false;
	run_poststop(k);
	return true;
}

void creation_clear(struct creation *c)
{
	launch_clear(&c->launch);
	notify_free(c->notify);
	g_clear_pointer(&c->scope, scope_leave);
	plan_free(c->plan);
	seccomp_filter_clear(&c->filter);
	container_free(c->container);
	spec_free(c->spec);
	fd_close(&c->request.go_fd);
	fd_close(&c->request.start_fd);
	fd_close(&c->request.hook_out_fd);
	fd_close(&c->request.hook_err_fd);
	fd_close(&c->pidfd_socket);
	*c = (struct creation)CREATION_INIT;
}
