/* Asking the kernel what it can do, without having it done: system calls with arguments that they refuse (a bad descriptor,
 * a null pointer), or that touch nothing but the process that calls. A child makes each try, for a sandbox may end who
 * calls what it does not know. Between fork and _exit there are system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "ctl/doctor.h"

#define PATIENCE_MS 5000

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* memfd_create(2), Linux 6.3; EINVAL before */
#endif

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* What pidfds tell of processes that have ended, Linux 6.15 (linux/pidfd.h there). */
struct pidfd_told {
	uint64_t mask, cgroup;
	uint32_t numbers[12];
	int32_t exit_code;
};
#define PIDFD_TELL      _IOWR(0xFF, 11, struct pidfd_told)
#define PIDFD_TELL_EXIT (1u << 3)

/* The errno with which a call that cannot succeed has to fail. */
static int refused_with(long r, int expected)
{
	return r >= 0 || errno == expected ? 0 : -errno;
}

static int probe_clone_into_cgroup(void)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = INT32_MAX };
	long pid = syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(0);
	return refused_with(pid, EBADF);
}

static int probe_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof how) >= 0 ? 0 : -errno;
}

static int probe_pidfd_exit(void)
{
	struct pidfd_told told = { .mask = PIDFD_TELL_EXIT };
	pid_t pid = fork();
	int fd;

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return -errno;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	(void)waitpid(pid, NULL, 0);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, PIDFD_TELL, &told) < 0)
		return -errno;
	return told.mask & PIDFD_TELL_EXIT ? 0 : -EOPNOTSUPP;
}

/* An empty one: where files in memory may be executed it has a bad format, else it may not be. */
static int probe_memfd_exec(void)
{
	char path[NUM_MAX + 16] = "/proc/self/fd/";
	char *const none[] = { NULL };
	int fd = memfd_create("doctor", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("doctor", MFD_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0700) < 0)
		return -errno;
	num_format_i64(path + strlen(path), fd);
	execve(path, none, none);
	return refused_with(-1, ENOEXEC);
}

static int write_map(pid_t pid, const char *name)
{
	static const char map[] = "0 1000 1";
	char path[NUM_MAX + 32] = "/proc/";
	auto_fd fd = -1;

	num_format_i64(path + strlen(path), pid);
	strcat(strcat(path, "/"), name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, map, sizeof map - 1) > 0 ? 0 : -errno;
}

/* The mapping of a process's user namespace for a copy of the root file system's mount, which is nowhere attached. */
static int map_a_mount(pid_t pid)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	char path[NUM_MAX + 32] = "/proc/";
	auto_fd tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	auto_fd ns = -1;
	int r;

	if (tree < 0)
		return -errno;
	r = write_map(pid, "uid_map");
	if (r == 0)
		r = write_map(pid, "gid_map");
	if (r < 0)
		return r;
	num_format_i64(path + strlen(path), pid);
	ns = open(strcat(path, "/ns/user"), O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	attr.userns_fd = (uint64_t)ns;
	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ? -errno : 0;
}

/* With a child whose user namespace it is; it stays until we close our end of the second pipe. */
static int probe_idmapped(void)
{
	int ready[2], done[2], r;
	char c = 0;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(done[1]);
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(errno);
		(void)rw_write(ready[1], &c, 1); /* who does not read it has gone */
		(void)rw_read(done[0], &c, 1);
		_exit(0);
	}
	close(ready[1]);
	r = rw_read(ready[0], &c, 1) == 1 ? map_a_mount(pid) : -EPERM;
	close(done[1]);
	(void)waitpid(pid, NULL, 0);
	return r;
}

/* Which programs of devices the root of cgroup v2 has: whether there is such a thing is in the error. */
static int probe_bpf_devices(void)
{
	union bpf_attr attr = { .query = { .attach_type = BPF_CGROUP_DEVICE } };
	int fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	attr.query.target_fd = (uint32_t)fd;
	return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) < 0 ? -errno : 0;
}

static bool is_of_mounts(enum doctor_feature f)
{
	return f == FEATURE_OPEN_TREE || f == FEATURE_MOVE_MOUNT || f == FEATURE_MOUNT_SETATTR || f == FEATURE_FSOPEN;
}

static int ask(enum doctor_feature feature)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	/* Ordinary users mount in a user namespace, and so does who asks for them. */
	if (is_of_mounts(feature) && geteuid() != 0)
		(void)unshare(CLONE_NEWUSER | CLONE_NEWNS); /* forbidden: then the call says so */
	switch (feature) {
	case FEATURE_CLONE3:
		return refused_with(syscall(SYS_clone3, NULL, 0), EINVAL);
	case FEATURE_CLONE_INTO_CGROUP:
		return probe_clone_into_cgroup();
	case FEATURE_OPENAT2:
		return probe_openat2();
	case FEATURE_OPEN_TREE:
		return refused_with(syscall(SYS_open_tree, -1, "", AT_EMPTY_PATH | OPEN_TREE_CLOEXEC), EBADF);
	case FEATURE_MOVE_MOUNT:
		return refused_with(
			syscall(SYS_move_mount, -1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
			EBADF);
	case FEATURE_MOUNT_SETATTR:
		return refused_with(syscall(SYS_mount_setattr, -1, "", AT_EMPTY_PATH, &attr, sizeof attr), EBADF);
	case FEATURE_IDMAPPED_MOUNTS:
		return probe_idmapped();
	case FEATURE_FSOPEN:
		return refused_with(syscall(SYS_fsopen, NULL, 0), EFAULT);
	case FEATURE_PIDFD_OPEN:
		return syscall(SYS_pidfd_open, getpid(), 0) >= 0 ? 0 : -errno;
	case FEATURE_PIDFD_SEND_SIGNAL:
		return refused_with(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0), EBADF);
	case FEATURE_PIDFD_GETFD:
		return refused_with(syscall(SYS_pidfd_getfd, -1, 0, 0), EBADF);
	case FEATURE_PIDFD_EXIT:
		return probe_pidfd_exit();
	case FEATURE_CLOSE_RANGE:
		return refused_with(syscall(SYS_close_range, 2, 1, 0), EINVAL);
	case FEATURE_MEMFD:
		return refused_with(syscall(SYS_memfd_create, NULL, 0), EFAULT);
	case FEATURE_MEMFD_EXEC:
		return probe_memfd_exec();
	case FEATURE_EXECVEAT:
		return refused_with(syscall(SYS_execveat, -1, "", NULL, NULL, AT_EMPTY_PATH), EBADF);
	case FEATURE_BPF_DEVICES:
		return probe_bpf_devices();
	case N_DOCTOR_FEATURES:
		break;
	}
	return -EINVAL;
}

int doctor_probe(enum doctor_feature feature)
{
	pid_t pid = fork();
	auto_fd pidfd = -1;
	int status = 0, r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-ask(feature));
	pidfd = sys_pidfd_open(pid, 0);
	r = pidfd < 0 ? pidfd : sys_pidfd_wait(pidfd, PATIENCE_MS);
	if (r <= 0)
		(void)sys_kill_process(pid, SIGKILL); /* ours, and not reaped */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r <= 0)
		return r < 0 ? r : -ETIMEDOUT;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EBADE;
}
