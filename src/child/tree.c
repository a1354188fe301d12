/* Trees of mounts of the host. Runs between clone and execve as well: system calls only. */
#include "child/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "base/mnt.h"

static int failed(enum child_part part, enum child_part *ret_part)
{
	*ret_part = part;
	return -errno;
}

/* The flags of a source that a container with mapped ids may not take off (mount_namespaces(7)). */
static uint64_t locked_attributes(int fd)
{
	static const struct {
		unsigned long flag;
		uint64_t attribute;
	} pairs[] = { { ST_RDONLY, MOUNT_ATTR_RDONLY }, { ST_NOSUID, MOUNT_ATTR_NOSUID },
		{ ST_NODEV, MOUNT_ATTR_NODEV }, { ST_NOEXEC, MOUNT_ATTR_NOEXEC } };
	uint64_t locked = 0;
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return 0;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		if ((unsigned long)fs.f_flags & pairs[i].flag)
			locked |= pairs[i].attribute;
	return locked;
}

/* How the times of access are kept may not be changed at all where ids are mapped. */
static bool changes_locked_atime(const struct op_tree *t, int fd)
{
	uint64_t now;
	struct statfs fs;

	if (!(t->clear & MOUNT_ATTR__ATIME) || fstatfs(fd, &fs) < 0)
		return false;
	now = (unsigned long)fs.f_flags & ST_NOATIME    ? MOUNT_ATTR_NOATIME
	      : (unsigned long)fs.f_flags & ST_RELATIME ? MOUNT_ATTR_RELATIME
							: MOUNT_ATTR_STRICTATIME;
	if ((unsigned long)fs.f_flags & ST_NODIRATIME)
		now |= MOUNT_ATTR_NODIRATIME;
	return now != (t->set & (MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME));
}

/* What is to be set and cleared on the top of a tree. -EPERM: a locked flag was asked to be off. */
static int top_attributes(const struct op_tree *t, int fd, struct mount_attr *ret_attr)
{
	uint64_t locked = t->keep_locked && t->clear ? locked_attributes(fd) : 0;

	if ((locked & t->asked_off) || (t->keep_locked && changes_locked_atime(t, fd)))
		return -EPERM;
	*ret_attr = (struct mount_attr){ .attr_set = t->set, .attr_clr = t->clear & ~locked };
	return 0;
}

static bool has_attributes(const struct mount_attr *attr)
{
	return attr->attr_set || attr->attr_clr || attr->propagation;
}

int tree_map_ids(const struct op_tree *t, int fd)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)t->id_map_fd };
	unsigned int recursive = t->id_map_recursive ? AT_RECURSIVE : 0;

	return mnt_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof attr) < 0 ? -errno : 0;
}

/* c: for a child, which may ask its parent, for only who may mount a file system maps the ids in it. */
static int map_ids(struct child *c, const struct op_tree *t, int fd)
{
	int r = tree_map_ids(t, fd);

	if (r != -EPERM || !c)
		return r;
	c->value = fd;
	child_report(c, MESSAGE_MAP_IDS, c->op, 0);
	return child_wait(c, REPLY_GO);
}

/* A descriptor takes an empty path. c is NULL in the parent. */
static int clone_tree(struct child *c, const struct op_tree *t, int at_fd, const char *path, enum child_part *ret_part)
{
	const struct mount_attr all = { .attr_set = t->rec_set, .attr_clr = t->rec_clear };
	auto_fd fd = mnt_open_tree(at_fd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (t->recursive ? AT_RECURSIVE : 0u) |
			(t->no_follow ? AT_SYMLINK_NOFOLLOW : 0u));
	struct mount_attr attr;
	int r;

	if (fd < 0)
		return failed(PART_SOURCE, ret_part);
	*ret_part = PART_IDMAP;
	r = t->id_map_fd > 0 ? map_ids(c, t, fd) : 0;
	if (r < 0)
		return r;
	if (top_attributes(t, fd, &attr) < 0) {
		*ret_part = PART_LOCKED;
		return -EPERM;
	}
	if (has_attributes(&attr) && mnt_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		return failed(PART_ATTRIBUTES, ret_part);
	attr = all;
	if (has_attributes(&attr) && mnt_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
		return failed(PART_ATTRIBUTES, ret_part);
	for (size_t i = 0; i < t->n_propagation; i++) {
		unsigned int recursive = t->propagation[i] & MS_REC ? AT_RECURSIVE : 0;

		attr = (struct mount_attr){ .propagation = t->propagation[i] & ~(unsigned long)MS_REC };
		if (mnt_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof attr) < 0)
			return failed(PART_PROPAGATION, ret_part);
	}
	return steal_fd(&fd);
}

int tree_open(const struct op_tree *t, enum child_part *ret_part)
{
	return clone_tree(NULL, t, AT_FDCWD, t->path, ret_part);
}

int tree_source(struct child *c, const struct op_tree *t)
{
	int flags = t->no_follow ? O_NOFOLLOW : 0;
	int fd = t->in_root ? inroot_open(&c->root, t->path, flags) : open(t->path, O_PATH | O_CLOEXEC | flags);

	return child_result(c, PART_SOURCE, fd < 0 && !t->in_root ? -errno : fd);
}

static int open_in_root(struct child *c, const struct op_tree *t, enum child_part *ret_part)
{
	auto_fd source = tree_source(c, t);

	*ret_part = PART_SOURCE;
	return source < 0 ? source : clone_tree(c, t, source, "", ret_part);
}

/* What was just mounted on path. Both what is mounted and what is covered may be symlinks. */
static int open_mounted(struct child *c, const struct op_tree *t, int source_fd, const char *path)
{
	struct stat st;
	bool link = t->onto_link || (fstat(source_fd, &st) == 0 && S_ISLNK(st.st_mode));

	return inroot_open(&c->root, path, link ? O_NOFOLLOW : 0);
}

/* The whole tree by mount(2): bound first, changed where it is. */
static int place_by_mount2(struct child *c, const struct op_tree *t, int target_fd, const char *path)
{
	const struct mount_attr all = { .attr_set = t->rec_set, .attr_clr = t->rec_clear };
	auto_fd source = tree_source(c, t);
	auto_fd top = -1;
	struct mount_attr attr;
	int r;

	if (source < 0)
		return source;
	if (t->id_map_fd > 0)
		return child_result(c, PART_IDMAP, -ENOSYS);
	r = child_result(c, PART_MOUNT, mount2_bind(c, source, target_fd, t->recursive));
	top = r < 0 ? r : open_mounted(c, t, source, path);
	if (top < 0)
		return r < 0 ? r : child_result(c, PART_TARGET, top);
	r = child_result(c, PART_LOCKED, top_attributes(t, top, &attr));
	if (r == 0 && has_attributes(&attr))
		r = child_result(c, PART_ATTRIBUTES, mount2_set_attributes(c, top, &attr, false));
	if (r == 0 && has_attributes(&all))
		r = child_result(c, PART_ATTRIBUTES, mount2_set_attributes(c, top, &all, true));
	for (size_t i = 0; r == 0 && i < t->n_propagation; i++) {
		attr = (struct mount_attr){ .propagation = t->propagation[i] & ~(unsigned long)MS_REC };
		r = child_result(
			c, PART_PROPAGATION, mount2_set_attributes(c, top, &attr, (t->propagation[i] & MS_REC) != 0));
	}
	return r;
}

static int attach(int tree_fd, int target_fd)
{
	return mnt_move(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno
													     : 0;
}

int tree_place(struct child *c, const struct op_tree *t, int target_fd, const char *path)
{
	enum child_part part = PART_NONE;
	auto_fd own = -1;
	int fd = t->fd, r;

	if (c->mount2 && !t->made)
		return place_by_mount2(c, t, target_fd, path);
	if (fd < 0)
		fd = own = t->in_root ? open_in_root(c, t, &part) : tree_open(t, &part);
	r = fd < 0 ? child_result(c, part, fd) : child_result(c, PART_MOUNT, attach(fd, target_fd));
	if (r != -ENOSYS || t->made)
		return r;
	c->mount2 = true;
	return place_by_mount2(c, t, target_fd, path);
}

int tree_set_attributes(struct child *c, int fd, const struct mount_attr *attr, bool recursive)
{
	struct mount_attr copy = *attr;
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);

	if (!c->mount2) {
		if (mnt_setattr(fd, "", flags, &copy, sizeof copy) == 0)
			return 0;
		if (errno != ENOSYS)
			return -errno;
		c->mount2 = true;
	}
	return mount2_set_attributes(c, fd, attr, recursive);
}

static int cover(int source_fd, int target_fd, bool recursive, uint64_t set)
{
	struct mount_attr attr = { .attr_set = set };
	auto_fd tree = mnt_open_tree(
		source_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u));

	if (tree < 0)
		return -errno;
	if (set && mnt_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		return -errno;
	return attach(tree, target_fd);
}

int tree_cover(struct child *c, int source_fd, int target_fd, const char *path, bool recursive, uint64_t set)
{
	const struct mount_attr attr = { .attr_set = set };
	auto_fd top = -1;
	int r = c->mount2 ? -ENOSYS : cover(source_fd, target_fd, recursive, set);

	if (r != -ENOSYS)
		return r;
	c->mount2 = true;
	r = mount2_bind(c, source_fd, target_fd, recursive);
	if (r < 0 || !set)
		return r;
	top = inroot_open(&c->root, path, 0);
	return top < 0 ? top : mount2_set_attributes(c, top, &attr, false);
}
