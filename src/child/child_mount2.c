/* Bind mounts and their attributes by mount(2), for kernels before Linux 5.12. It takes paths only: a descriptor is named
 * through a procfs that cannot have been replaced (child_proc.c), from its root as the working directory, so that no path
 * of the image is walked again. Runs between clone and execve: system calls only. */
#include <errno.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/num.h"
#include "child/tree.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

/* statfs(2) says what a mount has in bits of its own. */
static const struct {
	unsigned long stat, mount;
	uint64_t attribute;
} flags[] = {
	{ 0x0001, MS_RDONLY, MOUNT_ATTR_RDONLY },
	{ 0x0002, MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ 0x0004, MS_NODEV, MOUNT_ATTR_NODEV },
	{ 0x0008, MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ 0x0400, MS_NOATIME, MOUNT_ATTR_NOATIME },
	{ 0x0800, MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ 0x1000, MS_RELATIME, 0 },
	{ 0x2000, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
	{ 0, MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
};

#define NAME_SIZE (sizeof "self/fd/" + NUM_MAX)

static void name_fd(char *name, int fd)
{
	strcpy(name, "self/fd/");
	num_format_i64(name + strlen(name), fd);
}

/* Makes the procfs the working directory, where the names hold. The steps do not rely on theirs. */
static int enter_proc(struct child *c)
{
	int r = child_proc_open(c);

	if (r < 0)
		return r;
	return fchdir(c->proc_fd) < 0 ? -errno : 0;
}

int mount2_bind(struct child *c, int source_fd, int target_fd, bool recursive)
{
	char source[NAME_SIZE], target[NAME_SIZE];
	int r = enter_proc(c);

	if (r < 0)
		return r;
	name_fd(source, source_fd);
	name_fd(target, target_fd);
	return mount(source, target, NULL, MS_BIND | (recursive ? MS_REC : 0ul), NULL) < 0 ? -errno : 0;
}

/* A remount sets all flags at once: those that the mount has, less what is cleared, and what is set. */
static int remount(const char *name, int fd, const struct mount_attr *attr)
{
	unsigned long value = 0;
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (((unsigned long)fs.f_flags & flags[i].stat) && !(attr->attr_clr & flags[i].attribute))
			value |= flags[i].mount;
	if ((attr->attr_clr | attr->attr_set) & MOUNT_ATTR__ATIME)
		value = (value & ~(unsigned long)ATIME_FLAGS) |
			(attr->attr_set & MOUNT_ATTR__ATIME ? 0 : MS_RELATIME); /* it is the attribute of no bit */
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (attr->attr_set & flags[i].attribute)
			value |= flags[i].mount;
	return mount(NULL, name, NULL, MS_REMOUNT | MS_BIND | value, NULL) < 0 ? -errno : 0;
}

int mount2_set_attributes(struct child *c, int fd, const struct mount_attr *attr, bool recursive)
{
	char name[NAME_SIZE];
	int r = enter_proc(c);

	if (r < 0)
		return r;
	name_fd(name, fd);
	if (attr->propagation &&
		mount(NULL, name, NULL, (unsigned long)attr->propagation | (recursive ? MS_REC : 0ul), NULL) < 0)
		return -errno;
	if (!attr->attr_set && !attr->attr_clr)
		return 0;
	/* mount(2) changes one mount at a time. */
	return recursive ? -ENOSYS : remount(name, fd, attr);
}
