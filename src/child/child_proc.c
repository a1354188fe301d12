/* Writes to /proc, through a procfs that an image or a neighbour cannot have replaced: a private, detached one, or
 * where that is refused (nested containers) the one at /proc, proven to be a procfs at its root. Runs between clone and
 * execve: system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "base/rw.h"
#include "base/sys.h"
#include "child/child.h"

#define PROC_MAGIC    0x9fa0
#define PROC_ROOT_INO 1

static int open_private(void)
{
	auto_fd fs = mnt_fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_verified(void)
{
	struct statfs fs;
	struct stat st;
	auto_fd fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fs.f_type != PROC_MAGIC || st.st_ino != PROC_ROOT_INO)
		return -ENODEV;
	return steal_fd(&fd);
}

int child_proc_open(struct child *c)
{
	if (c->proc_fd >= 0)
		return 0;
	c->proc_fd = open_private();
	if (c->proc_fd < 0)
		c->proc_fd = open_verified();
	if (c->proc_fd < 0)
		return child_result(c, PART_UNSAFE_PROC, c->proc_fd);
	return 0;
}

/* Writes to a file below the procfs; no mount over it and no symlink but /proc/self's own counts. */
static int write_proc(struct child *c, const char *path, const char *text, size_t size, uint64_t links)
{
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | links,
	};
	int r = child_proc_open(c);
	auto_fd fd = -1;
	ssize_t n;

	if (r < 0)
		return r;
	fd = sys_openat2(c->proc_fd, path, &how);
	if (sys_openat2_refused(fd)) {
		fd = openat(c->proc_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd;
	n = rw_write(fd, text, size);
	return n < 0 ? (int)n : 0;
}

int step_sysctl(struct child *c, const struct child_op *op)
{
	char path[512] = "sys/";

	if (strlen(op->sysctl.path) + sizeof "sys/" > sizeof path)
		return -ENAMETOOLONG;
	strcat(path, op->sysctl.path);
	return write_proc(c, path, op->sysctl.value, strlen(op->sysctl.value), RESOLVE_NO_SYMLINKS);
}

int step_apparmor(struct child *c, const struct child_op *op)
{
	char text[1024] = "exec ";
	int r;

	if (strlen(op->path.path) + sizeof "exec " > sizeof text)
		return -ENAMETOOLONG;
	strcat(text, op->path.path);
	r = write_proc(c, "self/attr/apparmor/exec", text, strlen(text), 0);
	if (r == -ENOENT)
		r = write_proc(c, "self/attr/exec", text, strlen(text), 0);
	return r;
}

int step_selinux(struct child *c, const struct child_op *op)
{
	return write_proc(c, "self/attr/exec", op->path.path, strlen(op->path.path), 0);
}

int child_label_keys(struct child *c, const char *label)
{
	return write_proc(c, "self/attr/keycreate", label, strlen(label), 0);
}
