/* tallyctl logs: a container's output as it was, put together from the records of its log. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/ending.h"
#include "ctl/lifecycle.h"
#include "ctl/log_set.h"
#include "ctl/store.h"

#define READ_SIZE     65536
#define RECORD_MAX    (1 << 20)
#define JSON_LINE_MAX 65536 /* a longer line is given in pieces */

#define OPTIONS_FILE "ctl/logs.def"
#include "common/options_table.h"

/* What is known of the line that a stream is in the middle of. */
struct line {
	bool begun;
	char *time;    /* of its first record; JSON only */
	GString *text; /* JSON only */
};

struct logs {
	bool json;
	bool timestamps;
	LogSet *set;
	uint64_t starts[LOG_N_STREAMS];
	GByteArray *rest; /* beginning of a record whose end has not been read yet */
	struct line lines[LOG_N_STREAMS];
	FILE *last; /* stream written last */
	uint64_t n_unreadable;
};

static void put_json(struct line *l, enum log_stream stream, bool finished)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "time", l->time);
	json_put_string(w, "stream", stream == LOG_STDOUT ? "stdout" : "stderr");
	json_put_string(w, "text", l->text->str);
	if (!finished)
		json_put_bool(w, "partial", true);
	json_object_close(w);
	text = json_writer_text(w);
	puts(text);
	g_string_truncate(l->text, 0);
	g_clear_pointer(&l->time, g_free);
}

static void add_json(struct logs *logs, const struct cri_record *r)
{
	struct line *l = &logs->lines[r->stream];

	if (!l->time)
		l->time = g_strndup(r->time, r->n_time);
	/* JSON text has no NUL bytes: as with other bytes that are no text, their place is kept. */
	for (size_t i = 0; i < r->n_text; i++)
		if (r->text[i] == '\0')
			g_string_append(l->text, "\xef\xbf\xbd");
		else
			g_string_append_c(l->text, r->text[i]);
	if (!r->partial || l->text->len > JSON_LINE_MAX)
		put_json(l, r->stream, !r->partial);
	l->begun = r->partial;
}

/* Pieces are printed as they come: standard output and standard error are apart, so nothing gets between them. */
static void add_text(struct logs *logs, const struct cri_record *r)
{
	struct line *l = &logs->lines[r->stream];
	FILE *out = r->stream == LOG_STDOUT ? stdout : stderr;

	/* Where both are one terminal, the order stays. */
	if (logs->last && logs->last != out)
		fflush(logs->last);
	logs->last = out;
	if (!l->begun && logs->timestamps)
		fprintf(out, "%.*s ", (int)r->n_time, r->time);
	fwrite(r->text, 1, r->n_text, out);
	if (!r->partial)
		putc('\n', out);
	l->begun = r->partial;
}

static void take_line(struct logs *logs, uint64_t offset, const char *line, size_t n)
{
	struct cri_record r;

	if (!cri_parse(line, n, &r))
		logs->n_unreadable += offset >= MIN(logs->starts[LOG_STDOUT], logs->starts[LOG_STDERR]);
	else if (offset < logs->starts[r.stream])
		return;
	else if (logs->json)
		add_json(logs, &r);
	else
		add_text(logs, &r);
}

static void take_bytes(struct logs *logs, uint64_t offset, const char *buf, size_t n)
{
	uint64_t start = offset - logs->rest->len;
	const char *newline;
	size_t done = 0;

	g_byte_array_append(logs->rest, (const guint8 *)buf, (guint)n);
	while ((newline = memchr(logs->rest->data + done, '\n', logs->rest->len - done))) {
		size_t len = (size_t)(newline - (const char *)logs->rest->data) - done;

		take_line(logs, start + done, (const char *)logs->rest->data + done, len);
		done += len + 1;
	}
	if (done > 0)
		g_byte_array_remove_range(logs->rest, 0, (guint)done);
	if (logs->rest->len > RECORD_MAX) {
		logs->n_unreadable++;
		g_byte_array_set_size(logs->rest, 0);
	}
}

/* Prints all that is there. */
static bool drain(struct logs *logs, GError **error)
{
	g_autofree char *buf = g_malloc(READ_SIZE);
	ssize_t n;

	while ((n = log_set_read(logs->set, buf, READ_SIZE, error)) > 0) {
		/* A record does not go on in the next file: its end was never written. */
		if (log_set_offset_in_file(logs->set) == (uint64_t)n && logs->rest->len > 0) {
			logs->n_unreadable++;
			g_byte_array_set_size(logs->rest, 0);
		}
		take_bytes(logs, log_set_offset(logs->set) - (uint64_t)n, buf, (size_t)n);
	}
	if (fflush(stdout) != 0 || fflush(stderr) != 0)
		return fail_errno(error, "write to standard output");
	return n == 0;
}

static int watch_directory(const Container *c, GError **error)
{
	auto_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[NUM_MAX + 16];

	g_snprintf(path, sizeof path, "/proc/self/fd/%d", c->dir_fd);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
		fail_errno(error, "watch %s", c->path);
		return -1;
	}
	return steal_fd(&fd);
}

static void drain_events(int fd)
{
	char buf[4096];

	while (rw_read(fd, buf, sizeof buf) > 0)
		;
}

static bool follow(struct logs *logs, const Container *c, GError **error)
{
	g_autoptr(EndWatch) end = end_watch_new(c, error);
	auto_fd watch_fd = end ? watch_directory(c, error) : -1;
	struct ending ending;
	int end_fds[2];

	if (watch_fd < 0)
		return false;
	end_watch_fds(end, end_fds);
	for (;;) {
		/* Standard output is only watched for its reader going away. */
		struct pollfd p[] = { { watch_fd, POLLIN, 0 }, { end_fds[0], POLLIN, 0 }, { end_fds[1], POLLIN, 0 },
			{ STDOUT_FILENO, 0, 0 } };
		bool ended = end_watch_check(end, &ending);

		/* What was written before the end is there now. */
		if (ended)
			ending_clear(&ending);
		drain_events(watch_fd);
		end_watch_drain(end);
		if (!drain(logs, error))
			return false;
		if (ended)
			return true;
		if (poll(p, G_N_ELEMENTS(p), -1) < 0 && errno != EINTR)
			return fail_errno(error, "wait for more of the log");
		if (p[3].revents & (POLLERR | POLLNVAL))
			return true;
	}
}

/* Lines that the container has not ended are shown for what they are. */
static void finish(struct logs *logs, bool ended)
{
	for (int i = 0; i < LOG_N_STREAMS; i++) {
		struct line *l = &logs->lines[i];

		if (l->begun && logs->json && l->text->len > 0)
			put_json(l, (enum log_stream)i, false);
	}
	/* Of one that runs, the end of the last record may just be on its way. */
	logs->n_unreadable += ended && logs->rest->len > 0;
	if (logs->n_unreadable > 0)
		diag_warning("%" G_GUINT64_FORMAT " lines of the log are no records: left out", logs->n_unreadable);
}

/* The log, which may be kept in a directory of the user's (--log-dir): then ours is a link to it. */
static LogSet *open_log(const Container *c, GError **error)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(c->dir_fd, STORE_LOG, target, sizeof target - 1);
	g_autofree char *dir = NULL, *name = NULL;
	auto_fd fd = -1;

	if (n < 0)
		return log_set_open(c->dir_fd, STORE_LOG, error);
	target[n] = '\0';
	dir = g_path_get_dirname(target);
	name = g_path_get_basename(target);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(error, "open the directory of the log %s", target);
		return NULL;
	}
	return log_set_open(fd, name, error);
}

static bool show(struct logs *logs, const Container *c, const struct options *o, GError **error)
{
	logs->set = open_log(c, error);
	if (!logs->set)
		return false;
	if (o->tail >= 0 && !log_set_find_tail(logs->set, (uint64_t)o->tail, logs->starts, error))
		return false;
	log_set_seek(logs->set, MIN(logs->starts[LOG_STDOUT], logs->starts[LOG_STDERR]));
	if (!(o->follow ? follow(logs, c, error) : drain(logs, error)))
		return false;
	finish(logs, o->follow);
	return true;
}

static bool logs_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	struct logs logs = { .json = ctl->json, .timestamps = o->timestamps };
	g_autoptr(Container) c = NULL;
	bool ok;

	if (argc != 2)
		return fail(error, "logs: one container id is needed");
	if (ctl->json && o->timestamps)
		return fail(error, "logs: --timestamps: JSON has them anyway");
	c = container_open_known(ctl, argv[1], error);
	if (!c)
		return false;
	setvbuf(stderr, NULL, _IOFBF, READ_SIZE); /* the container's lines; what we say comes after them */
	logs.rest = g_byte_array_new();
	for (int i = 0; i < LOG_N_STREAMS; i++)
		logs.lines[i].text = g_string_new(NULL);
	ok = show(&logs, c, o, error);
	log_set_free(logs.set);
	g_byte_array_unref(logs.rest);
	for (int i = 0; i < LOG_N_STREAMS; i++) {
		g_string_free(logs.lines[i].text, TRUE);
		g_free(logs.lines[i].time);
	}
	return ok;
}

static int logs_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { .tail = -1 };
	bool ok = options_parse(
		cmd_logs.args, cmd_logs.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error);

	if (ok && o.tail < -1)
		ok = fail(error, "logs: --tail %" G_GINT64_FORMAT ": not a number of lines", o.tail);
	ok = ok && logs_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return ok ? 0 : -1;
}

const struct command cmd_logs = {
	.name = "logs",
	.args = "ID",
	.help = "Print a container's output",
	.run = logs_run,
};
