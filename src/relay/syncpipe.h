/* What the caller is told on the sync and attach pipes: JSON, one line, one write(2), at most SYNC_LINE_MAX bytes,
 * because callers read it as one packet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SYNC_LINE_MAX 4095u

struct syncpipe {
	int fd;          /* -1: nobody listens (any more) */
	const char *key; /* "data", "pid" or "exit_code" */
};

/* Writes {"KEY": value} or, with a message that is not empty, {"KEY": value, "message": "..."}; the message is escaped
 * and cut so that the line fits. A reader that is gone closes the pipe and is no error. 0 or -errno. */
int syncpipe_send(struct syncpipe *s, int64_t value, const char *message, uint32_t message_len);
