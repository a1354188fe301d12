/* What the monitor is doing right now. Written piece by piece, so that the number of clients and descriptors needs no
 * memory. */
#include "relay/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "relay/relay.h"

#define PIECE     8192u
#define ESCAPED   6u   /* what a byte may become */
#define TEXT_PART 512u /* a string is escaped in such parts */

struct out {
	int fd, err; /* err: the first error, -errno */
	uint32_t len;
	const char *comma; /* in front of the next member or element */
	char buf[PIECE];
};

static void flush(struct out *o)
{
	if (o->err == 0)
		o->err = rw_write_all(o->fd, o->buf, o->len);
	o->len = 0;
}

/* At most 512 bytes at once. */
__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	if (PIECE - o->len < 512)
		flush(o);
	va_start(args, format);
	n = vsnprintf(o->buf + o->len, PIECE - o->len, format, args);
	va_end(args);
	o->len += n > 0 && (uint32_t)n < PIECE - o->len ? (uint32_t)n : 0;
}

static void put_text(struct out *o, const char *text)
{
	uint32_t left = (uint32_t)strlen(text);

	put(o, "\"");
	while (left > 0) {
		uint32_t n = left < TEXT_PART ? left : TEXT_PART, rest = n < left ? jsonlog_unfinished(text, n) : 0;

		if (PIECE - o->len < ESCAPED * TEXT_PART)
			flush(o);
		o->len = (uint32_t)(jsonlog_text(o->buf + o->len, text, n - rest) - o->buf);
		text += n - rest;
		left -= n - rest;
	}
	put(o, "\"");
}

/* Members of the present object: in front of each is what separates it from the one before. */
static void key(struct out *o, const char *name)
{
	put(o, "%s\"%s\":", o->comma, name);
	o->comma = ",";
}

static void open_object(struct out *o, const char *name)
{
	if (name)
		key(o, name);
	else
		put(o, "%s", o->comma);
	put(o, "{");
	o->comma = "";
}

static void close_object(struct out *o)
{
	put(o, "}");
	o->comma = ",";
}

static void open_array(struct out *o, const char *name)
{
	key(o, name);
	put(o, "[");
	o->comma = "";
}

static void close_array(struct out *o)
{
	put(o, "]\n");
	o->comma = ",";
}

static void number(struct out *o, const char *name, uint64_t value)
{
	key(o, name);
	put(o, "%llu", (unsigned long long)value);
}

static void boolean(struct out *o, const char *name, bool value)
{
	key(o, name);
	put(o, value ? "true" : "false");
}

/* NULL is null. */
static void text(struct out *o, const char *name, const char *value)
{
	key(o, name);
	if (value)
		put_text(o, value);
	else
		put(o, "null");
}

static void pid(struct out *o, const char *name, pid_t value)
{
	key(o, name);
	put(o, value > 0 ? "%d" : "null", value);
}

static void put_head(struct out *o, const struct relay *r)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	number(o, "version", 1);
	text(o, "id", r->set.id);
	text(o, "kind", r->set.exec ? "exec" : "container");
	key(o, "time");
	put(o, "{\"realtime\":\"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\",\"boottime_ns\":%llu}\n", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec,
		(unsigned long long)sys_clock_ns(CLOCK_BOOTTIME));
	text(o, "state", life_state_name(r->state));
	pid(o, "monitor_pid", getpid());
	pid(o, "runtime_pid", r->runtime_pid);
	pid(o, "container_pid", r->container_pid);
	boolean(o, "exited", r->exited);
	boolean(o, "timed_out", r->timed_out);
}

static void put_output(struct out *o, const struct relay *r, enum stream s, const char *name)
{
	const struct pump_stream *p = &r->pump.stream[s];
	int waiting = 0;

	open_object(o, name);
	boolean(o, "open", p->fd >= 0);
	number(o, "read_bytes", r->spool.pos[s]);
	if (p->fd >= 0 && ioctl(p->fd, FIONREAD, &waiting) < 0)
		waiting = 0;
	number(o, "unread_bytes", (uint64_t)waiting);
	boolean(o, "held_up", p->full);
	close_object(o);
}

static void put_streams(struct out *o, const struct relay *r)
{
	open_object(o, "streams");
	open_object(o, "stdin");
	boolean(o, "open", r->input.fd >= 0);
	number(o, "written_bytes", r->input.bytes);
	number(o, "waiting_bytes", r->input.len - r->input.done);
	close_object(o);
	put_output(o, r, STREAM_OUT, "stdout");
	put_output(o, r, STREAM_ERR, "stderr");
	close_object(o);
}

static void put_log_stream(struct out *o, const struct feeder *f, enum stream s, const char *name)
{
	const struct rate *rate = &f->rate[s];

	open_object(o, name);
	text(o, "policy", feeder_policy_name(f->policy[s]));
	number(o, "rate_limit", rate->per_s); /* 0: none */
	number(o, "burst", rate->burst);
	number(o, "records", f->log ? f->log->stream[s].records : f->journal->stream[s].entries);
	number(o, "dropped_bytes", f->log ? f->log->stream[s].dropped : f->journal->stream[s].dropped);
	number(o, "dropped_records",
		f->log ? f->log->stream[s].dropped_records : f->journal->stream[s].dropped_entries);
	number(o, "unlogged_bytes", f->spool->pos[s] - f->cursor.pos[s]);
	number(o, "queued_bytes", f->log ? f->log->pending.size[s] : 0);
	boolean(o, "waits", f->waiting >> s & 1);
	close_object(o);
}

static void put_log(struct out *o, const struct feeder *f)
{
	const struct k8s_log *log = f->log;

	if (log && log->fd < 0)
		return; /* stands for none at all */
	open_object(o, NULL);
	text(o, "driver", !log ? "journald" : log->json ? "json-file" : "k8s-file");
	if (log) {
		text(o, "path", log->path);
		number(o, "descriptor", (uint64_t)log->fd);
		boolean(o, "regular", log->regular);
		number(o, "position", log->size);
		number(o, "written_bytes", log->total);
		number(o, "replaced", log->generation);
		text(o, "error", log->error ? strerrorname_np(log->error) : NULL);
		number(o, "blocked_ms", feeder_blocked_ns(f) / 1000000);
	}
	boolean(o, "stalled", log ? log->stalled : f->journal->stalled);
	put_log_stream(o, f, STREAM_OUT, "stdout");
	put_log_stream(o, f, STREAM_ERR, "stderr");
	close_object(o);
}

static void put_client(struct out *o, const struct relay *r, const struct attach_client *c)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof who;

	open_object(o, NULL);
	number(o, "descriptor", (uint64_t)c->fd);
	pid(o, "pid", getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.pid : 0);
	boolean(o, "served_from_log", c->behind);
	boolean(o, "full", c->blocked);
	boolean(o, "sends", c->reading);
	boolean(o, "waits_for_stdin", c->waits_for_stdin);
	number(o, "unsent_stdout_bytes", r->spool.pos[STREAM_OUT] - c->cursor.pos[STREAM_OUT]);
	number(o, "unsent_stderr_bytes", r->spool.pos[STREAM_ERR] - c->cursor.pos[STREAM_ERR]);
	close_object(o);
}

static void put_attach(struct out *o, const struct relay *r)
{
	const struct attach *a = &r->attach;

	open_object(o, "attach");
	number(o, "places", ATTACH_CLIENTS);
	number(o, "cut_off", a->n_cut);
	number(o, "skipped_bytes", a->n_skipped);
	boolean(o, "spill", spill_active(&a->catchup->spill));
	open_array(o, "clients");
	for (uint32_t i = 0; a->n_clients && i < ATTACH_CLIENTS; i++)
		if (a->client[i].used)
			put_client(o, r, &a->client[i]);
	close_array(o);
	close_object(o);
}

/* The kernel lists them, divided by blanks; without that list they are not known. */
static void put_children(struct out *o)
{
	char path[64] = "/proc/self/task/", list[2048];
	auto_fd fd = -1;
	ssize_t n;

	num_format_i64(path + strlen(path), getpid());
	strcat(path, "/children");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		text(o, "children", NULL);
		return;
	}
	open_array(o, "children");
	for (bool inside = false; (n = rw_read(fd, list, sizeof list)) > 0;)
		for (ssize_t i = 0; i < n; i++) {
			bool digit = list[i] >= '0' && list[i] <= '9';

			if (digit)
				put(o, "%s%c", inside ? "" : o->comma, list[i]);
			o->comma = digit ? "," : o->comma;
			inside = digit;
		}
	close_array(o);
}

static void put_descriptor(int dir_fd, const char *name, void *user)
{
	struct out *o = user;
	char target[4096];
	ssize_t n = readlinkat(dir_fd, name, target, sizeof target - 1);
	int64_t fd;

	if (num_parse_i64(name, 0, INT32_MAX, &fd) < 0 || fd == dir_fd || fd == o->fd)
		return; /* ours, for this file */
	target[n > 0 ? n : 0] = '\0';
	open_object(o, NULL);
	number(o, "descriptor", (uint64_t)fd);
	text(o, "is", target);
	close_object(o);
}

static void put_descriptors(struct out *o)
{
	auto_fd dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	open_array(o, "descriptors");
	if (dir >= 0)
		(void)dir_list(dir, put_descriptor, o); /* a /proc that cannot be read lists nothing */
	close_array(o);
}

static void put_all(struct out *o, const struct relay *r)
{
	o->comma = "";
	open_object(o, NULL);
	put_head(o, r);
	put_streams(o, r);
	open_array(o, "logs");
	for (uint32_t i = 0; i < r->pump.n_feeders; i++)
		put_log(o, &r->feeder[i]);
	close_array(o);
	put_attach(o, r);
	put_children(o);
	put_descriptors(o);
	close_object(o);
	put(o, "\n");
	flush(o);
}

int dump_write(const struct relay *r)
{
	struct out o;
	const char *temp = r->set.dump_temp;

	rw_temp_suffix(stpcpy(r->set.dump_temp, r->set.dump_path));
	o.fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (o.fd < 0)
		return -errno;
	o.err = 0;
	o.len = 0;
	put_all(&o, r);
	fd_close(&o.fd);
	if (o.err == 0 && rename(temp, r->set.dump_path) < 0)
		o.err = -errno;
	if (o.err < 0)
		(void)unlink(temp); /* the error above is the one that counts */
	return o.err;
}
