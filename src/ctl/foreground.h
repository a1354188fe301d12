/* A process in the foreground of tallyctl: what our signals do to it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/attach_client.h"
#include "ctl/ending.h"
#include "ctl/store.h"

struct foreground {
	const char *what; /* "container x", for messages */
	int pidfd;        /* the process that signals go to; -1: none */
	bool terminal;    /* it has a terminal: a hang-up is then ours, not its */
	int requests;     /* SIGINT and SIGTERM seen */
	int left_by;      /* the signal that made us leave; 0: none */
};

/* Passes a signal on (user: struct foreground). False when we are to leave: at SIGHUP with a terminal, and at the third
 * SIGINT or SIGTERM, for the process may be deaf to them. */
bool foreground_on_signal(int sig, void *user);

/* Runs the client. True when the session ended by itself; else *ret_status is what tallyctl ends with (0 when detached
 * by keys), said on stderr, or -1 with *error. */
bool foreground_attach(struct foreground *f, struct attach_client *client, int *ret_status, GError **error);

/* Waits until fd is readable, passing signals on. False when we are to leave, *ret_status as in foreground_attach. */
bool foreground_wait(struct foreground *f, int fd, int signal_fd, int *ret_status, GError **error);

/* What tallyctl ends with after foreground_on_signal returned false, said on stderr. */
int foreground_left(const struct foreground *f);

/* A container with us as its client. */
struct watched_container {
	const Container *container;
	struct detach_keys keys;
	int signal_fd;
	int sock_fd; /* -1: not connected */
	struct stdio *stdio; /* NULL: our own streams; closed when the output has ended */
	EndWatch *end;
	bool ended; /* set by watched_run: it has ended, we were not made to leave */
};

/* Connects, watches for the end, and gives it our terminal's size if both have one. */
bool watched_connect(struct watched_container *w, GError **error);

/* Stays with it until it ends or we leave; our standard input goes to it when it is to, and nothing either way when it is
 * not connected. What tallyctl ends with, or -1
 * with *error. */
int watched_run(struct watched_container *w, bool send_stdin, GError **error);

/* Frees what watched_connect made. */
void watched_clear(struct watched_container *w);
