/* Device nodes, links in /dev, the console. Runs between clone and execve: system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "child/tree.h"

#define DEVPTS_MAGIC 0x1cd1

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

/* Something is there: fine when it may be anything, or when it is what is wanted. */
static int check_existing(struct child *c, const struct op_device *d, int dir_fd, const char *name)
{
	struct stat st;

	if (d->keep_existing)
		return 0;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return child_fail(c, PART_NODE);
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT) || (!S_ISFIFO(d->mode) && st.st_rdev != d->dev))
		return child_result(c, PART_OCCUPIED, -EEXIST);
	return 0;
}

/* The host's node, where mknod(2) is not for us. */
static int bind_device(struct child *c, const struct op_device *d)
{
	auto_fd target = inroot_make_file(&c->root, d->path);

	if (target < 0)
		return child_result(c, PART_TARGET, target);
	return tree_place(c, &d->tree, target, d->path);
}

/* The directory of a node or link, borrowed: they come in a row, most of them in /dev. No mount happens in between, and
 * step_close_fds closes the last one. */
static int open_dir_of(struct child *c, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (c->dir_fd >= 0 && n && slash[1] && strlen(c->dir_path) == n && strncmp(c->dir_path, path, n) == 0) {
		*ret_name = slash + 1;
		return c->dir_fd;
	}
	fd_close(&c->dir_fd);
	c->dir_fd = inroot_open_parent(&c->root, path, ret_name);
	c->dir_path[0] = '\0';
	if (c->dir_fd >= 0 && n < sizeof c->dir_path) {
		memcpy(c->dir_path, path, n);
		c->dir_path[n] = '\0';
	}
	return c->dir_fd;
}

int step_device(struct child *c, const struct child_op *op)
{
	const struct op_device *d = &op->device;
	const char *name;
	int dir;

	if (d->bind)
		return bind_device(c, d);
	dir = open_dir_of(c, d->path, &name);
	if (dir < 0)
		return child_result(c, PART_TARGET, dir);
	if (mknodat(dir, name, d->mode, d->dev) < 0) {
		if (errno == EPERM && d->tree.path)
			return bind_device(c, d);
		return errno == EEXIST ? check_existing(c, d, dir, name) : child_fail(c, PART_NODE);
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return child_fail(c, PART_OWNER);
	return 0;
}

int step_link(struct child *c, const struct child_op *op)
{
	const char *name;
	int dir = open_dir_of(c, op->link.path, &name);

	if (dir < 0)
		return child_result(c, PART_TARGET, dir);
	if (symlinkat(op->link.target, dir, name) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* The container's own /dev/pts/ptmx, and nothing that an image has put there (CVE-2025-52565). */
static int open_ptmx(struct child *c)
{
	struct statfs fs;
	struct stat st;
	auto_fd path = -1, fd = -1;

	/* In exec nobody has opened the root yet; step_close_fds closes it. */
	if (c->root.fd < 0)
		c->root.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root.fd < 0)
		return -errno;
	path = inroot_open(&c->root, "/dev/pts", O_DIRECTORY);
	if (path < 0)
		return path;
	if (fstatfs(path, &fs) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_MAGIC)
		return -ENODEV;
	fd = openat(path, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	return steal_fd(&fd);
}

/* Puts the slave on /dev/console, by descriptors. */
static int bind_console(struct child *c, int slave)
{
	auto_fd target = inroot_make_file(&c->root, "/dev/console");

	return target < 0 ? target : tree_cover(c, slave, target, "/dev/console", false, 0);
}

static int set_size(struct child *c, const struct op_console *k, int fd)
{
	struct winsize size = { .ws_row = k->height, .ws_col = k->width };

	if (k->height && k->width && ioctl(fd, TIOCSWINSZ, &size) < 0)
		return child_fail(c, PART_WINSIZE);
	return 0;
}

/* A new one of the container's devpts; its master goes to who asked for it. A descriptor or -errno with the part. */
static int make_terminal(struct child *c, const struct op_console *k)
{
	static const char name[] = "/dev/ptmx";
	auto_fd master = open_ptmx(c);
	auto_fd slave = -1;
	struct termios modes;
	int unlock = 0, r;

	if (master < 0)
		return child_result(c, PART_PTMX, master);
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return child_fail(c, PART_PTMX);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return child_fail(c, PART_SLAVE);
	r = set_size(c, k, master);
	if (r < 0)
		return r;
	if (k->plain_newlines && tcgetattr(slave, &modes) == 0) {
		modes.c_oflag &= ~(tcflag_t)ONLCR;
		(void)tcsetattr(slave, TCSANOW, &modes); /* then there are carriage returns */
	}
	r = k->bind ? bind_console(c, slave) : 0;
	if (r < 0)
		return child_result(c, PART_MOUNT, r);
	if (k->uid && fchown(slave, k->uid, (gid_t)-1) < 0)
		return child_fail(c, PART_OWNER);
	r = fdpass_send(k->socket_fd, master, name, sizeof name - 1);
	return r < 0 ? child_result(c, PART_SEND, r) : steal_fd(&slave);
}

int step_console(struct child *c, const struct child_op *op)
{
	const struct op_console *k = &op->console;
	auto_fd made = k->slave_fd >= 0 ? -1 : make_terminal(c, k);
	int slave = k->slave_fd >= 0 ? k->slave_fd : made, r;

	if (slave < 0)
		return slave;
	r = made < 0 ? set_size(c, k, slave) : 0;
	if (r < 0)
		return r;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(slave, fd) < 0)
			return child_fail(c, PART_TERMINAL);
	return ioctl(0, TIOCSCTTY, 0) < 0 ? child_fail(c, PART_TERMINAL) : 0;
}

/* The host's /dev/null is a file of the host's: the container gets its own in its place, where it has one (criu could not
 * save the process else). Whatever stands there instead is left alone. */
static int exchange_null(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	auto_fd own = -1;
	struct stat st;

	if (flags < 0)
		return -errno;
	own = open("/dev/null", (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (own < 0 || fstat(own, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return 0;
	if (fcntl(own, F_SETFL, flags & ~O_NONBLOCK) < 0 || dup2(own, fd) < 0)
		return -errno;
	return 0;
}

/* A pipe without a name is nobody else's, so its group is the process's too, as with crun. For a file whoever may read it
 * by its group shall go on to, as with runc. */
static gid_t group_for(int fd, const struct op_own_stdio *owner)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC ? owner->gid : (gid_t)-1;
}

/* The process's user may open its own standard files again (/dev/stderr); what refuses is left as it is. */
int step_own_stdio(struct child *c, const struct child_op *op)
{
	struct stat st;

	(void)c;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &st) < 0)
			continue;
		if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)) {
			int r = op->own_stdio.own_null ? exchange_null(fd) : 0;

			if (r < 0)
				return r;
			continue;
		}
		if (st.st_uid == op->own_stdio.uid)
			continue;
		if (fchown(fd, op->own_stdio.uid, group_for(fd, &op->own_stdio)) < 0 && errno != EPERM &&
			errno != EROFS && errno != EINVAL)
			return -errno;
	}
	return 0;
}
