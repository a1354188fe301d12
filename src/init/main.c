/* tallyctl-init: process 1 of a container whose program was not written for that place. It starts the program in a
 * process group of its own, in the foreground of the terminal if there is one, passes signals on to it, reaps what
 * becomes an orphan, and ends with the program's status (128 + n for signal n). Static: it runs in any root file system. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

#define ERROR          125 /* we failed */
#define NOT_EXECUTABLE 126
#define NOT_FOUND      127

static int failed(const char *what, int err)
{
	fprintf(stderr, "tallyctl-init: %s: %s\n", what, strerror(err));
	return ERROR;
}

/* Between fork and exec: system calls only. */
static void say_exec(const char *program, int err)
{
	const char *const parts[] = { "tallyctl-init: ", program, ": ", strerrordesc_np(err), "\n" };
	struct iovec v[sizeof parts / sizeof *parts];

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		v[i] = (struct iovec){ (char *)parts[i], strlen(parts[i]) };
	/* Where there is nobody to be told, the status tells. */
	(void)!writev(STDERR_FILENO, v, sizeof parts / sizeof *parts);
}

/* Between fork and exec. tcsetpgrp fails where there is no terminal, and SIGTTOU is blocked. */
_Noreturn static void become(char **argv, const sigset_t *mask)
{
	int err;

	(void)setpgid(0, 0);
	(void)tcsetpgrp(STDIN_FILENO, getpid());
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	err = errno;
	say_exec(argv[0], err);
	_exit(err == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* Whether one of the children that have ended was the program; then *ret_status is ours. */
static bool reap(pid_t program, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno == EINTR))
		if (pid == program) {
			*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			ended = true;
		}
	return ended;
}

int main(int argc, char **argv)
{
	int sig, err, status = ERROR;
	sigset_t all, before;
	pid_t program;

	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argc--;
		argv++;
	}
	if (argc < 2)
		return failed("no program given", EINVAL);
	/* In a pid namespace that is not ours, orphans come to us only so. */
	err = getpid() == 1 ? 0 : sys_set_subreaper(true);
	if (err < 0)
		return failed("become the reaper of orphans", -err);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	/* Who ignores it is told of no child's end. */
	(void)signal(SIGCHLD, SIG_DFL);
	program = fork();
	if (program < 0)
		return failed("fork", errno);
	if (program == 0)
		become(argv + 1, &before);
	/* What was handed to the program is its alone: others must see it closed when the program closes it. */
	(void)sys_close_range(3, ~0u, 0);
	do
		if (sigwait(&all, &sig) == 0 && sig != SIGCHLD)
			(void)sys_kill_process(program, sig); /* one that has ended just now: SIGCHLD is on its way */
	while (!reap(program, &status));
	return status;
}
