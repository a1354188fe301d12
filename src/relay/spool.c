/* What was read from the container and is still wanted by somebody. */
#include "relay/spool.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/sys.h"

static struct spool_piece *piece_at(struct spool *s, uint64_t seq)
{
	return &s->piece[seq % SPOOL_PIECES];
}

int spool_init(struct spool *s)
{
	s->piece = sys_map(SPOOL_PIECES * sizeof *s->piece);
	if (!s->piece)
		return -ENOMEM;
	for (int i = 0; i < N_STREAMS; i++) {
		int r = ring_init(&s->ring[i], SPOOL_RING_SIZE);

		if (r < 0)
			return r;
	}
	return 0;
}

void spool_clear(struct spool *s)
{
	for (int i = 0; i < N_STREAMS; i++)
		ring_clear(&s->ring[i]);
	if (s->piece)
		(void)munmap(s->piece, SPOOL_PIECES * sizeof *s->piece);
	s->piece = NULL;
}

/* Moves the pieces that are still wanted together, towards the end of the index: what a cursor's hint says stays true.
 * Pieces of one stream that lie side by side become one. */
static void compact(struct spool *s)
{
	uint64_t to = s->next;

	for (uint64_t seq = s->next; seq-- > s->first;) {
		struct spool_piece *p = piece_at(s, seq), *later = to < s->next ? piece_at(s, to) : NULL;

		if (!p->len)
			continue;
		if (later && later->stream == p->stream && p->offset + p->len == later->offset &&
			p->len + later->len <= SPOOL_JOIN_MAX)
			*later = (struct spool_piece){ p->pos, p->offset, p->len + later->len, p->stream };
		else
			*piece_at(s, --to) = *p;
	}
	s->first = to;
}

uint32_t spool_space(struct spool *s, enum stream stream, char **ret_space)
{
	uint32_t space;

	if (s->next - s->first == SPOOL_PIECES)
		compact(s);
	if (s->next - s->first == SPOOL_PIECES)
		return 0;
	space = ring_space(&s->ring[stream], SPOOL_READ_MIN, ret_space);
	return space > SPOOL_READ_MAX ? SPOOL_READ_MAX : space;
}

void spool_commit(struct spool *s, enum stream stream, uint32_t n)
{
	uint32_t offset = ring_commit(&s->ring[stream], n);
	struct spool_piece *last = s->next > s->first ? piece_at(s, s->next - 1) : NULL;

	/* The same stream went on: one piece, so that single lines do not use up the index; but a small one, for pieces
	 * are released whole, and the log always carries the last bytes on. */
	if (last && last->len && last->stream == stream && last->offset + last->len == offset && last->len + n <= SPOOL_JOIN_MAX)
		last->len += n;
	else
		*piece_at(s, s->next++) = (struct spool_piece){ s->pos[stream], offset, n, stream };
	s->pos[stream] += n;
}

struct cursor spool_end(const struct spool *s)
{
	return (struct cursor){ s->next > s->first ? s->next - 1 : s->next, { s->pos[STREAM_OUT], s->pos[STREAM_ERR] } };
}

uint32_t spool_peek_but(const struct spool *s, struct cursor *c, uint32_t skip, enum stream *ret_stream,
	const char **ret_data)
{
	bool skipped = false;

	if (c->seq < s->first)
		c->seq = s->first;
	for (uint64_t seq = c->seq; seq < s->next; seq++) {
		const struct spool_piece *p = &s->piece[seq % SPOOL_PIECES];
		uint64_t taken = c->pos[p->stream] > p->pos ? c->pos[p->stream] - p->pos : 0;

		if (taken < p->len && !(skip >> p->stream & 1)) {
			*ret_stream = p->stream;
			*ret_data = s->ring[p->stream].mem + p->offset + taken;
			return p->len - (uint32_t)taken;
		}
		skipped = skipped || taken < p->len;
		if (!skipped && seq + 1 < s->next)
			c->seq = seq + 1; /* but the last piece may grow: stay with it */
	}
	return 0;
}

bool spool_covers(const struct spool *s, const struct cursor *c)
{
	uint64_t held[N_STREAMS] = { s->pos[STREAM_OUT], s->pos[STREAM_ERR] };

	for (uint64_t seq = s->next; seq-- > s->first;) {
		const struct spool_piece *p = &s->piece[seq % SPOOL_PIECES];

		if (p->len)
			held[p->stream] = p->pos;
	}
	return c->pos[STREAM_OUT] >= held[STREAM_OUT] && c->pos[STREAM_ERR] >= held[STREAM_ERR];
}

void spool_release(struct spool *s, const uint64_t wanted[N_STREAMS])
{
	uint32_t kept = 0; /* a bit for each stream of which something is wanted on */

	for (uint64_t seq = s->first; seq < s->next && kept != (1u << N_STREAMS) - 1; seq++) {
		struct spool_piece *p = piece_at(s, seq);

		if (!p->len || kept >> p->stream & 1)
			continue;
		if (p->pos + p->len > wanted[p->stream]) {
			kept |= 1u << p->stream;
			continue;
		}
		ring_release(&s->ring[p->stream], p->offset + p->len);
		p->len = 0;
	}
	while (s->first < s->next && !piece_at(s, s->first)->len)
		s->first++;
}

void spool_trim(struct spool *s)
{
	for (int i = 0; i < N_STREAMS; i++)
		ring_trim(&s->ring[i]);
}
