/* src/ctl/cri.c, log_set.c, log_tail.c: logs that grow and rotate while they are read. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/cri.h"
#include "ctl/log_set.h"
#include "ctl/store.h"

#define T "2026-08-24T13:37:00.123456789+02:00"

struct fixture {
	char *dir;
	int dir_fd;
};

static void fixture_setup(struct fixture *f, gconstpointer data)
{
	(void)data;
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(f->dir_fd, >=, 0);
}

static void fixture_teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	g_assert_true(store_remove_tree(AT_FDCWD, f->dir, NULL));
	fd_close(&f->dir_fd);
	g_free(f->dir);
}

static void append(const struct fixture *f, const char *name, const char *text)
{
	auto_fd fd = openat(f->dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static void move(const struct fixture *f, const char *from, const char *to)
{
	g_assert_cmpint(renameat(f->dir_fd, from, f->dir_fd, to), ==, 0);
}

static char *read_on(LogSet *s)
{
	GString *text = g_string_new(NULL);
	GError *error = NULL;
	char buf[5];
	ssize_t n;

	while ((n = log_set_read(s, buf, sizeof buf, &error)) > 0)
		g_string_append_len(text, buf, n);
	g_assert_no_error(error);
	return g_string_free(text, FALSE);
}

#define assert_reads(set, wanted)                                                                                      \
	do {                                                                                                           \
		g_autofree char *got = read_on(set);                                                                   \
		g_assert_cmpstr(got, ==, wanted);                                                                      \
	} while (0)

static void test_records_are_parsed(void)
{
	static const char *const bad[] = { "", T, T " stdout", T " stdout F", T " stdin F x", T " stdout X x",
		"now stdout F x", T " stdout FP x", T "  F x" };
	struct cri_record r;
	const char nul[] = T " stderr P a\0b ";

	g_assert_true(cri_parse(nul, sizeof nul - 1, &r));
	g_assert_cmpint(r.stream, ==, LOG_STDERR);
	g_assert_true(r.partial);
	g_assert_cmpmem(r.text, r.n_text, "a\0b ", 4);
	g_assert_cmpmem(r.time, r.n_time, T, strlen(T));
	g_assert_true(cri_parse(T " stdout F ", strlen(T " stdout F "), &r));
	g_assert_cmpuint(r.n_text, ==, 0);
	g_assert_true(cri_parse(T " stdout F:x:y z", strlen(T " stdout F:x:y z"), &r));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(cri_parse(bad[i], strlen(bad[i]), &r));
}

static void test_rotated_files_come_first(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log.2", "one ");
	append(f, "log.1", "two ");
	append(f, "log", "three");
	append(f, "log.4", "not of this log's: 3 is missing");
	s = log_set_open(f->dir_fd, "log", NULL);
	g_assert_cmpuint(log_set_size(s), ==, strlen("one two three"));
	log_set_seek(s, 0);
	assert_reads(s, "one two three");
	append(f, "log", " four");
	assert_reads(s, " four");
	log_set_seek(s, 6);
	assert_reads(s, "o three four");
}

static void test_reading_goes_on_across_rotations(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log", "a");
	s = log_set_open(f->dir_fd, "log", NULL);
	log_set_seek(s, 0);
	assert_reads(s, "a");
	append(f, "log", "b");
	move(f, "log", "log.1");
	assert_reads(s, "b"); /* just being rotated: there is no new one yet */
	append(f, "log", "c");
	assert_reads(s, "c");
	/* Two at once: what lies between is not lost. */
	append(f, "log", "d");
	move(f, "log.1", "log.2");
	move(f, "log", "log.1");
	append(f, "log", "e");
	move(f, "log.1", "log.2");
	move(f, "log", "log.1");
	append(f, "log", "f");
	assert_reads(s, "def");
	g_assert_cmpuint(log_set_offset(s), ==, strlen("abcdef"));
}

static void test_a_replaced_log_is_followed(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log", "old ");
	s = log_set_open(f->dir_fd, "log", NULL);
	log_set_seek(s, 0);
	assert_reads(s, "old ");
	append(f, "log", "last ");
	append(f, "log.tmp", "new");
	move(f, "log.tmp", "log");
	assert_reads(s, "last new");
	{
		auto_fd fd = openat(f->dir_fd, "log", O_WRONLY | O_TRUNC | O_CLOEXEC);

		g_assert_cmpint(fd, >=, 0);
	}
	append(f, "log", "x");
	assert_reads(s, "x");
}

static void test_a_log_that_is_missing_is_an_error(struct fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)data;
	g_assert_null(log_set_open(f->dir_fd, "log", &error));
	g_assert_nonnull(strstr(error->message, "log"));
}

/* The starts of both streams when n lines are wanted, as offsets of records named by their place in the list. */
static void check_tail(const struct fixture *f, const char *const *records, uint64_t n, int out, int err)
{
	uint64_t starts[LOG_N_STREAMS], offsets[32], at = 0;
	g_autoptr(LogSet) s = NULL;
	int i;

	unlinkat(f->dir_fd, "log", 0);
	for (i = 0; records[i]; i++) {
		offsets[i] = at;
		append(f, "log", records[i]);
		at += strlen(records[i]);
	}
	offsets[i] = at;
	s = log_set_open(f->dir_fd, "log", NULL);
	g_assert_true(log_set_find_tail(s, n, starts, NULL));
	g_assert_cmpuint(starts[LOG_STDOUT], ==, offsets[out]);
	g_assert_cmpuint(starts[LOG_STDERR], ==, offsets[err]);
}

static void test_the_last_lines_are_found(struct fixture *f, gconstpointer data)
{
	static const char *const plain[] = { T " stdout F 0\n", T " stderr F 1\n", T " stdout F 2\n", T " stdout F 3\n",
		NULL };
	/* Pieces of two streams, torn apart; the last line of stdout is unfinished. */
	static const char *const pieces[] = { T " stdout F 0\n", T " stderr P 1\n", T " stdout P 2\n", "torn\n",
		T " stderr P 4\n", T " stdout F 5\n", T " stderr F 6\n", T " stdout P 7\n", NULL };

	(void)data;
	check_tail(f, plain, 0, 4, 4);
	check_tail(f, plain, 1, 3, 4);
	check_tail(f, plain, 2, 2, 4);
	check_tail(f, plain, 3, 2, 1);
	check_tail(f, plain, 4, 0, 1);
	check_tail(f, plain, 100, 0, 1);
	check_tail(f, pieces, 1, 7, 8);
	check_tail(f, pieces, 2, 7, 1);
	check_tail(f, pieces, 3, 2, 1);
	check_tail(f, pieces, 4, 0, 1);
}

static void pack(const struct fixture *f, const char *command)
{
	g_autofree char *line = g_strdup_printf("cd %s && %s", f->dir, command);
	const char *argv[] = { "/bin/sh", "-c", line, NULL };
	int status;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL));
	g_assert_cmpint(status, ==, 0);
}

static void test_compressed_files_are_read(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log.3", "one ");
	append(f, "log.2", "two ");
	append(f, "log.1", "three ");
	append(f, "log", "four");
	pack(f, "gzip log.3 && gzip -k log.2"); /* a monitor that died between two steps leaves both */
	s = log_set_open(f->dir_fd, "log", NULL);
	g_assert_cmpuint(log_set_size(s), ==, strlen("one two three four"));
	log_set_seek(s, 2);
	assert_reads(s, "e two three four");
}

static void test_what_is_compressed_while_it_is_read_is_not_read_twice(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log", T " stdout F one\n");
	s = log_set_open(f->dir_fd, "log", NULL);
	log_set_seek(s, 0);
	assert_reads(s, T " stdout F one\n");
	append(f, "log", "a");
	assert_reads(s, "a");
	move(f, "log", "log.1");
	append(f, "log", "b");
	move(f, "log.1", "log.2");
	move(f, "log", "log.1");
	append(f, "log", "c");
	pack(f, "gzip log.2 log.1");
	assert_reads(s, "bc");
}

static void test_a_damaged_compressed_file_is_read_as_far_as_it_goes(struct fixture *f, gconstpointer data)
{
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log.2", "one ");
	append(f, "log.1", "two ");
	append(f, "log", "three");
	pack(f, "gzip log.1 && truncate -s -4 log.1.gz");
	s = log_set_open(f->dir_fd, "log", NULL);
	log_set_seek(s, 0);
	assert_reads(s, "one two three");
}

static void test_the_last_lines_may_be_longer_than_a_block(struct fixture *f, gconstpointer data)
{
	g_autofree char *x = g_strnfill(200000, 'x'), *line = g_strconcat(T " stdout F ", x, "\n", NULL);
	const char *const big[] = { T " stdout F 0\n", line, line, T " stderr F 3\n", NULL };

	(void)data;
	check_tail(f, big, 2, 2, 3);
	check_tail(f, big, 4, 0, 3);
}

static void test_the_last_lines_may_be_in_rotated_files(struct fixture *f, gconstpointer data)
{
	uint64_t starts[LOG_N_STREAMS];
	g_autoptr(LogSet) s = NULL;

	(void)data;
	append(f, "log.1", T " stdout F 0\n" T " stdout P 1\n");
	append(f, "log", T " stdout F 2\n" T " stdout F 3\n");
	s = log_set_open(f->dir_fd, "log", NULL);
	g_assert_true(log_set_find_tail(s, 2, starts, NULL));
	g_assert_cmpuint(starts[LOG_STDOUT], ==, strlen(T " stdout F 0\n"));
	g_assert_true(log_set_find_tail(s, 3, starts, NULL));
	g_assert_cmpuint(starts[LOG_STDOUT], ==, 0);
}

#define ADD(path, fn) g_test_add(path, struct fixture, NULL, fixture_setup, fn, fixture_teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctl/cri/records-are-parsed", test_records_are_parsed);
	ADD("/ctl/log-set/rotated-files-come-first", test_rotated_files_come_first);
	ADD("/ctl/log-set/compressed-files-are-read", test_compressed_files_are_read);
	ADD("/ctl/log-set/what-is-compressed-while-it-is-read-is-not-read-twice",
		test_what_is_compressed_while_it_is_read_is_not_read_twice);
	ADD("/ctl/log-set/a-damaged-compressed-file-is-read-as-far-as-it-goes",
		test_a_damaged_compressed_file_is_read_as_far_as_it_goes);
	ADD("/ctl/log-set/reading-goes-on-across-rotations", test_reading_goes_on_across_rotations);
	ADD("/ctl/log-set/a-replaced-log-is-followed", test_a_replaced_log_is_followed);
	ADD("/ctl/log-set/a-log-that-is-missing-is-an-error", test_a_log_that_is_missing_is_an_error);
	ADD("/ctl/log-tail/the-last-lines-are-found", test_the_last_lines_are_found);
	ADD("/ctl/log-tail/the-last-lines-may-be-longer-than-a-block", test_the_last_lines_may_be_longer_than_a_block);
	ADD("/ctl/log-tail/the-last-lines-may-be-in-rotated-files", test_the_last_lines_may_be_in_rotated_files);
	return g_test_run();
}
