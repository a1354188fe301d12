/* Files and directories of cgroup file systems, below a verified root and nowhere else: no symlinks, no other mounts,
 * no
 * "..". No allocation; results are -errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How deep below a cgroup we look for its children. */
#define CGROUPFS_MAX_DEPTH 64

/* Opens the mount point of a hierarchy; v2 says which file system it must be. -EMEDIUMTYPE when it is another one. */
int cgroupfs_open_root(const char *mount, bool v2);

/* Opens the directory path ("/a/b", "/" is the root itself) below root_fd. */
int cgroupfs_open_dir(int root_fd, const char *path);

/* Makes path with its missing parents (0755). *ret_made is how many directories are new, also on error. Returns the
 * directory opened, or -errno (-EINVAL: a path with ".."). */
int cgroupfs_make_dir(int root_fd, const char *path, unsigned int *ret_made);

/* Removes path and, when n > 1, its n - 1 nearest parents as far as they are empty. 0 or the -errno of path itself. */
int cgroupfs_unmake_dir(int root_fd, const char *path, unsigned int n);

/* Opens a control file of a directory; name has no slash (-EINVAL). */
int cgroupfs_open(int dir_fd, const char *name, int flags);

/* Reads a control file whole, NUL at the end, trailing newlines cut. Length or -errno (-EFBIG: does not fit). */
ssize_t cgroupfs_read(int dir_fd, const char *name, char *buf, size_t size);

/* Reads one decimal number; "max" is UINT64_MAX. 0 or -errno. */
int cgroupfs_read_u64(int dir_fd, const char *name, uint64_t *ret_value);

/* Reads the number after key in a file of "key value" lines (memory.events, cgroup.events). -ENODATA without it. */
int cgroupfs_read_key(int dir_fd, const char *name, const char *key, uint64_t *ret_value);

/* Writes text by one write(2), to a control file that is open, or by name. */
int cgroupfs_put(int fd, const char *text);
int cgroupfs_write(int dir_fd, const char *name, const char *text);

/* Waits until key of the events file has value, woken by the kernel (POLLPRI), at most timeout_ms. 0, -ETIMEDOUT, or
 * another -errno (-ENODEV: the cgroup has been removed). */
int cgroupfs_wait_key(int dir_fd, const char *name, const char *key, uint64_t value, int timeout_ms);

/* Called for the directory itself after all directories below it; path: what an error should name is not known here, so
 * the descriptor is all there is. 0 goes on, anything else ends the walk and is its result. */
typedef int (*cgroupfs_visit)(int dir_fd, void *user);
int cgroupfs_walk(int dir_fd, cgroupfs_visit visit, void *user);

/* Removes every directory below dir_fd, deepest first. 0 or the first -errno (the others are removed all the same). */
int cgroupfs_remove_children(int dir_fd);
