/* What /proc tells about a process. No allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Fields of /proc/PID/stat (proc(5)). */
struct proc_stat {
	char state;           /* R S D Z T t X ... */
	pid_t ppid;           /* field 4 */
	pid_t pgrp;           /* field 5 */
	pid_t session;        /* field 6 */
	uint64_t threads;     /* field 20 */
	uint64_t start_ticks; /* field 22, clock ticks since boot: with the pid it names one process for ever */
};

/* Reads /proc/PID/stat. 0, -ESRCH when there is no such process, or another -errno. */
int proc_read_stat(pid_t pid, struct proc_stat *ret_stat);

/* The same of the process whose directory below /proc this is. */
int proc_read_stat_at(int dir_fd, struct proc_stat *ret_stat);

/* The same from the text of that file. 0 or -EBADMSG. */
int proc_parse_stat(const char *text, struct proc_stat *ret_stat);

/* Whether the process has ended. Of one whose first thread alone has, the state is that of a zombie too. */
bool proc_stat_has_ended(const struct proc_stat *stat);

/* Opens the directory /proc/PID of the process that started at start_ticks (proc_stat). Once that has ended nothing can be
 * opened in it any more (-ESRCH), whoever has the number by then. A descriptor; -ESRCH when there is no such process, the
 * number being another's included; or another -errno. */
int proc_open(pid_t pid, uint64_t start_ticks);
