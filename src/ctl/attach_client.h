/* A client of a monitor's attach socket. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/detach_keys.h"
#include "ctl/stdio.h"

/* Connects to dir_fd/attach (any length of path). Close-on-exec; -1 with *error. */
int attach_connect(int dir_fd, GError **error);

struct attach_client {
	int sock_fd;
	int dir_fd;              /* where ctl is */
	int stdin_fd;            /* -1: no input is sent */
	const struct stdio *stdio; /* where output goes; NULL: our own streams */
	bool terminal;           /* the other side has one */
	bool no_stdout;          /* its standard output is not shown */
	bool no_stderr;
	struct detach_keys keys; /* used when stdin_fd is a terminal and the other side has one */
	int signal_fd;           /* from wait_signals_open */
	/* Any signal but SIGWINCH and SIGCONT; returns false to leave. */
	bool (*on_signal)(int sig, void *user);
	void *user;
};

enum attach_end {
	ATTACH_FAILED,      /* *error says why */
	ATTACH_ENDED,       /* the monitor closed: all output has been seen */
	ATTACH_DETACHED,    /* by keys */
	ATTACH_LEFT,        /* on_signal said so */
	ATTACH_OUTPUT_GONE, /* our output cannot be written any more: *error says why */
};

/* Passes input and output until the session ends or is left. The terminal at stdin_fd is in raw mode meanwhile and is
 * restored on every way out. */
enum attach_end attach_run(struct attach_client *client, GError **error);
