/* Namespaces, the session, the keyring, host names. Runs between clone and execve: system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "child/child.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

int step_join(struct child *c, const struct child_op *op)
{
	(void)c;
	return setns(op->join.fd, (int)op->join.flag) < 0 ? -errno : 0;
}

int step_start(struct child *c, const struct child_op *op)
{
	static const struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;

	(void)op;
	/* Until REPLY_GO our end is the parent's end. If it died before this call, the socket tells. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	(void)prctl(PR_SET_NAME, c->plan->name, 0, 0, 0); /* for people only */
	for (int sig = 1; sig <= 64; sig++)
		if (c->plan->ignored_signals & (1ull << (sig - 1)))
			(void)sigaction(sig, &by_default, NULL); /* the two of libc's own are refused */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	c->caller_umask = umask(0);
	return 0;
}

int step_affinity(struct child *c, const struct child_op *op)
{
	unsigned long all[8192 / (8 * sizeof(unsigned long))]; /* as many as a kernel can be built for */

	(void)c;
	if (!op->affinity.mask) {
		memset(all, 0xff, sizeof all);
		/* The kernel takes what the cpuset has. A deadline scheduler may refuse; then what is there stays. */
		(void)syscall(SYS_sched_setaffinity, 0, sizeof all, all);
		return 0;
	}
	return syscall(SYS_sched_setaffinity, 0, op->affinity.size, op->affinity.mask) < 0 ? -errno : 0;
}

int step_wait_maps(struct child *c, const struct child_op *op)
{
	int r = child_wait(c, REPLY_MAPS);

	(void)op;
	if (r < 0)
		return r;
	/* A parent without rights could write our maps only because we were open to it. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* Ours are the offsets, and we the first in it: made for our children, then entered. */
int step_time_namespace(struct child *c, const struct child_op *op)
{
	auto_fd fd = -1;

	(void)c;
	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	if (op->path.path) {
		int r = rw_write_control(AT_FDCWD, "/proc/self/timens_offsets", op->path.path);

		if (r < 0)
			return r;
	}
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, CLONE_NEWTIME) < 0 ? -errno : 0;
}

int step_root_ids(struct child *c, const struct child_op *op)
{
	(void)c;
	(void)op;
	/* By number, not through libc: its wrappers would look for other threads. setgroups may be denied here. */
	if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM)
		return -errno;
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -errno;
	/* Other ids, and the kernel has forgotten what step_start asked for. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}

/* By the clone itself the root of the message queues would belong to an id that is not mapped: nobody, who cannot be
 * asked for a label. */
int step_ipc_namespace(struct child *c, const struct child_op *op)
{
	(void)c;
	(void)op;
	return unshare(CLONE_NEWIPC) < 0 ? -errno : 0;
}

int step_session(struct child *c, const struct child_op *op)
{
	(void)c;
	(void)op;
	return setsid() < 0 ? -errno : 0;
}

/* The permissions in "keyring;uid;gid;PERM;name" (keyctl(2), KEYCTL_DESCRIBE). */
static uint32_t keyring_permissions(const char *text)
{
	uint32_t value = 0;

	for (int i = 0; i < 3 && text; i++) {
		text = strchr(text, ';');
		if (text)
			text++;
	}
	for (; text && *text && *text != ';'; text++)
		value = value << 4 | (uint32_t)(*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	return value;
}

/* A session keyring of its own, which the user's other processes may search (as runc and crun). */
int step_keyring(struct child *c, const struct child_op *op)
{
	char text[512];
	int r = op->keyring.label ? child_result(c, PART_LABEL, child_label_keys(c, op->keyring.label)) : 0;
	long ring, n;

	if (r < 0)
		return r;
	ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->keyring.name);
	if (ring < 0)
		return errno == ENOSYS ? 0 : -errno;
	n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, text, sizeof text);
	if (n < 0 || (size_t)n > sizeof text)
		return n < 0 ? -errno : -EOVERFLOW;
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, ring, keyring_permissions(text) | op->keyring.permissions) < 0)
		return -errno;
	return 0;
}

int step_cgroup_namespace(struct child *c, const struct child_op *op)
{
	/* On v1 the parent moves us; a namespace made before that would be rooted at the parent's cgroup. */
	int r = op->flags.flags ? child_wait(c, REPLY_CGROUP) : 0;

	if (r < 0)
		return r;
	return unshare(CLONE_NEWCGROUP) < 0 ? -errno : 0;
}

int step_enter_root(struct child *c, const struct child_op *op)
{
	(void)c;
	if (fchdir((int)op->flags.flags) < 0 || chroot(".") < 0)
		return -errno;
	return 0;
}

int step_loopback(struct child *c, const struct child_op *op)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	auto_fd fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)c;
	(void)op;
	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int step_hostname(struct child *c, const struct child_op *op)
{
	(void)c;
	return sethostname(op->path.path, strlen(op->path.path)) < 0 ? -errno : 0;
}

int step_domainname(struct child *c, const struct child_op *op)
{
	(void)c;
	return setdomainname(op->path.path, strlen(op->path.path)) < 0 ? -errno : 0;
}
