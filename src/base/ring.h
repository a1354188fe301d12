/* A bounded ring of bytes in which every piece stays contiguous: a piece never wraps, so readers need no second half.
 * The memory is mapped once and touched only as far as it is used; an empty ring starts again at its beginning, so
 * that a quiet stream lives in one page. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	char *mem;
	uint32_t size;
	uint32_t head;    /* next byte goes here */
	uint32_t tail;    /* oldest byte that is still wanted */
	uint32_t end;     /* while wrapped: where the data of the upper part ends */
	uint32_t touched; /* highest offset ever written since the last trim */
	bool wrapped;     /* the data is tail..end and 0..head */
};

/* Maps size bytes (a multiple of the page size). 0 or -errno. */
int ring_init(struct ring *r, uint32_t size);
void ring_clear(struct ring *r);

/* The longest contiguous free piece for at least min bytes; *ret_space points to it. 0 when there is none. */
uint32_t ring_space(struct ring *r, uint32_t min, char **ret_space);

/* Declares n bytes at the place ring_space gave as written; returns their offset in mem. */
uint32_t ring_commit(struct ring *r, uint32_t n);

/* Releases the oldest piece, which ends at offset end. Pieces are released in the order they were committed. */
void ring_release(struct ring *r, uint32_t end);

static inline bool ring_empty(const struct ring *r)
{
	return !r->wrapped && r->head == r->tail;
}

/* Gives the memory of an empty ring back to the kernel, but for the first page (madvise(2), MADV_DONTNEED). */
void ring_trim(struct ring *r);
