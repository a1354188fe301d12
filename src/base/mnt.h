/* The mount calls of Linux 5.2 and 5.12 as libc has them, but for one thing: a seccomp filter around us that is older than
 * the call answers EPERM, and here that is ENOSYS as on an older kernel, so that the caller takes its older way. */
#pragma once

#include <stddef.h>
#include <sys/mount.h>

/* open_tree(2), move_mount(2), fsopen(2), mount_setattr(2): -1 with errno. */
int mnt_open_tree(int dir_fd, const char *path, unsigned int flags);
int mnt_move(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags);
int mnt_fsopen(const char *type, unsigned int flags);
int mnt_setattr(int dir_fd, const char *path, unsigned int flags, struct mount_attr *attr, size_t size);
