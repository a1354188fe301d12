/* src/relay/jsonlog, and k8slog with json: records that do not depend on how the bytes came. The end-to-end tests read them
 * with a reader that does not share code with us. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/rw.h"
#include "relay/k8slog.h"
#include "relay/rotate.h"

struct fixture {
	char *dir, *path;
	struct k8s_log log;
	int full;
};

static const struct timespec noon = { 1787572800, 120000000 };

static void on_full(struct k8s_log *log, void *user)
{
	struct fixture *f = user;

	f->full++;
	g_assert_cmpint(rotate_log(log, &(struct rotation){ .keep = true, .max_files = 1000 }), ==, 0);
}

static void setup(struct fixture *f, gconstpointer data)
{
	int fd;

	(void)data;
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "log", NULL);
	fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(k8s_init(&f->log, fd, f->path), ==, 0);
	f->log.json = true;
	f->log.attrs = "";
	f->log.on_full = on_full;
	f->log.user = f;
	k8s_set_time(&f->log, &noon);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
	const char *name;

	(void)data;
	k8s_clear(&f->log);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(f->dir, name, NULL);

		g_unlink(path);
	}
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static void feed(struct fixture *f, enum stream s, const char *text)
{
	k8s_feed(&f->log, s, text, (uint32_t)strlen(text));
}

static char *content(const char *path, gsize *ret_len)
{
	char *text;

	g_assert_true(g_file_get_contents(path, &text, ret_len, NULL));
	return text;
}

#define assert_content(f, want)                                                                                        \
	do {                                                                                                           \
		g_autofree char *got_ = content((f)->path, NULL);                                                      \
		g_assert_cmpstr(got_, ==, want);                                                                       \
	} while (0)

static void test_times_have_no_zeros_at_the_end(void)
{
	static const struct {
		struct timespec when;
		const char *want;
	} cases[] = { { { 0, 0 }, "1970-01-01T00:00:00Z" },
		{ { 1787572800, 123456789 }, "2026-08-24T12:00:00.123456789Z" },
		{ { 1787572800, 500000000 }, "2026-08-24T12:00:00.5Z" },
		{ { 1787572800, 10 }, "2026-08-24T12:00:00.00000001Z" },
		{ { 253402300799, 999999999 }, "9999-12-31T23:59:59.999999999Z" } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[JSON_TIME_MAX];

		jsonlog_time(text, &cases[i].when);
		g_assert_cmpstr(text, ==, cases[i].want);
	}
}

static void test_the_beginning_of_a_character_is_known(void)
{
	static const struct {
		const char *text;
		uint32_t want;
	} cases[] = { { "", 0 }, { "a", 0 }, { "\xc3", 1 }, { "x\xe2\x82", 2 }, { "\xf0\x9f\x98", 3 },
		{ "\xe2\x82\xac", 0 }, { "\xf0\x9f\x98\x80", 0 }, { "\x80\x80\x80", 0 }, { "\xc0", 0 },
		{ "\xe0\x80", 0 }, { "\xed\xa0", 0 }, { "\xf4\x90", 0 }, { "\xf5", 0 }, { "\xc3\xc3", 1 },
		{ "\xe2\x28\xa1", 0 } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpuint(jsonlog_unfinished(cases[i].text, (uint32_t)strlen(cases[i].text)), ==, cases[i].want);
}

static void test_a_record_has_text_stream_attributes_and_time(struct fixture *f, gconstpointer data)
{
	(void)data;
	feed(f, STREAM_ERR, "a<b>\t\"&\\\r\n");
	f->log.attrs = "{\"tag\":\"x\"}";
	feed(f, STREAM_OUT, "\n");
	k8s_flush(&f->log);
	assert_content(f, "{\"log\":\"a\\u003cb\\u003e\\u0009\\\"\\u0026\\\\\\r\\n\",\"stream\":\"stderr\",\"time\":"
			  "\"2026-08-24T12:00:00.12Z\"}\n"
			  "{\"log\":\"\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"},\"time\":\"2026-08-24T12:"
			  "00:00.12Z\"}\n");
}

static void test_a_rest_waits_for_its_newline_or_the_end(struct fixture *f, gconstpointer data)
{
	(void)data;
	feed(f, STREAM_OUT, "abc");
	k8s_end_partial(&f->log, STREAM_OUT);
	feed(f, STREAM_OUT, "def\nrest\xe2");
	k8s_flush(&f->log);
	assert_content(f, "{\"log\":\"abcdef\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:00.12Z\"}\n");
	k8s_end(&f->log, STREAM_OUT);
	k8s_end(&f->log, STREAM_OUT);
	k8s_flush(&f->log);
	assert_content(f, "{\"log\":\"abcdef\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:00.12Z\"}\n"
			  "{\"log\":\"rest\\ufffd\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:00.12Z\"}\n");
}

static void test_a_line_whose_end_is_dropped_gives_its_time_to_no_other(struct fixture *f, gconstpointer data)
{
	g_autofree char *first_part = g_strnfill(JSON_RECORD_MAX, 'x'), *text = NULL;

	(void)data;
	feed(f, STREAM_OUT, first_part);
	feed(f, STREAM_OUT, "y"); /* now the first part is a record */
	f->log.discard = true;
	feed(f, STREAM_OUT, "z\n");
	f->log.discard = false;
	k8s_set_time(&f->log, &(struct timespec){ noon.tv_sec + 3600, 0 });
	feed(f, STREAM_OUT, "late\n");
	k8s_flush(&f->log);
	text = content(f->path, NULL);
	g_assert_true(g_str_has_suffix(text, "{\"log\":\"late\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T13:00:00Z\"}\n"));
	g_assert_nonnull(strstr(text, "x\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:00.12Z\"}\n"));
}

/* Characters of all lengths, bytes that are none, long and short lines. */
static GString *mixture(GRand *rand)
{
	static const char *const pieces[] = { "a", "<", "\"", "\\", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xe2\x80\xa8",
		"\xf0\x9f\x98\x80", "\xff", "\x80", "\xe2", "\xf0\x9f", "\xef\xbf\xbd", "\r", "\t" };
	GString *text = g_string_new(NULL);

	while (text->len < 100000) {
		const char *piece = pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))];

		for (int n = *piece == '\n' ? 1 : g_rand_int_range(rand, 1, g_rand_boolean(rand) ? 5 : 8000); n > 0;
			n--)
			g_string_append(text, piece);
	}
	return text;
}

static void test_records_do_not_depend_on_the_sizes_of_reads(struct fixture *f, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(4711);

	(void)data;
	for (int round = 0; round < 20; round++) {
		g_autoptr(GString) text = mixture(rand);
		g_autofree char *whole = NULL;
		gsize len = 0, sum = 0;
		enum stream stream;

		for (int way = 0; way < 3; way++) {
			g_autofree char *got = NULL;
			gsize got_len;

			g_assert_cmpint(ftruncate(f->log.fd, 0), ==, 0);
			for (gsize at = 0; at < text->len;) {
				gsize n = way ? (gsize)g_rand_int_range(rand, 1, way == 1 ? 5 : 40000) : text->len;

				n = MIN(n, text->len - at);
				k8s_feed(&f->log, STREAM_ERR, text->str + at, (uint32_t)n);
				at += n;
			}
			k8s_end(&f->log, STREAM_ERR);
			k8s_flush(&f->log);
			got = content(f->path, &got_len);
			if (!whole) {
				whole = g_steal_pointer(&got);
				len = got_len;
			} else {
				g_assert_cmpmem(got, got_len, whole, len);
			}
		}
		g_assert_true(g_utf8_validate(whole, (gssize)len, NULL));
		for (const char *p = whole; *p; p = strchr(p, '\n') + 1) {
			sum += jsonlog_payload(p, &stream);
			g_assert_cmpint(stream, ==, STREAM_ERR);
		}
		g_assert_cmpuint(sum, ==, text->len);
	}
	g_assert_cmpuint(f->log.stream[STREAM_ERR].dropped, ==, 0);
}

static void test_the_size_limit_is_never_passed(struct fixture *f, gconstpointer data)
{
	gsize sum = 0;

	(void)data;
	f->log.size_max = 2000;
	for (int i = 0; i < 300; i++) {
		g_autofree char *line = g_strdup_printf("<line number> %d\n", i);

		feed(f, STREAM_OUT, line);
	}
	k8s_flush(&f->log);
	g_assert_cmpint(f->full, >, 10);
	for (int file = f->full; file >= 0; file--) {
		g_autofree char *name = file ? g_strdup_printf("%s.%d", f->path, file) : g_strdup(f->path);
		gsize len;
		g_autofree char *text = content(name, &len);

		g_assert_cmpuint(len, <=, 2000);
		for (const char *p = text; *p; p = strchr(p, '\n') + 1, sum++) {
			g_autofree char *want =
				g_strdup_printf("{\"log\":\"\\u003cline number\\u003e %d\\n\"", (int)sum);

			g_assert_true(g_str_has_prefix(p, want));
		}
	}
	g_assert_cmpuint(sum, ==, 300);
}

static void test_a_full_disk_leaves_whole_records_and_a_count(struct fixture *f, gconstpointer data)
{
	struct rlimit old, limit;

	(void)data;
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	limit = (struct rlimit){ .rlim_cur = 200, .rlim_max = old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	feed(f, STREAM_OUT, "\xff<\"\xe2\x80\xa8\n");
	feed(f, STREAM_OUT, "\xff<\"\xe2\x80\xa8\n");
	feed(f, STREAM_ERR, "\xef\xbf\xbd\xff\\\n");
	k8s_flush(&f->log);
	k8s_give_up(&f->log);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	assert_content(f, "{\"log\":\"\\ufffd\\u003c\\\"\\u2028\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:"
			  "00.12Z\"}\n"
			  "{\"log\":\"\\ufffd\\u003c\\\"\\u2028\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T12:00:"
			  "00.12Z\"}\n");
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, 0);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].records, ==, 2);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].dropped, ==, 6);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].records, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/relay/jsonlog/times-have-no-zeros-at-the-end", test_times_have_no_zeros_at_the_end);
	g_test_add_func(
		"/relay/jsonlog/the-beginning-of-a-character-is-known", test_the_beginning_of_a_character_is_known);
#define ADD(name, fn) g_test_add("/relay/jsonlog/" name, struct fixture, NULL, setup, fn, teardown)
	ADD("a-record-has-text-stream-attributes-and-time", test_a_record_has_text_stream_attributes_and_time);
	ADD("a-rest-waits-for-its-newline-or-the-end", test_a_rest_waits_for_its_newline_or_the_end);
	ADD("a-line-whose-end-is-dropped-gives-its-time-to-no-other",
		test_a_line_whose_end_is_dropped_gives_its_time_to_no_other);
	ADD("records-do-not-depend-on-the-sizes-of-reads", test_records_do_not_depend_on_the_sizes_of_reads);
	ADD("the-size-limit-is-never-passed", test_the_size_limit_is_never_passed);
	ADD("a-full-disk-leaves-whole-records-and-a-count", test_a_full_disk_leaves_whole_records_and_a_count);
	return g_test_run();
}
