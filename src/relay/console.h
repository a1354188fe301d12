/* The console socket: the runtime connects and sends the terminal's master by SCM_RIGHTS (once). */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"

struct console {
	struct loop *loop;
	int listen_fd, conn_fd, master_fd; /* -1: not (yet) there; all owned */
	const char *path;                  /* unlinked as soon as it has served */
	const char *dir;                   /* then removed too; NULL: not ours */
	bool size_pending;                 /* a size that came before the terminal */
	uint16_t rows, cols;
	struct loop_watch watch;
	int (*on_master)(int master_fd, void *user); /* 0 or -errno: then there is no terminal */
	void *user;
};

/* Waits for the runtime on listen_fd (non-blocking); conn_fd and master_fd are -1. 0 or -errno. */
int console_start(struct console *c, struct loop *loop);

/* Takes what has arrived by now without waiting. */
void console_poll(struct console *c);

/* Sets the terminal's size, now or when it arrives. */
void console_resize(struct console *c, uint16_t rows, uint16_t cols);

/* Closes and removes what is left of the socket. The terminal stays. */
void console_stop(struct console *c);

/* Lets go of the terminal too. */
void console_clear(struct console *c);
