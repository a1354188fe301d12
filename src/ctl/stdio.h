/* Where a foreground command's three streams come from and go to, when that is not our own standard streams. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Connected sockets; -1: our own stream. */
struct stdio {
	int in_fd;
	int out_fd;
	int err_fd;
};
#define STDIO_OURS ((struct stdio){ -1, -1, -1 })

/* Connects to those addresses that are not NULL, unix:PATH or vsock:CID:PORT, within seconds. On failure none is open. */
bool stdio_open(struct stdio *ret_stdio, const char *in, const char *out, const char *err, GError **error);

/* The same from an options struct that was made with stdio.def. */
#define STDIO_OPEN(ret_stdio, o, error)                                                                                \
	stdio_open(ret_stdio, (o)->stdin_socket, (o)->stdout_socket, (o)->stderr_socket, error)

/* Whether any of them is named. */
#define STDIO_NAMED(o) ((o)->stdin_socket || (o)->stdout_socket || (o)->stderr_socket)

/* Closes the sockets: input first, so that nobody there waits for us to take more; then the outputs, of which all was
 * written. */
void stdio_close(struct stdio *stdio);
#define auto_stdio __attribute__((cleanup(stdio_close))) struct stdio
