/* Copies a directory tree (tmpcopyup). Runs between clone and execve: system calls only, no recursion deeper than the
 * limit, no path but single names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "child/child.h"

#define MAX_DEPTH 64

/* struct linux_dirent64 (getdents(2)). */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

/* Owner, mode and times of a file that exists, by name in dir_fd ("" for the directory itself). */
static int copy_metadata(int dir_fd, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);

	if (fchownat(dir_fd, name, st->st_uid, st->st_gid, flags) < 0)
		return -errno;
	if (S_ISLNK(st->st_mode))
		return 0;
	/* After the owner: chown clears the set-id bits. */
	if ((*name ? fchmodat(dir_fd, name, st->st_mode & 07777, 0) : fchmod(dir_fd, st->st_mode & 07777)) < 0)
		return -errno;
	if ((*name ? utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(dir_fd, times)) < 0)
		return -errno;
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	auto_fd from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_fd to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n;

	if (from < 0 || to < 0)
		return -errno;
	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : copy_metadata(to_dir, name, st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return -errno;
	return copy_metadata(to_dir, name, st);
}

static int copy_dir(int from_dir, int to_dir, const char *name, const struct stat *st, int depth)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	auto_fd from = openat(from_dir, name, flags);
	auto_fd to = -1;

	(void)st;
	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = openat(to_dir, name, flags);
	return to < 0 ? -errno : child_copy_tree(from, to, depth + 1);
}

static int copy_entry(int from_dir, int to_dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_dir(from_dir, to_dir, name, &st, depth);
	case S_IFREG:
		return copy_file(from_dir, to_dir, name, &st);
	case S_IFLNK:
		return copy_link(from_dir, to_dir, name, &st);
	case S_IFSOCK:
		return 0; /* nobody can be listening on the copy */
	default:
		if (mknodat(to_dir, name, st.st_mode, st.st_rdev) < 0)
			return -errno;
		return copy_metadata(to_dir, name, &st);
	}
}

int child_copy_tree(int from_fd, int to_fd, int depth)
{
	_Alignas(struct entry) char buf[4096];
	struct stat st;
	long n;

	if (depth > MAX_DEPTH)
		return -ELOOP;
	while ((n = syscall(SYS_getdents64, from_fd, buf, sizeof buf)) > 0)
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(buf + at);
			int r = 0;

			at += e->len;
			if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0)
				r = copy_entry(from_fd, to_fd, e->name, depth);
			if (r < 0)
				return r;
		}
	if (n < 0 || fstat(from_fd, &st) < 0)
		return -errno;
	/* Owner and mode of the top are the mount's: its options, or what it took from the directory that it covers. */
	return depth ? copy_metadata(to_fd, "", &st) : 0;
}
