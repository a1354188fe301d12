/* What /proc tells about a process. No allocation. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"

int proc_parse_stat(const char *text, struct proc_stat *ret_stat)
{
	struct proc_stat s;
	const char *p;

	/* The name in field 2 may hold blanks and parentheses: the last one ends it. */
	p = strrchr(text, ')');
	if (!p)
		return -EBADMSG;
	if (sscanf(p + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64, &s.state,
	           &s.ppid, &s.pgrp, &s.session, &s.start_ticks) != 5)
		return -EBADMSG;
	*ret_stat = s;
	return 0;
}

static int read_stat(int dir_fd, const char *path, struct proc_stat *ret_stat)
{
	char text[1024];
	ssize_t n = rw_read_file(dir_fd, path, text, sizeof text);

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	return proc_parse_stat(text, ret_stat);
}

int proc_read_stat(pid_t pid, struct proc_stat *ret_stat)
{
	char path[NUM_MAX + 16] = "/proc/", *p = path + 6;

	if (pid < 1)
		return -ESRCH;
	p += num_format_i64(p, pid);
	strcpy(p, "/stat");
	return read_stat(AT_FDCWD, path, ret_stat);
}

int proc_open(pid_t pid, uint64_t start_ticks)
{
	char path[NUM_MAX + 8] = "/proc/";
	struct proc_stat st;
	auto_fd fd = -1;
	int r;

	if (pid < 1)
		return -ESRCH;
	num_format_i64(path + 6, pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = read_stat(fd, "stat", &st);
	if (r == 0 && st.start_ticks != start_ticks)
		r = -ESRCH;
	return r < 0 ? r : steal_fd(&fd);
}
