/* src/relay/k8slog, rotate: records, exact bytes, limits, failing disks. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rw.h"
#include "relay/k8slog.h"
#include "relay/rotate.h"

struct fixture {
	char *dir, *path;
	struct k8s_log log;
	struct rotation rotation;
	int full;
};

static void on_full(struct k8s_log *log, void *user)
{
	struct fixture *f = user;

	f->full++;
	g_assert_cmpint(rotate_log(log, &f->rotation), ==, 0);
}

static void setup(struct fixture *f, gconstpointer data)
{
	static const struct timespec now = { 1787578620, 123456789 };
	int fd;

	(void)data;
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "log", NULL);
	fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(k8s_init(&f->log, fd, f->path), ==, 0);
	f->log.on_full = on_full;
	f->log.user = f;
	k8s_set_time(&f->log, &now);
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

static char *content(const char *path)
{
	char *text;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

/* The file without the time stamps: "stdout F text". */
static char *records(struct fixture *f)
{
	g_autofree char *text = content(f->path);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GString *out = g_string_new(NULL);

	for (char **l = lines; *l; l++)
		if (**l) {
			g_assert_cmpuint(strlen(*l), >=, K8S_PREFIX);
			g_assert_cmpint((*l)[35], ==, ' ');
			g_string_append_printf(out, "%s\n", *l + 36);
		}
	return g_string_free(out, FALSE);
}

#define assert_records(f, want)                                                                                        \
	do {                                                                                                           \
		g_autofree char *got_ = records(f);                                                                    \
		g_assert_cmpstr(got_, ==, want);                                                                       \
	} while (0)

static void test_a_record_has_time_stream_flag_and_text(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = NULL;

	(void)data;
	feed(f, STREAM_ERR, "hello\n");
	k8s_flush(&f->log);
	text = content(f->path);
	g_assert_cmpstr(text, ==, "2026-08-24T19:07:00.123456789+05:30 stderr F hello\n");
}

static void test_a_rest_waits_for_its_end_or_for_silence(struct fixture *f, gconstpointer data)
{
	(void)data;
	feed(f, STREAM_OUT, "abc");
	feed(f, STREAM_ERR, "in between\n");
	feed(f, STREAM_OUT, "def\n\nx");
	k8s_end_partial(&f->log, STREAM_OUT);
	k8s_end_partial(&f->log, STREAM_OUT); /* nothing more to say */
	feed(f, STREAM_OUT, "y\n");
	k8s_flush(&f->log);
	assert_records(f, "stderr F in between\nstdout F abcdef\nstdout F \nstdout P x\nstdout F y\n");
}

static void test_long_lines_split_at_8192(struct fixture *f, gconstpointer data)
{
	static const struct {
		guint len;
		const char *want;
	} cases[] = { { 8191, "F8191 " }, { 8192, "P8192 F0 " }, { 8193, "P8192 F1 " }, { 20000, "P8192 P8192 F3616 " } };

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *line = g_strnfill(cases[i].len, 'x'), *text = NULL;
		g_autoptr(GString) got = g_string_new(NULL);
		g_auto(GStrv) lines = NULL;

		g_assert_cmpint(ftruncate(f->log.fd, 0), ==, 0);
		feed(f, STREAM_OUT, line);
		feed(f, STREAM_OUT, "\n");
		k8s_flush(&f->log);
		text = records(f);
		lines = g_strsplit(text, "\n", -1);
		for (char **l = lines; **l; l++)
			g_string_append_printf(got, "%c%zu ", (*l)[7], strlen(*l) - 9);
		g_assert_cmpstr(got->str, ==, cases[i].want);
	}
}

/* The rule, said in another way: split at newlines, then into 8192s; a piece that is followed by its newline is F. */
static char *model(const GString *data)
{
	GString *out = g_string_new(NULL);
	const char *p = data->str, *end = p + data->len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((nl ?: end) - p);

		for (; line >= K8S_RECORD_MAX; line -= K8S_RECORD_MAX, p += K8S_RECORD_MAX)
			g_string_append_printf(out, "stdout P %.*s\n", (int)K8S_RECORD_MAX, p);
		if (nl)
			g_string_append_printf(out, "stdout F %.*s\n", (int)line, p);
		else if (line)
			g_string_append_printf(out, "stdout P %.*s\n", (int)line, p);
		p += line + (nl != NULL);
	}
	return g_string_free(out, FALSE);
}

static void test_records_do_not_depend_on_the_sizes_of_reads(struct fixture *f, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(4711);

	(void)data;
	for (int round = 0; round < 50; round++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *want = NULL, *got = NULL;

		for (int lines = g_rand_int_range(rand, 1, 60); lines > 0; lines--) {
			int len = g_rand_boolean(rand) ? g_rand_int_range(rand, 0, 100) : g_rand_int_range(rand, 8000, 25000);

			for (int i = 0; i < len; i++)
				g_string_append_c(text, (char)('a' + (i + lines) % 26));
			if (lines > 1 || g_rand_boolean(rand))
				g_string_append_c(text, '\n');
		}
		g_assert_cmpint(ftruncate(f->log.fd, 0), ==, 0);
		for (gsize at = 0; at < text->len;) {
			gsize n = (gsize)g_rand_int_range(rand, 1, 20000);

			n = MIN(n, text->len - at);
			k8s_feed(&f->log, STREAM_OUT, text->str + at, (uint32_t)n);
			at += n;
		}
		k8s_end_partial(&f->log, STREAM_OUT);
		k8s_flush(&f->log);
		want = model(text);
		got = records(f);
		g_assert_true(strcmp(got, want) == 0); /* too long to be printed */
	}
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, 0);
}

static void test_the_size_limit_is_never_passed_and_cuts_nothing(struct fixture *f, gconstpointer data)
{
	struct stat st;
	int left = 0;

	(void)data;
	f->log.size_max = 1000;
	f->rotation = (struct rotation){ .keep = true, .max_files = 500 };
	for (int i = 0; i < 300; i++) {
		g_autofree char *line = g_strdup_printf("line number %d\n", i);

		feed(f, STREAM_OUT, line);
	}
	k8s_flush(&f->log);
	g_assert_cmpint(f->full, >, 10);
	for (int file = f->full, next = 0; file >= 0; file--) {
		g_autofree char *name = file ? g_strdup_printf("%s.%d", f->path, file) : g_strdup(f->path);
		g_autofree char *text = content(name);
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

		g_assert_cmpint(stat(name, &st), ==, 0);
		g_assert_cmpint(st.st_size, <=, 1000);
		g_assert_cmpuint(st.st_mode & 0777, ==, 0640);
		for (char **l = lines; *l && **l; l++, next++) {
			g_autofree char *want = g_strdup_printf("line number %d", next);

			g_assert_cmpstr(*l + K8S_PREFIX, ==, want);
		}
		left = next;
	}
	g_assert_cmpint(left, ==, 300);
}

static void test_without_rotation_old_content_is_replaced(struct fixture *f, gconstpointer data)
{
	g_autofree char *old = g_strconcat(f->path, ".1", NULL);

	(void)data;
	f->log.size_max = 100;
	feed(f, STREAM_OUT, "one\ntwo\nthree\n");
	k8s_flush(&f->log);
	assert_records(f, "stdout F three\n");
	g_assert_false(g_file_test(old, G_FILE_TEST_EXISTS));
}

static void test_max_files_keeps_as_many(struct fixture *f, gconstpointer data)
{
	g_autofree char *one = g_strconcat(f->path, ".1", NULL), *two = g_strconcat(f->path, ".2", NULL);

	(void)data;
	f->rotation = (struct rotation){ .keep = true, .max_files = 1 };
	for (int i = 0; i < 3; i++)
		g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, 0);
	g_assert_true(g_file_test(one, G_FILE_TEST_EXISTS));
	g_assert_false(g_file_test(two, G_FILE_TEST_EXISTS));
}

static char *names_in(const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	GList *names = NULL;
	GString *text = g_string_new(NULL);
	const char *name;

	while ((name = g_dir_read_name(d)))
		names = g_list_insert_sorted(names, g_strdup(name), (GCompareFunc)strcmp);
	for (GList *n = names; n; n = n->next)
		g_string_append_printf(text, "%s%s", n == names ? "" : " ", (const char *)n->data);
	g_list_free_full(names, g_free);
	return g_string_free(text, FALSE);
}

static void add_file(struct fixture *f, const char *suffix)
{
	g_autofree char *name = g_strconcat(f->path, suffix, NULL);

	g_assert_true(g_file_set_contents(name, suffix, -1, NULL));
}

static void test_compressed_files_move_with_the_others(struct fixture *f, gconstpointer data)
{
	static const char *const want[] = { "log log.1 log.2 log.3.gz log.4", "log log.1 log.2 log.3 log.4.gz",
		"log log.1 log.2 log.3 log.4" };

	(void)data;
	add_file(f, ".1");
	add_file(f, ".2.gz");
	add_file(f, ".3");
	add_file(f, ".gz"); /* not ours */
	f->rotation = (struct rotation){ .keep = true, .max_files = 4 };
	for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
		g_autofree char *got = NULL, *expected = g_strconcat(want[i], " log.gz", NULL);

		g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, 0);
		got = names_in(f->path);
		g_assert_cmpstr(got, ==, expected);
	}
}

static void test_a_gap_is_filled_and_what_is_behind_it_stays(struct fixture *f, gconstpointer data)
{
	g_autofree char *got = NULL;

	(void)data;
	add_file(f, ".1.zst");
	add_file(f, ".3");
	f->rotation = (struct rotation){ .keep = true, .max_files = INT_MAX };
	g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, 0);
	got = names_in(f->path);
	g_assert_cmpstr(got, ==, "log log.1 log.2.zst log.3");
}

static void test_a_log_with_another_name_moves_nothing(struct fixture *f, gconstpointer data)
{
	g_autofree char *got = NULL, *taken = g_strconcat(f->path, ".taken", NULL);

	(void)data;
	add_file(f, ".1");
	g_assert_cmpint(g_rename(f->path, taken), ==, 0);
	f->rotation = (struct rotation){ .keep = true, .max_files = 1 };
	g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, 0);
	got = names_in(f->path);
	g_assert_cmpstr(got, ==, "log log.1 log.taken");
}

static void test_a_left_over_temporary_file_does_not_end_rotation(struct fixture *f, gconstpointer data)
{
	g_autofree char *stale = g_strconcat(f->path, ".new", NULL);

	(void)data;
	g_assert_true(g_file_set_contents(stale, "stale", -1, NULL));
	f->rotation = (struct rotation){ .keep = true, .max_files = 2 };
	g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, 0);
	g_assert_false(g_file_test(stale, G_FILE_TEST_EXISTS));
}

static void test_a_file_that_cannot_be_replaced_stays_in_use(struct fixture *f, gconstpointer data)
{
	char *real = f->path;

	(void)data;
	f->log.path = "/proc/nonexistent/log";
	g_assert_cmpint(rotate_log(&f->log, &f->rotation), ==, -ENOENT);
	f->log.path = real;
	feed(f, STREAM_OUT, "still here\n");
	k8s_flush(&f->log);
	assert_records(f, "stdout F still here\n");
}

static void test_the_global_limit_drops_and_counts(struct fixture *f, gconstpointer data)
{
	(void)data;
	f->log.total_max = 100;
	for (int i = 0; i < 10; i++)
		feed(f, STREAM_OUT, "12345\n");
	k8s_flush(&f->log);
	assert_records(f, "stdout F 12345\nstdout F 12345\n");
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, 8 * 6);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].records, ==, 2);
}

/* A disk that is full in the middle of a record, by way of RLIMIT_FSIZE. */
static void test_a_full_disk_leaves_whole_records_and_a_count(struct fixture *f, gconstpointer data)
{
	struct rlimit old, limit;

	(void)data;
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	limit = (struct rlimit){ .rlim_cur = 130, .rlim_max = old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	for (int i = 0; i < 4; i++)
		feed(f, i % 2 ? STREAM_ERR : STREAM_OUT, "12345678\n");
	k8s_flush(&f->log);
	g_assert_cmpint(f->log.error, ==, EFBIG);
	k8s_give_up(&f->log);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	feed(f, STREAM_OUT, "space again\n");
	k8s_flush(&f->log);
	g_assert_cmpint(f->log.error, ==, 0);
	assert_records(f, "stdout F 12345678\nstderr F 12345678\nstdout F space again\n");
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, 9);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].dropped, ==, 9);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].records, ==, 2);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].records, ==, 1);
}

int main(int argc, char **argv)
{
	setenv("TZ", "XXX-5:30", 1); /* half an hour, to be seen in every stamp */
	tzset();
	g_test_init(&argc, &argv, NULL);
#define ADD(name, fn) g_test_add("/relay/k8slog/" name, struct fixture, NULL, setup, fn, teardown)
	ADD("a-record-has-time-stream-flag-and-text", test_a_record_has_time_stream_flag_and_text);
	ADD("a-rest-waits-for-its-end-or-for-silence", test_a_rest_waits_for_its_end_or_for_silence);
	ADD("long-lines-split-at-8192", test_long_lines_split_at_8192);
	ADD("records-do-not-depend-on-the-sizes-of-reads", test_records_do_not_depend_on_the_sizes_of_reads);
	ADD("the-size-limit-is-never-passed-and-cuts-nothing", test_the_size_limit_is_never_passed_and_cuts_nothing);
	ADD("without-rotation-old-content-is-replaced", test_without_rotation_old_content_is_replaced);
	ADD("max-files-keeps-as-many", test_max_files_keeps_as_many);
	ADD("compressed-files-move-with-the-others", test_compressed_files_move_with_the_others);
	ADD("a-gap-is-filled-and-what-is-behind-it-stays", test_a_gap_is_filled_and_what_is_behind_it_stays);
	ADD("a-log-with-another-name-moves-nothing", test_a_log_with_another_name_moves_nothing);
	ADD("a-left-over-temporary-file-does-not-end-rotation", test_a_left_over_temporary_file_does_not_end_rotation);
	ADD("a-file-that-cannot-be-replaced-stays-in-use", test_a_file_that_cannot_be_replaced_stays_in_use);
	ADD("the-global-limit-drops-and-counts", test_the_global_limit_drops_and_counts);
	ADD("a-full-disk-leaves-whole-records-and-a-count", test_a_full_disk_leaves_whole_records_and_a_count);
	return g_test_run();
}
