/* What the verbs read: signal names, ps's table, sizes and durations. */
#include <glib.h>
#include <signal.h>

#include "common/caps.h"
#include "runtime/ps_table.h"
#include "runtime/signals.h"
#include "runtime/stats.h"
#include "runtime/units.h"

static void test_signals(void)
{
	const struct {
		const char *text;
		int number;
	} rows[] = {
		{ "9", 9 },
		{ "0", 0 },
		{ "64", 64 },
		{ "999", 999 },
		{ "KILL", SIGKILL },
		{ "SIGKILL", SIGKILL },
		{ "sigkill", SIGKILL },
		{ "Term", SIGTERM },
		{ "usr1", SIGUSR1 },
		{ "WINCH", SIGWINCH },
		{ "SIGCLD", SIGCHLD },
		{ "CHLD", SIGCHLD },
		{ "IO", SIGIO },
		{ "POLL", SIGIO },
		{ "IOT", SIGABRT },
		{ "SYS", SIGSYS },
		{ "RTMIN", SIGRTMIN },
		{ "SIGRTMIN+3", SIGRTMIN + 3 },
		{ "rtmax-2", SIGRTMAX - 2 },
		{ "SIGRTMAX", SIGRTMAX },
	};
	static const char *const bad[] = { "", "SIG", "NOSIG", "SIGSIGKILL", "9x", " 9", "KILL ", "RTMIN-1", "RTMIN+",
		"RTMIN+99", "RTMAX+1", "0x9", "99999999999" };
	int sig;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(signal_parse(rows[i].text, &sig));
		g_assert_cmpint(sig, ==, rows[i].number);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (signal_parse(bad[i], &sig))
			g_error("\"%s\" is taken for %d", bad[i], sig);
}

static void test_ps(void)
{
	static const pid_t wanted[] = { 23, 230 };
	static const struct {
		const char *text, *result, *error;
	} rows[] = {
		{ "UID   PID  PPID CMD\nroot   23     1 sleep 230\nroot  123    23 sh\nroot  230\t1 x",
			"UID   PID  PPID CMD\n"
			"root   23     1 sleep 230\nroot  230\t1 x\n",
			NULL },
		{ "PID\n23", "PID\n23\n", NULL },
		{ "  PID COMMAND\n", "  PID COMMAND\n", NULL },
		{ "COMMAND\nsleep", NULL, "couldn't find PID field in ps output" },
		{ "", NULL, "couldn't find PID field in ps output" },
		{ "SPID PID_NS\n1 2", NULL, "couldn't find PID field in ps output" },
		{ "UID PID\nroot", NULL, "unable to parse pid: root" },
		{ "UID PID\nroot x1", NULL, "unable to parse pid: x1" },
	};
	g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));

	g_array_append_vals(pids, wanted, G_N_ELEMENTS(wanted));
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *result = ps_table_filter(rows[i].text, pids, &error);

		g_assert_cmpstr(result, ==, rows[i].result);
		g_assert_cmpstr(error ? error->message : NULL, ==, rows[i].error);
	}
}

static void test_capabilities(void)
{
	static const char *const names[] = { "CAP_CHOWN", "cap_kill", "CAP_FOO", "CAP_CHECKPOINT_RESTORE", "CAP_FOO",
		"KILL", NULL };
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);

	g_assert_cmphex(caps_mask(names, 39, unknown), ==, 1ull << 0 | 1ull << 5);
	g_assert_cmpuint(unknown->len, ==, 3);
	g_assert_cmpstr(unknown->pdata[0], ==, "CAP_FOO");
	g_assert_cmpstr(unknown->pdata[1], ==, "CAP_CHECKPOINT_RESTORE");
	g_assert_cmpstr(unknown->pdata[2], ==, "KILL");
	g_assert_cmphex(caps_mask(names, 40, NULL), ==, 1ull << 0 | 1ull << 5 | 1ull << 40);
	g_assert_cmphex(caps_mask(NULL, 40, NULL), ==, 0);
	for (int i = 0; caps_name(i); i++)
		g_assert_cmpint(caps_number(caps_name(i)), ==, i);
	g_assert_null(caps_name(-1));
	g_assert_null(caps_name(64));
	g_assert_cmpint(caps_last(), >=, 37);
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = { { "0", 0 }, { "-1", -1 }, { "4096", 4096 }, { "1k", 1024 }, { "64M", 64 << 20 },
		{ "1.5g", 1610612736 }, { "2GiB", 2147483648 }, { "100kb", 102400 }, { "7 b", 7 }, { "1t", 1ll << 40 },
		{ "1PB", 1ll << 50 } };
	static const char *const bad[] = { "", "-2", "k", "10x", "1kk", "1e3", "1..5", "9999999p", " 1", "1 ", "0x10",
		"1kib ", "nan" };
	int64_t value;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(units_parse_size(rows[i].text, &value));
		g_assert_cmpint(value, ==, rows[i].bytes);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (units_parse_size(bad[i], &value))
			g_error("\"%s\" is taken for %" G_GINT64_FORMAT, bad[i], value);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = { { "0", 0 }, { "5s", 5000000000 }, { "100ms", 100000000 }, { "1m30s", 90000000000 },
		{ "1.5h", 5400000000000 }, { "3us", 3000 }, { "3µs", 3000 }, { "7ns", 7 }, { ".5s", 500000000 } };
	static const char *const bad[] = { "", "5", "s", "5 s", "-5s", "5x", "1m30", "99999999999h" };
	int64_t value;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_true(units_parse_duration(rows[i].text, &value));
		g_assert_cmpint(value, ==, rows[i].ns);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (units_parse_duration(bad[i], &value))
			g_error("\"%s\" is taken for %" G_GINT64_FORMAT, bad[i], value);
}

static void test_lists(void)
{
	static const struct {
		const char *text, *numbers;
	} rows[] = { { "0-2,7", "0 1 2 7 " }, { "5", "5 " }, { "", "" }, { "3-1", "" }, { "0,x,2", "0 " },
		{ "0-99999999", "" }, { "1-2-3", "" }, { "-1", "" } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GArray) list = stats_parse_list(rows[i].text);
		g_autoptr(GString) text = g_string_new(NULL);

		for (guint j = 0; j < list->len; j++)
			g_string_append_printf(text, "%u ", g_array_index(list, unsigned int, j));
		g_assert_cmpstr(text->str, ==, rows[i].numbers);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/signals/names-and-numbers", test_signals);
	g_test_add_func("/runtime/ps/keeps-the-lines-of-the-container", test_ps);
	g_test_add_func("/common/caps/unknown-names-are-told-once", test_capabilities);
	g_test_add_func("/runtime/units/sizes", test_sizes);
	g_test_add_func("/runtime/units/durations", test_durations);
	g_test_add_func("/runtime/stats/lists-of-cpus", test_lists);
	return g_test_run();
}
