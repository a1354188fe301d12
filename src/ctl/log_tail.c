/* The last lines of a log, found from its end: a big log is not read to show little of it. */
#include "ctl/log_set.h"

#include <string.h>

#include "common/error.h"

#define BLOCK_SIZE 65536
/* When the wanted lines are found, the beginnings of those that came in pieces are looked for this far and no further.
 */
#define LOOK_BACK (UINT64_C(16) << 20)

struct tail {
	uint64_t wanted; /* lines still to be found */
	uint64_t *starts;
	bool seen[LOG_N_STREAMS]; /* a record of the stream */
	bool open[LOG_N_STREAMS]; /* the stream's earliest wanted line may begin still earlier */
};

/* Records come from the last to the first. */
static void tail_take(struct tail *t, uint64_t offset, const struct cri_record *r)
{
	bool ends_line = !r->partial || !t->seen[r->stream];

	t->seen[r->stream] = true;
	if (ends_line) {
		t->open[r->stream] = t->wanted > 0;
		if (t->wanted > 0)
			t->wanted--;
	}
	if (t->open[r->stream])
		t->starts[r->stream] = offset;
}

static bool tail_done(const struct tail *t)
{
	return t->wanted == 0 && !t->open[LOG_STDOUT] && !t->open[LOG_STDERR];
}

/* Reads from..to, which was there. */
static bool read_range(const LogSet *s, uint64_t from, uint64_t to, GByteArray *buf, GError **error)
{
	g_byte_array_set_size(buf, (guint)(to - from));
	for (uint64_t at = from; at < to;) {
		ssize_t n = log_set_read_at(s, at, (char *)buf->data + (at - from), to - at, error);

		if (n < 0)
			return false;
		if (n == 0)
			return fail(error, "the log became shorter while it was read");
		at += (uint64_t)n;
	}
	return true;
}

/* Takes the whole lines of a block that ends at a line's end, last first. The block's first line is whole only when the
 * block begins the log. *ret_left: bytes at its beginning that were not taken. */
static void take_block(struct tail *t, const char *block, size_t size, uint64_t offset, size_t *ret_left)
{
	size_t end = size;

	while (end > 0 && !tail_done(t)) {
		const char *newline = end > 1 ? memrchr(block, '\n', end - 1) : NULL;
		size_t start = newline ? (size_t)(newline - block) + 1 : 0;
		size_t n = end - start - (block[end - 1] == '\n');
		struct cri_record r;

		if (!newline && offset > 0)
			break;
		if (cri_parse(block + start, n, &r))
			tail_take(t, offset + start, &r);
		end = start;
	}
	*ret_left = end;
}

bool log_set_find_tail(const LogSet *s, uint64_t n, uint64_t ret_starts[LOG_N_STREAMS], GError **error)
{
	g_autoptr(GByteArray) buf = g_byte_array_new();
	struct tail t = { .wanted = n, .starts = ret_starts };
	uint64_t end = log_set_size(s), from, found_at = 0;
	uint64_t block = BLOCK_SIZE;

	for (int i = 0; i < LOG_N_STREAMS; i++)
		ret_starts[i] = end;
	while (end > 0 && !tail_done(&t)) {
		size_t left;

		from = end > block ? end - block : 0;
		if (!read_range(s, from, end, buf, error))
			return false;
		take_block(&t, (const char *)buf->data, buf->len, from, &left);
		/* A line longer than the block: a longer block. */
		block = left == end - from && from > 0 ? MIN(block * 2, LOOK_BACK) : BLOCK_SIZE;
		if (left == end - from && end - from >= LOOK_BACK)
			left = 0; /* no log of ours has such lines: its rest is not looked at */
		end = from + left;
		if (t.wanted == 0 && found_at == 0)
			found_at = end + 1;
		if (found_at > end + LOOK_BACK)
			break;
	}
	return true;
}
