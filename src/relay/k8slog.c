/* Log files: records built in bulk, whole records only. */
#include "relay/k8slog.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"

#define STREAM_OFFSET 36u /* of "stdout" in the prefix */
#define FLAG_OFFSET   43u
#define STAMP_SLACK   3u /* the prefix is copied as 48 bytes: three vector moves */
#define MAPPED        (K8S_BUFFER + N_STREAMS * K8S_CARRY)

static void look_at_file(struct k8s_log *log)
{
	struct stat st;

	log->regular = log->fd >= 0 && fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode);
	log->size = log->counted = log->regular ? (uint64_t)st.st_size : 0;
	if (log->fd >= 0 && !log->regular)
		(void)fd_set_nonblock(log->fd, true); /* fails for no kind of file */
}

/* Whether a FIFO has room again. Its reader can slow the container, but not stop it for good. */
static bool wait_for_reader(struct k8s_log *log, uint64_t since_ns)
{
	uint64_t waited_ms = (sys_clock_ns(CLOCK_BOOTTIME) - since_ns) / 1000000u;
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	log->stalled = log->stalled || waited_ms >= K8S_PATIENCE_MS || poll(&p, 1, K8S_PATIENCE_MS - (int)waited_ms) == 0;
	return !log->stalled;
}

int k8s_init(struct k8s_log *log, int fd, const char *path)
{
	log->fd = fd;
	log->path = path;
	log->stamp_sec = INT64_MIN;
	log->buf = sys_map(MAPPED);
	if (!log->buf)
		return -ENOMEM;
	for (int s = 0; s < N_STREAMS; s++)
		log->stream[s].lines.carry = log->buf + K8S_BUFFER + (unsigned int)s * K8S_CARRY;
	look_at_file(log);
	log->total = log->size;
	return 0;
}

void k8s_clear(struct k8s_log *log)
{
	if (log->buf)
		(void)munmap(log->buf, MAPPED);
	log->buf = NULL;
	fd_close(&log->fd);
}

void k8s_use_file(struct k8s_log *log, int fd)
{
	fd_close(&log->fd);
	log->fd = fd;
	look_at_file(log);
	log->generation++;
}

static void put_digits(char *at, int width, unsigned long value)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Everything but the fraction holds for a second. */
static void stamp_second(struct k8s_log *log, time_t sec)
{
	struct tm tm;
	long offset;

	if (!(log->utc ? gmtime_r(&sec, &tm) : localtime_r(&sec, &tm))) {
		memset(&tm, 0, sizeof tm);
		tm.tm_year = 70;
		tm.tm_mday = 1;
	}
	memcpy(log->stamp, "0000-00-00T00:00:00.000000000+00:00 stdout F ", K8S_PREFIX);
	put_digits(log->stamp, 4, (unsigned long)(tm.tm_year + 1900));
	put_digits(log->stamp + 5, 2, (unsigned long)tm.tm_mon + 1);
	put_digits(log->stamp + 8, 2, (unsigned long)tm.tm_mday);
	put_digits(log->stamp + 11, 2, (unsigned long)tm.tm_hour);
	put_digits(log->stamp + 14, 2, (unsigned long)tm.tm_min);
	put_digits(log->stamp + 17, 2, (unsigned long)tm.tm_sec);
	offset = tm.tm_gmtoff / 60;
	log->stamp[29] = offset < 0 ? '-' : '+';
	offset = offset < 0 ? -offset : offset;
	put_digits(log->stamp + 30, 2, (unsigned long)offset / 60);
	put_digits(log->stamp + 33, 2, (unsigned long)offset % 60);
	log->stamp_sec = sec;
}

void k8s_set_time(struct k8s_log *log, const struct timespec *now)
{
	if (log->json) {
		jsonlog_time(log->stamp, now);
		return;
	}
	if (now->tv_sec != log->stamp_sec)
		stamp_second(log, now->tv_sec);
	put_digits(log->stamp + 20, 9, (unsigned long)now->tv_nsec);
}

/* Where the last whole record in the first n bytes of the buffer ends. Payload never contains a newline. */
static uint32_t record_boundary(const struct k8s_log *log, uint32_t n)
{
	const char *end = n ? memrchr(log->buf, '\n', n) : NULL;

	return end ? (uint32_t)(end + 1 - log->buf) : 0;
}

/* The bytes of the container in the record at p, which ends at nl. */
static uint32_t record_payload(const struct k8s_log *log, const char *p, const char *nl, enum stream *ret_stream)
{
	if (log->json)
		return jsonlog_payload(p, ret_stream);
	*ret_stream = p[STREAM_OFFSET + 3] == 'e' ? STREAM_ERR : STREAM_OUT;
	return (uint32_t)(nl - p) - K8S_PREFIX + (p[FLAG_OFFSET] == 'F');
}

/* Splits what is pending into written and dropped: the records from offset kept on did not get into the file. */
static void settle(struct k8s_log *log, uint32_t kept)
{
	for (int s = 0; s < N_STREAMS; s++) {
		log->stream[s].logged += log->pending.bytes[s];
		log->stream[s].records += log->pending.records[s];
		log->pending.bytes[s] = log->pending.records[s] = 0;
	}
	for (const char *p = log->buf + kept, *end = log->buf + log->len; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		enum stream stream;
		uint32_t bytes = record_payload(log, p, nl, &stream);

		log->stream[stream].dropped += bytes;
		log->stream[stream].records--;
		p = nl + 1;
	}
	log->len = 0;
}

void k8s_flush(struct k8s_log *log)
{
	uint64_t since = log->regular ? 0 : sys_clock_ns(CLOCK_BOOTTIME);
	uint32_t done = 0, kept;
	ssize_t n = 0;

	if (!log->len)
		return;
	while (done < log->len && (n >= 0 || (n == -EAGAIN && wait_for_reader(log, since)))) {
		n = rw_write(log->fd, log->buf + done, log->len - done);
		if (n > 0)
			done += (uint32_t)n;
	}
	if (done == log->len)
		log->stalled = false;
	kept = done == log->len ? done : record_boundary(log, done);
	log->error = n < 0 ? (int)-n : 0;
	if (kept < done) {
		/* The end is torn: take it back before anything else is written. */
		off_t end = lseek(log->fd, 0, SEEK_END);

		if (!log->regular || end < (off_t)(done - kept) || ftruncate(log->fd, end - (off_t)(done - kept)) < 0)
			kept = done; /* a pipe or a failing disk: the torn piece stays, and is counted as it lies */
	}
	log->size += kept;
	log->counted += kept;
	log->total += kept;
	settle(log, record_boundary(log, kept));
}

/* Whether a record of so many bytes would pass the size limit: then the file is replaced, and what was built before the
 * record is in the old one. */
static void keep_below_limit(struct k8s_log *log, uint32_t need)
{
	if (log->size_max > 0 && log->counted + log->len + need > (uint64_t)log->size_max && log->counted + log->len > 0) {
		k8s_flush(log);
		log->counted = 0; /* also when the file cannot be replaced: then it is tried again a whole limit later */
		log->on_full(log, log->user);
	}
}

/* Whether the limit of all records together still admits one; if not, its bytes are dropped. */
static bool within_total(struct k8s_log *log, enum stream stream, uint32_t bytes)
{
	if (log->total_max <= 0 || log->total + log->len < (uint64_t)log->total_max)
		return true;
	log->stream[stream].logged += bytes;
	log->stream[stream].dropped += bytes;
	return false;
}

/* A record of size bytes, with so many of the container, is at the end of the buffer. */
static void add_built(struct k8s_log *log, enum stream stream, uint32_t size, uint32_t bytes)
{
	log->len += size;
	if (log->len > log->touched)
		log->touched = log->len;
	log->pending.bytes[stream] += bytes;
	log->pending.records[stream]++;
}

static enum stream stream_of(const struct k8s_log *log, const struct lines *l)
{
	return l == &log->stream[STREAM_ERR].lines ? STREAM_ERR : STREAM_OUT;
}

/* Adds one record: the carried start, then n bytes at data. */
static void put_record(void *sink, struct lines *l, const char *data, uint32_t n, int whole)
{
	struct k8s_log *log = sink;
	enum stream stream = stream_of(log, l);
	uint32_t payload = l->carried + n, need = K8S_PREFIX + payload + 1;
	uint32_t bytes = payload + (whole ? 1 : 0);
	char *p;

	if (!within_total(log, stream, bytes)) {
		l->carried = 0;
		return;
	}
	if (log->len + need + STAMP_SLACK > K8S_BUFFER)
		k8s_flush(log);
	keep_below_limit(log, need);
	p = log->buf + log->len;
	memcpy(p, log->stamp, K8S_PREFIX + STAMP_SLACK);
	if (stream == STREAM_ERR)
		memcpy(p + STREAM_OFFSET, "stderr", 6);
	p[FLAG_OFFSET] = whole ? 'F' : 'P';
	p += K8S_PREFIX;
	if (l->carried) {
		memcpy(p, l->carry, l->carried);
		p += l->carried;
		l->carried = 0;
	}
	memcpy(p, data, n);
	p[n] = '\n';
	add_built(log, stream, need, bytes);
}

/* Builds the record where the next one goes, and finds out only then how long it is. */
static void add_json(struct k8s_log *log, enum stream stream, const char *data, uint32_t n, bool whole)
{
	struct k8s_stream *s = &log->stream[stream];
	uint32_t most = jsonlog_size(n, (uint32_t)strlen(log->attrs)), size;
	char *p;

	if (!within_total(log, stream, n + whole))
		return;
	if (log->len + most > K8S_BUFFER)
		k8s_flush(log);
	p = log->buf + log->len;
	/* Docker gives all parts of a line the time of the first. */
	if (!*s->first_time && !whole)
		strcpy(s->first_time, log->stamp);
	size = jsonlog_build(p, stream, data, n, whole, log->attrs, *s->first_time ? s->first_time : log->stamp);
	if (whole)
		*s->first_time = '\0';
	keep_below_limit(log, size);
	if (p != log->buf + log->len)
		memmove(log->buf + log->len, p, size);
	add_built(log, stream, size, n + whole);
}

/* The same as put_record; what is the beginning of a character stays carried. */
static void put_json(void *sink, struct lines *l, const char *data, uint32_t n, int whole)
{
	struct k8s_log *log = sink;
	uint32_t rest;

	if (l->carried) {
		memcpy(l->carry + l->carried, data, n);
		data = l->carry;
		n += l->carried;
	}
	rest = whole ? 0 : jsonlog_unfinished(data, n);
	add_json(log, stream_of(log, l), data, n - rest, whole);
	memmove(l->carry, data + n - rest, rest);
	l->carried = rest;
}

void k8s_feed(struct k8s_log *log, enum stream stream, const char *data, uint32_t n)
{
	if (log->fd < 0)
		return;
	if (log->json)
		lines_feed(&log->stream[stream].lines, JSON_RECORD_MAX, data, n, put_json, log);
	else
		lines_feed(&log->stream[stream].lines, K8S_RECORD_MAX, data, n, put_record, log);
}

void k8s_end_partial(struct k8s_log *log, enum stream stream)
{
	if (log->fd >= 0 && !log->json && log->stream[stream].lines.carried)
		put_record(log, &log->stream[stream].lines, "", 0, 0);
}

void k8s_end(struct k8s_log *log, enum stream stream)
{
	struct lines *l = &log->stream[stream].lines;

	if (log->fd >= 0 && log->json && l->carried) {
		add_json(log, stream, l->carry, l->carried, false);
		l->carried = 0;
	}
	k8s_end_partial(log, stream);
}

void k8s_trim(struct k8s_log *log)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	if (log->len || log->touched <= page)
		return;
	sys_map_forget(log->buf + page, K8S_BUFFER - page);
	log->touched = 0;
}
