/* exec: another process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/statefile.h"
#include "runtime/command.h"
#include "runtime/create.h"
#include "runtime/exec_process.h"
#include "runtime/foreground.h"
#include "runtime/launch.h"
#include "runtime/scope.h"
#include "runtime/selinux.h"
#include "runtime/unix_connect.h"

#define MAX_FILTER (sizeof(unsigned int) + 65535 * sizeof(struct sock_filter))

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE            62
#define PR_SCHED_CORE_SHARE_FROM 3
#endif

struct session {
	Container *container;
	Spec *spec;
	Plan *plan;
	Foreground *foreground;
	struct seccomp_filter filter;
	struct launch launch;
	struct scope_ref scope_ref; /* for the cgroup's mover */
	bool in_sub_cgroup;
	int terminal_fd;  /* of --console, -1 */
	int console_fd;   /* connected socket, -1 */
	int pidfd_socket; /* likewise */
};

static void session_clear(struct session *s)
{
	launch_clear(&s->launch);
	plan_free(s->plan);
	seccomp_filter_clear(&s->filter);
	fd_close(&s->terminal_fd);
	fd_close(&s->console_fd);
	fd_close(&s->pidfd_socket);
	foreground_free(s->foreground);
	spec_free(s->spec);
	container_free(s->container);
}

static bool check_status(const struct container *c, const struct exec_cli *o, GError **error)
{
	switch (container_status(c)) {
	case STATUS_STOPPED:
		return fail(error, "cannot exec in a stopped container: %s is not ready or running", c->id);
	case STATUS_PAUSED:
		return o->ignore_paused ||
		       fail(error, "cannot exec in a paused container (use --ignore-paused to override): %s is not "
				   "ready or running", c->id);
	default:
		return true;
	}
}

/* The container's filter, as create compiled it. */
static bool load_filter(struct session *s, GError **error)
{
	g_autofree char *buf = g_malloc(MAX_FILTER + 1);
	ssize_t n = rw_read_file(s->container->dir_fd, STATE_FILTER, buf, MAX_FILTER + 1);
	const size_t head = sizeof s->filter.flags;

	if (n == -ENOENT)
		return true;
	if (n < 0)
		return fail_with(error, (int)n, "read %s/%s", s->container->path, STATE_FILTER);
	if ((size_t)n <= head || ((size_t)n - head) % sizeof(struct sock_filter) != 0)
		return fail(error, "%s/%s is damaged", s->container->path, STATE_FILTER);
	memcpy(&s->filter.flags, buf, head);
	s->filter.program = g_bytes_new(buf + head, (size_t)n - head);
	return true;
}

/* A terminal that is there already. What is no terminal is not left open, nor waited for. */
static bool open_terminal(struct session *s, const char *path, GError **error)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	s->terminal_fd = fd < 0 ? -errno : fd_take_above_stdio(fd);
	if (s->terminal_fd < 0)
		return fail_with(error, s->terminal_fd, "open console %s", path);
	if (!isatty(s->terminal_fd))
		return fail_with(error, ENOTTY, "console %s", path);
	(void)fd_set_nonblock(s->terminal_fd, false);
	return true;
}

static bool open_console(struct session *s, const struct exec_cli *o, GError **error)
{
	bool given = o->console_socket && *o->console_socket, terminal = s->spec->process->terminal;

	if (o->console && *o->console)
		return open_terminal(s, o->console, error);
	if (terminal && o->detach && !given)
		return fail(error, "cannot allocate tty if runc will detach without setting console socket");
	if (given && (!terminal || !o->detach))
		return fail(error, "cannot use console socket if runc will not detach or allocate tty");
	if (given)
		return unix_connect(o->console_socket, "console socket", &s->console_fd, error);
	return true;
}

static bool enter_sub_cgroup(struct session *s, char *const *args, GError **error)
{
	if (!s->container->cgroup)
		return fail(error, "--cgroup: the container has no cgroup");
	s->in_sub_cgroup = true;
	return cgroup_enter_sub(s->container->cgroup, args, error);
}

static bool make_plan(struct session *s, const struct exec_cli *o, GError **error)
{
	int listen_fds = create_count_listen_fds();
	struct self self;
	const struct plan_request request = {
		.process = s->spec->process,
		.container = s->container,
		.self = &self,
		.filter = &s->filter,
		.listen_fds = listen_fds,
		.preserved = listen_fds + o->preserve_fds,
		.terminal_fd = s->terminal_fd,
		.console_fd = s->foreground ? foreground_console_fd(s->foreground) : s->console_fd,
		.plain_newlines = s->foreground && !isatty(STDOUT_FILENO),
		.go_fd = -1,
		.start_fd = -1,
		.keep_sys_groups =
			g_strcmp0(spec_map_get(&s->container->annotations, "run.oci.keep_original_groups"), "1") == 0,
	};

	if (!create_check_preserved(listen_fds, o->preserve_fds, error) || !self_read(&self, error))
		return false;
	s->plan = plan_exec(&request, error);
	return s->plan != NULL;
}

/* A group that somebody has removed meanwhile binds nobody. */
static bool join_rdt(const struct session *s, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!s->container->rdt || rdt_join(s->container->rdt, s->launch.pid, &local))
		return true;
	if (g_error_matches(local, TALLY_ERROR, ENOENT)) {
		diag_warning("%s", local->message);
		return true;
	}
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* Our child inherits the cookie of the container, and may share cores with it (linux.coreSched). */
static bool share_cores(const struct container *c, GError **error)
{
	return !c->core_sched || prctl(PR_SCHED_CORE, PR_SCHED_CORE_SHARE_FROM, c->pid, 0, 0) == 0 ||
	       fail_errno(error, "take the core scheduling cookie of the container (linux.coreSched)");
}

static bool start_process(struct session *s, GError **error)
{
	struct child_report report;
	int r;

	if (!share_cores(s->container, error))
		return false;
	s->launch.beside = s->in_sub_cgroup ? 0 : s->container->pid;
	if (!launch_start(&s->launch, s->plan, s->container->cgroup, error))
		return false;
	r = launch_receive(&s->launch, &report, error);
	if (r == 0)
		return launch_fail_died(&s->launch, error);
	if (r < 0)
		return false;
	return join_rdt(s, error) && launch_set_rlimits(s->launch.pid, s->spec->process, error) &&
	       launch_send_pidfd(&s->launch, s->pidfd_socket, "setns", error) && launch_go(&s->launch, error);
}

static bool launch_session(struct session *s, const struct exec_cli *o, GError **error)
{
	if (!make_plan(s, o, error) || !start_process(s, error)) {
		launch_abort(&s->launch);
		return fail_prefix(error, "unable to start container process");
	}
	if (o->pid_file && *o->pid_file && !statefile_write_pid(o->pid_file, s->launch.pid, error)) {
		launch_abort(&s->launch);
		return false;
	}
	return true;
}

static int attend(struct session *s, GError **error)
{
	int status = foreground_wait(s->foreground, s->launch.pid, s->launch.pid_fd,
		s->spec->process->terminal && s->terminal_fd < 0, error);

	if (status < 0)
		fail_prefix(error, "container %s", s->container->id);
	return status;
}

static int exec_session(
	struct session *s, const struct globals *globals, const struct exec_cli *o, char **args, GError **error)
{
	s->container = container_open(globals->root, args[0], error);
	if (!s->container || !check_status(s->container, o, error))
		return -1;
	s->spec = exec_process_load(s->container, o, args + 1, error);
	if (!s->spec || !selinux_check(s->spec->process, NULL, error) || !load_filter(s, error) ||
		!open_console(s, o, error))
		return -1;
	if (o->pidfd_socket && *o->pidfd_socket &&
		!unix_connect(o->pidfd_socket, "pidfd socket", &s->pidfd_socket, error))
		return -1;
	if (o->cgroup && !enter_sub_cgroup(s, o->cgroup, error))
		return -1;
	if (!o->cgroup && s->container->cgroup && s->container->systemd_unit) {
		s->scope_ref = (struct scope_ref){ globals->program, s->container->systemd_unit, s->container->systemd_user };
		cgroup_set_mover(s->container->cgroup, scope_move, &s->scope_ref);
	}
	if (!o->detach) {
		s->foreground = foreground_new(error);
		if (!s->foreground)
			return -1;
	}
	if (!launch_session(s, o, error))
		return -1;
	return s->foreground ? attend(s, error) : 0;
}

static int exec_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	struct session s = { .launch = LAUNCH_INIT, .terminal_fd = -1, .console_fd = -1, .pidfd_socket = -1 };
	int status;

	(void)n_args;
	status = exec_session(&s, globals, options, args, error);
	session_clear(&s);
	return status;
}

#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct exec_cli, field, type, name, short_name, value, help)
static const struct option_spec specs[] = {
#include "runtime/exec_options.def"
};
#undef OPTION

const struct command cmd_exec = {
	.name = "exec",
	.args = "CONTAINER [COMMAND [ARGUMENTS]]",
	.help = "execute a process in a running container",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct exec_cli),
	.min_args = 1,
	.max_args = -1,
	.stops_at_positional = true,
	.failure_status = 255,
	.failure_prefix = "exec failed",
	.enters_container = true,
	.run = exec_run,
};
