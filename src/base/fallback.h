/* What sys.c does where the kernel, or a seccomp filter around us, lacks a system call. Only for sys.c. No allocation,
 * async-signal-safe; results are -errno. */
#pragma once

#include <linux/sched.h>
#include <sys/types.h>

/* clone3(2) by clone(2). -EOPNOTSUPP for what that cannot say (CLONE_INTO_CGROUP). */
pid_t fallback_clone(const struct clone_args *args);

/* A descriptor of the directory /proc/PID: it names one process for ever, takes signals, and cannot be waited for by
 * poll(2) (sys_pidfd_wait). -ESRCH: there is none. */
int fallback_pidfd_open(pid_t pid);

/* Sends a signal by number. Between the look at it and the signal the process may have gone, and its number with it: what
 * pidfds were made for. */
int fallback_pidfd_send_signal(int pidfd, int sig);

/* close_range(2) one by one, up to number 65535. */
int fallback_close_range(unsigned int first, unsigned int last, unsigned int flags);
