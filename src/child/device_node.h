/* A device node on no disk: made with our rights, where the container's would not do. */
#pragma once

#include <sys/types.h>

struct device_node {
	mode_t mode; /* type and permissions; the umask is not applied */
	dev_t dev;
	uid_t uid; /* as on the host */
	gid_t gid;
	unsigned int attributes;       /* MOUNT_ATTR_* of its mount */
	const char *label_key, *label; /* SELinux's option of the file system and its value; NULL: none */
};

/* Makes the node on a tmpfs that nobody else sees, in a mount namespace that is gone afterwards, and opens it as a detached
 * mount: for move_mount(2), and close-on-exec. The node lives as long as that.
 * A descriptor or -errno: -ENOSYS before Linux 5.2, -EPERM without CAP_MKNOD or where the own cgroup may not make it. */
int device_node_make(const struct device_node *node);
