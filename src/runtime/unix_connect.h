/* Connections to the sockets that callers name: console, pidfd, seccomp agent. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Connects to the stream socket at path. Connecting and sending to somebody who does not accept fail after ten seconds.
 * The error names what ("console socket") and path. */
bool unix_connect(const char *path, const char *what, int *ret_fd, GError **error);
