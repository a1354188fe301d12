/* Helper programs: input, output, ends, deadlines. */
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/spawn.h"

static void run(const char *script, struct spawn_request *r, struct spawn_result *ret)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	g_autoptr(GError) error = NULL;

	r->argv = argv;
	g_assert_true(spawn_run(r, ret, &error));
	g_assert_no_error(error);
}

static void test_output(void)
{
	struct spawn_request r = { .timeout_ms = 10000, .max_output = 100, .input = "hello" };
	struct spawn_result result;
	g_autofree char *text = NULL;

	run("cat; echo; echo oops >&2; exit 3", &r, &result);
	g_assert_cmpstr(result.output, ==, "hello");
	g_assert_cmpstr(result.errors, ==, "oops");
	g_assert_false(result.timed_out);
	text = spawn_status_text(result.status);
	g_assert_cmpstr(text, ==, "exit status 3");
	spawn_result_clear(&result);
	r.merge_output = true;
	run("echo a; echo b >&2", &r, &result);
	g_assert_cmpstr(result.output, ==, "a\nb");
	g_assert_cmpstr(result.errors, ==, "");
	spawn_result_clear(&result);
}

static void test_bounded(void)
{
	struct spawn_request r = { .timeout_ms = 10000, .max_output = 1000 };
	struct spawn_result result;

	run("i=0; while [ $i -lt 30000 ]; do echo 0123456789; i=$((i+1)); done; echo end >&2", &r, &result);
	g_assert_cmpuint(strlen(result.output), ==, 1000);
	g_assert_cmpstr(result.errors, ==, "end");
	g_assert_true(WIFEXITED(result.status));
	spawn_result_clear(&result);
}

static void test_deadline(void)
{
	struct spawn_request r = { .timeout_ms = 50, .max_output = 100 };
	struct spawn_result result;
	g_autofree char *text = NULL;

	run("echo before; exec sleep 1000", &r, &result);
	while (result.output[0] == '\0' && r.timeout_ms < 60000) { /* a busy machine has not come to it */
		g_assert_true(result.timed_out);
		spawn_result_clear(&result);
		r.timeout_ms *= 10;
		run("echo before; exec sleep 1000", &r, &result);
	}
	g_assert_true(result.timed_out);
	g_assert_cmpstr(result.output, ==, "before");
	text = spawn_status_text(result.status);
	g_assert_cmpstr(text, ==, "signal: killed");
	spawn_result_clear(&result);
}

static void test_background(void)
{
	struct spawn_request r = { .timeout_ms = 60000, .max_output = 100 };
	struct spawn_result result;
	gint64 start = g_get_monotonic_time();

	/* The child of the child keeps the pipe open for longer than we are willing to wait. */
	run("sleep 30 & echo done", &r, &result);
	g_assert_cmpstr(result.output, ==, "done");
	g_assert_cmpint(g_get_monotonic_time() - start, <, 25 * G_USEC_PER_SEC);
	spawn_result_clear(&result);
}

static void test_environment(void)
{
	const char *env[] = { "A=1", NULL }, *argv[] = { "name", "-c", "echo \"$0 $A $B $(pwd)\"", NULL };
	struct spawn_request r = {
		.path = "/bin/sh", .argv = argv, .env = env, .cwd = "/", .timeout_ms = -1, .max_output = 100
	};
	struct spawn_result result;

	g_setenv("B", "2", TRUE);
	g_assert_true(spawn_run(&r, &result, NULL));
	g_assert_cmpstr(result.output, ==, "name 1  /");
	spawn_result_clear(&result);
}

static void test_missing(void)
{
	const char *argv[] = { "x", NULL };
	struct spawn_request r = { .path = "/proc/nonexistent/x", .argv = argv, .timeout_ms = -1 };
	g_autoptr(GError) error = NULL;
	struct spawn_result result;

	g_assert_false(spawn_run(&r, &result, &error));
	g_assert_cmpstr(error->message, ==, "fork/exec /proc/nonexistent/x: no such file or directory");
	g_assert_cmpint(error->code, ==, ENOENT);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/common/spawn/gives-input-and-takes-output", test_output);
	g_test_add_func("/common/spawn/keeps-no-more-than-asked", test_bounded);
	g_test_add_func("/common/spawn/kills-what-is-late", test_deadline);
	g_test_add_func("/common/spawn/does-not-wait-for-the-background", test_background);
	g_test_add_func("/common/spawn/uses-the-given-environment", test_environment);
	g_test_add_func("/common/spawn/says-what-could-not-be-run", test_missing);
	return g_test_run();
}
