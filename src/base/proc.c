/* What /proc tells about a process. No allocation. */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

int proc_read_stat(pid_t pid, struct proc_stat *ret_stat)
{
	char path[NUM_MAX + 16] = "/proc/", text[1024], *p;
	ssize_t n;

	if (pid < 1)
		return -ESRCH;
	p = path + 6;
	p += num_format_i64(p, pid);
	strcpy(p, "/stat");
	n = rw_read_file(AT_FDCWD, path, text, sizeof text);
	if (n < 0)
		return n == -ENOENT ? -ESRCH : (int)n;
	return proc_parse_stat(text, ret_stat);
}
