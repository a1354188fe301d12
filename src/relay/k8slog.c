/* Log files: records built in bulk, whole records only. */
#include "relay/k8slog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define STREAM_OFFSET 36u /* of "stdout" in the prefix */
#define FLAG_OFFSET   43u
#define STAMP_SLACK   3u /* the prefix is copied as 48 bytes: three vector moves */
#define MAPPED        (K8S_BUFFER + N_STREAMS * K8S_CARRY)

static void look_at_file(struct k8s_log *log)
{
	struct stat st = { 0 };

	log->regular = log->fd >= 0 && fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode);
	log->size = log->counted = log->regular ? (uint64_t)st.st_size : 0;
	log->fifo = log->fd >= 0 && !log->regular && S_ISFIFO(st.st_mode) && (fcntl(log->fd, F_GETFL) & O_ACCMODE) == O_RDWR;
	if (log->fd >= 0 && !log->regular)
		(void)fd_set_nonblock(log->fd, true); /* fails for no kind of file */
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
	log->head = 0; /* a record that was left torn in the old file is whole in this one */
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

/* Payload never contains a newline. */
uint32_t k8s_record_boundary(const struct k8s_log *log, uint32_t n)
{
	const char *end = n ? memrchr(log->buf, '\n', n) : NULL;

	return end ? (uint32_t)(end + 1 - log->buf) : 0;
}

uint32_t k8s_payload(const struct k8s_log *log, const char *p, const char *nl, enum stream *ret_stream)
{
	if (log->json)
		return jsonlog_payload(p, ret_stream);
	*ret_stream = p[STREAM_OFFSET + 3] == 'e' ? STREAM_ERR : STREAM_OUT;
	return (uint32_t)(nl - p) - K8S_PREFIX + (p[FLAG_OFFSET] == 'F');
}

uint32_t k8s_record_stamp(const struct k8s_log *log, const char *p, const char *nl, const char **ret_stamp)
{
	const char *end = nl - 2, *quote; /* before the "} that ends every record in json */

	*ret_stamp = p;
	if (!log->json)
		return K8S_STAMP;
	quote = memrchr(p, '"', (size_t)(end - p));
	*ret_stamp = quote ? quote + 1 : end;
	return (uint32_t)(end - *ret_stamp);
}

uint32_t k8s_size_most(const struct k8s_log *log, uint32_t n)
{
	return log->json ? jsonlog_size(n, (uint32_t)strlen(log->attrs)) : K8S_PREFIX + n + 1 + STAMP_SLACK;
}

/* Whether limits admit a record of so many bytes; if not, it is dropped. */
static bool admit(struct k8s_log *log, enum stream stream, uint32_t bytes)
{
	struct rate *rate = log->stream[stream].rate;
	bool within_total = log->total_max <= 0 || log->total + log->len < (uint64_t)log->total_max;

	if (!log->discard && within_total && (!rate || rate_pass(rate, bytes)))
		return true;
	k8s_drop(log, stream, bytes);
	return false;
}

static enum stream stream_of(const struct k8s_log *log, const struct lines *l)
{
	return l == &log->stream[STREAM_ERR].lines ? STREAM_ERR : STREAM_OUT;
}

/* Writes what comes before the text of a record; where the text goes. */
static char *put_prefix(const struct k8s_log *log, char *p, enum stream stream, bool whole)
{
	memcpy(p, log->stamp, K8S_PREFIX + STAMP_SLACK);
	if (stream == STREAM_ERR)
		memcpy(p + STREAM_OFFSET, "stderr", 6);
	p[FLAG_OFFSET] = whole ? 'F' : 'P';
	return p + K8S_PREFIX;
}

/* Adds one record: the carried start, then n bytes at data. */
static void put_record(void *sink, struct lines *l, const char *data, uint32_t n, int whole)
{
	struct k8s_log *log = sink;
	enum stream stream = stream_of(log, l);
	uint32_t carried = l->carried, need = K8S_PREFIX + carried + n + 1, bytes = carried + n + (whole ? 1 : 0);
	char *p;

	l->carried = 0;
	if (!admit(log, stream, bytes))
		return;
	if (!k8s_make_room(log, stream, need + STAMP_SLACK) || !k8s_keep_below_limit(log, stream, need)) {
		k8s_drop(log, stream, bytes);
		return;
	}
	p = put_prefix(log, log->buf + log->len, stream, whole);
	if (carried) {
		memcpy(p, l->carry, carried);
		p += carried;
	}
	memcpy(p, data, n);
	p[n] = '\n';
	k8s_add(log, stream, need, bytes);
}

/* Builds the record where the next one goes, and finds out only then how long it is. */
static void add_json(struct k8s_log *log, enum stream stream, const char *data, uint32_t n, bool whole)
{
	struct k8s_stream *s = &log->stream[stream];
	char time[JSON_TIME_MAX];
	uint32_t size;
	char *p;

	strcpy(time, *s->first_time ? s->first_time : log->stamp);
	if (whole)
		*s->first_time = '\0'; /* the line is over, also when this end of it is dropped */
	if (!admit(log, stream, n + whole))
		return;
	if (!k8s_make_room(log, stream, k8s_size_most(log, n))) {
		k8s_drop(log, stream, n + whole);
		return;
	}
	p = log->buf + log->len;
	/* Docker gives all parts of a line the time of the first. */
	if (!whole)
		strcpy(s->first_time, time);
	size = jsonlog_build(p, stream, data, n, whole, log->attrs, time);
	if (!k8s_keep_below_limit(log, stream, size)) {
		k8s_drop(log, stream, n + whole);
		return;
	}
	if (p != log->buf + log->len)
		memmove(log->buf + log->len, p, size);
	k8s_add(log, stream, size, n + whole);
}

uint32_t k8s_build_marker(struct k8s_log *log, enum stream stream, const char *text, uint32_t n)
{
	/* A pipe takes so much (PIPE_BUF) whole or not at all, and nothing that is torn could be taken back. */
	bool fits = log->regular || jsonlog_size(n, (uint32_t)strlen(log->attrs)) <= PIPE_BUF;
	char *p;

	if (log->json)
		return jsonlog_build(log->buf, stream, text, n, true, fits ? log->attrs : "", log->stamp);
	p = put_prefix(log, log->buf, stream, true);
	memcpy(p, text, n);
	p[n] = '\n';
	return (uint32_t)(p + n + 1 - log->buf);
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

void k8s_forget(struct k8s_log *log)
{
	k8s_give_up(log);
	for (int s = 0; s < N_STREAMS; s++)
		log->stream[s].lines.carried = 0;
	log->total = 0;
	log->breaks++;
}

void k8s_trim(struct k8s_log *log)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	if (log->len || log->touched <= page)
		return;
	sys_map_forget(log->buf + page, K8S_BUFFER - page);
	log->touched = 0;
}
