/* What reaches tallyman while a container runs: its output, datagrams, control lines. */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/rw.h"
#include "common/json.h"
#include "fuzz.h"
#include "monitor/logspec.h"
#include "relay/ctl.h"
#include "relay/k8slog.h"
#include "relay/notify.h"
#include "relay/syncpipe.h"

static void on_line(const struct ctl_line *line, void *user)
{
	guint *n = user;

	g_assert_cmpint(line->request, !=, CTL_NONE);
	(*n)++;
}

static int waiting(int fd)
{
	int n = 0;

	g_assert_cmpint(ioctl(fd, FIONREAD, &n), ==, 0);
	return n;
}

/* The control FIFO: whatever stands in it, a good line after it counts. */
static void run_ctl(const uint8_t *data, size_t size)
{
	static const char good[] = "\n1 24 80\n";
	struct loop loop;
	struct ctl ctl = { .on_line = on_line };
	struct ctl_line line;
	guint n = 0;
	int ends[2];
	g_autofree char *text = fuzz_text(data, size);

	ctl_parse(text, false, &line);
	ctl_parse(text, true, &line);
	if (size > 60000) /* of what a pipe holds */
		return;
	g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(loop_init(&loop), ==, 0);
	ctl.user = &n;
	g_assert_cmpint(rw_write_all(ends[1], data, size), ==, 0);
	g_assert_cmpint(rw_write_all(ends[1], good, sizeof good - 1), ==, 0);
	g_assert_cmpint(ctl_start(&ctl, &loop, ends[0], false), ==, 0);
	while (waiting(ends[0]) > 0)
		g_assert_cmpint(loop_turn(&loop), ==, 0);
	g_assert_cmpuint(n, >=, 1);
	ctl_stop(&ctl);
	loop_clear(&loop);
	close(ends[1]);
}

/* sd_notify datagrams: nothing grows, what passes once passes unchanged, and nothing that names processes passes. */
static void run_notify(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_memdup2(data, size ? size : 1);
	g_autofree char *again = NULL;
	g_autofree char *name = fuzz_text(data, size);
	struct sockaddr_un address;
	size_t kept = notify_filter(text, size);

	g_assert_cmpuint(kept, <=, size);
	again = g_memdup2(text, kept ? kept : 1);
	g_assert_cmpuint(notify_filter(again, kept), ==, kept);
	g_assert_cmpint(memcmp(text, again, kept), ==, 0);
	g_assert_null(g_strstr_len(text, (gssize)kept, "\nMAINPID"));
	g_assert_cmpuint(notify_address(name, &address), <=, sizeof address);
}

/* One record of the log. Returns what follows it; NULL when it is no record. */
static const char *take_record(const char *at, const char *end, GString *out[N_STREAMS])
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	enum stream stream;

	if (!newline || newline - at < (int)K8S_PREFIX)
		return NULL;
	if (memcmp(at + 36, "stdout ", 7) == 0)
		stream = STREAM_OUT;
	else if (memcmp(at + 36, "stderr ", 7) == 0)
		stream = STREAM_ERR;
	else
		return NULL;
	if (memcmp(at + 43, "F ", 2) != 0 && memcmp(at + 43, "P ", 2) != 0)
		return NULL;
	g_assert_cmpint(newline - at - (int)K8S_PREFIX, <=, (int)K8S_RECORD_MAX);
	g_string_append_len(out[stream], at + K8S_PREFIX, newline - at - (int)K8S_PREFIX);
	if (at[43] == 'F')
		g_string_append_c(out[stream], '\n');
	return newline + 1;
}

/* The container's output in pieces of both streams. The first byte of a piece says which stream, how long, and whether the
 * pipe was empty after it. What the log holds in the end: free it with g_free. */
static char *log_pieces(bool json, const uint8_t *data, size_t size, GString *fed[N_STREAMS], off_t *ret_length)
{
	static const struct timespec now = { 1787578620, 123456789 };
	struct k8s_log log = { .json = json, .attrs = "" };
	int fd = memfd_create("log", MFD_CLOEXEC);
	char *text;

	g_assert_cmpint(k8s_init(&log, dup(fd), NULL), ==, 0);
	k8s_set_time(&log, &now);
	while (size > 0) {
		enum stream stream = *data & 1 ? STREAM_ERR : STREAM_OUT;
		bool pause = *data & 2;
		size_t n = (size_t)(*data >> 2) * (*data & 4 ? 1 : 200);

		data++;
		size--;
		n = MIN(n, size);
		k8s_feed(&log, stream, (const char *)data, (uint32_t)n);
		g_string_append_len(fed[stream], (const char *)data, (gssize)n);
		if (pause) {
			k8s_end_partial(&log, stream);
			k8s_flush(&log);
		}
		data += n;
		size -= n;
	}
	k8s_end(&log, STREAM_OUT);
	k8s_end(&log, STREAM_ERR);
	k8s_flush(&log);
	*ret_length = lseek(fd, 0, SEEK_END);
	text = g_malloc0((gsize)*ret_length + 1);
	g_assert_cmpint(pread(fd, text, (size_t)*ret_length, 0), ==, *ret_length);
	k8s_clear(&log);
	close(fd);
	return text;
}

/* The log holds records and nothing else, and every byte of each stream. */
static void run_k8slog(const uint8_t *data, size_t size)
{
	GString *fed[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	GString *out[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	off_t length;
	g_autofree char *text = log_pieces(false, data, size, fed, &length);
	const char *at;

	for (at = text; at && at < text + length;)
		at = take_record(at, text + length, out);
	g_assert_nonnull(at);
	for (int s = 0; s < N_STREAMS; s++) {
		g_assert_cmpmem(out[s]->str, out[s]->len, fed[s]->str, fed[s]->len);
		g_string_free(out[s], TRUE);
		g_string_free(fed[s], TRUE);
	}
}

/* Text with U+FFFD in the place of each byte that belongs to no character. */
static GString *as_text(const GString *bytes)
{
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < bytes->len;) {
		const char *at = bytes->str + i;
		gunichar c = *at ? g_utf8_get_char_validated(at, (gssize)(bytes->len - i)) : 0;

		if (c >= 0x110000) {
			g_string_append(text, "\xef\xbf\xbd");
			i++;
		} else {
			g_string_append_len(text, at, c ? g_utf8_skip[(guchar)*at] : 1);
			i += c ? g_utf8_skip[(guchar)*at] : 1;
		}
	}
	return text;
}

/* Adds the text of a JSON string, which only a quote ends. */
static void take_string(const char *at, GString *out)
{
	for (; *at != '"'; at++) {
		g_assert_cmpint((guchar)*at, >=, 0x20);
		if (*at != '\\')
			g_string_append_c(out, *at);
		else if (*++at != 'u')
			g_string_append_c(out, *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at);
		else {
			g_autofree char *digits = g_strndup(at + 1, 4);

			g_string_append_unichar(out, (gunichar)g_ascii_strtoull(digits, NULL, 16));
			at += 4;
		}
	}
}

/* Docker's records: each is JSON, and together they have every character. */
static void run_jsonlog(const uint8_t *data, size_t size)
{
	GString *fed[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	GString *out[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	off_t length;
	g_autofree char *text = log_pieces(true, data, size, fed, &length);
	g_auto(GStrv) records = g_strsplit(text, "\n", -1);

	g_assert_cmpint((off_t)strlen(text), ==, length);
	g_assert_true(g_utf8_validate(text, length, NULL));
	for (char **r = records; *r && **r; r++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(JsonValue) value = json_parse(*r, &error);
		enum stream stream = strstr(*r, "\"stream\":\"stderr\"") ? STREAM_ERR : STREAM_OUT;

		g_assert_no_error(error);
		g_assert_true(g_str_has_prefix(*r, "{\"log\":\""));
		take_string(*r + strlen("{\"log\":\""), out[stream]);
	}
	for (int s = 0; s < N_STREAMS; s++) {
		GString *want = as_text(fed[s]);

		g_assert_cmpmem(out[s]->str, out[s]->len, want->str, want->len);
		g_string_free(want, TRUE);
		g_string_free(out[s], TRUE);
		g_string_free(fed[s], TRUE);
	}
}

/* What the runtime has said, handed on as JSON on the sync pipe: one line that a JSON reader takes, and not longer than
 * what is read as one packet. */
static void run_syncpipe(const uint8_t *data, size_t size)
{
	char line[SYNC_LINE_MAX + 2];
	struct syncpipe s = { .key = "data" };
	g_autoptr(JsonValue) value = NULL;
	g_autoptr(GError) error = NULL;
	int ends[2];
	ssize_t n;

	g_assert_cmpint(pipe2(ends, O_CLOEXEC | O_NONBLOCK), ==, 0);
	s.fd = ends[1];
	g_assert_cmpint(syncpipe_send(&s, -1, (const char *)data, (uint32_t)size), ==, 0);
	n = read(ends[0], line, sizeof line - 1);
	g_assert_cmpint(n, >, 0);
	g_assert_cmpint(n, <=, SYNC_LINE_MAX);
	line[n] = '\0';
	g_assert_true(strchr(line, '\n') == line + n - 1);
	value = json_parse(line, &error);
	g_assert_no_error(error);
	close(ends[0]);
	close(ends[1]);
}

/* --log-path, and what goes into the journal's entries. */
static void run_logspec(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_auto(GStrv) words = g_strsplit(text, "\n", 4);
	g_autofree char *fields = NULL, *attrs = NULL;
	g_autoptr(GError) error = NULL;
	struct logspec spec = { 0 };

	fuzz_check_error(logspec_parse(words, &spec, &error), &error);
	logspec_clear(&spec);
	fields = logspec_journal_fields(words[0] ?: "", words[0], text, words, &error);
	fuzz_check_error(fields != NULL, &error);
	attrs = logspec_json_attrs(words[0], words, &error);
	fuzz_check_error(attrs != NULL, &error);
}

const struct fuzz_target fuzz_targets[] = {
	{ "ctl", run_ctl },
	{ "notify", run_notify },
	{ "k8slog", run_k8slog },
	{ "jsonlog", run_jsonlog },
	{ "syncpipe", run_syncpipe },
	{ "logspec", run_logspec },
};
const size_t n_fuzz_targets = G_N_ELEMENTS(fuzz_targets);
