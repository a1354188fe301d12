/* Mount calls that a filter may refuse. */
#include "base/mnt.h"

#include <errno.h>

#define NO_FLAGS (~0u) /* flags that there are none of: the kernel's own answer is EINVAL, whoever asks */

/* The error of a call that failed with EPERM, from that of one with wrong flags. */
static int judge(int probed)
{
	errno = probed < 0 && errno == EPERM ? ENOSYS : EPERM;
	return -1;
}

int mnt_open_tree(int dir_fd, const char *path, unsigned int flags)
{
	int fd = open_tree(dir_fd, path, flags);

	return fd < 0 && errno == EPERM ? judge(open_tree(-1, "", NO_FLAGS)) : fd;
}

/* Of the next two the kernel looks at the right to mount before it looks at flags; they came with open_tree. */
int mnt_move(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags)
{
	int r = move_mount(from_fd, from, to_fd, to, flags);

	return r < 0 && errno == EPERM ? judge(open_tree(-1, "", NO_FLAGS)) : r;
}

int mnt_fsopen(const char *type, unsigned int flags)
{
	int fd = fsopen(type, flags);

	return fd < 0 && errno == EPERM ? judge(open_tree(-1, "", NO_FLAGS)) : fd;
}

int mnt_setattr(int dir_fd, const char *path, unsigned int flags, struct mount_attr *attr, size_t size)
{
	int r = mount_setattr(dir_fd, path, flags, attr, size);

	return r < 0 && errno == EPERM ? judge(mount_setattr(-1, "", NO_FLAGS, NULL, 0)) : r;
}
