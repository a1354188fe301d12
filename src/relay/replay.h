/* The last output, kept for clients that come later (--attach-replay): packets in a ring of bounded size, from which the
 * oldest go first. */
#pragma once

#include <stdint.h>

#include "relay/spool.h"

#define REPLAY_MAX    (16u * 1024 * 1024)
#define REPLAY_PACKET 8192u

struct replay {
	char *mem;            /* size bytes, and REPLAY_PACKET for one that is shown; mapped; NULL: nothing is kept */
	uint32_t size;
	uint32_t limit;       /* bytes of output that are shown at most */
	uint64_t first, next; /* of all bytes ever put into the ring: the oldest packet, and the end */
	uint64_t last;        /* the newest packet as long as it may grow; next: none may */
	uint64_t bytes;       /* of output that the ring holds */
	struct cursor taken;  /* from the spool */
};

/* Where a client is in what was there when it came. */
struct replay_place {
	uint64_t at, end;
	uint64_t skip; /* bytes of output that are beyond the limit */
};

/* Sets up a zeroed object that keeps the last limit bytes (0: nothing; at most REPLAY_MAX). 0 or -errno. */
int replay_init(struct replay *r, uint32_t limit);
void replay_clear(struct replay *r);

/* Takes over what is new in the spool. Harmless where nothing is kept. */
void replay_feed(struct replay *r, const struct spool *spool);

/* The place of a client that comes now: the start of the last bytes. */
struct replay_place replay_start(struct replay *r);

static inline bool replay_pending(const struct replay_place *p)
{
	return p->at < p->end;
}

/* The next packet, at most REPLAY_PACKET bytes, valid until the next call: its length, or 0 when there is no more. Moves p
 * behind it. What the ring had to give up meanwhile is left out. */
uint32_t replay_next(const struct replay *r, struct replay_place *p, enum stream *ret_stream, const char **ret_data);
