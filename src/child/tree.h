/* Trees of mounts that come from the host: opened detached, made what the plan says, put into their place. The parent
 * opens them where the child's rights are the container's, for then no path of the host is walked with those; else the
 * child does, each at its turn, so that the kernel lists mounts in the order of config.json. What
 * the kernel lacks (open_tree and move_mount before Linux 5.2, mount_setattr before 5.12) is done by mount(2). */
#pragma once

#include <sys/mount.h>

#include "child/child.h"

/* Opens t as a detached, complete tree. A descriptor, or -errno and what failed: PART_SOURCE, PART_LOCKED,
 * PART_ATTRIBUTES, PART_PROPAGATION, PART_IDMAP. Uses nothing but system calls; the parent calls it too. */
int tree_open(const struct op_tree *t, enum child_part *ret_part);

/* Maps the owners of the files of t, which is open as fd and attached nowhere. 0 or -errno. */
int tree_map_ids(const struct op_tree *t, int fd);

/* For the child. All return 0 or -errno with c->part set. */

/* What t is made of, as an O_PATH descriptor. */
int tree_source(struct child *c, const struct op_tree *t);

/* Puts t on target_fd, which is path in the rootfs. */
int tree_place(struct child *c, const struct op_tree *t, int target_fd, const char *path);

/* Binds what source_fd is over target_fd, which is path in the rootfs, and sets MOUNT_ATTR_* on the result. recursive:
 * with the mounts below. */
int tree_cover(struct child *c, int source_fd, int target_fd, const char *path, bool recursive, uint64_t set);

/* mount_setattr(2) on the mount at fd; recursive: and on those below. -ENOSYS where the kernel cannot do that for a
 * tree. */
int tree_set_attributes(struct child *c, int fd, const struct mount_attr *attr, bool recursive);

/* child_mount2.c: the same by mount(2), on kernels without the newer calls. Descriptors are named by a procfs. */
int mount2_bind(struct child *c, int source_fd, int target_fd, bool recursive);
int mount2_set_attributes(struct child *c, int fd, const struct mount_attr *attr, bool recursive);
