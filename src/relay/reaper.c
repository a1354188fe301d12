/* Signals and children.
 *
 * While the runtime works only the runtime is reaped: the container's process, which may be dead already, stays a
 * zombie until its pid is known, so its status cannot be lost. Afterwards everybody is. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "relay/relay.h"

/* PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15 (linux/pidfd.h there). */
struct pidfd_info_exit {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define PIDFD_GET_INFO_NR _IOWR(0xFF, 11, struct pidfd_info_exit)
#define PIDFD_EXIT_WANTED (1u << 3)

#define REAP_TRIES 3

static void set_status(struct relay *r, int status, const struct rusage *usage)
{
	struct end *e = &r->end;

	e->observed_by = usage ? "wait" : "pidfd";
	e->usage_known = usage != NULL;
	if (usage)
		e->usage = *usage;
	e->core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
	if (WIFSIGNALED(status)) {
		e->cause = END_SIGNAL;
		e->signal = WTERMSIG(status);
		e->code = 128 + e->signal;
	} else {
		e->cause = END_EXIT;
		e->code = e->exit_code = WEXITSTATUS(status);
	}
}

void reaper_set_unknown(struct relay *r, const char *reason)
{
	r->end.cause = END_UNKNOWN;
	r->end.reason = reason;
	r->end.reason_len = (uint32_t)strlen(reason);
	r->end.code = -1;
}

void reaper_measure(struct relay *r)
{
	oom_check(&r->oom);
	cgroups_measure(&r->cgroups, r->end.usage_of_cgroup);
	clock_gettime(CLOCK_REALTIME, &r->end.end_real);
	r->end.end_boot_ns = sys_clock_ns(CLOCK_BOOTTIME);
}

static void container_gone(struct relay *r)
{
	r->exited = true;
	reaper_measure(r); /* at once: whoever waits for this end removes the cgroup next */
	loop_watch_stop(&r->loop, &r->container_watch);
	relay_event(r, LIFE_CONTAINER_EXITED);
}

/* The container is not (or no longer) our child: what its pidfd says is the truth, otherwise it is unknown. */
static void container_of_others(struct relay *r)
{
	struct pidfd_info_exit info = { .mask = PIDFD_EXIT_WANTED };

	if (r->container_pidfd >= 0 && ioctl(r->container_pidfd, PIDFD_GET_INFO_NR, &info) == 0 &&
		(info.mask & PIDFD_EXIT_WANTED))
		set_status(r, info.exit_code, NULL);
	else
		reaper_set_unknown(r, "the container is not a child of the monitor and the kernel does not tell its status");
	container_gone(r);
}

static void runtime_gone(struct relay *r, int status)
{
	r->runtime_pid = 0;
	fd_close(&r->runtime_pidfd);
	console_poll(&r->console);
	r->end.runtime_ended = true;
	r->end.runtime_status = status;
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	relay_event(r, r->status == 0 ? LIFE_RUNTIME_OK : LIFE_RUNTIME_FAILED);
}

void reaper_check(struct relay *r)
{
	struct rusage usage;
	int status;
	pid_t pid;

	if (r->runtime_pid) {
		/* It exists until it is reaped, and nothing else wakes us for it: what disturbs the wait is tried again. */
		for (int tries = 0; (pid = waitpid(r->runtime_pid, &status, WNOHANG)) < 0 && tries < REAP_TRIES; tries++)
			;
		if (pid == r->runtime_pid)
			runtime_gone(r, status);
		return;
	}
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		if (pid == r->container_pid && !r->exited) {
			set_status(r, status, &usage);
			container_gone(r);
		} else {
			relay_child_gone(r, pid, status);
		}
}

bool reaper_is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static void on_container(struct loop_watch *w, uint32_t events, void *user)
{
	struct relay *r = user;

	(void)events;
	/* It has ended: if it is ours, a wait that brings nothing was disturbed. */
	for (int tries = 0; !r->exited && tries < REAP_TRIES; tries++)
		reaper_check(r);
	if (r->exited)
		return;
	if (reaper_is_child(r->container_pid))
		loop_watch_stop(&r->loop, w); /* a debugger has it first: SIGCHLD tells when he has let go */
	else
		container_of_others(r);
}

void reaper_watch_container(struct relay *r)
{
	int err = 0;

	/* Unreaped until we say so, the pid cannot have been given to somebody else. */
	r->container_pidfd = sys_pidfd_open(r->container_pid, 0);
	if (r->container_pidfd >= 0)
		err = loop_watch_start(&r->loop, &r->container_watch, r->container_pidfd, EPOLLIN, on_container, r);
	if (r->container_pidfd < 0 || err < 0) {
		reaper_check(r);
		/* Of a child SIGCHLD tells; of any other process nothing would. */
		if (!r->exited && !reaper_is_child(r->container_pid))
			container_of_others(r);
	}
}

static void note_request(struct relay *r, const struct signalfd_siginfo *info)
{
	struct end_stop *s = &r->end.stop;

	if (r->exited)
		return; /* too late to be a cause */
	s->count++;
	s->signals |= 1ull << info->ssi_signo;
	s->signal = (int)info->ssi_signo;
	s->pid = info->ssi_pid;
	s->uid = info->ssi_uid;
	s->boot_ns = sys_clock_ns(CLOCK_BOOTTIME);
}

static void forward(struct relay *r, int sig)
{
	if (r->container_pid && !r->exited && r->container_pidfd >= 0)
		(void)sys_pidfd_send_signal(r->container_pidfd, sig); /* gone in this moment: then it is being reaped */
	else if (r->container_pid && !r->exited)
		(void)sys_kill_process(r->container_pid, sig);
	else if (r->runtime_pidfd >= 0)
		(void)sys_pidfd_send_signal(r->runtime_pidfd, sig);
}

static void on_signal(struct loop_watch *w, uint32_t events, void *user)
{
	struct relay *r = user;
	struct signalfd_siginfo info;

	(void)events;
	if (rw_read(w->fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT || info.ssi_signo == SIGQUIT) {
		note_request(r, &info);
		forward(r, (int)info.ssi_signo);
	}
	reaper_check(r); /* HUP, USR1, USR2 do no more: they must not end a monitor */
}

int reaper_start(struct relay *r)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < 7; i++)
		sigaddset(&set, (const int[]){ SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 }[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return -errno;
	return loop_watch_start(&r->loop, &r->signal_watch, r->signal_fd, EPOLLIN, on_signal, r);
}

void reaper_stop(struct relay *r)
{
	loop_watch_stop(&r->loop, &r->container_watch);
	loop_watch_stop(&r->loop, &r->signal_watch);
	fd_close(&r->container_pidfd);
	fd_close(&r->signal_fd);
}
