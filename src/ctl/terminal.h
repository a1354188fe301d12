/* The user's terminal. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <termios.h>

struct terminal {
	int fd; /* borrowed; -1: not in raw mode */
	struct termios before;
};
#define TERMINAL_NONE ((struct terminal){ .fd = -1 })

/* Puts the terminal into raw mode: what is typed goes to the container as it is. */
bool terminal_raw_enter(struct terminal *t, int fd, GError **error);

/* Raw mode again, after somebody else (a shell's job control) set the terminal up for himself. */
void terminal_raw_again(const struct terminal *t);

/* Restores what terminal_raw_enter found. Harmless when not in raw mode. */
void terminal_raw_leave(struct terminal *t);

/* Tells the monitor a terminal's size through the FIFO dir_fd/ctl. False when nobody reads it. */
bool terminal_send(int dir_fd, int rows, int cols);

/* Tells the monitor the size of our terminal (the first of stdin, stdout and stderr that is one) through the FIFO
 * dir_fd/ctl. False when there is none or nobody reads the FIFO: the size then stays what it was. */
bool terminal_send_size(int dir_fd);
