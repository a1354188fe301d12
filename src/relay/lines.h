/* Cuts a stream into records of at most max bytes at its newlines. A rest without newline is carried until more
 * comes or until the sink says that it is over. Inline, so that a sink's own function is called without a detour. */
#pragma once

#include <stdint.h>
#include <string.h>

#define LINES_MAX 8192u

struct lines {
	uint32_t carried;
	char *carry;    /* max bytes of the owner */
	uint64_t whole; /* newlines seen */
};

/* Takes one record: the carried bytes, then n bytes at data; whole: its newline was seen (and is not part of it). The
 * sink sets carried to 0, or to what it keeps of a record that is not whole, which is less than max. */
typedef void (*lines_fn)(void *sink, struct lines *l, const char *data, uint32_t n, int whole);

__attribute__((always_inline)) static inline void lines_feed(
	struct lines *l, uint32_t max, const char *data, uint32_t n, lines_fn emit, void *sink)
{
	while (n > 0) {
		uint32_t room = max - l->carried, span = n < room ? n : room;
		const char *nl = memchr(data, '\n', span);

		if (nl) {
			span = (uint32_t)(nl - data);
			l->whole++;
			emit(sink, l, data, span, 1);
			span++;
		} else if (span == room) {
			emit(sink, l, data, span, 0);
		} else {
			memcpy(l->carry + l->carried, data, span);
			l->carried += span;
		}
		data += span;
		n -= span;
	}
}
