/* Paths inside a rootfs: openat2(RESOLVE_IN_ROOT), and where the kernel lacks it a walk of single components with
 * O_NOFOLLOW that expands symlinks itself and asks the kernel in the end where it arrived. */
#include "base/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/sys.h"

#define MAX_LINKS 40

/* Appends "/" and len bytes of name to path (size PATH_MAX). */
static int append(char *path, const char *name, size_t len)
{
	size_t used = strlen(path);

	if (used + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	path[used] = '/';
	memcpy(path + used + 1, name, len);
	path[used + 1 + len] = '\0';
	return 0;
}

/* Opens a path without symlinks and "..", component by component; "" is the root. */
static int open_plain(int root_fd, const char *path)
{
	int fd = openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && *path) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(path + 1, "/");
		int next;

		if (len > NAME_MAX) {
			fd_close(&fd);
			return -ENAMETOOLONG;
		}
		memcpy(name, path + 1, len);
		name[len] = '\0';
		next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		fd_close(&fd);
		fd = next;
		path += 1 + len;
	}
	return fd < 0 ? -errno : fd;
}

static ssize_t read_fd_link(int fd, char *buf)
{
	char name[32] = "/proc/self/fd/";
	ssize_t n;

	num_format_i64(name + strlen(name), fd);
	n = readlink(name, buf, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

/* Whether fd is where the walk believes: root/where. Without procfs there is nobody to ask. */
static bool arrived(int root_fd, int fd, const char *where)
{
	char expected[PATH_MAX], found[PATH_MAX];
	ssize_t n = read_fd_link(root_fd, expected);

	if (n < 0 || read_fd_link(fd, found) < 0)
		return true;
	if (n == 1 && !*where)
		return strcmp(found, "/") == 0;
	if (n == 1)
		expected[0] = '\0';
	return strlen(expected) + strlen(where) < PATH_MAX && strncmp(found, expected, strlen(expected)) == 0 &&
	       strcmp(found + strlen(expected), where) == 0;
}

static void drop_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* Puts the target of the symlink fd in front of rest. Returns -errno. */
static int expand_link(int fd, const char *rest, char *todo, char *where)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
	size_t left = strlen(rest);

	if (n < 0)
		return -errno;
	if ((size_t)n + 1 + left + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	if (n > 0 && target[0] == '/')
		where[0] = '\0';
	memmove(todo + n + 1, rest, left + 1);
	memcpy(todo, target, (size_t)n);
	todo[n] = '/';
	return 0;
}

/* One attempt of the walk; -EXDEV when something moved under our feet. */
static int walk_once(int root_fd, const char *path, int flags)
{
	char todo[PATH_MAX], where[PATH_MAX] = "";
	char *p = todo;
	int fd, links = 0;

	if (strlen(path) >= sizeof todo)
		return -ENAMETOOLONG;
	strcpy(todo, path);
	fd = open_plain(root_fd, "");
	while (fd >= 0 && *(p += strspn(p, "/"))) {
		size_t len = strcspn(p, "/");
		const char *rest = p + len;
		bool last = rest[strspn(rest, "/")] == '\0';
		struct stat st;
		int next, r = 0;

		if (len == 1 && p[0] == '.') {
			p += len;
			continue;
		}
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			drop_last(where);
			fd_close(&fd);
			fd = open_plain(root_fd, where);
			p += len;
			continue;
		}
		r = append(where, p, len);
		next = r < 0 ? r : open_plain(fd, where + strlen(where) - len - 1);
		fd_close(&fd);
		fd = next;
		if (fd < 0)
			break;
		if (fstat(fd, &st) < 0)
			r = -errno;
		else if (S_ISLNK(st.st_mode) && !(last && (flags & O_NOFOLLOW) && *rest == '\0')) {
			drop_last(where);
			r = ++links > MAX_LINKS ? -ELOOP : expand_link(fd, rest, todo, where);
			fd_close(&fd);
			fd = r < 0 ? r : open_plain(root_fd, where);
			p = todo;
			continue;
		} else if (!last && !S_ISDIR(st.st_mode))
			r = -ENOTDIR;
		if (r < 0) {
			fd_close(&fd);
			return r;
		}
		p += len;
	}
	if (fd >= 0 && !arrived(root_fd, fd, where)) {
		fd_close(&fd);
		return -EXDEV;
	}
	return fd;
}

static int walk(int root_fd, const char *path, int flags)
{
	struct stat st;
	int fd = -EXDEV;

	for (int tries = 0; fd == -EXDEV && tries < 16; tries++)
		fd = walk_once(root_fd, path, flags);
	if (fd >= 0 && (flags & O_DIRECTORY) && (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))) {
		fd_close(&fd);
		return -ENOTDIR;
	}
	return fd;
}

int inroot_open(struct inroot *root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (root->no_openat2)
		return walk(root->fd, path, flags);
	fd = sys_openat2(root->fd, *path ? path : "/", &how);
	if (!sys_openat2_refused(fd))
		return fd;
	root->no_openat2 = true;
	return walk(root->fd, path, flags);
}

/* text[0..n) + rest, where the last component of text[0..n) is a symlink with the given target. */
static int splice_link(char *text, size_t n, const char *target, size_t target_len)
{
	size_t keep = n, rest = strlen(text + n);

	while (keep > 0 && text[keep - 1] != '/')
		keep--;
	if (target_len > 0 && target[0] == '/')
		keep = 0;
	if (keep + target_len + rest + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memmove(text + keep + target_len, text + n, rest + 1);
	memcpy(text + keep, target, target_len);
	return 0;
}

/* Makes the component text[start..end) in the directory dir_fd. A directory: its descriptor. A dangling symlink: it is
 * replaced by its target in text, and -EAGAIN asks to start over, as it does when somebody else is at work here. */
static int make_component(int dir_fd, char *text, size_t start, size_t end, mode_t mode)
{
	char name[NAME_MAX + 1], target[PATH_MAX];
	ssize_t n;
	int fd;

	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, text + start, end - start);
	name[end - start] = '\0';
	/* What we came through has been moved away meanwhile. Its new parent is not what was meant, and the root's is out of
	 * bounds. */
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EAGAIN;
	if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOTDIR && errno != ELOOP)
		return -errno;
	n = readlinkat(dir_fd, name, target, sizeof target);
	if (n < 0)
		return errno == EINVAL ? -ENOTDIR : -errno;
	n = splice_link(text, end, target, (size_t)n);
	return n < 0 ? (int)n : -EAGAIN;
}

/* One pass over the components of text; -EAGAIN when text was changed by a symlink. */
static int make_dirs(struct inroot *root, char *text, mode_t mode)
{
	size_t at = 0;
	int dir = inroot_open(root, "/", O_DIRECTORY);

	while (dir >= 0 && text[at += strspn(text + at, "/")]) {
		size_t end = at + strcspn(text + at, "/");
		char cut = text[end];
		int next;

		text[end] = '\0';
		next = inroot_open(root, text, O_DIRECTORY);
		text[end] = cut;
		if (next == -ENOENT)
			next = make_component(dir, text, at, end, mode);
		fd_close(&dir);
		dir = next;
		at = end;
	}
	return dir;
}

/* The usual case: only the last component is missing. text is changed when it is a symlink; -ENOENT when it is not the
 * usual case. */
static int make_last(struct inroot *root, char *text, mode_t mode)
{
	size_t end = strlen(text), start = end;
	char cut;
	int dir, fd;

	while (start > 0 && text[start - 1] != '/')
		start--;
	if (start == end || text[start] == '.')
		return -ENOENT;
	cut = text[start];
	text[start] = '\0';
	dir = inroot_open(root, text, O_DIRECTORY);
	text[start] = cut;
	if (dir < 0)
		return dir;
	fd = make_component(dir, text, start, end, mode);
	fd_close(&dir);
	return fd;
}

int inroot_make_dir(struct inroot *root, const char *path, mode_t mode)
{
	char text[PATH_MAX];
	int fd = inroot_open(root, path, O_DIRECTORY);

	if (fd != -ENOENT)
		return fd;
	if (strlen(path) >= sizeof text)
		return -ENAMETOOLONG;
	strcpy(text, path);
	fd = make_last(root, text, mode);
	if (fd != -ENOENT && fd != -EAGAIN)
		return fd;
	fd = -EAGAIN;
	for (int links = 0; fd == -EAGAIN; links++)
		fd = links > MAX_LINKS ? -ELOOP : make_dirs(root, text, mode);
	return fd;
}

int inroot_open_parent(struct inroot *root, const char *path, const char **ret_name)
{
	char text[PATH_MAX];
	size_t n = strlen(path);
	const char *name;

	if (n >= sizeof text)
		return -ENAMETOOLONG;
	if (n > 0 && path[n - 1] == '/')
		return -EISDIR;
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	memcpy(text, path, (size_t)(name - path));
	text[name - path] = '\0';
	*ret_name = name;
	return inroot_make_dir(root, text, 0755);
}

int inroot_make_file(struct inroot *root, const char *path)
{
	char text[PATH_MAX], target[PATH_MAX];

	if (strlen(path) >= sizeof text)
		return -ENAMETOOLONG;
	strcpy(text, path);
	for (int links = 0; links <= MAX_LINKS; links++) {
		const char *name;
		int fd = inroot_open(root, text, 0), dir, made;
		ssize_t n;

		if (fd != -ENOENT)
			return fd;
		dir = inroot_open_parent(root, text, &name);
		if (dir < 0)
			return dir;
		made = openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);
		if (made >= 0) {
			/* The file we have just made, whatever is at its name by now. */
			fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
			fd = fd < 0 ? -errno : fd;
			fd_close(&made);
			fd_close(&dir);
			return fd;
		}
		n = errno == EEXIST ? readlinkat(dir, name, target, sizeof target) : -1;
		if (n < 0 && errno != EINVAL) {
			n = -errno;
			fd_close(&dir);
			return (int)n;
		}
		fd_close(&dir);
		if (n >= 0) {
			n = splice_link(text, strlen(text), target, (size_t)n);
			if (n < 0)
				return (int)n;
		}
	}
	return -ELOOP;
}
