/* The mounts of config.json. Runs between clone and execve: system calls only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "child/tree.h"

#define PROC_MAGIC 0x9fa0

/* proc and sysfs go on an ordinary directory, so that an image cannot send them elsewhere (CVE-2019-19921). */
static int open_ordinary_dir(struct child *c, const char *path)
{
	struct stat st;
	int fd = inroot_open(&c->root, path, O_NOFOLLOW);

	if (fd == -ENOENT)
		fd = inroot_make_dir(&c->root, path, 0755);
	if (fd < 0)
		return child_result(c, PART_TARGET, fd);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return fd;
	fd_close(&fd);
	return child_result(c, PART_SYMLINK, -ENOTDIR);
}

/* The place as it is, a symlink too (dest-nofollow), making it when it is missing. */
static int open_as_is(struct child *c, const struct op_mount *m)
{
	int flags = O_NOFOLLOW | (m->target_is_file ? 0 : O_DIRECTORY);
	int fd = inroot_open(&c->root, m->target, flags);

	if (fd != -ENOENT)
		return fd;
	fd = m->target_is_file ? inroot_make_file(&c->root, m->target) : inroot_make_dir(&c->root, m->target, 0755);
	if (fd < 0)
		return fd;
	fd_close(&fd);
	return inroot_open(&c->root, m->target, flags);
}

/* Opens the place, making it when it is missing; *ret_made is set only then, and for directories. */
static int open_target(struct child *c, const struct op_mount *m, bool *ret_made)
{
	struct statfs fs;
	int fd;

	if (m->target_no_symlink)
		fd = open_ordinary_dir(c, m->target);
	else if (m->tree.onto_link)
		fd = child_result(c, PART_TARGET, open_as_is(c, m));
	else if (m->target_is_file)
		fd = child_result(c, PART_TARGET, inroot_make_file(&c->root, m->target));
	else {
		fd = inroot_open(&c->root, m->target, O_DIRECTORY);
		*ret_made = fd == -ENOENT;
		if (*ret_made)
			fd = inroot_make_dir(&c->root, m->target, 0755);
		fd = child_result(c, PART_TARGET, fd);
	}
	if (fd < 0 || m->may_cover_proc)
		return fd;
	/* A volume over /proc would let the image answer for the kernel (CVE-2019-16884). */
	if (fstatfs(fd, &fs) == 0 && fs.f_type != PROC_MAGIC)
		return fd;
	fd_close(&fd);
	return child_result(c, PART_IN_PROC, -EPERM);
}

/* data plus ",mode=" of the directory that is covered. */
static int data_with_mode(const struct op_mount *m, int target_fd, char *buf, size_t size)
{
	size_t n = m->data ? strlen(m->data) : 0;
	struct stat st;

	if (fstat(target_fd, &st) < 0)
		return -errno;
	if (n + sizeof ",mode=7777" > size)
		return -ENAMETOOLONG;
	memcpy(buf, m->data ? m->data : "", n);
	strcpy(buf + n, n ? ",mode=" : "mode=");
	n += strlen(buf + n);
	for (int shift = 9; shift >= 0; shift -= 3)
		buf[n++] = (char)('0' + ((st.st_mode >> shift) & 7));
	buf[n] = '\0';
	return 0;
}

/* made: the directory was not in the image, so its mode means nothing. */
static int mount_new(struct child *c, const struct op_mount *m, int target_fd, bool made)
{
	char data[4096];
	const char *used = m->data;

	if (m->inherit_mode && !made) {
		int r = data_with_mode(m, target_fd, data, sizeof data);

		if (r < 0)
			return child_result(c, PART_MOUNT, r);
		used = data;
	}
	/* On ".", because a descriptor cannot be named without a procfs. */
	if (fchdir(target_fd) < 0)
		return child_fail(c, PART_TARGET);
	if (mount(m->source, ".", m->type, m->flags, used) == 0)
		return 0;
	if (errno == EINVAL && m->data_if_unmapped &&
		mount(m->source, ".", m->type, m->flags, m->data_if_unmapped) == 0)
		return 0;
	if (m->fallback.path && (errno == EPERM || errno == EBUSY))
		return tree_place(c, &m->fallback, target_fd, m->target);
	return child_fail(c, PART_MOUNT);
}

/* What is done to a mount once it is in its place. */
static int finish(struct child *c, const struct op_mount *m, int below_fd)
{
	const struct mount_attr attr = { .attr_set = m->rec_set, .attr_clr = m->rec_clear };
	auto_fd fd = -1;
	int r;

	if (m->n_propagation == 0 && !m->rec_set && !m->rec_clear && !m->copy_up && !m->label)
		return 0;
	fd = inroot_open(&c->root, m->target, O_DIRECTORY);
	if (fd < 0)
		return child_result(c, PART_TARGET, fd);
	if (m->copy_up) {
		auto_fd from = openat(below_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_fd to = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = from < 0 || to < 0 ? -errno : child_copy_tree(from, to, 0);
		if (r < 0)
			return child_result(c, PART_COPY_UP, r);
	}
	if (m->label) {
		auto_fd top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (top < 0 || fsetxattr(top, "security.selinux", m->label, strlen(m->label), 0) < 0)
			return child_fail(c, PART_LABEL);
	}
	/* It is new and has nothing below it: its own attributes are those of the whole tree. */
	r = m->rec_set || m->rec_clear ? tree_set_attributes(c, fd, &attr, false) : 0;
	if (r < 0)
		return child_result(c, PART_ATTRIBUTES, r);
	for (size_t i = 0; r == 0 && i < m->n_propagation; i++) {
		const struct mount_attr p = { .propagation = m->propagation[i] & ~(unsigned long)MS_REC };

		r = tree_set_attributes(c, fd, &p, false);
	}
	return child_result(c, PART_PROPAGATION, r);
}

/* What an earlier mount has brought has not been there for the parent to look at. link, of PATH_MAX bytes, is for the
 * target of a symlink that is to be copied. */
static int look_at_source(struct child *c, struct op_mount *m, char *link)
{
	auto_fd source = tree_source(c, &m->tree);
	struct stat st;
	ssize_t n;

	if (source < 0)
		return source;
	if (fstat(source, &st) < 0)
		return child_fail(c, PART_SOURCE);
	m->target_is_file = !S_ISDIR(st.st_mode);
	if (!m->copy_link || !S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(source, "", link, PATH_MAX - 1);
	if (n < 0)
		return child_fail(c, PART_SOURCE);
	link[n] = '\0';
	m->link = link;
	return 0;
}

/* copy-symlink: a symlink in the place of a mount. One that is there already will do when it says the same. */
static int make_link(struct child *c, const struct op_mount *m)
{
	char there[PATH_MAX];
	const char *name;
	auto_fd dir = inroot_open_parent(&c->root, m->target, &name);
	ssize_t n;

	if (dir < 0)
		return child_result(c, PART_TARGET, dir);
	if (symlinkat(m->link, dir, name) == 0)
		return 0;
	if (errno != EEXIST)
		return child_fail(c, PART_TARGET);
	n = readlinkat(dir, name, there, sizeof there);
	if (n >= 0 && (size_t)n == strlen(m->link) && memcmp(there, m->link, (size_t)n) == 0)
		return 0;
	return child_result(c, PART_OCCUPIED, -EEXIST);
}

int step_mount(struct child *c, const struct child_op *op)
{
	struct op_mount own = op->mount;
	const struct op_mount *m = &own;
	bool made = false;
	auto_fd target = -1;
	char link[PATH_MAX];
	int r = m->tree.in_root ? look_at_source(c, &own, link) : 0;

	if (r < 0)
		return r;
	if (m->link)
		return make_link(c, m);
	target = open_target(c, m, &made);
	if (target < 0)
		return target;
	if (m->tree.path) {
		r = tree_place(c, &m->tree, target, m->target);
		return r < 0 || !m->tree.made ? r : finish(c, m, target);
	}
	r = mount_new(c, m, target, made);
	return r < 0 ? r : finish(c, m, target);
}
