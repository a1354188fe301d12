/* Starting other programs. child() runs between fork and exec: system calls only. */
#include "relay/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"

/* To where the runtime's own words would go: what was tried, on what, errno. */
static _Noreturn void fail(int fd, const char *what, const char *object)
{
	const char *const words[] = { what, object, ": ", strerrorname_np(errno) ?: "unknown error", "\n" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		(void)rw_write(fd, words[i], strlen(words[i])); /* the status tells too */
	_exit(127);
}

static void set_stdio(const struct spawn *s)
{
	int from[3];

	/* First out of the way: a source may have the number of another's target. */
	for (int i = 0; i < 3; i++) {
		from[i] = fcntl(s->stdio[i], F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			fail(s->stdio[2], "set up stdio of ", s->path);
	}
	for (int i = 0; i < 3; i++) {
		struct stat st;

		if (dup2(from[i], i) < 0)
			fail(from[2], "set up stdio of ", s->path);
		if (s->open_pipes && fstat(i, &st) == 0 && S_ISFIFO(st.st_mode))
			(void)fchmod(i, 0777); /* a convenience; some kernels refuse it on pipes */
	}
}

static void wait_for_start(int fd)
{
	char byte[8192];

	if (rw_read(fd, byte, sizeof byte) < 0)
		fail(STDERR_FILENO, "wait for ", "the start pipe");
}

static void sleep_for(unsigned int seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static _Noreturn void child(const struct spawn *s, pid_t parent)
{
	if (s->die_with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
		if (getppid() != parent)
			_exit(127);
	}
	set_stdio(s);
	if (s->listen_pid)
		num_format_i64(s->listen_pid, getpid());
	if (s->wait_fd >= 0)
		wait_for_start(s->wait_fd);
	if (s->delay_s)
		sleep_for(s->delay_s);
	if (s->oom_score)
		(void)rw_write_control(AT_FDCWD, "/proc/self/oom_score_adj", s->oom_score); /* never worth a container */
	if (s->close_from)
		(void)sys_close_range((unsigned int)s->close_from, ~0u, 0);
	(void)sigprocmask(SIG_SETMASK, s->mask, NULL);
	(void)execve(s->path, s->argv, s->envp);
	fail(STDERR_FILENO, "execute ", s->path);
}

pid_t spawn(const struct spawn *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(s, parent);
	return pid;
}
