/* System calls that libc lacks or that need care. */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fallback.h"
#include "base/proc.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* memfd_create(2), Linux 6.3; EINVAL before */
#endif
#define PIDFD_GROUP (1u << 2) /* PIDFD_SIGNAL_PROCESS_GROUP in linux/pidfd.h of Linux 6.9 */

/* EPERM: the answer of a seccomp filter around us that is older than the call. Where it is the kernel's word, the older way
 * has the same answer. */
static bool is_refused(int err)
{
	return err == ENOSYS || err == EPERM;
}

int sys_kill_process(pid_t pid, int sig)
{
	if (pid < 2)
		return -EINVAL;
	return kill(pid, sig) < 0 ? -errno : 0;
}

int sys_kill_group(pid_t pgid, int sig)
{
	if (pgid < 2 || pgid == getpgrp())
		return -EINVAL;
	return kill(-pgid, sig) < 0 ? -errno : 0;
}

int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	long fd;

	if (pid < 1)
		return -EINVAL;
	fd = syscall(SYS_pidfd_open, pid, flags);
	if (fd < 0 && is_refused(errno))
		return fallback_pidfd_open(pid);
	/* A number that lives on as that of a group or session is no process any more: ESRCH in newer kernels, not in 6.1. */
	if (fd < 0 && errno == EINVAL && flags == 0)
		return -ESRCH;
	return fd < 0 ? -errno : (int)fd;
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0u) == 0)
		return 0;
	/* A number is not as good as a pidfd: not when it was the kernel that said no. */
	if (errno == EPERM && syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0u) < 0 && errno == EBADF)
		return -EPERM;
	return is_refused(errno) ? fallback_pidfd_send_signal(pidfd, sig) : -errno;
}

bool sys_pidfd_is_directory(int pidfd)
{
	struct stat st;

	return fstat(pidfd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Of /proc/PID: whether the process has ended. */
static bool directory_has_ended(int dir_fd)
{
	struct proc_stat stat;

	return proc_read_stat_at(dir_fd, &stat) < 0 || proc_stat_has_ended(&stat);
}

int sys_pidfd_wait(int pidfd, int timeout_ms)
{
	const uint64_t due = sys_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000u;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	bool directory = sys_pidfd_is_directory(pidfd);

	for (;;) {
		uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
		int left = timeout_ms < 0 ? -1 : now < due ? (int)((due - now) / 1000000) + 1 : 0, n;

		if (directory && directory_has_ended(pidfd))
			return 1;
		/* Nothing tells of the end of somebody else's child there: a look now and then. */
		n = directory ? poll(NULL, 0, left < 0 || left > 20 ? 20 : left) : poll(&p, 1, left);
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (timeout_ms >= 0 && sys_clock_ns(CLOCK_MONOTONIC) >= due)
			return directory && directory_has_ended(pidfd);
	}
}

int sys_pidfd_signal_group(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, PIDFD_GROUP) < 0 ? -errno : 0;
}

int sys_pidfd_getfd(int pidfd, int target_fd)
{
	long fd = syscall(SYS_pidfd_getfd, pidfd, target_fd, 0u);

	if (fd < 0 && errno == EBADF && sys_pidfd_is_directory(pidfd))
		return -ENOSYS;
	return fd < 0 ? -errno : (int)fd;
}

pid_t sys_clone3(struct clone_args *args, size_t size)
{
	long pid = syscall(SYS_clone3, args, size);

	/* EINVAL: a flag that is younger than the call, as CLONE_CLEAR_SIGHAND is (Linux 5.5). */
	if (pid < 0 && (is_refused(errno) || errno == EINVAL))
		return fallback_clone(args);
	return pid < 0 ? -errno : (pid_t)pid;
}

int sys_openat2(int dir_fd, const char *path, const struct open_how *how)
{
	long fd;
	int tries = 0;

	do
		fd = syscall(SYS_openat2, dir_fd, path, how, sizeof *how);
	while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < 128)));
	return fd < 0 ? -errno : (int)fd;
}

bool sys_openat2_refused(int result)
{
	return result < 0 && is_refused(-result);
}

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	if (syscall(SYS_close_range, first, last, flags) == 0)
		return 0;
	/* EINVAL: a flag that is younger than the call. */
	return is_refused(errno) || (errno == EINVAL && flags) ? fallback_close_range(first, last, flags) : -errno;
}

int sys_scratch_file(const char *name)
{
	static const char *const places[] = { "/dev/shm", "/tmp", "/run" };
	/* One that could be executed is refused where the sysctl vm.memfd_noexec is 2. */
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL), err;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC);
	err = errno;
	for (size_t i = 0; fd < 0 && i < sizeof places / sizeof *places; i++)
		fd = open(places[i], O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? -err : fd;
}

int sys_set_subreaper(bool on)
{
	return prctl(PR_SET_CHILD_SUBREAPER, on ? 1ul : 0ul, 0, 0, 0) < 0 ? -errno : 0;
}

void sys_lower_priority(void)
{
	enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_IDLE = 3, IOPRIO_CLASS_SHIFT = 13 }; /* linux/ioprio.h */

	(void)setpriority(PRIO_PROCESS, 0, 19); /* lower than before is always allowed */
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT); /* an old kernel's loss */
}

void *sys_map(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void sys_map_forget(void *start, size_t size)
{
	(void)madvise(start, size, MADV_DONTNEED); /* advice: not taken, it costs memory and nothing else */
}

void sys_forget_stack(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), reach = 32 * page;
	const uintptr_t frames = 1024; /* more than our own frame and that of the call take: they may go on in the next page */
	uintptr_t keep = ((uintptr_t)__builtin_frame_address(0) - frames) & ~(page - 1);

	/* What was never touched is not mapped: an error that says so comes after the rest was done. */
	(void)madvise((void *)(keep - reach), reach, MADV_DONTNEED);
}

uint64_t sys_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
