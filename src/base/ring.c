/* A bounded ring of bytes in which every piece stays contiguous. */
#include "base/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sys.h"

int ring_init(struct ring *r, uint32_t size)
{
	*r = (struct ring){ .mem = sys_map(size), .size = size };
	return r->mem ? 0 : -ENOMEM;
}

void ring_clear(struct ring *r)
{
	if (r->mem)
		(void)munmap(r->mem, r->size);
	*r = (struct ring){ 0 };
}

uint32_t ring_space(struct ring *r, uint32_t min, char **ret_space)
{
	uint32_t space = (r->wrapped ? r->tail : r->size) - r->head;

	if (!r->wrapped && space < min && r->tail > space) {
		r->end = r->head;
		r->head = 0;
		r->wrapped = true;
		space = r->tail;
	}
	*ret_space = r->mem + r->head;
	return space >= min ? space : 0;
}

uint32_t ring_commit(struct ring *r, uint32_t n)
{
	uint32_t offset = r->head;

	r->head += n;
	if (r->head > r->touched)
		r->touched = r->head;
	return offset;
}

void ring_release(struct ring *r, uint32_t end)
{
	r->tail = end;
	if (r->wrapped && r->tail == r->end) {
		r->tail = 0;
		r->wrapped = false;
	}
	if (ring_empty(r))
		r->head = r->tail = 0;
}

void ring_trim(struct ring *r)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	if (!ring_empty(r) || r->touched <= page)
		return;
	sys_map_forget(r->mem + page, r->size - page);
	r->touched = 0;
}
