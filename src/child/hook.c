/* One hook program: pipe with the state, clone, execve, wait with a deadline. System calls only. */
#include "child/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"

/* What is still to be written to the hook. */
struct input {
	const char *parts[3];
	int at;
	size_t done;
};

/* In the hook's process: tells errno over error_fd when the program cannot be started. */
static _Noreturn void exec_hook(const struct op_hook *hook, int stdin_fd, int error_fd)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sigaction(SIGPIPE, &by_default, NULL);
	/* The hook gets 0, 1 and 2; what our caller wants preserved is for the container. */
	(void)sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (dup2(stdin_fd, 0) < 0 || (hook->out_fd >= 0 && dup2(hook->out_fd, 1) < 0) ||
		(hook->err_fd >= 0 && dup2(hook->err_fd, 2) < 0) || (hook->cwd && chdir(hook->cwd) < 0)) {
		err = errno;
	} else {
		execve(hook->path, hook->argv, hook->env);
		err = errno;
	}
	(void)rw_write_all(error_fd, &err, sizeof err);
	_exit(127);
}

/* Writes what fits; true when there is no more, or nobody reads any more. */
static bool feed(struct input *in, int fd)
{
	while (in->at < 3) {
		const char *part = in->parts[in->at] ? in->parts[in->at] : "";
		size_t left = strlen(part) - in->done;
		ssize_t n = left ? rw_write(fd, part + in->done, left) : 0;

		if (n < 0)
			return n != -EAGAIN;
		in->done += (size_t)n;
		if (in->done == strlen(part)) {
			in->at++;
			in->done = 0;
		}
	}
	return true;
}

/* Feeds the hook and waits for its end. 0, -ETIME or another -errno. */
static int attend(int pidfd, int *input_fd, struct input *in, int timeout_ms)
{
	uint64_t due = sys_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;

	for (;;) {
		struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = *input_fd, .events = POLLOUT } };
		int64_t left = (int64_t)(due - sys_clock_ns(CLOCK_MONOTONIC)) / 1000000;
		int n = poll(fds, 2, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ETIME;
		if (n > 0 && fds[1].revents && feed(in, *input_fd))
			fd_close(input_fd);
		if (n > 0 && fds[0].revents)
			return 0;
	}
}

int hook_run(const struct op_hook *hook, struct hook_result *ret_result)
{
	static const struct sigaction ignored = { .sa_handler = SIG_IGN };
	char pid_text[NUM_MAX];
	struct input in = { .parts = { hook->state_head, hook->state_tail ? pid_text : NULL, hook->state_tail } };
	int pidfd = -1, input[2], failure[2], status, err = 0, r;
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	struct sigaction before;
	pid_t pid;

	ret_result->part = PART_HOOK_SPAWN;
	num_format_i64(pid_text, getpid());
	if (pipe2(input, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(failure, O_CLOEXEC) < 0) {
		r = -errno;
		fd_close(&input[0]);
		fd_close(&input[1]);
		return r;
	}
	sigaction(SIGPIPE, &ignored, &before); /* a hook need not read its input */
	pid = sys_clone3(&args, sizeof args);
	if (pid == 0)
		exec_hook(hook, input[0], failure[1]);
	fd_close(&input[0]);
	fd_close(&failure[1]);
	if (pid > 0) {
		/* End of file: the program runs. */
		if (rw_read_full(failure[0], &err, sizeof err) != sizeof err)
			err = 0;
		(void)fd_set_nonblock(input[1], true);
		r = attend(pidfd, &input[1], &in, hook->timeout_ms);
		if (r < 0)
			(void)sys_pidfd_send_signal(pidfd, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (err)
			r = -err;
		else if (r < 0)
			ret_result->part = PART_HOOK_TIMEOUT;
		else if (status != 0) {
			ret_result->part = PART_HOOK_EXIT;
			ret_result->wait_status = status;
			r = -ECANCELED;
		}
	} else {
		r = pid;
	}
	sigaction(SIGPIPE, &before, NULL);
	fd_close(&pidfd);
	fd_close(&failure[0]);
	fd_close(&input[1]);
	return r;
}
