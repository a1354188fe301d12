/* The command line: whose option it is wherever it stands, and what a wrong one costs. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/command.h"

struct fake_options {
	char *bundle;
	gboolean force;
	int number;
};

static const struct option_spec fake_specs[] = {
	{ "bundle", 'b', OPTION_STRING, offsetof(struct fake_options, bundle), "DIR", "Bundle" },
	{ "force", 'f', OPTION_FLAG, offsetof(struct fake_options, force), NULL, "Force" },
	{ "number", 'n', OPTION_INT, offsetof(struct fake_options, number), "N", "Number" },
};

/* What the verb was called with. */
static GString *seen;

static int fake_run(const struct globals *g, const void *options, int n_args, char **args, GError **error)
{
	const struct fake_options *o = options;

	g_string_printf(seen, "root=%s log-format=%s debug=%d bundle=%s force=%d number=%d", g->root,
		g->log_format ?: "-", g->debug, o->bundle ?: "-", o->force, o->number);
	for (int i = 0; i < n_args; i++)
		g_string_append_printf(seen, " %s", args[i]);
	if (n_args && strcmp(args[0], "fail") == 0)
		fail(error, "no luck");
	return 7;
}

static const struct command any = { .name = "any",
	.args = "ID",
	.help = "any",
	.options = fake_specs,
	.n_options = G_N_ELEMENTS(fake_specs),
	.options_size = sizeof(struct fake_options),
	.min_args = 1,
	.max_args = 2,
	.run = fake_run };
static const struct command stop = { .name = "stop",
	.args = "ID [CMD]",
	.help = "stop",
	.options = fake_specs,
	.n_options = G_N_ELEMENTS(fake_specs),
	.options_size = sizeof(struct fake_options),
	.min_args = 1,
	.max_args = -1,
	.stops_at_positional = true,
	.failure_status = 255,
	.failure_prefix = "stop failed",
	.run = fake_run };
const struct command *const commands[] = { &any, &stop, NULL };

static int call(const char *line)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);

	g_string_truncate(seen, 0);
	return command_main((int)g_strv_length(argv), argv);
}

static void test_places(void)
{
	static const struct {
		const char *line, *seen;
	} rows[] = {
		{ "rt --root /r any -b B x", "root=/r log-format=- debug=0 bundle=B force=0 number=0 x" },
		{ "rt any x --bundle B --root /r", "root=/r log-format=- debug=0 bundle=B force=0 number=0 x" },
		{ "rt any x --bundle=B --root=/r", "root=/r log-format=- debug=0 bundle=B force=0 number=0 x" },
		{ "rt -debug -root /r any -bundle B -force x",
			"root=/r log-format=- debug=1 bundle=B force=1 number=0 x" },
		{ "rt --root /r any -fn3 x y", "root=/r log-format=- debug=0 bundle=- force=1 number=3 x y" },
		{ "rt --root /r any -bB x", "root=/r log-format=- debug=0 bundle=B force=0 number=0 x" },
		{ "rt --root /r any --forc --num 4 x", "root=/r log-format=- debug=0 bundle=- force=1 number=4 x" },
		{ "rt --root /r any --force=false x", "root=/r log-format=- debug=0 bundle=- force=0 number=0 x" },
		{ "rt --root /r any -- -x", "root=/r log-format=- debug=0 bundle=- force=0 number=0 -x" },
		{ "rt --root /r --log-format json any x",
			"root=/r log-format=json debug=0 bundle=- force=0 number=0 x" },
		{ "rt --root /r --criu X --rootless=false --cgroup-manager cgroupfs any x",
			"root=/r log-format=- debug=0 bundle=- force=0 number=0 x" },
		{ "rt --root /r stop -f x ls -n --root /q",
			"root=/r log-format=- debug=0 bundle=- force=1 number=0 x ls -n "
			"--root /q" },
		{ "rt --root /r stop x -- ls", "root=/r log-format=- debug=0 bundle=- force=0 number=0 x -- ls" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", rows[i].line);
		g_assert_cmpint(call(rows[i].line), ==, 7);
		g_assert_cmpstr(seen->str, ==, rows[i].seen);
	}
}

static void child(void)
{
	static const struct {
		const char *line;
		int status;
	} rows[] = {
		{ "rt nosuch", 3 },
		{ "rt any --nosuch x", 1 },
		{ "rt --nosuch any x", 1 },
		{ "rt any -z x", 1 },
		{ "rt any", 1 },
		{ "rt any x y z", 1 },
		{ "rt any x --bundle", 1 },
		{ "rt any x --number three", 1 },
		{ "rt --log-format xml any x", 1 },
		{ "rt --root / any x", 1 },
		{ "rt --rootless maybe any x", 1 },
		{ "rt --cgroup-manager x any x", 1 },
		{ "rt any fail", 1 },
		{ "rt stop fail", 255 },
		{ "rt", 0 },
		{ "rt --help", 0 },
		{ "rt any --help", 0 },
		{ "rt any x -h", 0 },
		{ "rt --version", 0 },
		{ "rt -v", 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		int status = call(rows[i].line);

		if (status != rows[i].status)
			g_error("\"%s\" gave %d instead of %d", rows[i].line, status, rows[i].status);
	}
}

static void test_statuses(void)
{
	if (g_test_subprocess()) {
		child();
		return;
	}
	g_test_trap_subprocess(NULL, 30 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*No help topic for 'nosuch'*");
	g_test_trap_assert_stderr("*level=error msg=\"no luck\"*");
	g_test_trap_assert_stderr("*msg=\"stop failed: no luck\"*");
	g_test_trap_assert_stderr("*\"any\" requires a minimum of 1 argument(s)*");
	g_test_trap_assert_stdout("*Incorrect Usage: flag provided but not defined: -nosuch*");
}

static void test_json_log(void)
{
	g_autofree char *path = g_strdup_printf("%s/test-command-%d.log", g_get_tmp_dir(), getpid());
	g_autofree char *line = g_strdup_printf("rt --log %s --log-format json any fail", path);
	g_autofree char *text = NULL;

	if (g_test_subprocess()) {
		call(line);
		return;
	}
	g_test_trap_subprocess(NULL, 30 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("no luck\n");
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	seen = g_string_new(NULL);
	g_test_add_func("/runtime/command/takes-options-wherever-they-stand", test_places);
	g_test_add_func("/runtime/command/ends-with-the-statuses-of-runc", test_statuses);
	g_test_add_func("/runtime/command/writes-the-bare-error-beside-the-log", test_json_log);
	status = g_test_run();
	g_string_free(seen, TRUE);
	return status;
}
