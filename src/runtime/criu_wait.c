/* Waits with deadlines: on a process of ours that may die, hang, or take hours over a large memory. */
#include "runtime/criu_wait.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"

#define GRACE_MS 5000
#define DEATH_MS 10000
#define LOOK_MS  20

#define LOOKS_AT_LOG 8 /* in the time that it may be silent */

bool criu_wait_begin(struct criu_wait *w, GError **error)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, &w->mask_before) < 0)
		return fail_errno(error, "block signals");
	w->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signal_fd >= 0)
		return true;
	fail_errno(error, "create signal descriptor");
	(void)sigprocmask(SIG_SETMASK, &w->mask_before, NULL);
	return false;
}

void criu_wait_end(struct criu_wait *w)
{
	fd_close(&w->signal_fd);
	(void)sigprocmask(SIG_SETMASK, &w->mask_before, NULL);
}

static off_t log_size(const struct criu_wait *w)
{
	struct stat st;

	return w->log_path && stat(w->log_path, &st) == 0 ? st.st_size : 0;
}

static bool fail_interrupted(const struct criu_wait *w, GError **error)
{
	struct signalfd_siginfo info;

	if (read(w->signal_fd, &info, sizeof info) != sizeof info)
		return fail_errno(error, "read signal");
	return fail(error, "interrupted by signal %u (%s)", info.ssi_signo, strsignal((int)info.ssi_signo));
}

bool criu_wait_word(const struct criu_wait *w, int sock_fd, GError **error)
{
	bool directory = w->pid_fd >= 0 && sys_pidfd_is_directory(w->pid_fd);
	uint64_t since = sys_clock_ns(CLOCK_MONOTONIC), limit = (uint64_t)MAX(w->silence_ms, 0) * 1000000u;
	/* Nothing tells of lines in the log: a look now and then, or it would be silent for twice as long. */
	int step = w->silence_ms < 0 ? -1 : w->silence_ms / LOOKS_AT_LOG + 1;
	off_t size = log_size(w);

	/* Before Linux 5.3 there is no event for the end of a process. */
	if (directory && (step < 0 || step > LOOK_MS))
		step = LOOK_MS;
	for (;;) {
		struct pollfd fds[] = { { .fd = sock_fd, .events = POLLIN }, { .fd = w->signal_fd, .events = POLLIN },
			{ .fd = directory ? -1 : w->pid_fd, .events = POLLIN } };
		uint64_t now;
		off_t size_now;

		if (poll(fds, G_N_ELEMENTS(fds), step) < 0 && errno != EINTR)
			return fail_errno(error, "wait for criu");
		if (fds[0].revents || (w->pid_fd >= 0 && sys_pidfd_wait(w->pid_fd, 0) > 0))
			return true;
		if (fds[1].revents)
			return fail_interrupted(w, error);
		if (w->silence_ms < 0)
			continue;
		now = sys_clock_ns(CLOCK_MONOTONIC);
		size_now = log_size(w);
		if (size_now != size)
			since = now;
		else if (now - since >= limit)
			return fail(error, "it has done nothing for %g seconds", w->silence_ms / 1000.0);
		size = size_now;
	}
}

char *criu_wait_cause(const struct criu_wait *w)
{
	siginfo_t info = { 0 };

	if (w->pid <= 0 || w->pid_fd < 0 || sys_pidfd_wait(w->pid_fd, DEATH_MS) <= 0 ||
		waitid(P_PID, (id_t)w->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != w->pid ||
		info.si_code == CLD_EXITED)
		return NULL;
	return g_strdup_printf("it was killed by signal %d (%s)", info.si_status, strsignal(info.si_status));
}

void criu_wait_reap(struct criu_wait *w)
{
	if (w->pid <= 0)
		return;
	if (w->pid_fd < 0)
		(void)sys_kill_process(w->pid, SIGKILL);
	else if (sys_pidfd_wait(w->pid_fd, GRACE_MS) == 0 && sys_pidfd_send_signal(w->pid_fd, SIGKILL) == 0 &&
		 sys_pidfd_wait(w->pid_fd, DEATH_MS) == 0)
		diag_warning("criu, process %d, does not die", w->pid);
	(void)waitpid(w->pid, NULL, w->pid_fd < 0 ? 0 : WNOHANG);
	fd_close(&w->pid_fd);
	w->pid = 0;
}
