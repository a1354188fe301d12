/* Waits with a deadline that a person can interrupt. */
#include "ctl/wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "ctl/command.h"

#define NS_PER_S UINT64_C(1000000000)

deadline_t deadline_in(int seconds)
{
	return sys_clock_ns(CLOCK_BOOTTIME) + (uint64_t)seconds * NS_PER_S;
}

int deadline_poll_ms(deadline_t deadline)
{
	uint64_t now = sys_clock_ns(CLOCK_BOOTTIME);

	if (deadline == DEADLINE_NEVER)
		return -1;
	return deadline <= now ? 0 : (int)MIN((deadline - now + 999999) / 1000000, INT_MAX);
}

int wait_signals_open(GError **error)
{
	static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(forwarded); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away shows as EPIPE; children get the default back */
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		fail_errno(error, "create signalfd");
	return fd;
}

/* Takes the pending signals; the first one that asks us to end, or 0. Others are meant for a process that does not
 * run yet. */
static int take_ending_signal(int signal_fd)
{
	struct signalfd_siginfo info;

	while (rw_read(signal_fd, &info, sizeof info) == sizeof info)
		if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
			info.ssi_signo == SIGQUIT)
			return (int)info.ssi_signo;
	return 0;
}

bool wait_readable(int fd, int signal_fd, deadline_t deadline, const char *what, GError **error)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };

	for (;;) {
		int n = poll(fds, G_N_ELEMENTS(fds), deadline_poll_ms(deadline)), sig;

		if (n < 0 && errno != EINTR)
			return fail_errno(error, "wait for %s", what);
		if (n == 0)
			return fail_with(error, ETIMEDOUT, "wait for %s", what);
		if (n > 0 && fds[0].revents)
			return true;
		if (n > 0 && fds[1].revents && (sig = take_ending_signal(signal_fd)) != 0)
			return fail_status(error, (enum ctl_status)(128 + sig), "wait for %s: ended by SIG%s", what,
				sigabbrev_np(sig));
	}
}
