/* What /proc tells about a process. No allocation. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"

/* The number that *text begins with, leaving it and the blank after it behind. */
static int next_number(const char **text, int64_t *ret_value)
{
	size_t len = strcspn(*text, " \n");
	char word[NUM_MAX + 1];

	if (len >= sizeof word)
		return -EBADMSG;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	*text += **text != '\0';
	return num_parse_i64(word, INT64_MIN, INT64_MAX, ret_value);
}

int proc_parse_stat(const char *text, struct proc_stat *ret_stat)
{
	/* The name in field 2 may hold blanks and parentheses: the last one ends it. */
	const char *p = strrchr(text, ')');
	int64_t field[23]; /* by its number in proc(5) */

	if (!p || p[1] != ' ' || !p[2] || p[3] != ' ')
		return -EBADMSG;
	*ret_stat = (struct proc_stat){ .state = p[2] };
	p += 4;
	for (int i = 4; i <= 22; i++)
		if (next_number(&p, &field[i]) < 0)
			return -EBADMSG;
	ret_stat->ppid = (pid_t)field[4];
	ret_stat->pgrp = (pid_t)field[5];
	ret_stat->session = (pid_t)field[6];
	ret_stat->threads = (uint64_t)field[20];
	ret_stat->start_ticks = (uint64_t)field[22];
	return 0;
}

bool proc_stat_has_ended(const struct proc_stat *stat)
{
	return stat->state == 'X' || (stat->state == 'Z' && stat->threads <= 1);
}

static int read_stat(int dir_fd, const char *path, struct proc_stat *ret_stat)
{
	char text[1024];
	ssize_t n = rw_read_file(dir_fd, path, text, sizeof text);

	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	return proc_parse_stat(text, ret_stat);
}

int proc_read_stat_at(int dir_fd, struct proc_stat *ret_stat)
{
	return read_stat(dir_fd, "stat", ret_stat);
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
	r = proc_read_stat_at(fd, &st);
	if (r == 0 && st.start_ticks != start_ticks)
		r = -ESRCH;
	return r < 0 ? r : steal_fd(&fd);
}
