/* What was read from the container and is still wanted by somebody: a ring of bytes for each stream, and one index of
 * pieces over both, so that every reader sees the order in which the bytes were read.
 *
 * A reader is a cursor: two byte counts, one for each stream. It never holds pointers, so pieces may grow and go. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ring.h"

enum stream { STREAM_OUT, STREAM_ERR, N_STREAMS };

#define SPOOL_RING_SIZE (256u * 1024)
#define SPOOL_READ_MAX  (128u * 1024) /* stays in the second-level cache; larger reads gain nothing */
#define SPOOL_READ_MIN  4096u
#define SPOOL_JOIN_MAX  (16u * 1024)  /* reads are joined into pieces of at most so much */
#define SPOOL_PIECES    256u

struct spool_piece {
	uint64_t pos;    /* count of bytes of this stream before it */
	uint32_t offset; /* in the stream's ring */
	uint32_t len;    /* 0: released, before older ones of the other stream */
	enum stream stream;
};

struct spool {
	struct ring ring[N_STREAMS];
	uint64_t pos[N_STREAMS]; /* bytes committed so far */
	uint64_t first, next;    /* sequence numbers of the oldest piece and of the one to come */
	struct spool_piece *piece; /* SPOOL_PIECES */
};

struct cursor {
	uint64_t seq;            /* a hint: no piece before it is of interest */
	uint64_t pos[N_STREAMS]; /* bytes taken so far */
};

/* Maps the rings of a zeroed spool. 0 or -errno. */
int spool_init(struct spool *s);
void spool_clear(struct spool *s);

/* Room for the next read of a stream: *ret_space has the returned number of bytes, 0 when readers hold too much. */
uint32_t spool_space(struct spool *s, enum stream stream, char **ret_space);

/* Adds n bytes that were read into the place spool_space gave. */
void spool_commit(struct spool *s, enum stream stream, uint32_t n);

/* A cursor that has taken everything so far. */
struct cursor spool_end(const struct spool *s);

/* The next bytes that the cursor has not taken, but for streams whose bit is set in skip: length, with stream and data, or
 * 0 when there are none. */
uint32_t spool_peek_but(const struct spool *s, struct cursor *c, uint32_t skip, enum stream *ret_stream,
	const char **ret_data);

static inline uint32_t spool_peek(const struct spool *s, struct cursor *c, enum stream *ret_stream, const char **ret_data)
{
	return spool_peek_but(s, c, 0, ret_stream, ret_data);
}

static inline void spool_take(struct cursor *c, enum stream stream, uint32_t n)
{
	c->pos[stream] += n;
}

/* Whether the spool still holds every byte that the cursor has not taken. */
bool spool_covers(const struct spool *s, const struct cursor *c);

/* Forgets the pieces of which each stream's bytes before wanted[] cover all. What one stream has to keep holds up the other
 * one's nowhere. */
void spool_release(struct spool *s, const uint64_t wanted[N_STREAMS]);

/* Gives memory back once nothing is held. */
void spool_trim(struct spool *s);
