/* src/ctl/record.c */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/record.h"

struct dir {
	char *path;
	int fd;
};

static void dir_open(struct dir *d)
{
	d->path = g_dir_make_tmp("tally-XXXXXX", NULL);
	g_assert_nonnull(d->path);
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void dir_close(struct dir *d)
{
	g_autofree char *record = g_build_filename(d->path, "record.json", NULL);

	g_unlink(record);
	g_rmdir(d->path);
	fd_close(&d->fd);
	g_free(d->path);
}

static void test_a_saved_record_loads_back(void)
{
	struct record r = {
		.id = (char *)"a",
		.stage = RECORD_STARTED,
		.bundle = (char *)"/b \"c\"",
		.command = (char *)"sh -c x",
		.monitor = (char *)"/m",
		.runtime = (char *)"/r",
		.boot_id = (char *)"boot",
		.monitor_process = { 17, 42 },
		.terminal = true,
		.remove = true,
		.created_ns = 1,
		.started_ns = INT64_MAX,
	}, back;
	GError *error = NULL;
	struct dir d;

	dir_open(&d);
	g_assert_true(record_save(d.fd, &r, &error));
	g_assert_true(record_load(d.fd, &back, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(back.bundle, ==, "/b \"c\"");
	g_assert_cmpint(back.stage, ==, RECORD_STARTED);
	g_assert_cmpint(back.monitor_process.pid, ==, 17);
	g_assert_cmpuint(back.monitor_process.start_ticks, ==, 42);
	g_assert_cmpint(back.process.pid, ==, 0);
	g_assert_true(back.terminal && back.remove && !back.stdin_open);
	g_assert_cmpint(back.started_ns, ==, INT64_MAX);
	record_clear(&back);
	dir_close(&d);
}

static void test_a_bad_record_is_refused(void)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"version\": 2}",
		"{\"version\": 1, \"stage\": \"started\"}",
		"{\"version\":1,\"stage\":\"dancing\",\"id\":\"\",\"bundle\":\"\",\"command\":\"\",\"monitor\":\"\","
		"\"runtime\":\"\",\"boot_id\":\"\"}",
		/* Nobody is to be signalled by such a number. */
		"{\"version\":1,\"stage\":\"started\",\"id\":\"\",\"bundle\":\"\",\"command\":\"\",\"monitor\":\"\","
		"\"runtime\":\"\",\"boot_id\":\"\",\"process\":{\"pid\":-1,\"start_ticks\":1}}",
	};
	struct dir d;

	dir_open(&d);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *path = g_build_filename(d.path, "record.json", NULL);
		g_autoptr(GError) error = NULL;
		struct record r;

		g_assert_true(g_file_set_contents(path, bad[i], -1, NULL));
		g_assert_false(record_load(d.fd, &r, &error));
		g_assert_nonnull(error);
		g_assert_null(strchr(error->message, '\n'));
	}
	dir_close(&d);
}

static void test_a_process_is_told_from_its_successor(void)
{
	g_autofree char *boot = boot_id_read(NULL);
	struct process_id self, later, nobody = { 0 };
	auto_fd fd = -1;

	g_assert_true(process_id_read(getpid(), &self, NULL));
	later = (struct process_id){ self.pid, self.start_ticks + 1 };
	fd = process_id_open(&self, boot);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(process_id_open(&later, boot), ==, -ESRCH);
	g_assert_cmpint(process_id_open(&self, "another boot"), ==, -ESRCH);
	g_assert_cmpint(process_id_open(&nobody, boot), ==, -ESRCH);
}

static void test_a_zombie_has_ended(void)
{
	g_autofree char *boot = boot_id_read(NULL);
	struct process_id child;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	g_assert_cmpint(pid, >, 1);
	g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
	g_assert_true(process_id_read(pid, &child, NULL));
	g_assert_cmpint(process_id_open(&child, boot), ==, -ESRCH);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctl/record/a-saved-record-loads-back", test_a_saved_record_loads_back);
	g_test_add_func("/ctl/record/a-bad-record-is-refused", test_a_bad_record_is_refused);
	g_test_add_func("/ctl/record/a-process-is-told-from-its-successor", test_a_process_is_told_from_its_successor);
	g_test_add_func("/ctl/record/a-zombie-has-ended", test_a_zombie_has_ended);
	return g_test_run();
}
