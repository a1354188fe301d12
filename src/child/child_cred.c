/* Scheduling, identity and privileges. Runs between clone and execve: system calls only; by number where libc's wrapper
 * would do more than the call. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/rw.h"
#include "child/child.h"

#define IOPRIO_WHO_PROCESS 1

/* Kernels of ChromeOS only. */
#define PR_ALT_SYSCALL        0x43724f53
#define ALT_SYSCALL_SET_TABLE 1

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE        62
#define PR_SCHED_CORE_CREATE 1
#endif
#define SCHED_CORE_SCOPE_THREAD_GROUP 1

int step_scheduler(struct child *c, const struct child_op *op)
{
	(void)c;
	return syscall(SYS_sched_setattr, 0, &op->scheduler, 0) < 0 ? -errno : 0;
}

int step_io_priority(struct child *c, const struct child_op *op)
{
	(void)c;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, op->flags.flags) < 0 ? -errno : 0;
}

int step_personality(struct child *c, const struct child_op *op)
{
	(void)c;
	return personality(op->flags.flags) < 0 ? -errno : 0;
}

int step_memory_policy(struct child *c, const struct child_op *op)
{
	const struct op_memory_policy *m = &op->memory_policy;

	(void)c;
	return syscall(SYS_set_mempolicy, m->mode, m->n_bits ? m->nodes : NULL, m->n_bits) < 0 ? -errno : 0;
}

/* Who comes from us inherits it. */
int step_core_sched(struct child *c, const struct child_op *op)
{
	(void)c;
	(void)op;
	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, SCHED_CORE_SCOPE_THREAD_GROUP, 0) < 0 ? -errno : 0;
}

int step_alt_syscall(struct child *c, const struct child_op *op)
{
	(void)c;
	return prctl(PR_ALT_SYSCALL, ALT_SYSCALL_SET_TABLE, op->path.path) < 0 ? -errno : 0;
}

int step_no_new_privileges(struct child *c, const struct child_op *op)
{
	(void)c;
	(void)op;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int set_ids(struct child *c, const struct op_credentials *k)
{
	/* Where the bits decide, they have been set. */
	if (k->uid && !k->set_securebits && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return child_fail(c, PART_CAPS);
	/* In the user namespace of an unprivileged user it is denied; with none to set, that is no failure. */
	if (!k->keep_groups && syscall(SYS_setgroups, k->n_groups, k->groups) < 0 && (errno != EPERM || k->n_groups))
		return child_fail(c, PART_GROUPS);
	if (syscall(SYS_setresgid, k->gid, k->gid, k->gid) < 0)
		return child_fail(c, PART_GID);
	if (syscall(SYS_setresuid, k->uid, k->uid, k->uid) < 0)
		return child_fail(c, PART_UID);
	return 0;
}

int step_credentials(struct child *c, const struct child_op *op)
{
	const struct op_credentials *k = &op->credentials;
	const uint64_t kept = k->keep_sys_admin ? 1ull << CAP_SYS_ADMIN : 0;
	int r;

	umask(k->umask);
	for (int cap = 0; cap < 64; cap++)
		if ((k->bounding_drop & (1ull << cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return child_fail(c, PART_BOUNDING);
	/* While we are CAP_SETPCAP: another user is not, unless capabilities are kept, which these bits decide. */
	if (k->set_securebits && prctl(PR_SET_SECUREBITS, (unsigned long)k->securebits, 0, 0, 0) < 0)
		return child_fail(c, PART_SECUREBITS);
	r = set_ids(c, k);
	if (r < 0)
		return r;
	r = set_caps(k->effective | kept, k->permitted | kept, k->inheritable);
	if (r < 0)
		return child_result(c, PART_CAPS, r);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* Linux 4.3; without it there are none */
	for (int cap = 0; cap < 64; cap++)
		if (k->ambient & (1ull << cap))
			/* Refused unless permitted and inheritable; the peers only warn. */
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return 0;
}

int step_seccomp(struct child *c, const struct child_op *op)
{
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op->seccomp.flags, op->seccomp.program);

	if (r < 0)
		return -errno;
	if (op->seccomp.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		c->listener_fd = (int)r;
	return 0;
}

/* The agent's answers are needed from here on. Under the filter as few calls as can be: a write, which no profile may
 * hand to an agent, and a read, which waits for one. */
int step_listener(struct child *c, const struct child_op *op)
{
	char byte = 0;
	ssize_t n;

	c->value = c->listener_fd;
	child_report(c, MESSAGE_LISTENER, op, 0);
	n = rw_read(c->sock_fd >= 0 ? c->sock_fd : c->go_fd, &byte, 1);
	if (n < 0)
		return (int)n;
	return n == 1 && byte == (char)REPLY_GO ? 0 : -EPIPE;
}

/* Without no_new_privs the filter needed CAP_SYS_ADMIN; it goes now. */
int step_drop_last(struct child *c, const struct child_op *op)
{
	const struct op_credentials *k = &op->credentials;

	return child_result(c, PART_CAPS, set_caps(k->effective, k->permitted, k->inheritable));
}
