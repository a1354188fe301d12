/* Files and directories of cgroup file systems. Every look-up goes through openat2 with the roads out closed; kernels
 * that refuse openat2 (before 5.6, or a seccomp filter around us) get a walk by single components without symlinks. */
#include "runtime/cgroupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"

#define STAY_BELOW (RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

int cgroupfs_open_root(const char *mount, bool v2)
{
	auto_fd fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return -EMEDIUMTYPE;
	return steal_fd(&fd);
}

/* The next component of *path into name (NAME_MAX + 1 bytes), leaving *path behind it. 1, 0 at the end, or -errno. */
static int next_component(const char **path, char *name)
{
	const char *start = *path + strspn(*path, "/");
	size_t len = strcspn(start, "/");

	*path = start + len;
	if (len == 0)
		return 0;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, len);
	name[len] = '\0';
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	return 1;
}

static int open_component(int dir_fd, const char *name, int flags)
{
	struct open_how how = { .flags = (unsigned int)flags | O_CLOEXEC | O_NOFOLLOW, .resolve = STAY_BELOW };
	int fd = sys_openat2(dir_fd, name, &how);

	if (!sys_openat2_refused(fd))
		return fd;
	fd = openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* Opens path by components; with make, missing ones are made and counted. */
static int walk_down(int root_fd, const char *path, bool make, unsigned int *made)
{
	auto_fd dir_fd = open_component(root_fd, ".", O_RDONLY | O_DIRECTORY);
	char name[NAME_MAX + 1];
	int more;

	if (dir_fd < 0)
		return dir_fd;
	while ((more = next_component(&path, name)) > 0) {
		int fd;

		if (make && mkdirat(dir_fd, name, 0755) == 0)
			(*made)++;
		else if (make && errno != EEXIST)
			return -errno;
		fd = open_component(dir_fd, name, O_RDONLY | O_DIRECTORY);
		if (fd < 0)
			return fd;
		fd_close(&dir_fd);
		dir_fd = fd;
	}
	return more < 0 ? more : steal_fd(&dir_fd);
}

/* Whether path has no component that could lead elsewhere but down; a cgroup file system has no symlinks. */
static bool leads_down(const char *path)
{
	char name[NAME_MAX + 1];
	int more;

	while ((more = next_component(&path, name)) > 0)
		;
	return more == 0;
}

int cgroupfs_open_dir(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = STAY_BELOW };
	const char *relative = path + strspn(path, "/");
	int fd = sys_openat2(root_fd, *relative ? relative : ".", &how);

	return sys_openat2_refused(fd) ? walk_down(root_fd, path, false, NULL) : fd;
}

int cgroupfs_make_dir(int root_fd, const char *path, unsigned int *ret_made)
{
	*ret_made = 0;
	if (!leads_down(path))
		return -EINVAL;
	/* The parents are usually there. */
	if (mkdirat(root_fd, path + strspn(path, "/"), 0755) == 0)
		*ret_made = 1;
	else if (errno == ENOENT)
		return walk_down(root_fd, path, true, ret_made);
	else if (errno != EEXIST)
		return -errno;
	return cgroupfs_open_dir(root_fd, path);
}

/* Removes the directory and cuts its name off. */
static int unmake_one(int root_fd, char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return -EBUSY; /* the root of the hierarchy */
	if (unlinkat(root_fd, path + strspn(path, "/"), AT_REMOVEDIR) < 0)
		return -errno;
	*slash = '\0';
	return 0;
}

int cgroupfs_unmake_dir(int root_fd, const char *path, unsigned int n)
{
	char *rest = leads_down(path) ? strdup(path) : NULL;
	int result;

	if (!rest)
		return -EINVAL;
	result = unmake_one(root_fd, rest);
	for (unsigned int i = 1; i < n && result == 0; i++)
		if (unmake_one(root_fd, rest) < 0)
			break; /* in use by somebody else: theirs now */
	free(rest);
	return result;
}

int cgroupfs_open(int dir_fd, const char *name, int flags)
{
	if (!*name || strchr(name, '/') || strcmp(name, "..") == 0)
		return -EINVAL;
	return open_component(dir_fd, name, flags);
}

ssize_t cgroupfs_read(int dir_fd, const char *name, char *buf, size_t size)
{
	auto_fd fd = cgroupfs_open(dir_fd, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = rw_read_full(fd, buf, size);
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EFBIG;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int cgroupfs_read_u64(int dir_fd, const char *name, uint64_t *ret_value)
{
	char text[64];
	ssize_t n = cgroupfs_read(dir_fd, name, text, sizeof text);

	if (n < 0)
		return (int)n;
	if (strcmp(text, "max") == 0) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	return num_parse_u64(text, UINT64_MAX, ret_value);
}

/* Finds "key value" at the start of a line. */
static int find_key(char *text, const char *key, uint64_t *ret_value)
{
	size_t len = strlen(key);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return num_parse_u64(line + len + 1, UINT64_MAX, ret_value);
	return -ENODATA;
}

int cgroupfs_read_key(int dir_fd, const char *name, const char *key, uint64_t *ret_value)
{
	char text[4096];
	ssize_t n = cgroupfs_read(dir_fd, name, text, sizeof text);

	return n < 0 ? (int)n : find_key(text, key, ret_value);
}

int cgroupfs_put(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t n = rw_write(fd, text, size);

	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : -EIO;
}

int cgroupfs_write(int dir_fd, const char *name, const char *text)
{
	auto_fd fd = cgroupfs_open(dir_fd, name, O_WRONLY);

	return fd < 0 ? fd : cgroupfs_put(fd, text);
}

int cgroupfs_wait_key(int dir_fd, const char *name, const char *key, uint64_t value, int timeout_ms)
{
	auto_fd fd = cgroupfs_open(dir_fd, name, O_RDONLY);
	uint64_t deadline = sys_clock_ns(CLOCK_MONOTONIC) + (uint64_t)timeout_ms * 1000000;

	if (fd < 0)
		return fd;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		char text[512];
		ssize_t n = pread(fd, text, sizeof text - 1, 0);
		uint64_t now = sys_clock_ns(CLOCK_MONOTONIC), seen;
		int err;

		if (n < 0)
			return -errno;
		text[n] = '\0';
		err = find_key(text, key, &seen);
		if (err < 0)
			return err;
		if (seen == value)
			return 0;
		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline - now) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

struct walk {
	cgroupfs_visit visit; /* after the children */
	bool remove;          /* the children, each after its own */
	int error;            /* first failed removal */
	void *user;
};

static int walk_level(int dir_fd, struct walk *w, int depth)
{
	/* fdopendir takes the descriptor; the caller keeps its own. */
	int fd = open_component(dir_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int result = 0;

	if (!dir) {
		int err = fd < 0 ? fd : -errno;

		fd_close(&fd);
		return err;
	}
	while (result == 0 && (e = readdir(dir))) {
		auto_fd child_fd = -1;

		if (e->d_type != DT_DIR || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		child_fd = open_component(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY);
		if (child_fd == -ENOENT)
			continue;
		result = child_fd < 0                  ? child_fd
			 : depth >= CGROUPFS_MAX_DEPTH ? -ELOOP
						       : walk_level(child_fd, w, depth + 1);
		if (result == 0 && w->remove && unlinkat(dir_fd, e->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
			!w->error)
			w->error = -errno;
	}
	closedir(dir);
	return result == 0 && w->visit ? w->visit(dir_fd, w->user) : result;
}

int cgroupfs_walk(int dir_fd, cgroupfs_visit visit, void *user)
{
	struct walk w = { .visit = visit, .user = user };

	return walk_level(dir_fd, &w, 0);
}

int cgroupfs_remove_children(int dir_fd)
{
	struct walk w = { .remove = true };
	int result = walk_level(dir_fd, &w, 0);

	return result < 0 ? result : w.error;
}
