/* The writing side of a log file: a queue of whole records, what becomes of it when the file takes none, and exact
 * accounts of what was written and what was not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rw.h"
#include "base/sys.h"
#include "relay/k8slog.h"

#define SHARE         (K8S_BUFFER / 2) /* of the queue for each stream, so that one cannot take the other's room */
#define DROP_AT_ONCE  (64u * 1024)     /* of the oldest: moving the rest costs more than a record */
#define MARK_INTERVAL 1000000000ull

/* Until what waits is written, nobody can find his place in the file any more. */
static void mark_patchy(struct k8s_log *log)
{
	if (!log->patchy && log->on_break)
		log->on_break(log, log->user);
	log->patchy = true;
}

/* Counts a record that is not going to be in the file. stamp: its time. */
static void count_drop(struct k8s_log *log, enum stream stream, uint32_t bytes, const char *stamp, uint32_t stamp_len)
{
	struct k8s_stream *s = &log->stream[stream];

	mark_patchy(log);
	s->dropped += bytes;
	s->dropped_records++;
	s->late += bytes; /* where they are missing is behind what waits */
	if (stamp_len >= sizeof s->gap.to)
		stamp_len = sizeof s->gap.to - 1;
	memcpy(s->gap.to, stamp, stamp_len);
	s->gap.to[stamp_len] = '\0';
	if (!s->gap.records)
		memcpy(s->gap.from, s->gap.to, sizeof s->gap.from);
	s->gap.bytes += bytes;
	s->gap.records++;
}

/* Nothing waits any more: the accounts agree with the file. */
static void queue_empty(struct k8s_log *log)
{
	log->len = log->head = 0;
	for (int s = 0; s < N_STREAMS; s++) {
		log->pending.size[s] = log->pending.bytes[s] = log->pending.records[s] = 0;
		log->stream[s].logged += log->stream[s].late;
		log->stream[s].late = 0;
	}
	log->breaks += log->patchy;
	log->patchy = false;
}

void k8s_drop(struct k8s_log *log, enum stream stream, uint32_t bytes)
{
	count_drop(log, stream, bytes, log->stamp, log->json ? (uint32_t)strlen(log->stamp) : K8S_STAMP);
	if (!log->len)
		queue_empty(log);
}

static void forget_pending(struct k8s_log *log, enum stream stream, uint32_t size, uint32_t bytes)
{
	log->pending.size[stream] -= size;
	log->pending.bytes[stream] -= bytes;
	log->pending.records[stream]--;
}

/* The first n bytes of the queue, whole records, are in the file. */
static void settle(struct k8s_log *log, uint32_t n)
{
	if (n == log->len) {
		for (int s = 0; s < N_STREAMS; s++) {
			log->stream[s].logged += log->pending.bytes[s];
			log->stream[s].records += log->pending.records[s];
		}
		queue_empty(log);
		return;
	}
	for (const char *p = log->buf, *end = p + n; p < end;) {
		const char *next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		enum stream stream;
		uint32_t bytes = k8s_payload(log, p, next - 1, &stream);

		log->stream[stream].logged += bytes;
		log->stream[stream].records++;
		forget_pending(log, stream, (uint32_t)(next - p), bytes);
		p = next;
	}
	log->len -= n;
	memmove(log->buf, log->buf + n, log->len);
}

/* The file ends with a torn record: takes it back before anything else is written. How much of it is still there. */
static uint32_t cut_back(struct k8s_log *log, uint32_t torn)
{
	off_t end = log->regular ? lseek(log->fd, 0, SEEK_END) : 0;

	if (!torn || (end >= (off_t)torn && ftruncate(log->fd, end - (off_t)torn) == 0))
		return 0;
	mark_patchy(log);
	return torn; /* a pipe or a failing disk: the record goes on where it was cut */
}

static void note_result(struct k8s_log *log, bool progress, int err)
{
	log->error = err;
	log->troubled = log->len > 0;
	if (!log->troubled)
		log->stalled = false;
	if (err != EAGAIN)
		log->blocked_ns = 0;
	else if (progress || !log->blocked_ns)
		log->blocked_ns = sys_clock_ns(CLOCK_BOOTTIME);
}

void k8s_flush(struct k8s_log *log)
{
	uint32_t done = log->head, torn, whole;
	uint64_t net;
	ssize_t n = 1;

	if (!log->len)
		return;
	for (; done < log->len && n > 0; done += n > 0 ? (uint32_t)n : 0)
		n = rw_write(log->fd, log->buf + done, log->len - done);
	whole = done == log->len ? done : k8s_record_boundary(log, done);
	torn = cut_back(log, done - whole);
	net = (uint64_t)(whole + torn) - log->head; /* below zero if what was torn before could be cut back now */
	log->size += net;
	log->counted += net;
	log->total += net;
	settle(log, whole);
	log->head = torn;
	note_result(log, net > 0, n > 0 ? 0 : n < 0 ? (int)-n : EIO);
	if (log->error == EPIPE)
		k8s_give_up(log); /* who reads a pipe that was left comes anew, and knows nothing of before */
}

void k8s_give_up(struct k8s_log *log)
{
	for (const char *p = log->buf, *end = p + log->len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p)), *stamp;
		enum stream stream;
		uint32_t bytes = k8s_payload(log, p, nl, &stream), stamp_len = k8s_record_stamp(log, p, nl, &stamp);

		count_drop(log, stream, bytes, stamp, stamp_len);
		p = nl + 1;
	}
	if (log->head)
		(void)rw_write(log->fd, "\n", 1); /* the torn record ends here; if this fails too, it stays torn */
	queue_empty(log);
	log->troubled = false;
	log->blocked_ns = 0;
}

/* Lets go of the oldest records of a stream, but not of one that is half in the file. Whether there were any. */
static bool drop_oldest(struct k8s_log *log, enum stream stream)
{
	char *end = log->buf + log->len, *p = log->head ? (char *)memchr(log->buf, '\n', log->len) + 1 : log->buf,
	     *to = p;
	uint32_t freed = 0;

	while (p < end) {
		char *next = (char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		uint32_t size = (uint32_t)(next - p), bytes, stamp_len;
		const char *stamp;
		enum stream owner;

		bytes = k8s_payload(log, p, next - 1, &owner);
		if (owner == stream && freed < DROP_AT_ONCE) {
			stamp_len = k8s_record_stamp(log, p, next - 1, &stamp);
			count_drop(log, stream, bytes, stamp, stamp_len);
			forget_pending(log, stream, size, bytes);
			freed += size;
		} else {
			memmove(to, p, size);
			to += size;
		}
		p = next;
	}
	log->len = (uint32_t)(to - log->buf);
	if (!log->len)
		queue_empty(log);
	return freed > 0;
}

static bool fits(const struct k8s_log *log, enum stream stream, uint32_t size)
{
	return log->len + size <= K8S_BUFFER && log->pending.size[stream] + size <= SHARE;
}

bool k8s_make_room(struct k8s_log *log, enum stream stream, uint32_t size)
{
	if (fits(log, stream, size))
		return true;
	if (!log->troubled)
		k8s_flush(log);
	while (!fits(log, stream, size))
		if (log->stream[stream].policy != LOG_DROP_OLDEST || !drop_oldest(log, stream))
			return false;
	return true;
}

static bool over_limit(const struct k8s_log *log, uint32_t size)
{
	return log->size_max > 0 && log->counted + log->len + size > (uint64_t)log->size_max &&
	       log->counted + log->len > 0;
}

bool k8s_keep_below_limit(struct k8s_log *log, enum stream stream, uint32_t size)
{
	if (!over_limit(log, size))
		return true;
	if (!log->troubled)
		k8s_flush(log);
	if (!log->troubled) {
		log->counted =
			0; /* also when the file cannot be replaced: then it is tried again a whole limit later */
		log->on_full(log, log->user);
		return true;
	}
	/* What waits belongs into this file: no new one is begun while this one takes nothing, or a full disk would end in
	 * rotating every old file away. */
	while (over_limit(log, size))
		if (log->stream[stream].policy != LOG_DROP_OLDEST || !drop_oldest(log, stream))
			return false;
	return true;
}

void k8s_add(struct k8s_log *log, enum stream stream, uint32_t size, uint32_t bytes)
{
	log->len += size;
	if (log->len > log->touched)
		log->touched = log->len;
	log->pending.size[stream] += size;
	log->pending.bytes[stream] += bytes;
	log->pending.records[stream]++;
}

uint32_t k8s_room(const struct k8s_log *log, enum stream stream)
{
	uint32_t share = SHARE - log->pending.size[stream], all = K8S_BUFFER - log->len,
		 room = share < all ? share : all;
	uint32_t one = k8s_size_most(log, log->json ? JSON_RECORD_MAX : K8S_RECORD_MAX);

	return room > one ? (room - one) / k8s_size_most(log, 1) : 0; /* every byte may be a newline */
}

bool k8s_has_gap(const struct k8s_log *log)
{
	return log->stream[STREAM_OUT].gap.records || log->stream[STREAM_ERR].gap.records;
}

/* Writes the marker for one stream at once, whole or not at all. */
static void write_marker(struct k8s_log *log, enum stream stream)
{
	struct k8s_stream *s = &log->stream[stream];
	char text[256];
	int n = snprintf(text, sizeof text, "tallyman: dropped %llu bytes in %llu records of %s from %s to %s",
		(unsigned long long)s->gap.bytes, (unsigned long long)s->gap.records,
		stream == STREAM_ERR ? "stderr" : "stdout", s->gap.from, s->gap.to);
	uint32_t size = k8s_build_marker(log, stream, text, (uint32_t)n);
	ssize_t done;

	if (log->total_max > 0 && log->total + size > (uint64_t)log->total_max)
		return;
	if (over_limit(log, size)) {
		log->counted = 0;
		log->on_full(log, log->user);
		size = k8s_build_marker(log, stream, text, (uint32_t)n);
	}
	if (log->on_break)
		log->on_break(log, log->user); /* these bytes are not the container's */
	done = rw_write(log->fd, log->buf, size); /* a pipe takes so little whole or not at all */
	if (done > 0 && done < size)
		done = cut_back(log, (uint32_t)done);
	if (done <= 0)
		return; /* it comes with the next one */
	log->size += (uint64_t)done;
	log->counted += (uint64_t)done;
	log->total += (uint64_t)done;
	log->breaks++;
	s->gap.bytes = s->gap.records = 0;
}

void k8s_mark_gaps(struct k8s_log *log, bool at_once)
{
	uint64_t now;

	if (!log->marker || log->len || !k8s_has_gap(log))
		return;
	now = sys_clock_ns(CLOCK_BOOTTIME);
	if (!at_once && now - log->marked_ns < MARK_INTERVAL)
		return;
	log->marked_ns = now;
	for (int s = 0; s < N_STREAMS; s++)
		if (log->stream[s].gap.records)
			write_marker(log, (enum stream)s);
}
