/* src/monitor: options, log drivers, command lines of what is started, sockets of the caller. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "monitor/endpoints.h"
#include "monitor/launch.h"
#include "monitor/logpolicy.h"
#include "monitor/logspec.h"
#include "monitor/options.h"
#include "monitor/parent.h"

static bool parse(struct monitor_options *o, const char *line, GError **error)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);

	return monitor_options_parse(o, (int)g_strv_length(argv), argv, error);
}

#define BASE "conmon -c id -u uuid -r /bin/true "

/* ---- options ---- */

static void test_podmans_line_is_understood(void)
{
	g_autoptr(GError) error = NULL;
	struct monitor_options o;

	g_assert_true(parse(&o, BASE
		"--api-version 1 -b /b -p /p -n name --exit-dir /e --persist-dir /x -0 /y --full-attach -s -l k8s-file:/log "
		"--log-level warning --syslog --log-size-max 1000 --runtime-arg --log-format=json --runtime-arg --log "
		"--runtime-arg=/oci -t -i --timeout=2 --conmon-pidfile /c --exit-command /podman --exit-command-arg --root "
		"--exit-command-arg  --runtime-opt --preserve-fds --runtime-opt 2 word -- --more", &error));
	g_assert_no_error(error);
	g_assert_true(o.api_version && o.full_attach && o.systemd_cgroup && o.terminal && o.stdin_open && o.syslog);
	g_assert_cmpstr(o.persist_dir, ==, "/y"); /* the last one wins */
	g_assert_cmpint(o.log_size_max, ==, 1000);
	g_assert_cmpint(o.timeout, ==, 2);
	g_assert_cmpstr(o.runtime_arg[0], ==, "--log-format=json");
	g_assert_cmpstr(o.runtime_arg[2], ==, "/oci");
	g_assert_cmpstr(o.exit_command_arg[1], ==, "");
	g_assert_true(monitor_options_check_early(&o, &error));
	g_assert_true(monitor_options_check(&o, &error));
	monitor_options_clear(&o);
}

static void test_mistakes_are_named(void)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "conmon", "Container ID not provided. Use --cid" },
		{ BASE "--log-max-files -1", "log-max-files must be non-negative, got -1" },
		{ BASE "--log-rotate --log-max-files 0", "log-max-files must be at least 1 when log-rotate is enabled, got 0" },
		{ BASE "--log-level loud", "No such log level loud" },
		{ BASE "-e --restore x", "Cannot use 'exec' and 'restore' at the same time" },
		{ BASE "--exec-attach", "Attach can only be specified with exec" },
		{ BASE "-e --exec-attach", "Attach can only be specified for a non-legacy exec session" },
		{ "conmon -c id -r /bin/true", "Container UUID not provided. Use --cuuid" },
		{ "conmon -c id -u u", "Runtime path not provided. Use --runtime" },
		{ "conmon -c id -u u -r /nope", "Runtime path /nope is not valid: No such file or directory" },
		{ BASE "-e", "Exec process spec path not provided. Use --exec-process-spec" },
		{ BASE "--exit-delay -5", "Delay before invoking exit command must be greater than or equal to 0" },
		{ BASE "--nope", "Unknown option --nope" },
		{ BASE "--timeout x", "Cannot parse integer value" },
		{ BASE "--cid", "Missing argument for --cid" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		struct monitor_options o;
		bool ok = parse(&o, cases[i].line, &error) && monitor_options_check_early(&o, &error) &&
			monitor_options_check(&o, &error);

		g_assert_false(ok);
		g_assert_nonnull(strstr(error->message, cases[i].text));
		monitor_options_clear(&o);
	}
}

/* ---- log drivers ---- */

static void test_log_paths(void)
{
	static const struct {
		const char *value, *file, *error;
		bool passthrough, journald, json;
	} cases[] = {
		{ "k8s-file:/a/b", "/a/b", NULL },
		{ "k8s-file:/a:b", "/a:b", NULL },
		{ "/bare", "/bare", NULL },
		{ ":word", "word", NULL },
		{ "::word", "word", NULL },
		{ "none", NULL, NULL },
		{ "off:x", NULL, NULL },
		{ "null:", NULL, NULL },
		{ "passthrough", NULL, NULL, true },
		{ "journald:", NULL, NULL, false, true },
		{ "json-file:/a/b", "/a/b", NULL, .json = true },
		{ "", NULL, "log-path must not be empty" },
		{ "::", NULL, "log-path must not be empty" },
		{ "k8s-file", NULL, "k8s-file requires a filename (--log-path k8s-file)" },
		{ "k8s-file:", NULL, "k8s-file requires a filename (--log-path k8s-file:)" },
		{ "json-file", NULL, "json-file requires a filename (--log-path json-file)" },
		{ "syslog:x", NULL, "No such log driver syslog (--log-path syslog:x)" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		char *values[] = { (char *)cases[i].value, NULL };
		g_autoptr(GError) error = NULL;
		struct logspec spec = { 0 };

		g_assert_cmpint(logspec_parse(values, &spec, &error), ==, cases[i].error == NULL);
		g_assert_cmpstr(error ? error->message : NULL, ==, cases[i].error);
		g_assert_cmpuint(spec.n_files, ==, cases[i].file != NULL);
		g_assert_cmpstr(spec.file[0].path, ==, cases[i].file);
		g_assert_cmpint(spec.file[0].json, ==, cases[i].json);
		g_assert_cmpint(spec.passthrough, ==, cases[i].passthrough);
		g_assert_cmpint(spec.journald, ==, cases[i].journald);
		logspec_clear(&spec);
	}
	g_assert_false(logspec_parse(NULL, &(struct logspec){ 0 }, NULL));
}

static void test_several_log_files(void)
{
	static const struct {
		const char *values, *files, *error;
	} cases[] = {
		{ "json-file:a /b off json-file:c k8s-file:d journald:", "/b d a{} c{} journald", NULL },
		{ "a b c d e", NULL, "--log-path e: more than 4 log files" },
		{ "passthrough /a", NULL,
			"--log-path passthrough: no other log can have what the monitor does not see (/a)" },
		{ "journald passthrough", NULL,
			"--log-path passthrough: no other log can have what the monitor does not see (journald)" },
		{ "passthrough none", "", NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) values = g_strsplit(cases[i].values, " ", -1);
		g_autoptr(GString) got = g_string_new(NULL);
		g_autoptr(GError) error = NULL;
		struct logspec spec = { 0 };

		g_assert_cmpint(logspec_parse(values, &spec, &error), ==, cases[i].error == NULL);
		g_assert_cmpstr(error ? error->message : NULL, ==, cases[i].error);
		for (unsigned int n = 0; n < spec.n_files; n++)
			g_string_append_printf(got, "%s%s ", spec.file[n].path, spec.file[n].json ? "{}" : "");
		g_string_append(got, spec.journald ? "journald" : "");
		g_assert_cmpstr(got->str, ==, cases[i].files ?: "");
		logspec_clear(&spec);
	}
}

static void test_json_attributes(void)
{
	char *labels[] = { "b.c=x=y", "a=1", "A=", "a=<2>\t\"\xff", NULL }, *bad[] = { "=x", NULL },
	     *none[] = { "x", NULL };
	g_autofree char *attrs = logspec_json_attrs("web", labels, NULL), *empty = logspec_json_attrs(NULL, NULL, NULL);
	g_autofree char *long_tag = g_strnfill(9000, 'x');

	g_assert_cmpstr(
		attrs, ==, "{\"A\":\"\",\"a\":\"\\u003c2\\u003e\\t\\\"\\ufffd\",\"b.c\":\"x=y\",\"tag\":\"web\"}");
	g_assert_cmpstr(empty, ==, "");
	g_assert_null(logspec_json_attrs(NULL, bad, NULL));
	g_assert_null(logspec_json_attrs(NULL, none, NULL));
	g_assert_null(logspec_json_attrs(long_tag, NULL, NULL));
}

static void test_journal_fields(void)
{
	static char *const good[] = { "A_1=b", "EMPTY=", NULL }, *const bad[] = { "a=b", NULL }, *const no_name[] = { "=b", NULL },
		*const twice[] = { "A=b=c", NULL };
	g_autofree char *fields = logspec_journal_fields("0123456789abcdef", NULL, "na", good, NULL);

	g_assert_cmpstr(fields, ==,
		"CONTAINER_ID_FULL=0123456789abcdef\nCONTAINER_ID=0123456789ab\nCONTAINER_NAME=na\nSYSLOG_IDENTIFIER=na\n"
		"A_1=b\nEMPTY=\n");
	g_assert_null(logspec_journal_fields("0123456789ab", NULL, NULL, NULL, NULL));
	g_assert_null(logspec_journal_fields("0123456789abc", NULL, NULL, bad, NULL));
	g_assert_null(logspec_journal_fields("0123456789abc", NULL, NULL, no_name, NULL));
	g_assert_null(logspec_journal_fields("0123456789abc", NULL, NULL, twice, NULL));
}

static void test_a_field_cannot_forge_another(void)
{
	g_autofree char *fields = logspec_journal_fields("0123456789abc", "x\nPRIORITY=0", NULL, NULL, NULL);

	/* With its length in front, the newline is part of the value. */
	g_assert_nonnull(strstr(fields, "CONTAINER_TAG\n"));
	g_assert_null(strstr(fields, "CONTAINER_TAG=x"));
}

static void test_allowed_places(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL), *in = g_build_filename(dir, "log", NULL);
	g_autofree char *beside = g_strconcat(dir, "x/log", NULL);
	char *allowed[] = { "/proc/nonexistent", dir, NULL };

	g_assert_true(logspec_check_place(in, allowed, NULL));
	g_assert_true(logspec_check_place("/anywhere/log", NULL, NULL));
	g_assert_false(logspec_check_place(beside, allowed, NULL));
	g_assert_false(logspec_check_place("/tmp/log", allowed, NULL));
	g_rmdir(dir);
}

static void test_a_log_behind_links_is_the_file_itself(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL), *file = g_build_filename(dir, "log", NULL);
	g_autofree char *link = g_build_filename(dir, "link", NULL), *real = realpath(dir, NULL);
	g_autofree char *want = g_build_filename(real, "log", NULL), *fd_path = NULL;
	auto_fd fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_autofree char *direct = logspec_real_path(file, fd), *by_link = NULL, *by_fd = NULL;

	g_assert_cmpstr(direct, ==, want);
	g_assert_cmpint(symlink(file, link), ==, 0);
	by_link = logspec_real_path(link, fd);
	g_assert_cmpstr(by_link, ==, want);
	fd_path = g_strdup_printf("/proc/self/fd/%d", fd);
	by_fd = logspec_real_path(fd_path, fd);
	g_assert_cmpstr(by_fd, ==, want);
	g_unlink(link), g_unlink(file);
	g_assert_null(logspec_real_path(fd_path, fd)); /* a descriptor without a name: there is nothing to replace */
	g_assert_null(logspec_real_path(file, fd));
	g_rmdir(dir);
}

/* ---- command lines ---- */

static void assert_words(char **argv, const char *want)
{
	g_autofree char *got = g_strjoinv(" ", argv);

	g_assert_cmpstr(got, ==, want);
	g_free(argv);
}

static void test_runtime_command_lines(void)
{
	struct monitor_options o;

	g_assert_true(parse(&o, BASE "-s --runtime-arg --root=/r --no-pivot --no-new-keyring --runtime-opt --x -t", NULL));
	assert_words(launch_runtime_argv(&o, "/b", "/p", "/s"),
		"/bin/true --systemd-cgroup --root=/r create --bundle /b --pid-file /p --no-pivot --no-new-keyring --x "
		"--console-socket /s id");
	monitor_options_clear(&o);
	g_assert_true(parse(&o, BASE "--restore /img --runtime-opt --tcp-established --restore-arg --x", NULL));
	assert_words(launch_runtime_argv(&o, "/b", "/p", NULL),
		"/bin/true restore --bundle /b --pid-file /p --detach --image-path /img --work-path /b --tcp-established --x "
		"id");
	monitor_options_clear(&o);
	g_assert_true(parse(&o, BASE "-e -s --exec-process-spec /spec --runtime-opt --preserve-fds --runtime-opt 1", NULL));
	assert_words(launch_runtime_argv(&o, "/b", "/p", "/s"),
		"/bin/true exec --pid-file /p --process /spec --detach --preserve-fds 1 --console-socket /s id");
	monitor_options_clear(&o);
	g_assert_true(parse(&o, BASE "--exit-command /x --exit-command-arg -a --exit-command-arg b", NULL));
	assert_words(launch_exit_argv(&o), "/x -a b");
	monitor_options_clear(&o);
}

static void test_listen_pid_is_rewritten_when_it_is_ours(void)
{
	struct monitor_options o = { 0 };
	g_autoptr(GError) error = NULL;
	char *place, **env;

	unsetenv("LISTEN_PID");
	g_assert_true(launch_environment(&o, 77, &place, NULL) == environ && !place);
	setenv("LISTEN_PID", "76", 1);
	g_assert_true(launch_environment(&o, 77, &place, NULL) == environ && !place);
	setenv("LISTEN_PID", "77", 1);
	env = launch_environment(&o, 77, &place, NULL);
	g_assert_nonnull(place);
	num_format_i64(place, 1234567);
	g_assert_cmpstr(g_environ_getenv(env, "LISTEN_PID"), ==, "1234567");
	g_assert_cmpstr(getenv("LISTEN_PID"), ==, "77"); /* our own stays */
	g_strfreev(env);
	setenv("LISTEN_PID", "abc", 1);
	g_assert_null(launch_environment(&o, 77, &place, &error));
	g_assert_cmpstr(error->message, ==, "Invalid LISTEN_PID abc");
	unsetenv("LISTEN_PID");
}

/* ---- pipes of the caller, sockets ---- */

static void test_pipes_by_number(void)
{
	g_autoptr(GError) error = NULL;
	auto_fd fd = open("/dev/null", O_RDONLY);
	g_autofree char *text = g_strdup_printf("%d", fd);
	int got = 99;

	unsetenv("X_PIPE");
	g_assert_true(parent_pipe("X_PIPE", &got, NULL));
	g_assert_cmpint(got, ==, -1);
	setenv("X_PIPE", text, 1);
	g_assert_true(parent_pipe("X_PIPE", &got, NULL));
	g_assert_cmpint(got, ==, fd);
	g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	setenv("X_PIPE", "12x", 1);
	g_assert_false(parent_pipe("X_PIPE", &got, &error));
	g_clear_error(&error);
	setenv("X_PIPE", "-1", 1);
	g_assert_false(parent_pipe("X_PIPE", &got, &error));
	g_assert_nonnull(strstr(error->message, "X_PIPE"));
}

static void test_inherited_descriptors_are_listed(void)
{
	auto_fd fd = open("/dev/null", O_RDONLY);
	g_autoptr(GArray) before = parent_inherited(), after = NULL;
	int extra = dup(fd);

	after = parent_inherited();
	g_assert_cmpuint(after->len, ==, before->len + 1);
	parent_not_inherited(after, extra);
	g_assert_cmpuint(after->len, ==, before->len);
	close(extra);
}

static void test_a_socket_in_a_very_deep_directory(void)
{
	g_autofree char *top = g_dir_make_tmp("tally-XXXXXX", NULL), *dir = g_strdup(top);
	struct relay_setup set = { .attach_fd = -1, .ctl_fd = -1, .winsz_fd = -1 };
	g_autoptr(GError) error = NULL;
	struct stat st;

	for (int i = 0; i < 5; i++) {
		g_autofree char *name = g_strnfill(60, 'd'), *deeper = g_build_filename(dir, name, NULL);

		g_assert_cmpint(g_mkdir(deeper, 0700), ==, 0);
		g_free(dir);
		dir = g_steal_pointer(&deeper);
	}
	g_assert_true(endpoints_attach(&set, dir, NULL, NULL, &error));
	g_assert_cmpint(stat(set.attach_path, &st), ==, 0);
	g_assert_true(S_ISSOCK(st.st_mode));
	g_assert_cmpuint(st.st_mode & 0777, ==, 0700);
	g_assert_true(endpoints_fifos(&set, dir, &error));
	g_assert_true(endpoints_fifos(&set, dir, &error)); /* old ones are replaced */
	g_assert_false(endpoints_attach(&set, "/proc/nonexistent", NULL, NULL, &error));
	g_assert_nonnull(strstr(error->message, "/proc/nonexistent"));
	{
		g_autofree char *rm = g_strdup_printf("rm -r '%s'", top);

		g_assert_cmpint(system(rm), ==, 0);
	}
	g_free((char *)set.attach_path);
	fd_close(&set.attach_fd), fd_close(&set.ctl_fd), fd_close(&set.winsz_fd);
}

static void test_a_console_socket_where_tmpdir_is_too_long(void)
{
	g_autofree char *top = g_dir_make_tmp("tally-XXXXXX", NULL), *name = g_strnfill(120, 't');
	g_autofree char *long_dir = g_build_filename(top, name, NULL);
	struct relay_setup set = { .console_fd = -1 };
	struct sockaddr_un addr;

	g_assert_cmpint(g_mkdir(long_dir, 0700), ==, 0);
	setenv("TMPDIR", long_dir, 1);
	g_assert_true(endpoints_console(&set, NULL));
	g_assert_cmpuint(strlen(set.console_path), <, sizeof addr.sun_path);
	unsetenv("TMPDIR");
	g_unlink(set.console_path), g_rmdir(set.console_dir);
	g_free((char *)set.console_path), g_free((char *)set.console_dir);
	fd_close(&set.console_fd);
	g_rmdir(long_dir), g_rmdir(top);
}

static void test_log_policies_and_rates_are_for_one_stream_or_both(void)
{
	char *policies[] = { "drop-oldest", "stderr:drop-newest", "stdout:block", NULL };
	char *rates[] = { "1000/s", "stderr:1/s,1073741824", NULL };
	enum log_policy policy[N_STREAMS];
	struct rate rate[N_STREAMS];

	g_assert_true(logpolicy_parse(policies, rates, policy, rate, NULL));
	g_assert_cmpint(policy[STREAM_OUT], ==, LOG_BLOCK);
	g_assert_cmpint(policy[STREAM_ERR], ==, LOG_DROP_NEWEST);
	g_assert_cmpuint(rate[STREAM_OUT].per_s, ==, 1000);
	g_assert_cmpuint(rate[STREAM_OUT].burst, ==, 1000);
	g_assert_cmpuint(rate[STREAM_ERR].per_s, ==, 1);
	g_assert_cmpuint(rate[STREAM_ERR].burst, ==, 1u << 30);
	policies[1] = NULL;
	g_assert_true(logpolicy_parse(policies, NULL, policy, rate, NULL));
	g_assert_cmpint(policy[STREAM_ERR], ==, LOG_DROP_OLDEST);
	g_assert_cmpuint(rate[STREAM_OUT].per_s, ==, 0);
	g_assert_true(logpolicy_parse(NULL, NULL, policy, rate, NULL));
	g_assert_cmpint(policy[STREAM_OUT], ==, LOG_BLOCK);
}

static void test_policies_and_rates_that_are_none_are_refused_by_name(void)
{
	static const char *const policies[] = { "", "drop", "stdout:", "stdin:block", "block ", "stdout:stderr:block", "Block" };
	static const char *const rates[] = { "", "/s", "5", "0/s", "5/s,0", "-5/s", "5/s,", "5/s,5/s", "5k/s", "1073741825/s", "5/m",
		"stdout:", "stdout,5/s", "5/s,1,2", "18446744073709551617/s" };
	enum log_policy policy[N_STREAMS];
	struct rate rate[N_STREAMS];

	for (size_t i = 0; i < G_N_ELEMENTS(policies); i++) {
		char *values[] = { (char *)policies[i], NULL };
		g_autoptr(GError) error = NULL;

		g_assert_false(logpolicy_parse(values, NULL, policy, rate, &error));
		g_assert_true(g_str_has_prefix(error->message, "--log-policy "));
		g_assert_nonnull(strstr(error->message, policies[i]));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(rates); i++) {
		char *values[] = { (char *)rates[i], NULL };
		g_autoptr(GError) error = NULL;

		g_assert_false(logpolicy_parse(NULL, values, policy, rate, &error));
		g_assert_true(g_str_has_prefix(error->message, "--log-rate-limit "));
		g_assert_nonnull(strstr(error->message, rates[i]));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/monitor/options/podmans-line-is-understood", test_podmans_line_is_understood);
	g_test_add_func("/monitor/options/mistakes-are-named", test_mistakes_are_named);
	g_test_add_func("/monitor/logpolicy/for-one-stream-or-both", test_log_policies_and_rates_are_for_one_stream_or_both);
	g_test_add_func("/monitor/logpolicy/nonsense-is-refused-by-name",
		test_policies_and_rates_that_are_none_are_refused_by_name);
	g_test_add_func("/monitor/logspec/log-paths", test_log_paths);
	g_test_add_func("/monitor/logspec/several-log-files", test_several_log_files);
	g_test_add_func("/monitor/logspec/json-attributes", test_json_attributes);
	g_test_add_func("/monitor/logspec/journal-fields", test_journal_fields);
	g_test_add_func("/monitor/logspec/a-field-cannot-forge-another", test_a_field_cannot_forge_another);
	g_test_add_func("/monitor/logspec/allowed-places", test_allowed_places);
	g_test_add_func("/monitor/logspec/a-log-behind-links-is-the-file-itself", test_a_log_behind_links_is_the_file_itself);
	g_test_add_func("/monitor/launch/runtime-command-lines", test_runtime_command_lines);
	g_test_add_func("/monitor/launch/listen-pid-is-rewritten-when-it-is-ours", test_listen_pid_is_rewritten_when_it_is_ours);
	g_test_add_func("/monitor/parent/pipes-by-number", test_pipes_by_number);
	g_test_add_func("/monitor/parent/inherited-descriptors-are-listed", test_inherited_descriptors_are_listed);
	g_test_add_func("/monitor/endpoints/a-socket-in-a-very-deep-directory", test_a_socket_in_a_very_deep_directory);
	g_test_add_func("/monitor/endpoints/a-console-socket-where-tmpdir-is-too-long",
		test_a_console_socket_where_tmpdir_is_too_long);
	return g_test_run();
}
