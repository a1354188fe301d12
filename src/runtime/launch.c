/* Clone, maps, cgroups, messages. The only place where tallyrun clones a container's process. */
#include "runtime/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/rw.h"
#include "base/sys.h"
#include "child/child.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/idmap.h"
#include "runtime/procvalues.h"
#include "runtime/seccomp_agent.h"

/* Mounts of slow servers are the longest that a child may keep silent for; hooks have limits of their own. */
#define SILENCE_MS 120000

/* How long a killed child may take to die. */
#define DEATH_MS 10000

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* Where the parent's next child goes; undone after the clone. */
static bool enter_for_children(const Plan *plan, GError **error)
{
	int r;

	if (plan->time_offsets) {
		if (unshare(CLONE_NEWTIME) < 0)
			return fail_errno(error, "create time namespace");
		r = rw_write_control(AT_FDCWD, "/proc/self/timens_offsets", plan->time_offsets);
		if (r < 0)
			return fail_with(error, r, "set time offsets (linux.timeOffsets)");
	}
	if (plan->pid_namespace_fd >= 0 && setns(plan->pid_namespace_fd, CLONE_NEWPID) < 0)
		return fail_errno(error, "join pid namespace");
	return true;
}

/* Hooks run in the runtime's own namespaces. */
static bool leave_for_children(const Plan *plan, int own_pid_fd, int own_time_fd, GError **error)
{
	if (plan->pid_namespace_fd >= 0 && setns(own_pid_fd, CLONE_NEWPID) < 0)
		return fail_errno(error, "return to the own pid namespace");
	if (plan->time_offsets && setns(own_time_fd, CLONE_NEWTIME) < 0)
		return fail_errno(error, "return to the own time namespace");
	return true;
}

static bool open_own_namespaces(const Plan *plan, int *ret_pid_fd, int *ret_time_fd, GError **error)
{
	if (plan->pid_namespace_fd >= 0) {
		*ret_pid_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (*ret_pid_fd < 0)
			return fail_errno(error, "open own pid namespace");
	}
	if (plan->time_offsets) {
		*ret_time_fd = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
		if (*ret_time_fd < 0)
			return fail_errno(error, "open own time namespace");
	}
	return true;
}

/* The child does not return. */
static pid_t clone_child(struct launch *l, Plan *plan, int cgroup_fd)
{
	struct clone_args args = {
		.flags = CLONE_CLEAR_SIGHAND | CLONE_PIDFD | (plan->in_between ? 0 : plan->created),
		.pidfd = (uintptr_t)&l->pid_fd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid = sys_clone3(&args, sizeof args);
	if (pid == 0) {
		fd_close(&l->sock_fd);
		child_main(&plan->child, plan->in_between);
	}
	return pid;
}

/* The child will be moved by its pid: it must not make its cgroup namespace before that. */
static void make_child_wait(Plan *plan)
{
	for (guint i = 0; i < plan->ops->len; i++) {
		struct child_op *op = &g_array_index(plan->ops, struct child_op, i);

		if (op->step == STEP_CGROUP_NAMESPACE) {
			op->flags.flags = 1;
			plan->tell_cgroup = true;
		}
	}
}

static bool clone_somehow(struct launch *l, Plan *plan, const Cgroup *cg, GError **error)
{
	int cgroup_fd = cg ? cgroup_clone_fd(cg) : -1;
	auto_fd beside = -1;

	l->pid = clone_child(l, plan, cgroup_fd);
	/* A cgroup that hands controllers down to its children takes no processes itself. */
	if (l->pid == -EBUSY && l->beside) {
		beside = cgroup_open_where(cg, l->beside);
		if (beside >= 0)
			l->pid = clone_child(l, plan, beside);
	}
	if (l->pid < 0 && cgroup_fd >= 0 &&
		(l->pid == -EBUSY || l->pid == -EOPNOTSUPP || l->pid == -EACCES || l->pid == -E2BIG)) {
		make_child_wait(plan);
		l->pid = clone_child(l, plan, -1);
	} else if (l->pid > 0) {
		l->entered_v2 = cgroup_fd >= 0;
	}
	if (l->pid > 0)
		return true;
	fail_with(error, l->pid, "clone the container's process");
	l->pid = 0;
	return false;
}

/* The process in between has cloned the container's process as its own sibling, and ends. */
static bool take_over(struct launch *l, GError **error)
{
	struct child_report report;
	pid_t between = l->pid;
	int r = launch_receive(l, &report, error);

	if (r > 0 && report.message == MESSAGE_PID && report.value > 1) {
		while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
			;
		fd_close(&l->pid_fd);
		l->pid = report.value;
		l->pid_fd = sys_pidfd_open(l->pid, 0);
		return l->pid_fd >= 0 || fail_with(error, l->pid_fd, "open pidfd of the container's process");
	}
	return r < 0 ? false : fail(error, "the process that joins namespaces has died");
}

/* /proc/PID/oom_score_adj, when the process asks for one. */
static bool set_oom_score(pid_t pid, const struct spec_process *process, GError **error)
{
	g_autofree char *path = NULL;
	char text[32], now[32];
	int r;

	if (!process->oom_score_adj.set)
		return true;
	path = g_strdup_printf("/proc/%d/oom_score_adj", pid);
	g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, process->oom_score_adj.value);
	r = rw_write_control(AT_FDCWD, path, text);
	/* Without CAP_SYS_RESOURCE it cannot be lowered; what it is already need not be. */
	if (r == -EACCES && rw_read_file(AT_FDCWD, path, now, sizeof now) > 0 &&
		g_ascii_strtoll(now, NULL, 10) == process->oom_score_adj.value)
		return true;
	return r == 0 || fail_with(error, r, "write %s to %s (process.oomScoreAdj)", text, path);
}

/* What is written to files of the child in /proc. */
static bool write_to_child(const struct launch *l, GError **error)
{
	if (l->plan->write_maps) {
		const struct idmap map = idmap_of_container(&l->plan->request.spec->linux_);

		if (!idmap_write(l->pid, &map, l->plan->request.self, error))
			return false;
	}
	if ((!l->plan->unprivileged || l->plan->write_maps) && !set_oom_score(l->pid, l->plan->request.process, error))
		return false;
	if (l->plan->write_maps || l->plan->in_between)
		launch_reply(l, REPLY_MAPS);
	return true;
}

/* Non-dumpable from before the clone: nobody in the container can look into us (CVE-2016-9962). A user without rights
 * could not write its child's maps then; nobody is in a new user namespace who could look, and both close up as soon as
 * the maps are written. Nobody else's oom_score_adj is ours to write then, so it is inherited. */
static bool close_up(const Plan *plan, GError **error)
{
	if (plan->unprivileged && plan->write_maps)
		return true;
	if (plan->unprivileged && !set_oom_score(getpid(), plan->request.process, error))
		return false;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 || fail_errno(error, "become non-dumpable");
}

static bool join_cgroups(const struct launch *l, Cgroup *cg, GError **error)
{
	if (cg && !cgroup_join(cg, l->pid, l->entered_v2, error))
		return fail_prefix(error, "unable to apply cgroup configuration");
	if (l->plan->tell_cgroup)
		launch_reply(l, REPLY_CGROUP);
	return true;
}

static bool clone_in_namespaces(struct launch *l, Plan *plan, const Cgroup *cg, GError **error)
{
	auto_fd own_pid = -1, own_time = -1;
	bool ok;

	if (!open_own_namespaces(plan, &own_pid, &own_time, error))
		return false;
	ok = enter_for_children(plan, error) && clone_somehow(l, plan, cg, error);
	/* After a failure as well: there are hooks for that. */
	return leave_for_children(plan, own_pid, own_time, ok ? error : NULL) && ok;
}

bool launch_start(struct launch *l, Plan *plan, Cgroup *cg, GError **error)
{
	int pair[2];
	bool ok;

	l->plan = plan;
	l->cgroup = cg;
	l->patient = plan->hook_out_fd >= 0;
	if (!close_up(plan, error))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_errno(error, "create socket pair");
	l->sock_fd = pair[0];
	plan->child.sock_fd = pair[1];
	ok = clone_in_namespaces(l, plan, cg, error);
	fd_close(&plan->child.sock_fd);
	if (!ok)
		return false;
	if (plan->in_between && !take_over(l, error))
		return false;
	if (!write_to_child(l, error))
		return false;
	if (plan->unprivileged && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return fail_errno(error, "become non-dumpable");
	return join_cgroups(l, cg, error);
}

void launch_reply(const struct launch *l, enum child_reply reply)
{
	char byte = (char)reply;
	ssize_t n;

	do
		n = send(l->sock_fd, &byte, 1, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* Without the answer each would wait for the other: the child shall see that there will be none. */
	if (n < 0)
		(void)shutdown(l->sock_fd, SHUT_RDWR); /* it may have gone already */
}

/* Where the child is, for --debug, in words that people look for in runc's log. Before READY it is as the caller or
 * execCPUAffinity.initial wants it. */
static void debug_report(const struct launch *l, const struct child_report *report)
{
	gulong cpus[1024 / (8 * sizeof(gulong))] = { 0 };

	if (!diag_wants(DIAG_DEBUG))
		return;
	if (report->message == MESSAGE_READY) {
		if (sched_getaffinity(l->pid, sizeof cpus, (cpu_set_t *)cpus) == 0)
			diag_debug("nsexec container setup: process %d: affinity: 0x%lx", l->pid, cpus[0]);
		diag_debug("child process in init(): %d is set up, and waits for its limits", l->pid);
	} else if (report->message == MESSAGE_CREATED) {
		diag_debug("init: closing the pipe to signal completion: %d waits for start", l->pid);
	} else if (report->message == MESSAGE_EXECUTES) {
		diag_debug("%s", l->plan->request.spec ? "init: closing the pipe to signal completion"
						       : "setns_init: about to exec");
	}
}

int launch_receive(struct launch *l, struct child_report *ret_report, GError **error)
{
	struct pollfd ready = { .fd = l->sock_fd, .events = POLLIN };
	g_autofree char *text = NULL;
	ssize_t n;
	int r;

	do
		r = poll(&ready, 1, l->patient ? -1 : SILENCE_MS);
	while (r < 0 && errno == EINTR);
	/* One in a frozen cgroup waits for somebody to resume it (exec --ignore-paused). */
	if (r == 0 && l->cgroup && cgroup_frozen(l->cgroup))
		return launch_receive(l, ret_report, error);
	if (r == 0) {
		fail(error, "the container's process has not answered for %d seconds", SILENCE_MS / 1000);
		return -1;
	}
	n = rw_read(l->sock_fd, ret_report, sizeof *ret_report);
	if (n == 0)
		return 0;
	if (n != sizeof *ret_report) {
		fail_with(error, n < 0 ? (int)n : -EPROTO, "read from the container's process");
		return -1;
	}
	debug_report(l, ret_report);
	if (ret_report->message != MESSAGE_FAILED)
		return 1;
	text = plan_failure_text(l->plan, ret_report);
	g_set_error(error, TALLY_ERROR, ret_report->err, "%s", text);
	return -1;
}

static void reap(struct launch *l)
{
	if (l->pid > 0 && !l->reaped) {
		while (waitpid(l->pid, &l->wait_status, 0) < 0 && errno == EINTR)
			;
		l->reaped = true;
	}
}

bool launch_fail_died(struct launch *l, GError **error)
{
	reap(l);
	if (WIFSIGNALED(l->wait_status))
		return fail(error, "the container's process was killed by signal %d (%s)%s", WTERMSIG(l->wait_status),
			strsignal(WTERMSIG(l->wait_status)),
			l->plan->request.filter ? " (does linux.seccomp allow what leads to execve?)" : "");
	return fail(error, "the container's process has ended with status %d", WEXITSTATUS(l->wait_status));
}

static bool hand_over_listener(const struct launch *l, int fd, GError **error)
{
	const struct plan_request *request = &l->plan->request;
	enum status status = request->spec ? STATUS_CREATING : STATUS_RUNNING;

	return seccomp_agent_notify(request->container, status, l->pid, l->pid_fd, fd, error);
}

bool launch_go(struct launch *l, GError **error)
{
	struct child_report report;
	bool executes = false;
	int r;

	launch_reply(l, REPLY_GO);
	while ((r = launch_receive(l, &report, error)) > 0) {
		if (report.message == MESSAGE_CREATED)
			return true;
		if (report.message == MESSAGE_LISTENER) {
			if (!hand_over_listener(l, report.value, error))
				return false;
			launch_reply(l, REPLY_GO);
		}
		executes |= report.message == MESSAGE_EXECUTES;
		l->patient |= report.message == MESSAGE_HOOKS;
	}
	if (r < 0)
		return false;
	return executes || launch_fail_died(l, error);
}

bool launch_set_rlimits(pid_t pid, const struct spec_process *process, GError **error)
{
	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct spec_rlimit *limit = &process->rlimits[i];
		const struct rlimit64 value = { limit->soft, limit->hard };
		int type = procvalues_rlimit(limit->type);

		if (prlimit64(pid, type, &value, NULL) < 0)
			return fail_errno(error,
				"error setting rlimits for ready process: error setting rlimit type %d (%s)", type,
				limit->type);
	}
	return true;
}

bool launch_send_pidfd(const struct launch *l, int sock_fd, const char *word, GError **error)
{
	int r = sock_fd >= 0 ? fdpass_send(sock_fd, l->pid_fd, word, strlen(word)) : 0;

	return r == 0 || fail_with(error, r, "send the process's descriptor to the pidfd socket");
}

void launch_abort(struct launch *l)
{
	if (l->pid > 0 && !l->reaped) {
		if (l->pid_fd >= 0)
			(void)sys_pidfd_send_signal(l->pid_fd, SIGKILL);
		else
			(void)sys_kill_process(l->pid, SIGKILL);
		/* One that is frozen (v1), or stuck in the kernel, dies when it can. */
		if (l->pid_fd < 0 || sys_pidfd_wait(l->pid_fd, DEATH_MS) != 0)
			reap(l);
	}
	launch_clear(l);
}

void launch_clear(struct launch *l)
{
	fd_close(&l->sock_fd);
	fd_close(&l->pid_fd);
}
