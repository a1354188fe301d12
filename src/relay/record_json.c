/* exit.json. Valid JSON in valid UTF-8, whatever the container, its id and its runtime are made of; a number that is not
 * known is never a zero. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "relay/record.h"

#define TEXT_MAX 768u /* bytes in the document of a reason or a path */

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

/* Length of the character that begins at s, 0 if that is no UTF-8 (RFC 3629: no surrogates, nothing overlong). */
static uint32_t character(const unsigned char *s, uint32_t n)
{
	uint32_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (len > n || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (uint32_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Of at most max bytes as they stand in the document; false if it had to be cut. */
static bool put_text(struct text *t, const char *text, uint32_t n, uint32_t max)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t i = 0, start = t->len;

	put(t, "\"");
	for (uint32_t len; i < n && !t->full && t->len - start + 6 < max; i += len ?: 1) {
		len = character(s + i, n - i);
		if (len == 0)
			put(t, "\\ufffd");
		else if (s[i] == '"' || s[i] == '\\')
			put(t, "\\%c", s[i]);
		else if (s[i] < 0x20 || s[i] == 0x7f)
			put(t, "\\u%04x", s[i]);
		else
			put(t, "%.*s", (int)len, text + i);
	}
	put(t, "\"");
	return i == n;
}

static void put_number(struct text *t, const char *key, uint64_t value, const char *after)
{
	if (value == CGROUP_UNKNOWN)
		put(t, "\"%s\": \"unavailable\"%s", key, after);
	else
		put(t, "\"%s\": %llu%s", key, (unsigned long long)value, after);
}

static void put_time(struct text *t, const char *key, const struct timespec *real, uint64_t boot_ns)
{
	struct tm tm;

	if (!boot_ns || !gmtime_r(&real->tv_sec, &tm)) {
		put(t, "  \"%s\": null,\n", key);
		return;
	}
	put(t, "  \"%s\": { \"realtime\": \"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\", \"boottime_ns\": %llu },\n", key,
		tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, real->tv_nsec,
		(unsigned long long)boot_ns);
}

static void put_signal(struct text *t, const char *key, int sig, const char *after)
{
	const char *name = sig ? sigabbrev_np(sig) : NULL;

	if (!sig)
		put(t, "\"%s\": null%s", key, after);
	else if (name)
		put(t, "\"%s\": \"SIG%s\"%s", key, name, after);
	else if (sig > SIGRTMIN)
		put(t, "\"%s\": \"SIGRTMIN+%d\"%s", key, sig - SIGRTMIN, after);
	else if (sig == SIGRTMIN)
		put(t, "\"%s\": \"SIGRTMIN\"%s", key, after);
	else
		put(t, "\"%s\": \"SIG%d\"%s", key, sig, after); /* those that the C library keeps for itself */
}

static void put_status(struct text *t, const struct end *e)
{
	if (e->observed_by && !e->signal)
		put(t, "  \"exit_code\": %d,\n  ", e->exit_code);
	else
		put(t, "  \"exit_code\": null,\n  ");
	put_signal(t, "signal", e->observed_by ? e->signal : 0, ",\n");
	put(t, "  \"core_dumped\": %s,\n", !e->observed_by ? "null" : e->core_dumped ? "true" : "false");
	put(t, "  \"status\": %d,\n", e->code);
}

static void put_evidence(struct text *t, const struct end *e)
{
	put(t, "  \"evidence\": {\n    \"observed_by\": ");
	put(t, e->observed_by ? "\"%s\",\n" : "null,\n", e->observed_by);
	if (e->reason) {
		put(t, "    \"reason\": ");
		(void)put_text(t, e->reason, e->reason_len, TEXT_MAX); /* a longer one is cut */
		put(t, ",\n");
	}
	if (e->cause == END_RUNTIME_ERROR && e->runtime_ended) {
		put(t, "    \"runtime\": { ");
		put(t, WIFEXITED(e->runtime_status) ? "\"exit_code\": %d, " : "\"exit_code\": null, ", WEXITSTATUS(e->runtime_status));
		put_signal(t, "signal", WIFSIGNALED(e->runtime_status) ? WTERMSIG(e->runtime_status) : 0, " },\n");
	}
	if (e->cause == END_TIMEOUT)
		put(t, "    \"timeout_s\": %u,\n", e->timeout_s);
	if (e->stop.count) {
		put(t, "    \"stop\": { ");
		put_signal(t, "signal", e->stop.signal, ", ");
		put(t, "\"requests\": %u, \"sender_pid\": %u, \"sender_uid\": %u, \"boottime_ns\": %llu },\n", e->stop.count,
			e->stop.pid, e->stop.uid, (unsigned long long)e->stop.boot_ns);
	}
	put(t, "    ");
	put_number(t, "oom_kill", e->oom_kills, ", ");
	put_number(t, "oom_kill_local", e->oom_kills_local, "\n  },\n");
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

static void put_cgroup(struct text *t, const struct end *e)
{
	uint32_t start;

	if (e->exec) {
		put(t, "  \"cgroup\": null,\n"); /* the container's, whose record has it */
		return;
	}
	put(t, "  \"cgroup\": { \"path\": ");
	start = t->len;
	if (!e->cgroup || !put_text(t, e->cgroup, (uint32_t)strlen(e->cgroup), TEXT_MAX)) {
		t->len = start;
		put(t, "\"unavailable\"");
	}
	put(t, ", ");
	put_number(t, "memory_peak_bytes", e->usage_of_cgroup[CGROUP_MEMORY], ", ");
	put_number(t, "pids_peak", e->usage_of_cgroup[CGROUP_PIDS], ", ");
	put_number(t, "cpu_us", e->usage_of_cgroup[CGROUP_CPU], " },\n");
}

static void put_stream(struct text *t, const char *key, const struct end_stream *s, const char *after)
{
	put(t, "    \"%s\": { \"bytes\": %llu, ", key, (unsigned long long)s->bytes);
	put_number(t, "lines", s->lines, ", ");
	put(t, "\"records\": %llu, \"dropped_bytes\": %llu, \"dropped_records\": %llu }%s\n", (unsigned long long)s->records,
		(unsigned long long)s->dropped, (unsigned long long)s->dropped_records, after);
}

uint32_t record_json(const struct end *e, char *buf, uint32_t size)
{
	static const char *const causes[N_END_CAUSES] = {
		[END_EXIT] = "exit",
		[END_SIGNAL] = "signal",
		[END_OOM] = "oom",
		[END_TIMEOUT] = "timeout",
		[END_STOP] = "stop",
		[END_RUNTIME_ERROR] = "runtime-error",
		[END_UNKNOWN] = "unknown",
	};
	struct text t = { buf, 0, size, false };

	put(&t, "{\n  \"version\": 1,\n  \"id\": ");
	(void)put_text(&t, e->id, (uint32_t)strlen(e->id), size);
	put(&t, ",\n  \"kind\": \"%s\",\n", e->exec ? "exec" : "container");
	put(&t, e->pid > 0 ? "  \"pid\": %d,\n" : "  \"pid\": null,\n", e->pid);
	put(&t, "  \"cause\": \"%s\",\n", causes[e->cause]);
	put_status(&t, e);
	put_evidence(&t, e);
	put_time(&t, "start", &e->start_real, e->start_boot_ns);
	put_time(&t, "end", &e->end_real, e->end_boot_ns);
	put_usage(&t, e);
	put_cgroup(&t, e);
	put(&t, "  \"streams\": {\n    \"stdin\": { \"bytes\": %llu },\n", (unsigned long long)e->stdin_bytes);
	put_stream(&t, "stdout", &e->stream[STREAM_OUT], ",");
	put_stream(&t, "stderr", &e->stream[STREAM_ERR], "");
	put(&t, "  },\n  \"attach_clients_cut_off\": %llu,\n  \"attach_skipped_bytes\": %llu\n}\n",
		(unsigned long long)e->clients_cut, (unsigned long long)e->clients_skipped);
	return t.full ? 0 : t.len;
}
