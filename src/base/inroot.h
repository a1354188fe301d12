/* The one way from a path in a container's rootfs to a descriptor: symlinks and ".." never leave the root. Results are
 * O_PATH descriptors, close-on-exec; names for the last component are taken from the path. All return -errno. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct inroot {
	int fd;          /* the rootfs directory, borrowed */
	bool no_openat2; /* walk by hand: set when the kernel has no openat2 (or by tests) */
};

/* Resolves path to an O_PATH descriptor; flags: O_NOFOLLOW (a symlink at the end is not followed) and O_DIRECTORY. */
int inroot_open(struct inroot *root, const char *path, int flags);

/* The same, making missing directories with mode (umask applies). A dangling symlink on the way is followed. */
int inroot_make_dir(struct inroot *root, const char *path, mode_t mode);

/* Resolves path to a non-directory, making an empty regular file (0644) and missing directories. */
int inroot_make_file(struct inroot *root, const char *path);

/* The directory that holds the last component, making missing directories, and that component's name (points into
 * path). -EISDIR when path has no last component ("/", "..", "."). */
int inroot_open_parent(struct inroot *root, const char *path, const char **ret_name);
