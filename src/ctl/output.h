/* One of our own output streams, written without ever blocking: a reader that stops must not make us deaf to signals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct output {
	int fd; /* a description of our own where one can be had, so that O_NONBLOCK concerns nobody else */
	bool owned;
	bool socket;
	int err;      /* negative errno that ended it, when gone */
	bool gone;    /* its reader has: what is written is dropped */
	size_t chunk; /* most bytes of one write */
	const char *data;
	size_t left; /* of data, still to be written */
};

/* Sets up the stream for descriptor fd (1 or 2). */
void output_init(struct output *o, int fd);
void output_clear(struct output *o);

/* Takes data (borrowed until output_pending is false) to be written by output_flush. */
void output_put(struct output *o, const char *data, size_t size);

/* Writes what the descriptor takes now. 0, or -errno: the stream is then gone. */
int output_flush(struct output *o);

/* Whether something is still to be written: poll(2) for POLLOUT, then flush. */
static inline bool output_pending(const struct output *o)
{
	return o->left > 0;
}
