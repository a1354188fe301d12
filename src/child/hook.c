/* One hook program: pipe with the state, clone, execve, wait with a deadline. Of output that is ours to keep the beginning
 * goes into a file and the rest is read and dropped, so that a hook may talk for ever. System calls only. */
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

/* One of its outputs. */
struct output {
	int file_fd;  /* -1: it has ours */
	int read_fd;  /* -1: at its end, or the file is its own to write */
	int write_fd; /* until it has it */
	size_t kept;
};

static int output_open(struct output *o, int file_fd, bool kept)
{
	int ends[2];

	*o = (struct output){ .file_fd = file_fd, .read_fd = -1, .write_fd = -1 };
	if (file_fd < 0 || !kept)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	o->read_fd = ends[0];
	o->write_fd = ends[1];
	return fd_set_nonblock(o->read_fd, true);
}

/* Reads what is there. False at its end. */
static bool output_take(struct output *o)
{
	char buf[4096];
	ssize_t n = rw_read(o->read_fd, buf, sizeof buf);
	size_t room = HOOK_OUTPUT_MAX - o->kept;

	if (n <= 0)
		return n == -EAGAIN;
	/* The words of a hook are not worth failing for. No other calls than these: the container's filter may be loaded. */
	n = room ? rw_write(o->file_fd, buf, (size_t)n < room ? (size_t)n : room) : 0;
	o->kept += n > 0 ? (size_t)n : 0;
	return true;
}

/* After the hook's end: what it wrote last is in the pipe; whoever else holds it is not waited for. */
static void output_finish(struct output *o)
{
	size_t before;

	if (o->read_fd < 0)
		return;
	do
		before = o->kept;
	while (output_take(o) && o->kept > before);
	fd_close(&o->read_fd);
}

static bool give_output(const struct output *o, int number)
{
	int fd = o->write_fd >= 0 ? o->write_fd : o->file_fd;

	return fd < 0 || dup2(fd, number) >= 0;
}

/* In the hook's process: tells errno over error_fd when the program cannot be started. */
static _Noreturn void exec_hook(const struct op_hook *hook, int stdin_fd, const struct output outputs[2], int error_fd)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	sigaction(SIGPIPE, &by_default, NULL);
	/* The hook gets 0, 1 and 2; what our caller wants preserved is for the container. */
	(void)sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (dup2(stdin_fd, 0) < 0 || !give_output(&outputs[0], 1) || !give_output(&outputs[1], 2) ||
		(hook->cwd && chdir(hook->cwd) < 0)) {
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

/* A hook that runs. */
struct run {
	int pidfd;    /* -1 before */
	int input_fd; /* ours of its pipe; -1: all has been written */
	struct input in;
	struct output outputs[2];
};

/* Feeds the hook, hears it, and waits for its end. 0, -ETIME or another -errno. */
static int attend(struct run *run, int timeout_ms)
{
	uint64_t due = sys_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;
	struct output *const outputs = run->outputs;

	for (;;) {
		struct pollfd fds[4] = { { .fd = run->pidfd, .events = POLLIN },
			{ .fd = run->input_fd, .events = POLLOUT }, { .fd = outputs[0].read_fd, .events = POLLIN },
			{ .fd = outputs[1].read_fd, .events = POLLIN } };
		int64_t left = (int64_t)(due - sys_clock_ns(CLOCK_MONOTONIC)) / 1000000;
		bool late = timeout_ms >= 0 && left <= 0;
		int n = poll(fds, 4, timeout_ms < 0 ? -1 : late ? 0 : (int)left);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents)
			return 0;
		if (n == 0 || late) /* also when it never stops talking */
			return -ETIME;
		if (n > 0 && fds[1].revents && feed(&run->in, run->input_fd))
			fd_close(&run->input_fd);
		for (int i = 0; n > 0 && i < 2; i++)
			if (fds[2 + i].revents && !output_take(&outputs[i]))
				fd_close(&outputs[i].read_fd);
	}
}

/* Runs what has been cloned to its end, and reaps it. */
static int run_to_end(struct run *run, pid_t pid, int failure_fd, int timeout_ms, struct hook_result *ret_result)
{
	int status, err = 0, r;

	/* End of file: the program runs. */
	if (rw_read_full(failure_fd, &err, sizeof err) != sizeof err)
		err = 0;
	(void)fd_set_nonblock(run->input_fd, true);
	r = attend(run, timeout_ms);
	if (r < 0)
		(void)sys_pidfd_send_signal(run->pidfd, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	output_finish(&run->outputs[0]);
	output_finish(&run->outputs[1]);
	if (err)
		return -err;
	if (r < 0) {
		ret_result->part = PART_HOOK_TIMEOUT;
	} else if (status != 0) {
		ret_result->part = PART_HOOK_EXIT;
		ret_result->wait_status = status;
		r = -ECANCELED;
	}
	return r;
}

static int clone_and_run(const struct op_hook *hook, struct run *run, struct hook_result *ret_result)
{
	static const struct sigaction ignored = { .sa_handler = SIG_IGN };
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&run->pidfd, .exit_signal = SIGCHLD };
	int input[2], failure[2], r;
	struct sigaction before;
	pid_t pid;

	if (pipe2(input, O_CLOEXEC) < 0)
		return -errno;
	run->input_fd = input[1];
	if (pipe2(failure, O_CLOEXEC) < 0) {
		r = -errno;
		fd_close(&input[0]);
		return r;
	}
	sigaction(SIGPIPE, &ignored, &before); /* a hook need not read its input */
	pid = sys_clone3(&args, sizeof args);
	if (pid == 0)
		exec_hook(hook, input[0], run->outputs, failure[1]);
	fd_close(&input[0]);
	fd_close(&failure[1]);
	fd_close(&run->outputs[0].write_fd);
	fd_close(&run->outputs[1].write_fd);
	r = pid > 0 ? run_to_end(run, pid, failure[0], hook->timeout_ms, ret_result) : pid;
	sigaction(SIGPIPE, &before, NULL);
	fd_close(&failure[0]);
	return r;
}

int hook_run(const struct op_hook *hook, struct hook_result *ret_result)
{
	char pid_text[NUM_MAX];
	struct run run = {
		.pidfd = -1,
		.input_fd = -1,
		.in = { .parts = { hook->state_head, hook->state_tail ? pid_text : NULL, hook->state_tail } },
	};
	int out, err, r;

	ret_result->part = PART_HOOK_SPAWN;
	num_format_i64(pid_text, getpid());
	out = output_open(&run.outputs[0], hook->out_fd, hook->out_kept);
	err = output_open(&run.outputs[1], hook->err_fd, hook->err_kept);
	r = out < 0 ? out : err < 0 ? err : clone_and_run(hook, &run, ret_result);
	fd_close(&run.pidfd);
	fd_close(&run.input_fd);
	for (int i = 0; i < 2; i++) {
		fd_close(&run.outputs[i].read_fd);
		fd_close(&run.outputs[i].write_fd);
	}
	return r;
}
