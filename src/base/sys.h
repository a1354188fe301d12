/* System calls that libc lacks or that need care. Each returns a result or -errno, and is async-signal-safe. */
#pragma once

#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The only two callers of kill(2) in the project. They refuse (-EINVAL) what would reach more than was meant: a value
 * below 2 (-1 is everybody, 0 our own group, 1 init), and our own process group. */
int sys_kill_process(pid_t pid, int sig);
int sys_kill_group(pid_t pgid, int sig);

/* pidfd_open(2), Linux 5.3; before, the directory /proc/PID (sys_pidfd_is_directory). Close-on-exec. Refuses pids below 1;
 * -ESRCH also where the number is but a group's or a thread's. */
int sys_pidfd_open(pid_t pid, unsigned int flags);

/* pidfd_send_signal(2), Linux 5.1; before, by number. */
int sys_pidfd_send_signal(int pidfd, int sig);

/* The same to the process group that the process leads, Linux 6.9 (-EINVAL before). -ESRCH: it leads none. */
int sys_pidfd_signal_group(int pidfd, int sig);

/* Whether a pidfd is the directory that older kernels have instead. Of those neither poll(2) nor setns(2) knows. */
bool sys_pidfd_is_directory(int pidfd);

/* Waits for the end of the process, at most timeout_ms (negative: for ever). 1: it has ended, 0: it has not, or
 * -errno. */
int sys_pidfd_wait(int pidfd, int timeout_ms);

/* pidfd_getfd(2), Linux 5.6; -ENOSYS before, and with the directory that stands for a pidfd. */
int sys_pidfd_getfd(int pidfd, int target_fd);

/* clone3(2), Linux 5.3; before, clone(2), with -EOPNOTSUPP for CLONE_INTO_CGROUP. Pid, 0 in the child, or -errno. */
pid_t sys_clone3(struct clone_args *args, size_t size);

/* openat2(2), Linux 5.6; repeated on EAGAIN (a concurrent rename) a bounded number of times. */
int sys_openat2(int dir_fd, const char *path, const struct open_how *how);

/* Whether what openat2 returned says that it cannot be had here: an older kernel, or (EPERM) a seccomp filter around us that
 * is older than the call. */
bool sys_openat2_refused(int result);

/* close_range(2), Linux 5.9; flags as there (CLOSE_RANGE_CLOEXEC: Linux 5.11). Before, one by one up to number 65535. */
int sys_close_range(unsigned int first, unsigned int last, unsigned int flags);

/* A file without a name, for what is too much for a pipe: memfd_create(2), or where that is missing or refused a file on
 * /dev/shm or the like. A descriptor or -errno. */
int sys_scratch_file(const char *name);

/* The calling process becomes the reaper of its descendants' orphans: prctl(2), PR_SET_CHILD_SUBREAPER. */
int sys_set_subreaper(bool on);

/* The calling process, and what it starts, works when nobody else wants to: nice 19, idle class of I/O. */
void sys_lower_priority(void);

/* Private zeroed memory that costs nothing until it is touched (mmap(2)); NULL when there is none. Page aligned. */
void *sys_map(size_t size);

/* Gives size bytes from start on back to the kernel; they read as zero then. */
void sys_map_forget(void *start, size_t size);

/* Gives the stack below the caller back to the kernel: what was needed once, deeper down, and will not be for long. */
void sys_forget_stack(void);

/* Nanoseconds of a clock (clock_gettime(2)). */
uint64_t sys_clock_ns(clockid_t clock);
