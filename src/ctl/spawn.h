/* Child processes: started by posix_spawn(3), waited for by pidfd. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* A child that was started and not reaped yet. */
struct child {
	pid_t pid;
	int pidfd;
	int output_fd; /* memfd with what it wrote to its stdout and stderr */
	char *program; /* for messages */
};
#define CHILD_NONE ((struct child){ .pid = 0, .pidfd = -1, .output_fd = -1 })

/* Starts argv[0] (a path) with stdin /dev/null and its output caught in a memfd, or with stdio as its 0, 1 and 2. keep: descriptors it keeps under their
 * own numbers, ended by -1, or NULL; every other one of ours is close-on-exec. It gets a process group of its own and
 * default signal dispositions with nothing blocked. cwd_fd: its working directory, or -1 for ours. */
bool child_start(const char *const *argv, char **env, int cwd_fd, const int *keep, const int *stdio,
	struct child *ret_child, GError **error);

/* Waits until the child ends, at most seconds (then it is killed), or until a signal is readable at signal_fd (-1:
 * none) which ends tallyctl. *ret_status is a waitpid(2) status. The child stays to be cleared. */
bool child_wait(struct child *c, int signal_fd, int seconds, int *ret_status, GError **error);

/* What the child wrote, trimmed, at most 1 MiB; never NULL. Free with g_free. */
char *child_output(const struct child *c);

/* Kills and reaps a child that still runs, closes and frees the rest. Harmless on CHILD_NONE. */
void child_clear(struct child *c);
