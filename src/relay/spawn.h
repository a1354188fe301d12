/* Starting other programs: the runtime, the exit command. Between fork and exec only system calls over what is ready. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct spawn {
	const char *path;      /* absolute: no PATH search */
	char *const *argv;
	char *const *envp;
	char *listen_pid;      /* place in envp's "LISTEN_PID=..." for the child's own pid, or NULL */
	int stdio[3];          /* become 0, 1, 2 */
	bool open_pipes;       /* chmod 0777 on stdio pipes, so that other users may re-open /dev/stdout */
	bool die_with_parent;  /* PR_SET_PDEATHSIG SIGKILL */
	int wait_fd;           /* -1, or: read once from it before exec (end of file goes on too) */
	int close_from;        /* close everything from this number on; 0: leave all that is not close-on-exec */
	unsigned int delay_s;  /* sleep before exec */
	const char *oom_score; /* to be written to /proc/self/oom_score_adj, or NULL */
	const sigset_t *mask;  /* the signal mask for the program */
};

/* Forks and executes. Pid or -errno (of fork). A failed exec ends the child with 127. */
pid_t spawn(const struct spawn *s);
