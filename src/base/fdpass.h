/* Descriptors over unix sockets (unix(7), SCM_RIGHTS). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Sends size bytes (at least one) and the descriptor fd in one message; no SIGPIPE. 0 or -errno. */
int fdpass_send(int sock, int fd, const void *data, size_t size);

/* Receives one message with at most one descriptor into *ret_fd (-1 when there was none; more than one are closed),
 * close-on-exec. Returns bytes received (0 at end of file) or -errno. */
ssize_t fdpass_recv(int sock, int *ret_fd, void *data, size_t size);
