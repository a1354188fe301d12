/* Connections to the sockets that callers name: console, pidfd, seccomp agent. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Connects to the stream socket at path. Connecting and sending to somebody who does not accept fail after ten seconds.
 * The error names what ("console socket") and path. */
bool unix_connect(const char *path, const char *what, int *ret_fd, GError **error);

/* The same for a datagram socket, where a leading '@' is an abstract name; the descriptor does not block. */
bool unix_connect_datagram(const char *name, const char *what, int *ret_fd, GError **error);
