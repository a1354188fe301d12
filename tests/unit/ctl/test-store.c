/* src/ctl/store.c, ending.c, lifecycle.c: containers as directories, without any container. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/statefile.h"
#include "ctl/ending.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

struct fixture {
	struct ctl ctl;
	Container *c; /* "x", locked, populated, its monitor is this process */
};

static void fixture_setup(struct fixture *f, gconstpointer data)
{
	GError *error = NULL;

	(void)data;
	f->ctl.root = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->c = container_new(&f->ctl, "x", &error);
	g_assert_no_error(error);
	f->c->record = (struct record){ .id = g_strdup("x"), .stage = RECORD_STARTED, .boot_id = boot_id_read(NULL) };
	g_assert_true(process_id_read(getpid(), &f->c->record.monitor_process, NULL));
	g_assert_true(container_populate(f->c, &error));
	g_assert_true(container_save(f->c, &error));
}

static void fixture_teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	container_free(f->c);
	g_assert_true(store_remove_tree(AT_FDCWD, f->ctl.root, NULL));
	g_free(f->ctl.root);
}

/* What the monitor does at the end. */
static void write_exit_file(const Container *c, const char *text)
{
	auto_fd fd = openat(c->dir_fd, STORE_EXIT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	g_assert_true(statefile_write(fd, c->id, text, 0644, NULL));
}

static enum container_status status_of(const struct fixture *f)
{
	g_autoptr(Container) c = container_open(&f->ctl, "x", NULL);
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	return status;
}

static void test_an_id_is_taken_once(struct fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)data;
	g_assert_null(container_new(&f->ctl, "x", &error));
	g_assert_cmpstr(error->message, ==, "container x already exists");
}

static void test_bad_ids_are_refused(struct fixture *f, gconstpointer data)
{
	g_autofree char *longest = g_strnfill(256, 'a');
	const char *const bad[] = { "", ".", "..", "a/b", "a b", "\xc3\xa4", "a\n", longest };

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(container_new(&f->ctl, bad[i], &error));
		g_assert_nonnull(strstr(error->message, "invalid container id"));
		g_clear_error(&error);
		g_assert_null(container_open(&f->ctl, bad[i], &error));
		g_assert_nonnull(error);
	}
}

static void test_a_root_that_others_may_write_is_refused(struct fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)data;
	g_assert_cmpint(chmod(f->ctl.root, 0777), ==, 0);
	g_assert_null(container_open(&f->ctl, "x", &error));
	g_assert_nonnull(strstr(error->message, "writable by nobody else"));
}

static void test_a_lock_is_waited_for_no_longer_than_said(struct fixture *f, gconstpointer data)
{
	g_autoptr(Container) other = container_open(&f->ctl, "x", NULL);
	g_autoptr(GError) error = NULL;

	(void)data;
	g_assert_true(container_is_locked(other));
	g_assert_false(container_lock(other, 1, &error));
	g_assert_nonnull(strstr(error->message, "busy"));
	g_clear_error(&error);
	container_unlock(f->c);
	g_assert_false(container_is_locked(other));
	g_assert_true(container_lock(other, 1, &error));
}

static void test_a_lock_on_what_was_removed_is_none(struct fixture *f, gconstpointer data)
{
	g_autoptr(Container) other = container_open(&f->ctl, "x", NULL);
	g_autoptr(GError) error = NULL;

	(void)data;
	g_assert_true(container_remove(f->c, NULL));
	container_unlock(f->c);
	g_assert_false(container_lock(other, 1, &error));
	g_assert_nonnull(strstr(error->message, "removed"));
}

static void test_removing_follows_no_links(struct fixture *f, gconstpointer data)
{
	g_autofree char *outside = g_build_filename(f->ctl.root, "outside", NULL);

	(void)data;
	g_assert_true(g_file_set_contents(outside, "kept", -1, NULL));
	g_assert_cmpint(symlinkat(f->ctl.root, f->c->dir_fd, "link"), ==, 0);
	g_assert_cmpint(mkdirat(f->c->dir_fd, "sub", 0700), ==, 0);
	g_assert_cmpint(symlinkat(outside, f->c->dir_fd, "sub/link"), ==, 0);
	g_assert_true(container_remove(f->c, NULL));
	g_assert_cmpint(access(outside, F_OK), ==, 0);
	g_assert_cmpint(access(f->c->path, F_OK), !=, 0);
}

static void test_the_status_follows_from_what_is_there(struct fixture *f, gconstpointer data)
{
	struct record *r = &f->c->record;

	(void)data;
	g_assert_cmpint(status_of(f), ==, STATUS_RUNNING);
	r->monitor_process.start_ticks++; /* the monitor has died */
	g_assert_true(process_id_read(getpid(), &r->process, NULL));
	g_assert_true(container_save(f->c, NULL));
	g_assert_cmpint(status_of(f), ==, STATUS_ORPHANED);
	r->process.start_ticks++;
	g_assert_true(container_save(f->c, NULL));
	g_assert_cmpint(status_of(f), ==, STATUS_LOST);
	write_exit_file(f->c, "0");
	g_assert_cmpint(status_of(f), ==, STATUS_EXITED);
	r->stage = RECORD_CREATING;
	g_assert_true(container_save(f->c, NULL));
	g_assert_cmpint(status_of(f), ==, STATUS_CREATING);
	container_unlock(f->c);
	g_assert_cmpint(status_of(f), ==, STATUS_BROKEN);
}

static void test_the_exit_file_tells_the_end(struct fixture *f, gconstpointer data)
{
	static const struct {
		const char *text;
		bool ended, known;
		int code;
	} cases[] = { { "0", true, true, 0 }, { "137", true, true, 137 }, { "-1", true, false, -1 },
		{ "", false, false, 0 }, { "x", false, false, 0 } };

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(EndWatch) w = end_watch_new(f->c, NULL);
		struct ending e = { 0 };

		write_exit_file(f->c, cases[i].text);
		g_assert_cmpint(end_watch_check(w, &e), ==, cases[i].ended);
		if (cases[i].ended) {
			g_assert_cmpint(e.known, ==, cases[i].known);
			g_assert_cmpint(ending_status(&e), ==, cases[i].known ? cases[i].code : CTL_UNKNOWN_END);
		}
		ending_clear(&e);
	}
}

static void test_a_monitor_that_dies_without_a_word_leaves_unknown(struct fixture *f, gconstpointer data)
{
	g_autoptr(EndWatch) w = NULL;
	struct ending e;
	pid_t pid = fork();

	(void)data;
	if (pid == 0) {
		pause();
		_exit(0);
	}
	g_assert_true(process_id_read(pid, &f->c->record.monitor_process, NULL));
	w = end_watch_new(f->c, NULL);
	g_assert_false(end_watch_check(w, &e));
	g_assert_cmpint(sys_kill_process(pid, SIGKILL), ==, 0);
	g_assert_true(end_watch_wait(w, -1, NULL, NULL, &e, NULL));
	g_assert_false(e.known);
	g_assert_nonnull(e.why);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void test_who_waits_hears_of_the_end_of_what_is_removed(struct fixture *f, gconstpointer data)
{
	g_autoptr(EndWatch) w = end_watch_new(f->c, NULL);
	struct ending e = { .known = true, .code = 3, .ended_ns = 5, .details = g_strdup("{\"a\":1}") }, got;

	(void)data;
	g_assert_true(ending_leave_outcome(f->c, &e, NULL));
	ending_clear(&e);
	g_assert_true(container_remove(f->c, NULL));
	g_assert_true(end_watch_wait(w, -1, NULL, NULL, &got, NULL));
	g_assert_true(got.known);
	g_assert_cmpint(got.code, ==, 3);
	g_assert_cmpint(got.ended_ns, ==, 5);
	g_assert_cmpstr(got.details, ==, "{\"a\":1}");
	ending_clear(&got);
}

#define ADD(path, fn) g_test_add(path, struct fixture, NULL, fixture_setup, fn, fixture_teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/ctl/store/an-id-is-taken-once", test_an_id_is_taken_once);
	ADD("/ctl/store/bad-ids-are-refused", test_bad_ids_are_refused);
	ADD("/ctl/store/a-root-that-others-may-write-is-refused", test_a_root_that_others_may_write_is_refused);
	ADD("/ctl/store/a-lock-is-waited-for-no-longer-than-said", test_a_lock_is_waited_for_no_longer_than_said);
	ADD("/ctl/store/a-lock-on-what-was-removed-is-none", test_a_lock_on_what_was_removed_is_none);
	ADD("/ctl/store/removing-follows-no-links", test_removing_follows_no_links);
	ADD("/ctl/lifecycle/the-status-follows-from-what-is-there", test_the_status_follows_from_what_is_there);
	ADD("/ctl/ending/the-exit-file-tells-the-end", test_the_exit_file_tells_the_end);
	ADD("/ctl/ending/a-monitor-that-dies-without-a-word-leaves-unknown",
		test_a_monitor_that_dies_without_a_word_leaves_unknown);
	ADD("/ctl/ending/who-waits-hears-of-the-end-of-what-is-removed",
		test_who_waits_hears_of_the_end_of_what_is_removed);
	return g_test_run();
}
