/* The interpreter: one function for each step, the first failure ends it. Runs between clone and execve: system calls
 * only, no malloc, stdio or GLib. */
#include "child/child.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sys.h"

/* Of a process that the parent never sees alive. */
#define STATUS_FAILED 127

static int step_runtime_hooks(struct child *c, const struct child_op *op)
{
	child_report(c, MESSAGE_HOOKS, op, 0);
	return child_wait(c, REPLY_HOOKS);
}

static int step_ready(struct child *c, const struct child_op *op)
{
	int r;

	child_report(c, MESSAGE_READY, op, 0);
	r = child_wait(c, REPLY_GO);
	if (r < 0)
		return r;
	/* From here on the container outlives the command. */
	return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0 ? -errno : 0;
}

static const child_step_fn steps[N_CHILD_STEPS] = {
	[STEP_JOIN] = step_join,
	[STEP_START] = step_start,
	[STEP_AFFINITY] = step_affinity,
	[STEP_WAIT_MAPS] = step_wait_maps,
	[STEP_ROOT_IDS] = step_root_ids,
	[STEP_IPC_NAMESPACE] = step_ipc_namespace,
	[STEP_SESSION] = step_session,
	[STEP_KEYRING] = step_keyring,
	[STEP_TIME_NAMESPACE] = step_time_namespace,
	[STEP_CGROUP_NAMESPACE] = step_cgroup_namespace,
	[STEP_ENTER_ROOT] = step_enter_root,
	[STEP_LOOPBACK] = step_loopback,
	[STEP_PROPAGATION] = step_propagation,
	[STEP_PARENT_PRIVATE] = step_parent_private,
	[STEP_ROOTFS] = step_rootfs,
	[STEP_MOUNT] = step_mount,
	[STEP_DEVICE] = step_device,
	[STEP_LINK] = step_link,
	[STEP_RUNTIME_HOOKS] = step_runtime_hooks,
	[STEP_CONTAINER_HOOK] = step_container_hook,
	[STEP_HIDE] = step_hide,
	[STEP_PIVOT] = step_pivot,
	[STEP_HOSTNAME] = step_hostname,
	[STEP_DOMAINNAME] = step_domainname,
	[STEP_CONSOLE] = step_console,
	[STEP_SYSCTL] = step_sysctl,
	[STEP_REMOUNT] = step_remount,
	[STEP_READONLY_PATH] = step_readonly_path,
	[STEP_MASKED_PATH] = step_masked_path,
	[STEP_ROOT_PROPAGATION] = step_root_propagation,
	[STEP_MAKE_CWD] = step_make_cwd,
	[STEP_SCHEDULER] = step_scheduler,
	[STEP_IO_PRIORITY] = step_io_priority,
	[STEP_PERSONALITY] = step_personality,
	[STEP_MEMORY_POLICY] = step_memory_policy,
	[STEP_READY] = step_ready,
	[STEP_AFFINITY_FINAL] = step_affinity,
	[STEP_APPARMOR] = step_apparmor,
	[STEP_SELINUX] = step_selinux,
	[STEP_CLOSE_FDS] = step_close_fds,
	[STEP_OWN_STDIO] = step_own_stdio,
	[STEP_CWD] = step_cwd,
	[STEP_NO_NEW_PRIVILEGES] = step_no_new_privileges,
	[STEP_CREDENTIALS] = step_credentials,
	[STEP_CHECK_CWD] = step_check_cwd,
	[STEP_ENVIRONMENT] = step_environment,
	[STEP_FIND_PROGRAM] = step_find_program,
	[STEP_CORE_SCHED] = step_core_sched,
	[STEP_ALT_SYSCALL] = step_alt_syscall,
	[STEP_CREATED] = step_created,
	[STEP_SECCOMP] = step_seccomp,
	[STEP_LISTENER] = step_listener,
	[STEP_DROP_LAST] = step_drop_last,
	[STEP_START_HOOK] = step_start_hook,
	[STEP_EXEC] = step_exec,
};

int child_fail(struct child *c, enum child_part part)
{
	c->part = part;
	return -errno;
}

int child_result(struct child *c, enum child_part part, int result)
{
	if (result < 0)
		c->part = part;
	return result;
}

void child_report(struct child *c, enum child_message message, const struct child_op *op, int err)
{
	bool join = op && op >= c->plan->joins && op < c->plan->joins + c->plan->n_joins;
	const struct child_op *first = join ? c->plan->joins : c->plan->ops;
	const struct child_report report = {
		.message = message,
		.step = op ? (int32_t)op->step : STEP_NONE,
		.index = op ? (int32_t)(op - first) : -1,
		.number = op ? op->number : -1,
		.part = c->part,
		.err = err,
		.value = c->value,
	};

	/* One write: the socket keeps records, and a FIFO takes this size whole. SIGPIPE is no danger: a parent that is
	 * gone means that we end as well. */
	while (c->report_fd >= 0 && write(c->report_fd, &report, sizeof report) < 0 && errno == EINTR)
		;
}

int child_wait(struct child *c, enum child_reply reply)
{
	char byte = 0;
	ssize_t n;

	do
		n = recv(c->sock_fd, &byte, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	return byte == (char)reply ? 0 : -EPROTO;
}

static _Noreturn void run(struct child *c, const struct child_op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		c->op = &ops[i];
		r = steps[ops[i].step](c, &ops[i]);
		if (r < 0) {
			child_report(c, MESSAGE_FAILED, &ops[i], -r);
			_exit(STATUS_FAILED);
		}
	}
	_exit(STATUS_FAILED); /* the last step is the execve */
}

/* Enters namespaces with the rights we still have, then clones the container's process as our sibling, so that the
 * parent is its parent too. */
static void join_and_clone(struct child *c)
{
	/* The exit signal comes from the parent when the child is a sibling. */
	struct clone_args args = { .flags = c->plan->clone_flags | CLONE_PARENT | CLONE_CLEAR_SIGHAND };
	pid_t pid;

	for (size_t i = 0; i < c->plan->n_joins; i++) {
		int r = step_join(c, &c->plan->joins[i]);

		if (r < 0) {
			child_report(c, MESSAGE_FAILED, &c->plan->joins[i], -r);
			_exit(STATUS_FAILED);
		}
	}
	pid = sys_clone3(&args, sizeof args);
	if (pid == 0)
		return;
	if (pid < 0) {
		child_report(c, MESSAGE_FAILED, NULL, -pid);
		_exit(STATUS_FAILED);
	}
	c->value = pid;
	child_report(c, MESSAGE_PID, NULL, 0);
	_exit(0);
}

void child_main(const struct child_plan *plan, bool in_between)
{
	struct child c = {
		.plan = plan,
		.root = { .fd = -1 },
		.proc_fd = -1,
		.dir_fd = -1,
		.mask_fd = -1,
		.listener_fd = -1,
		.sock_fd = plan->sock_fd,
		.go_fd = plan->go_fd,
		.start_fd = plan->start_fd,
		.hook_out_fd = plan->hook_out_fd,
		.hook_err_fd = plan->hook_err_fd,
		.report_fd = plan->sock_fd,
	};

	if (in_between)
		join_and_clone(&c);
	run(&c, plan->ops, plan->n_ops);
}
