/* src/ctl/engine.c and command.c: what is said to monitor and runtime, and what they say. */
#include <glib.h>

#include "ctl/command.h"
#include "ctl/engine.h"

static char *line_of(struct engine_launch l)
{
	g_auto(GStrv) argv = NULL;

	l.monitor = "/m";
	l.runtime = "/r";
	l.runtime_root = "/root";
	l.id = "ID";
	l.uuid = l.process_spec ? "SESSION" : "ID";
	l.dir = "/dir";
	l.exit_dir = "/dir/exit";
	argv = engine_monitor_argv(&l);
	return g_strjoinv(" ", argv);
}

#define COMMON(uuid)                                                                                                   \
	"/m --api-version 1 -c ID -u " uuid                                                                            \
	" -n ID -r /r -b /dir -p /dir/pidfile -P /dir/monitor.pid --exit-dir /dir/exit "                               \
	"--full-attach -l LOG --log-level warning --runtime-arg --root=/root --runtime-arg --log-format=json "         \
	"--runtime-arg --log=/dir/oci-log"

static void test_a_container_is_asked_for_as_engines_do(void)
{
	static const char *const cleanup[] = { "/ctl", "cleanup", "ID", NULL };
	g_autofree char *plain = line_of((struct engine_launch){ .log = "LOG" });
	g_autofree char *input =
		line_of((struct engine_launch){ .log = "LOG", .stdin_open = true, .exit_command = cleanup });
	g_autofree char *both = line_of((struct engine_launch){ .log = "LOG", .stdin_open = true, .terminal = true });

	g_assert_cmpstr(plain, ==, COMMON("ID"));
	g_assert_cmpstr(
		input, ==, COMMON("ID") " -i --exit-command /ctl --exit-command-arg cleanup --exit-command-arg ID");
	g_assert_cmpstr(both, ==, COMMON("ID") " -t");
}

static void test_a_session_is_asked_for_as_engines_do(void)
{
	g_autofree char *both = line_of(
		(struct engine_launch){ .log = "LOG", .process_spec = "/p", .stdin_open = true, .terminal = true });

	g_assert_cmpstr(
		both, ==, COMMON("SESSION") " -t -i --leave-stdin-open -e --exec-attach --exec-process-spec /p");
}

static void test_lines_of_the_sync_pipe_are_understood(void)
{
	g_autofree char *none = NULL, *text = NULL, *odd = NULL;
	g_autoptr(GError) error = NULL;
	int data;

	g_assert_true(engine_parse_line("{\"data\": 42}\n", &data, &none, NULL));
	g_assert_cmpint(data, ==, 42);
	g_assert_null(none);
	g_assert_true(engine_parse_line("{\"data\": -1, \"message\": \"a \\\"b\\\" \\/c\"}\n", &data, &text, NULL));
	g_assert_cmpint(data, ==, -1);
	g_assert_cmpstr(text, ==, "a \"b\" /c");
	g_assert_false(engine_parse_line("{\"pid\": 42}\n", &data, &odd, &error));
	g_clear_error(&error);
	g_assert_false(engine_parse_line("{\"data\": 4294967296}\n", &data, &odd, &error));
	g_clear_error(&error);
	g_assert_false(engine_parse_line("oops", &data, &odd, &error));
}

static void test_the_last_error_of_a_runtimes_log_counts(void)
{
	g_autofree char *last =
		engine_last_error("{\"level\":\"error\",\"msg\":\"first\"}\n{\"level\":\"error\",\"msg\":\"second\"}\n"
				  "{\"level\":\"warning\",\"msg\":\"w\"}\nnot JSON\n");
	g_autofree char *fatal = engine_last_error(
		"{\"level\":\"fatal\",\"msg\":\"worse\"}\n{\"level\":\"warning\",\"msg\":\"not\"}\n");

	g_assert_cmpstr(last, ==, "second");
	g_assert_cmpstr(fatal, ==, "worse");
	g_assert_null(engine_last_error(""));
	g_assert_null(engine_last_error("{\"level\":\"info\",\"msg\":\"x\"}\n"));
}

static void test_the_runtimes_words_decide_the_exit_status(void)
{
	g_assert_cmpint(
		ctl_status_of_runtime_text("exec: \"x\": executable file not found in $PATH"), ==, CTL_NOT_FOUND);
	g_assert_cmpint(ctl_status_of_runtime_text("exec /x: No such file or directory"), ==, CTL_NOT_FOUND);
	g_assert_cmpint(ctl_status_of_runtime_text("exec: \"/proc\": permission denied"), ==, CTL_NOT_EXECUTABLE);
	g_assert_cmpint(ctl_status_of_runtime_text("exec: \"/etc\": is a directory"), ==, CTL_NOT_EXECUTABLE);
	g_assert_cmpint(ctl_status_of_runtime_text("mount: operation not permitted"), ==, CTL_NOT_EXECUTABLE);
	g_assert_cmpint(ctl_status_of_runtime_text("container is paused"), ==, CTL_ERROR);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func(
		"/ctl/engine/a-container-is-asked-for-as-engines-do", test_a_container_is_asked_for_as_engines_do);
	g_test_add_func("/ctl/engine/a-session-is-asked-for-as-engines-do", test_a_session_is_asked_for_as_engines_do);
	g_test_add_func(
		"/ctl/engine/lines-of-the-sync-pipe-are-understood", test_lines_of_the_sync_pipe_are_understood);
	g_test_add_func(
		"/ctl/engine/the-last-error-of-a-runtimes-log-counts", test_the_last_error_of_a_runtimes_log_counts);
	g_test_add_func("/ctl/command/the-runtimes-words-decide-the-exit-status",
		test_the_runtimes_words_decide_the_exit_status);
	return g_test_run();
}
