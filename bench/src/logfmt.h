/* The floor for k8s-file records: one clock read and one write for a batch, memchr for the newlines, copies of fixed
 * size for the headers and for short lines. */
#ifndef BENCH_LOGFMT_H
#define BENCH_LOGFMT_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#define HEADER	     45	  /* "2006-01-02T15:04:05.000000000+00:00 stdout F " */
#define PARTIAL	     8192 /* payload of the longest record */
#define LOGFMT_SLACK (HEADER + PARTIAL + 64)

struct logfmt {
	char header[48]; /* of the stream, with the time of the last stamp */
	time_t second;
};

typedef void (*LogfmtFlush)(const char *records, size_t n);

static inline void logfmt_two(char *p, long v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
}

static inline void logfmt_stamp_second(struct logfmt *f, time_t second)
{
	struct tm t;
	long zone;

	localtime_r(&second, &t);
	zone = t.tm_gmtoff < 0 ? -t.tm_gmtoff : t.tm_gmtoff;
	memcpy(f->header, "2006-01-02T15:04:05.000000000+00:00 stdout F ", HEADER);
	logfmt_two(f->header, (t.tm_year + 1900) / 100);
	logfmt_two(f->header + 2, t.tm_year % 100);
	logfmt_two(f->header + 5, t.tm_mon + 1);
	logfmt_two(f->header + 8, t.tm_mday);
	logfmt_two(f->header + 11, t.tm_hour);
	logfmt_two(f->header + 14, t.tm_min);
	logfmt_two(f->header + 17, t.tm_sec);
	f->header[29] = t.tm_gmtoff < 0 ? '-' : '+';
	logfmt_two(f->header + 30, zone / 3600);
	logfmt_two(f->header + 33, zone % 3600 / 60);
	f->second = second;
}

/* Puts the present time into the header. */
static inline void logfmt_stamp(struct logfmt *f, bool is_stderr)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec != f->second)
		logfmt_stamp_second(f, t.tv_sec);
	memcpy(f->header + 36, is_stderr ? "stderr" : "stdout", 6);
	for (int i = 28; i >= 20; i--, t.tv_nsec /= 10)
		f->header[i] = (char)('0' + t.tv_nsec % 10);
}

/* Turns in[0..n) into records in out, which holds room (at least LOGFMT_SLACK) bytes and is emptied through flush.
 * With more to come, an unfinished last line shorter than PARTIAL is left. Returns the bytes consumed. */
static inline size_t logfmt(
	const struct logfmt *f, const char *in, size_t n, bool more, char *out, size_t room, LogfmtFlush flush)
{
	const char *p = in, *end = in + n, *limit = out + room - LOGFMT_SLACK;
	const char *newline = in - 1; /* the next one at or after p, end if there is none */
	char *o = out;

	while (p < end) {
		size_t len, part;
		bool full;

		if (newline < p)
			newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline)
			newline = end;
		len = (size_t)(newline - p) + (newline < end);
		if (newline == end && more && len < PARTIAL)
			break;
		part = len > PARTIAL + (size_t)(newline < end) ? PARTIAL : len;
		full = newline < end && part == len;
		if (o > limit) {
			flush(out, (size_t)(o - out));
			o = out;
		}
		memcpy(o, f->header, sizeof f->header); /* the bytes after HEADER are overwritten */
		o[HEADER - 2] = full ? 'F' : 'P';
		o += HEADER;
		if (part <= 64 && end - p >= 64)
			memcpy(o, p, 64); /* of fixed size: quicker; limit leaves the room */
		else
			memcpy(o, p, part);
		o += part;
		p += part;
		if (!full)
			*o++ = '\n';
	}
	if (o > out)
		flush(out, (size_t)(o - out));
	return (size_t)(p - in);
}
#endif
