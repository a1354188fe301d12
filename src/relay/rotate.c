/* Replacing the log file. */
#include "relay/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

/* path + suffix (+ number unless 0) into buf. 0 or -ENAMETOOLONG. */
static int name_with(char buf[PATH_MAX], const char *path, const char *suffix, int number)
{
	size_t len = strlen(path), suffix_len = strlen(suffix);

	if (len + suffix_len + NUM_MAX >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(buf, path, len);
	memcpy(buf + len, suffix, suffix_len + 1);
	if (number)
		num_format_i64(buf + len + suffix_len, number);
	return 0;
}

/* PATH.(n-1) becomes PATH.n ..., PATH becomes PATH.1. A gap in the row is no error. */
static int shift_old_files(const char *path, int max_files)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (int i = max_files; i >= 1; i--) {
		int r = name_with(to, path, ".", i) ?: name_with(from, path, i > 1 ? "." : "", i - 1);

		if (r < 0)
			return r;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* We go on in the old file: it gets its name back, for those who read it. */
static void put_back(const char *path)
{
	char first[PATH_MAX];

	if (name_with(first, path, ".", 1) == 0)
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
	r = name_with(fresh, log->path, rotation->keep ? ".new" : ".tmp", 0);
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
