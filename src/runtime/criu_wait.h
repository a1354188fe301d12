/* Waiting for criu: until it speaks, dies, does nothing for too long, or we are told to end. */
#pragma once

#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct criu_wait {
	pid_t pid;  /* of criu; 0: it was not started */
	int pid_fd; /* -1: none */
	int signal_fd;
	sigset_t mask_before;
	int silence_ms; /* how long neither a word nor a line in the log may come; negative: for ever */
	const char *log_path;
};

#define CRIU_WAIT_INIT                                                                                                 \
	{                                                                                                              \
		.pid_fd = -1, .signal_fd = -1, .silence_ms = 120000                                                    \
	}

/* From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT end the waiting, unless the caller has us ignore them (nohup(1)). */
bool criu_wait_begin(struct criu_wait *w, GError **error);

/* Waits until there is something to read from sock_fd, or criu has ended and there will be nothing. False with an error
 * when neither comes. */
bool criu_wait_word(const struct criu_wait *w, int sock_fd, GError **error);

/* Signals are what they were before criu_wait_begin. */
void criu_wait_end(struct criu_wait *w);

/* How criu ended, in words, when it was by a signal; else NULL. Free with g_free. */
char *criu_wait_cause(const struct criu_wait *w);

/* Reaps criu, which has lost its socket: it gets some time to undo what it is at, then it is killed. */
void criu_wait_reap(struct criu_wait *w);
