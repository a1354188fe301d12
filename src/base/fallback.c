/* Older kernels, and sandboxes that are older than the system call. */
#include "base/fallback.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"

#define MAX_FD 65535

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/* CLONE_CLEAR_SIGHAND: handlers are ours, and nobody else's. What is ignored stays ignored. */
static void clear_handlers(void)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	struct sigaction now;

	for (int sig = 1; sig <= 64; sig++)
		if (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)
			(void)sigaction(sig, &by_default, NULL);
}

pid_t fallback_clone(const struct clone_args *args)
{
	const uint64_t flags = args->flags & ~CLONE_CLEAR_SIGHAND;
	long pid;

	/* The lowest byte is the exit signal's, and CLONE_NEWTIME lies there. */
	if (flags > UINT32_MAX || (flags & CSIGNAL) || args->stack)
		return -EOPNOTSUPP;
#ifdef __s390__
	pid = syscall(SYS_clone, NULL, flags | args->exit_signal, (void *)(uintptr_t)args->pidfd, NULL, NULL);
#else
	pid = syscall(SYS_clone, flags | args->exit_signal, NULL, (void *)(uintptr_t)args->pidfd, NULL, NULL);
#endif
	if (pid == 0 && (args->flags & CLONE_CLEAR_SIGHAND))
		clear_handlers();
	return pid < 0 ? -errno : (pid_t)pid;
}

int fallback_pidfd_open(pid_t pid)
{
	char path[NUM_MAX + 8] = "/proc/";
	int fd;

	num_format_i64(path + strlen(path), pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* "/proc/123": the link of a directory of ours. */
static pid_t pid_of_directory(int fd)
{
	char name[NUM_MAX + 16] = "/proc/self/fd/", target[64];
	uint64_t pid;
	ssize_t n;

	num_format_i64(name + strlen(name), fd);
	n = readlink(name, target, sizeof target - 1);
	if (n <= 6)
		return -1;
	target[n] = '\0';
	return num_parse_u64(target + 6, INT32_MAX, &pid) == 0 ? (pid_t)pid : -1;
}

/* "Pid:\t123" in what procfs tells about a pidfd; -1 there: it is gone. */
static pid_t pid_of_pidfd(int fd)
{
	char name[NUM_MAX + 24] = "/proc/self/fdinfo/", text[1024];
	char *line, *end;
	uint64_t pid;

	num_format_i64(name + strlen(name), fd);
	if (rw_read_file(AT_FDCWD, name, text, sizeof text) <= 0)
		return -1;
	line = strstr(text, "Pid:\t");
	end = line ? strchr(line, '\n') : NULL;
	if (!end)
		return -1;
	*end = '\0';
	return num_parse_u64(line + 5, INT32_MAX, &pid) == 0 ? (pid_t)pid : -1;
}

int fallback_pidfd_send_signal(int pidfd, int sig)
{
	pid_t pid = sys_pidfd_is_directory(pidfd) ? pid_of_directory(pidfd) : pid_of_pidfd(pidfd);
	int ended = pid < 2 ? 1 : sys_pidfd_wait(pidfd, 0);

	if (ended != 0)
		return ended < 0 ? ended : -ESRCH;
	return sys_kill_process(pid, sig);
}

int fallback_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	for (unsigned int fd = first; fd <= last && fd <= MAX_FD; fd++)
		if (flags & CLOSE_RANGE_CLOEXEC)
			(void)fd_set_cloexec((int)fd, true); /* most are not open */
		else
			(void)close((int)fd);
	return 0;
}
