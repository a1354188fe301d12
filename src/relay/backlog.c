/* What a client missed while it did not read: served from the log file. */
#include "relay/backlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/sys.h"

#define STREAM_OFFSET 36u
#define FLAG_OFFSET   43u
#define MAPPED	      (BACKLOG_WINDOW + BACKLOG_PACKET)

int backlog_init(struct backlog *b, struct k8s_log *log)
{
	*b = (struct backlog){ .log = log };
	for (uint32_t i = 0; i < BACKLOG_SEGMENTS; i++)
		b->segment[i].fd = -1;
	b->window = sys_map(MAPPED);
	return b->window ? 0 : -ENOMEM;
}

void backlog_clear(struct backlog *b)
{
	for (uint32_t i = 0; i < BACKLOG_SEGMENTS; i++)
		fd_close(&b->segment[i].fd);
	if (b->window)
		(void)munmap(b->window, MAPPED);
	b->window = NULL;
}

struct backlog_mark backlog_end(const struct backlog *b)
{
	const struct k8s_log *log = b->log;

	return (struct backlog_mark){
		.segment = log->generation,
		.offset = log->size,
		.pos = { log->stream[STREAM_OUT].logged, log->stream[STREAM_ERR].logged },
		.breaks = log->breaks,
	};
}

bool backlog_reaches(const struct backlog *b, const struct backlog_mark *mark)
{
	uint32_t slot = mark->segment % BACKLOG_SEGMENTS;

	if (b->frozen ? b->breaks != mark->breaks :
			(b->log->fd < 0 || !b->log->regular || b->log->json || b->log->patchy || b->log->breaks != mark->breaks))
		return false;
	return (!b->frozen && mark->segment == b->log->generation) ||
		(b->segment[slot].fd >= 0 && b->segment[slot].generation == mark->segment);
}

int backlog_hold(struct backlog *b)
{
	uint32_t slot = b->log->generation % BACKLOG_SEGMENTS;
	char path[NUM_MAX + 16] = "/proc/self/fd/";

	if (b->frozen)
		return 0;
	if (b->segment[slot].fd < 0 || b->segment[slot].generation != b->log->generation) {
		fd_close(&b->segment[slot].fd);
		num_format_i64(path + strlen(path), b->log->fd);
		b->segment[slot].fd = open(path, O_RDONLY | O_CLOEXEC);
		if (b->segment[slot].fd < 0)
			return -errno;
		b->segment[slot].generation = b->log->generation;
		b->window_len = 0;
	}
	b->segment[slot].end = b->log->size;
	return 0;
}

void backlog_freeze(struct backlog *b)
{
	if (b->frozen)
		return;
	(void)backlog_hold(b); /* fails when descriptors are short: who needs that file is let go when he comes to it */
	b->frozen = true;
	b->last = b->log->generation;
	b->breaks = b->log->breaks;
}

void backlog_thaw(struct backlog *b)
{
	b->frozen = false;
}

void backlog_drop(struct backlog *b, uint32_t oldest, bool idle)
{
	for (uint32_t i = 0; i < BACKLOG_SEGMENTS; i++)
		if (idle || b->segment[i].generation < oldest)
			fd_close(&b->segment[i].fd);
	if (idle)
		backlog_trim(b);
}

void backlog_trim(struct backlog *b)
{
	b->window_len = 0;
	sys_map_forget(b->window, MAPPED);
}

/* The bytes of a segment at offset, as many as a window holds. Length or -errno. */
static int32_t window_at(struct backlog *b, uint32_t slot, uint64_t offset, uint64_t end, const char **ret_data)
{
	uint64_t have = 0;

	if (b->window_segment == b->segment[slot].generation && offset >= b->window_offset)
		have = b->window_offset + b->window_len > offset ? b->window_offset + b->window_len - offset : 0;
	if (have < end - offset && have < K8S_PREFIX + K8S_RECORD_MAX + 1) {
		size_t want = end - offset < BACKLOG_WINDOW ? (size_t)(end - offset) : BACKLOG_WINDOW;
		ssize_t n = pread(b->segment[slot].fd, b->window, want, (off_t)offset);

		b->window_len = 0;
		if (n < 0)
			return -errno;
		b->window_segment = b->segment[slot].generation;
		b->window_offset = offset;
		b->window_len = (uint32_t)n;
		have = (uint64_t)n;
	}
	*ret_data = b->window + (offset - b->window_offset);
	return (int32_t)have;
}

int backlog_read(struct backlog *b, struct backlog_mark *mark, struct backlog_piece *ret_piece)
{
	uint32_t slot = mark->segment % BACKLOG_SEGMENTS, last;
	uint64_t end;
	const char *record = NULL, *nl;
	int32_t n;

	if (!backlog_reaches(b, mark))
		return -ENODATA;
	last = b->frozen ? b->last : b->log->generation;
	if (mark->segment == last) {
		int r = backlog_hold(b);

		if (r < 0)
			return r;
	}
	end = b->segment[slot].end;
	if (mark->offset >= end) {
		if (mark->segment == last)
			return 0;
		mark->segment++; /* on to the file that replaced this one */
		mark->offset = 0;
		return backlog_read(b, mark, ret_piece);
	}
	n = window_at(b, slot, mark->offset, end, &record);
	if (n < 0)
		return n;
	nl = n > (int32_t)K8S_PREFIX ? memchr(record + K8S_PREFIX, '\n', (size_t)n - K8S_PREFIX) : NULL;
	if (!nl)
		return -ENODATA; /* somebody else changed the file */
	*ret_piece = (struct backlog_piece){
		.stream = record[STREAM_OFFSET + 3] == 'e' ? STREAM_ERR : STREAM_OUT,
		.data = record + K8S_PREFIX,
		.len = (uint32_t)(nl - record) - K8S_PREFIX,
		.newline = record[FLAG_OFFSET] == 'F',
	};
	mark->offset += (uint64_t)(nl + 1 - record);
	mark->pos[ret_piece->stream] += ret_piece->len + ret_piece->newline;
	return 1;
}

int backlog_pack(struct backlog *b, struct backlog_mark *mark, uint64_t seen[N_STREAMS], enum stream *ret_stream,
	const char **ret_data)
{
	char *packet = b->window + BACKLOG_WINDOW;
	uint32_t len = 0;

	*ret_data = packet;
	while (len < BACKLOG_PACKET) {
		struct backlog_mark next = *mark;
		struct backlog_piece piece;
		uint64_t start, done, total, part;
		int r = backlog_read(b, &next, &piece);

		if (r <= 0 && len == 0)
			return r;
		if (r <= 0 || (len > 0 && piece.stream != *ret_stream))
			break;
		start = mark->pos[piece.stream];
		if (seen[piece.stream] < start)
			return -ENODATA; /* the counts do not fit together: rather none than wrong bytes */
		done = seen[piece.stream] - start;
		total = piece.len + piece.newline;
		part = total > done ? total - done : 0;
		if (part > BACKLOG_PACKET - len)
			part = BACKLOG_PACKET - len;
		memcpy(packet + len, piece.data + done, part); /* in the file, too, a newline follows */
		len += (uint32_t)part;
		seen[piece.stream] += part;
		*ret_stream = piece.stream;
		if (done + part < total)
			break;
		*mark = next;
	}
	return (int)len;
}
