/* System calls that libc lacks or that need care. */
#include "base/sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIDFD_GROUP (1u << 2) /* PIDFD_SIGNAL_PROCESS_GROUP in linux/pidfd.h of Linux 6.9 */

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
	return fd < 0 ? -errno : (int)fd;
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0u) < 0 ? -errno : 0;
}

int sys_pidfd_signal_group(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, PIDFD_GROUP) < 0 ? -errno : 0;
}

int sys_pidfd_getfd(int pidfd, int target_fd)
{
	long fd = syscall(SYS_pidfd_getfd, pidfd, target_fd, 0u);

	return fd < 0 ? -errno : (int)fd;
}

pid_t sys_clone3(struct clone_args *args, size_t size)
{
	long pid = syscall(SYS_clone3, args, size);

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

int sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	return syscall(SYS_close_range, first, last, flags) < 0 ? -errno : 0;
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
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);

	/* Our own frame, and that of the call, may go on in the next page. What was never touched is not mapped: an error
	 * that says so comes after the rest was done. */
	(void)madvise((void *)(here - page - reach), reach, MADV_DONTNEED);
}

uint64_t sys_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
