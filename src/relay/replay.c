/* The last output, kept for clients that come later. */
#include "relay/replay.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sys.h"

struct head {
	uint16_t len;
	uint16_t stream;
};

int replay_init(struct replay *r, uint32_t limit)
{
	/* Room for the heads of packets of 32 bytes and more; what is written in smaller ones is kept in part. */
	uint32_t size = limit + limit / 8 + 3 * (REPLAY_PACKET + (uint32_t)sizeof(struct head));

	if (!limit)
		return 0;
	*r = (struct replay){ .mem = sys_map(size + REPLAY_PACKET), .size = size, .limit = limit };
	return r->mem ? 0 : -ENOMEM;
}

void replay_clear(struct replay *r)
{
	if (r->mem)
		(void)munmap(r->mem, r->size + REPLAY_PACKET);
	r->mem = NULL;
}

static void put(struct replay *r, uint64_t at, const void *data, uint32_t n)
{
	uint32_t offset = (uint32_t)(at % r->size), part = n < r->size - offset ? n : r->size - offset;

	memcpy(r->mem + offset, data, part);
	memcpy(r->mem, (const char *)data + part, n - part);
}

static void get(const struct replay *r, uint64_t at, void *to, uint32_t n)
{
	uint32_t offset = (uint32_t)(at % r->size), part = n < r->size - offset ? n : r->size - offset;

	memcpy(to, r->mem + offset, part);
	memcpy((char *)to + part, r->mem, n - part);
}

static struct head head_at(const struct replay *r, uint64_t at)
{
	struct head h;

	get(r, at, &h, sizeof h);
	return h;
}

/* Makes room for n bytes more. The newest packet stays: the ring holds more than two. */
static void drop_oldest(struct replay *r, uint32_t n)
{
	while (r->next + n - r->first > r->size) {
		struct head h = head_at(r, r->first);

		r->first += sizeof h + h.len;
		r->bytes -= h.len;
	}
}

static void add(struct replay *r, enum stream stream, const char *data, uint32_t n)
{
	while (n > 0) {
		struct head h = { .stream = (uint16_t)stream };
		uint32_t part;

		if (r->last < r->next)
			h = head_at(r, r->last);
		if (r->last == r->next || h.stream != stream || h.len == REPLAY_PACKET) {
			h = (struct head){ .stream = (uint16_t)stream };
			drop_oldest(r, sizeof h);
			r->last = r->next;
			r->next += sizeof h;
		}
		part = n < REPLAY_PACKET - h.len ? n : REPLAY_PACKET - h.len;
		drop_oldest(r, part);
		put(r, r->next, data, part);
		h.len = (uint16_t)(h.len + part);
		put(r, r->last, &h, sizeof h);
		r->next += part;
		r->bytes += part;
		data += part;
		n -= part;
	}
}

void replay_feed(struct replay *r, const struct spool *spool)
{
	enum stream stream;
	const char *data;
	uint32_t n;

	while (r->mem && (n = spool_peek(spool, &r->taken, &stream, &data)) > 0) {
		add(r, stream, data, n);
		spool_take(&r->taken, stream, n);
	}
}

struct replay_place replay_start(struct replay *r)
{
	r->last = r->next; /* a packet that is being shown must not grow */
	return (struct replay_place){ r->first, r->next, r->bytes > r->limit ? r->bytes - r->limit : 0 };
}

uint32_t replay_next(const struct replay *r, struct replay_place *p, enum stream *ret_stream, const char **ret_data)
{
	if (p->at < r->first) {
		p->at = r->first;
		p->skip = 0; /* more than that is gone */
	}
	while (p->at < p->end) {
		struct head h = head_at(r, p->at);
		uint64_t data = p->at + sizeof h;

		p->at = data + h.len;
		if (p->skip >= h.len) {
			p->skip -= h.len;
			continue;
		}
		data += p->skip;
		h.len = (uint16_t)(h.len - p->skip);
		p->skip = 0;
		get(r, data, r->mem + r->size, h.len);
		*ret_data = r->mem + r->size;
		*ret_stream = h.stream == STREAM_ERR ? STREAM_ERR : STREAM_OUT;
		return h.len;
	}
	return 0;
}
