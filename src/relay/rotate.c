/* Replacing a log file. */
#include "relay/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

const char *const rotate_suffixes[ROTATE_SUFFIXES] = { "", ".gz", ".zst" };

int rotate_name(char buf[PATH_MAX], const char *path, int number, const char *suffix)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	if (len + NUM_MAX + suffix_len + 1 >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, path, len);
	if (number) {
		buf[len++] = '.';
		len += num_format_i64(buf + len, number);
	}
	memcpy(buf + len, suffix, suffix_len + 1);
	return 0;
}

bool rotate_exists(const char *path, int number)
{
	char name[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < ROTATE_SUFFIXES; i++)
		if (rotate_name(name, path, number, rotate_suffixes[i]) == 0 && lstat(name, &st) == 0)
			return true;
	return false;
}

/* PATH.number and its compressed forms get the next number, whatever had it goes. */
static int shift(const char *path, int number)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 0; i < ROTATE_SUFFIXES; i++) {
		const char *suffix = rotate_suffixes[i];
		bool is_log = number == 0 && !*suffix, ours = number > 0 || is_log; /* PATH.gz is not */
		int r = rotate_name(to, path, number + 1, suffix) ?: rotate_name(from, path, number, suffix);

		if (r < 0)
			return r;
		if (ours && rename(from, to) == 0)
			continue;
		if (ours && errno != ENOENT)
			return -errno;
		if (!is_log)
			(void)unlink(to); /* there only where the oldest falls out: in a form that this one has not */
	}
	return 0;
}

/* PATH.1 becomes PATH.2 and so on up to the first free number, or to the last that is kept; PATH becomes PATH.1. When
 * somebody has given PATH another name already, there is nothing to keep. */
static int shift_old_files(const char *path, int max_files)
{
	int last = 1, r = 0;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	while (last < max_files && rotate_exists(path, last))
		last++;
	for (int i = last - 1; i >= 0 && r == 0; i--)
		r = shift(path, i);
	return r;
}

/* We go on in the old file: it gets its name back, for those who read it. */
static void put_back(const char *path)
{
	char first[PATH_MAX];

	if (rotate_name(first, path, 1, "") == 0)
		(void)rename(first, path); /* what failed once may fail again: then it is found as PATH.1 */
}

int rotate_log(struct k8s_log *log, const struct rotation *rotation)
{
	char fresh[PATH_MAX];
	auto_fd fd = -1;
	int r;

	if (log->fd < 0 || !log->regular)
		return 0;
	if (!log->path)
		return -ENOTSUP;
	r = rotate_name(fresh, log->path, 0, rotation->keep ? ".new" : ".tmp");
	if (r < 0)
		return r;
	(void)unlink(fresh); /* ours, left over by a crash; a failure shows in the next step */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	r = rotation->keep ? shift_old_files(log->path, rotation->max_files) : 0;
	if (r == 0 && rename(fresh, log->path) < 0) {
		r = -errno;
		if (rotation->keep)
			put_back(log->path);
	}
	if (r < 0) {
		(void)unlink(fresh); /* the error above is the one that counts */
		return r;
	}
	k8s_use_file(log, steal_fd(&fd));
	return 0;
}
