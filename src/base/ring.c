/* A bounded ring of bytes in which every piece stays contiguous. */
#include "base/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

int ring_init(struct ring *r, uint32_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	*r = (struct ring){ .mem = mem, .size = size };
	return 0;
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
	(void)madvise(r->mem + page, r->size - page, MADV_DONTNEED); /* advice: nothing is lost if it is not taken */
	r->touched = 0;
}
