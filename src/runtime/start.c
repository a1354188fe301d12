/* start's half of the handshake: a byte into exec.fifo, then init's report until its end of the FIFO closes. */
#include "runtime/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "child/plan.h"
#include "common/error.h"
#include "runtime/failure.h"
#include "runtime/hooks.h"
#include "runtime/seccomp_agent.h"

/* execve reads the program, which may lie on a slow server. */
#define SILENCE_MS 120000
#define END_MS     5000

static const char dead[] = "exec fifo is empty: container init did not signal execve readiness (process died)";

/* Reports in whatever pieces they come. */
struct reports {
	char buf[4 * sizeof(struct child_report)];
	size_t have;
	bool executes;
	bool patient; /* hooks come before the execve */
	bool failed;  /* and ends by itself */
	const struct container *container;
	int go_fd;
};

/* The filter is loaded, and init waits until its agent has the listener. */
static bool hand_over_listener(const struct reports *in, int fd, GError **error)
{
	const struct container *c = in->container;
	const char reply = REPLY_GO;

	if (!seccomp_agent_notify(c, STATUS_CREATING, c->pid, c->pid_fd, fd, error))
		return false;
	return rw_write_pipe(in->go_fd, &reply, 1) == 1 || fail(error, "%s", dead);
}

/* Takes whole reports out of the buffer. False when one says that init has failed. */
static bool take_reports(struct reports *in, GError **error)
{
	struct child_report r;

	while (in->have >= sizeof r) {
		memcpy(&r, in->buf, sizeof r);
		in->have -= sizeof r;
		memmove(in->buf, in->buf + sizeof r, in->have);
		in->executes |= r.message == MESSAGE_EXECUTES;
		in->patient |= r.message == MESSAGE_HOOKS;
		if (r.message == MESSAGE_LISTENER && !hand_over_listener(in, r.value, error))
			return false;
		if (r.message == MESSAGE_FAILED) {
			auto_fd out = openat(in->container->dir_fd, STATE_HOOK_OUT, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
			auto_fd err = openat(in->container->dir_fd, STATE_HOOK_ERR, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
			g_autofree char *text = failure_of_start(&r, out, err);

			g_set_error(error, TALLY_ERROR, r.err, "%s", text);
			in->failed = true;
			return false;
		}
	}
	return true;
}

/* Until the last writer has gone: by execve, or by its death. Hooks have their own time limits. */
static bool read_report(struct reports *in, int fd, GError **error)
{
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		int r = poll(&ready, 1, in->patient ? -1 : SILENCE_MS);
		ssize_t n;

		if (r < 0 && errno != EINTR)
			return fail_errno(error, "wait for the container's process");
		if (r == 0)
			return fail(
				error, "the container's process has not answered for %d seconds", SILENCE_MS / 1000);
		n = rw_read(fd, in->buf + in->have, sizeof in->buf - in->have);
		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return fail_with(error, (int)n, "read %s", STATE_REPORT_FIFO);
		if (n == 0)
			return in->executes || fail(error, "%s", dead);
		in->have += (size_t)n;
		if (!take_reports(in, error))
			return false;
	}
}

/* init goes on, with everything ready that it may need from its first moment on. */
static bool let_go(const struct container *c, int go_fd, Notify **ret_notify, GError **error)
{
	return notify_listen(c, ret_notify, error) && (rw_write_pipe(go_fd, "0", 1) == 1 || fail(error, "%s", dead));
}

bool start_container(const struct container *c, Notify **ret_notify, GError **error)
{
	/* Reading comes first: init must find us there when it reports. */
	auto_fd report = openat(c->dir_fd, STATE_REPORT_FIFO, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	auto_fd go = openat(c->dir_fd, STATE_FIFO, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct reports in = { .container = c, .go_fd = go };

	if (go < 0 && errno == ENXIO)
		return fail(error, "%s", dead); /* nobody reads it */
	if (go < 0 || report < 0)
		return fail_errno(error, "open %s/%s", c->path, go < 0 ? STATE_FIFO : STATE_REPORT_FIFO);
	/* Taking its name away first: of two starts at once only one goes on. */
	if (unlinkat(c->dir_fd, STATE_FIFO, 0) < 0)
		return errno == ENOENT ? fail(error, "cannot start an already running container")
				       : fail_errno(error, "remove %s/%s", c->path, STATE_FIFO);
	if (let_go(c, go, ret_notify, error)) {
		(void)unlinkat(c->dir_fd, STATE_REPORT_FIFO, 0); /* goes with the directory at the latest */
		if (read_report(&in, report, error)) {
			(void)unlinkat(c->dir_fd, STATE_HOOK_OUT, 0); /* there are none without such hooks */
			(void)unlinkat(c->dir_fd, STATE_HOOK_ERR, 0);
			return true;
		}
	}
	/* Its end is its own, with its own status, when it said that it has failed. One that waits for an agent, or for us,
	 * would wait for ever. */
	if (in.failed)
		(void)sys_pidfd_wait(c->pid_fd, END_MS);
	(void)sys_pidfd_send_signal(c->pid_fd, SIGKILL);
	return false;
}

bool start_run_hooks(const struct container *c, GError **error)
{
	g_autofree char *state = container_oci_state(c, STATUS_RUNNING, c->pid);

	if (hooks_run(c, &c->poststart, HOOK_POSTSTART, state, c->bundle, error))
		return true;
	/* The container is left stopped, for delete (runtime-spec: lifecycle, step 10). */
	(void)sys_pidfd_send_signal(c->pid_fd, SIGKILL);
	return false;
}
