/* The root of the container's file systems: attach it, make it the root, and restrict paths in it. Runs between clone and
 * execve: system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "child/tree.h"

int step_propagation(struct child *c, const struct child_op *op)
{
	(void)c;
	return mount(NULL, "/", NULL, op->flags.flags, NULL) < 0 ? -errno : 0;
}

/* pivot_root(2) refuses a root whose parent mount is shared: the mount that holds the path is made private. A path that
 * is no mount point gives EINVAL, one that may not be walked EACCES (step_rootfs sees to that); its parents are tried. */
int step_parent_private(struct child *c, const struct child_op *op)
{
	char path[4096];
	size_t n = strlen(op->flags.path);

	(void)c;
	if (n >= sizeof path)
		return -ENAMETOOLONG;
	memcpy(path, op->flags.path, n + 1);
	for (;;) {
		char *slash = strrchr(path, '/');

		if (mount(NULL, path[0] ? path : "/", NULL, MS_PRIVATE, NULL) == 0)
			return 0;
		if ((errno != EINVAL && errno != EACCES) || !slash)
			return -errno;
		*slash = '\0';
	}
}

/* By mount(2): bound over itself. step_close_fds closes the descriptor. */
static int rootfs_by_mount2(struct child *c, const char *path)
{
	c->mount2 = true;
	if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	c->root.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->root.fd < 0 ? -errno : 0;
}

static int attach_rootfs(struct child *c, const struct op_rootfs *o)
{
	enum child_part part;
	int fd = o->tree.fd < 0 ? tree_open(&o->tree, &part) : o->tree.fd;
	int r = fd < 0 ? fd : mnt_move(fd, "", AT_FDCWD, o->tree.path, MOVE_MOUNT_F_EMPTY_PATH);

	if (fd < 0)
		return fd;
	/* The container's root may not be let into the directories above; over "/" does as well when no hook wants to find
	 * it by its path. That is its parent mount then, and not to be shared; if it stays so, pivot_root fails. */
	if (r < 0 && errno == EACCES && o->anywhere) {
		(void)mount(NULL, "/", NULL, MS_PRIVATE, NULL);
		r = mnt_move(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	}
	c->root.fd = fd;
	return r < 0 ? -errno : 0;
}

int step_rootfs(struct child *c, const struct child_op *op)
{
	int r = attach_rootfs(c, &op->rootfs);

	if (r == -ENOSYS)
		r = rootfs_by_mount2(c, op->rootfs.tree.path);
	if (r < 0)
		return r;
	return fchdir(c->root.fd) < 0 ? -errno : 0;
}

/* A mount of the host that a root made without pivot_root would leave in reach: gone, or where it is locked, covered. */
int step_hide(struct child *c, const struct child_op *op)
{
	(void)c;
	if (umount2(op->path.path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (mount("tmpfs", op->path.path, "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1,mode=755") == 0)
		return 0;
	return errno == ENOENT ? 0 : -errno; /* it went with another */
}

/* "." is the new root with the old one on top of it: umount2 takes what is on top, mount(2) would change both. Unmounting
 * must not reach the host's mounts, whose peers the old ones may be. */
static int leave_old_root(bool may_propagate)
{
	auto_fd old = may_propagate ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (may_propagate && old < 0)
		return -errno;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (may_propagate && (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
		return -errno;
	return umount2(".", MNT_DETACH) < 0 ? -errno : 0;
}

int step_pivot(struct child *c, const struct child_op *op)
{
	int root;

	if (fchdir(c->root.fd) < 0)
		return -errno;
	if (op->pivot.chroot_only || op->pivot.no_pivot) {
		if (op->pivot.no_pivot && mount(".", "/", NULL, MS_MOVE, NULL) < 0)
			return -errno;
		if (chroot(".") < 0)
			return -errno;
	} else {
		int r = leave_old_root(op->pivot.may_propagate);

		if (r < 0)
			return r;
	}
	if (chdir("/") < 0)
		return -errno;
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	c->root.fd = root;
	return 0;
}

int step_root_propagation(struct child *c, const struct child_op *op)
{
	(void)c;
	return mount(NULL, "/", NULL, op->flags.flags, NULL) < 0 ? -errno : 0;
}

int step_remount(struct child *c, const struct child_op *op)
{
	const struct mount_attr attr = { .attr_set = op->remount.set, .attr_clr = op->remount.clear };
	auto_fd fd = inroot_open(&c->root, op->remount.path ? op->remount.path : "/", 0);

	if (fd < 0)
		return child_result(c, PART_TARGET, fd);
	return tree_set_attributes(c, fd, &attr, false);
}

int step_readonly_path(struct child *c, const struct child_op *op)
{
	auto_fd fd = inroot_open(&c->root, op->path.path, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0; /* nothing to protect */
	if (fd < 0)
		return child_result(c, PART_TARGET, fd);
	return tree_cover(c, fd, fd, op->path.path, true, MOUNT_ATTR_RDONLY);
}

static int mask_file(struct child *c, int fd, const char *path)
{
	struct stat st;
	auto_fd null_fd = inroot_open(&c->root, "/dev/null", O_NOFOLLOW);

	if (null_fd < 0)
		return child_result(c, PART_DEV_NULL, null_fd);
	/* CVE-2025-31133: the image decides what lies at /dev/null. */
	if (fstat(null_fd, &st) < 0)
		return child_fail(c, PART_DEV_NULL);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return child_result(c, PART_DEV_NULL, -ENODEV);
	return tree_cover(c, null_fd, fd, path, false, 0);
}

/* The mask that has just been put there, for others; -1 when the path leads elsewhere by now, as an image's symlinks can. */
static int open_mask(struct child *c, const char *path)
{
	auto_fd fd = inroot_open(&c->root, path, O_DIRECTORY);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC || fs.f_files != 1)
		return -1;
	return steal_fd(&fd);
}

/* An empty, read-only directory, one for all. On ".", because a descriptor cannot be named without a procfs. */
static int mask_dir(struct child *c, int fd, const char *path, const char *data)
{
	if (c->mask_fd >= 0)
		return tree_cover(c, c->mask_fd, fd, path, false, MOUNT_ATTR_RDONLY);
	if (fchdir(fd) < 0 || mount("tmpfs", ".", "tmpfs", MS_RDONLY, data) < 0)
		return -errno;
	c->mask_fd = open_mask(c, path);
	return chdir("/") < 0 ? -errno : 0;
}

int step_masked_path(struct child *c, const struct child_op *op)
{
	struct stat st;
	auto_fd fd = inroot_open(&c->root, op->mask.path, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0; /* nothing to hide */
	if (fd < 0)
		return child_result(c, PART_TARGET, fd);
	/* Asking first is cheaper than trying: a failing bind waits for a grace period. */
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? mask_dir(c, fd, op->mask.path, op->mask.data) : mask_file(c, fd, op->mask.path);
}
