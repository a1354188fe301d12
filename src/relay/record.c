/* How it ended. */
#include "relay/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"

int record_reserve(struct record_file *f, uint32_t size)
{
	if (!f->path)
		return 0;
	rw_temp_suffix(stpcpy(f->temp, f->path));
	f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return -errno;
	if (fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, size) < 0 && errno != EOPNOTSUPP) {
		int r = -errno;

		record_cancel(f);
		return r;
	}
	return 0;
}

void record_cancel(struct record_file *f)
{
	if (f->fd < 0)
		return;
	fd_close(&f->fd);
	(void)unlink(f->temp); /* its directory may be gone: then so is the file */
}

int record_commit(struct record_file *f, const char *text, uint32_t len, struct record_file *spare)
{
	bool whole;
	int r;

	if (!f->path)
		return 0;
	if (f->fd < 0)
		return rw_replace_file(AT_FDCWD, f->path, text, len, 0666);
	r = rw_write_all(f->fd, text, len);
	whole = r == 0;
	fd_close(&f->fd); /* before the name appears: watchers see one event for it */
	if (whole && rename(f->temp, f->path) < 0)
		r = -errno;
	if ((r == -ENOSPC || r == -EDQUOT) && spare && spare->fd >= 0) {
		record_cancel(spare);
		if (whole)
			r = rename(f->temp, f->path) < 0 ? -errno : 0;
	}
	if (r == 0)
		return 0;
	(void)unlink(f->temp); /* the error above is the one that counts */
	/* The directory may have been replaced since: one more try from scratch. */
	return rw_replace_file(AT_FDCWD, f->path, text, len, 0666) == 0 ? 0 : r;
}

struct text {
	char *buf;
	uint32_t len, size;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->buf + t->len, t->size - t->len, format, args);
	va_end(args);
	if (n < 0 || (uint32_t)n >= t->size - t->len)
		t->full = true;
	else
		t->len += (uint32_t)n;
}

static void put_string(struct text *t, const char *s)
{
	put(t, "\"");
	for (; *s && !t->full; s++)
		if (*s == '"' || *s == '\\')
			put(t, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			put(t, "\\u%04x", (unsigned char)*s);
		else
			put(t, "%c", *s);
	put(t, "\"");
}

static void put_time(struct text *t, const char *key, const struct timespec *real, uint64_t boot_ns)
{
	struct tm tm;

	gmtime_r(&real->tv_sec, &tm);
	put(t, "  \"%s\": { \"realtime\": \"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\", \"boottime_ns\": %llu },\n", key,
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, real->tv_nsec,
		(unsigned long long)boot_ns);
}

static void put_signal(struct text *t, int sig)
{
	const char *name = sig ? sigabbrev_np(sig) : NULL;

	if (!sig)
		put(t, "  \"signal\": null,\n");
	else if (name)
		put(t, "  \"signal\": \"SIG%s\",\n", name);
	else
		put(t, "  \"signal\": \"SIGRTMIN+%d\",\n", sig - SIGRTMIN);
}

static void put_usage(struct text *t, const struct end *e)
{
	const struct rusage *u = &e->usage;

	if (!e->usage_known) {
		put(t, "  \"rusage\": null,\n");
		return;
	}
	put(t,
		"  \"rusage\": { \"user_us\": %lld, \"system_us\": %lld, \"max_rss_kib\": %ld, \"minor_faults\": %ld, "
		"\"major_faults\": %ld },\n",
		(long long)u->ru_utime.tv_sec * 1000000 + u->ru_utime.tv_usec,
		(long long)u->ru_stime.tv_sec * 1000000 + u->ru_stime.tv_usec, u->ru_maxrss, u->ru_minflt, u->ru_majflt);
}

static void put_stream(struct text *t, const char *key, const struct end_stream *s, const char *after)
{
	put(t, "    \"%s\": { \"bytes\": %llu, \"records\": %llu, \"dropped_bytes\": %llu }%s\n", key,
		(unsigned long long)s->bytes, (unsigned long long)s->records, (unsigned long long)s->dropped, after);
}

uint32_t record_json(const struct end *e, char *buf, uint32_t size)
{
	static const char *const causes[] = { "exit", "signal", "oom", "timeout", "unknown" };
	struct text t = { buf, 0, size, false };

	put(&t, "{\n  \"version\": 1,\n  \"id\": ");
	put_string(&t, e->id);
	put(&t, ",\n  \"kind\": \"%s\",\n", e->exec ? "exec" : "container");
	put(&t, e->pid > 0 ? "  \"pid\": %d,\n" : "  \"pid\": null,\n", e->pid);
	put(&t, e->cause == END_EXIT ? "  \"exit_code\": %d,\n" : "  \"exit_code\": null,\n", e->code);
	put_signal(&t, e->signal);
	put(&t, "  \"core_dumped\": %s,\n", e->cause == END_UNKNOWN ? "null" : e->core_dumped ? "true" : "false");
	put(&t, "  \"status\": %d,\n  \"cause\": \"%s\",\n  \"evidence\": { ", e->code, causes[e->cause]);
	if (e->reason) {
		put(&t, "\"reason\": ");
		put_string(&t, e->reason);
		put(&t, ", ");
	}
	if (e->oom_known)
		put(&t, "\"oom_kill\": %llu },\n", (unsigned long long)e->oom_kills);
	else
		put(&t, "\"oom_kill\": \"unavailable\" },\n");
	put_time(&t, "start", &e->start_real, e->start_boot_ns);
	put_time(&t, "end", &e->end_real, e->end_boot_ns);
	put_usage(&t, e);
	put(&t, "  \"streams\": {\n    \"stdin\": { \"bytes\": %llu },\n", (unsigned long long)e->stdin_bytes);
	put_stream(&t, "stdout", &e->stream[STREAM_OUT], ",");
	put_stream(&t, "stderr", &e->stream[STREAM_ERR], "");
	put(&t, "  },\n  \"attach_clients_cut_off\": %llu\n}\n", (unsigned long long)e->clients_cut);
	return t.full ? 0 : t.len;
}
