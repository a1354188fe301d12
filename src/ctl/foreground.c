/* A process in the foreground of tallyctl. */
#include "ctl/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include <sys/signalfd.h>

#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "ctl/command.h"

#define REQUESTS_MAX 3

bool foreground_on_signal(int sig, void *user)
{
	struct foreground *f = user;

	if (sig == SIGCONT || sig == SIGWINCH)
		return true;
	if (sig == SIGINT || sig == SIGTERM)
		f->requests++;
	if ((sig == SIGHUP && f->terminal) || f->requests >= REQUESTS_MAX) {
		f->left_by = sig;
		return false;
	}
	if (f->pidfd >= 0)
		(void)sys_pidfd_send_signal(f->pidfd, sig); /* ESRCH: it is ending anyway */
	return true;
}

int foreground_left(const struct foreground *f)
{
	diag_warning("left by SIG%s: %s goes on", sigabbrev_np(f->left_by), f->what);
	return 128 + f->left_by;
}

bool foreground_attach(struct foreground *f, struct attach_client *client, int *ret_status, GError **error)
{
	client->on_signal = foreground_on_signal;
	client->user = f;
	switch (attach_run(client, error)) {
	case ATTACH_ENDED:
		return true;
	case ATTACH_DETACHED:
		*ret_status = 0;
		return false;
	case ATTACH_LEFT:
		*ret_status = foreground_left(f);
		return false;
	case ATTACH_OUTPUT_GONE:
		fail(error, "nobody reads our standard output any more: %s goes on without us", f->what);
		*ret_status = -1;
		return false;
	case ATTACH_FAILED:
		*ret_status = -1;
		return false;
	}
	g_assert_not_reached();
}

bool foreground_wait(struct foreground *f, int fd, int signal_fd, int *ret_status, GError **error)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (!p[0].revents) {
		if (poll(p, G_N_ELEMENTS(p), -1) < 0 && errno != EINTR) {
			*ret_status = -1;
			return fail_errno(error, "wait for the end of %s", f->what);
		}
		while (rw_read(signal_fd, &info, sizeof info) == sizeof info)
			if (!foreground_on_signal((int)info.ssi_signo, f)) {
				*ret_status = foreground_left(f);
				return false;
			}
	}
	return true;
}
