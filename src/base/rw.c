/* Whole reads and writes, and whole small files. No allocation. */
#include "base/rw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

ssize_t rw_read(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t rw_write(int fd, const void *buf, size_t size)
{
	ssize_t n;

	do
		n = write(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t rw_write_pipe(int fd, const void *buf, size_t size)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	ssize_t n;

	(void)sigaction(SIGPIPE, &ignore, &before);
	n = rw_write(fd, buf, size);
	(void)sigaction(SIGPIPE, &before, NULL);
	return n;
}

int rw_write_all(int fd, const void *buf, size_t size)
{
	const char *p = buf;

	while (size > 0) {
		ssize_t n = rw_write(fd, p, size);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -EIO;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t rw_read_full(int fd, void *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = rw_read(fd, (char *)buf + got, size - got);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t rw_read_file(int dir_fd, const char *path, char *buf, size_t size)
{
	/* A FIFO in the place of the file must not hold us up: O_NONBLOCK does nothing to a regular file. */
	auto_fd fd = openat(dir_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	n = rw_read_full(fd, buf, size);
	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -EFBIG;
	buf[n] = '\0';
	return n;
}

int rw_write_control(int dir_fd, const char *path, const char *text)
{
	auto_fd fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = rw_write(fd, text, len);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EIO;
}

void rw_temp_suffix(char *end)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned char random[6];

	if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random) {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		for (size_t i = 0; i < sizeof random; i++)
			random[i] = (unsigned char)((uint64_t)now.tv_nsec >> (i * 4));
	}
	*end++ = '.';
	for (size_t i = 0; i < sizeof random; i++)
		*end++ = letters[random[i] % (sizeof letters - 1)];
	*end = '\0';
}

/* Creates a new file under a temporary name beside path. Descriptor or -errno. */
static int open_temp(int dir_fd, const char *path, char *temp, mode_t mode)
{
	size_t len = strlen(path);

	if (len + 8 > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(temp, path, len);
	for (int tries = 0; tries < 16; tries++) {
		int fd;

		rw_temp_suffix(temp + len);
		fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

int rw_replace_file(int dir_fd, const char *path, const void *data, size_t size, mode_t mode)
{
	char temp[PATH_MAX];
	auto_fd fd = open_temp(dir_fd, path, temp, mode);
	int r;

	if (fd < 0) {
		r = fd;
		fd = -1;
		return r;
	}
	r = rw_write_all(fd, data, size);
	if (r == 0 && renameat(dir_fd, temp, dir_fd, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir_fd, temp, 0); /* the error of the write or rename is the one that counts */
	return r;
}
