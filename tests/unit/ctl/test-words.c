/* src/ctl: what people type and files say: detach keys, signals, users, durations. */
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/proc.h"
#include "common/users.h"
#include "ctl/detach_keys.h"
#include "ctl/signals.h"
#include "ctl/timefmt.h"

/* Feeds input in two parts at every place; what comes through, and "!" when the keys were complete. */
static void check_keys(const char *keys, const char *input, const char *wanted)
{
	size_t n = strlen(input);

	for (size_t cut = 0; cut <= n; cut++) {
		unsigned char out[64];
		g_autoptr(GString) got = g_string_new(NULL);
		struct detach_keys k;
		size_t n_out;
		bool detached;

		g_assert_true(detach_keys_parse(&k, keys, NULL));
		detached = detach_keys_filter(&k, (const unsigned char *)input, cut, out, &n_out);
		g_string_append_len(got, (char *)out, (gssize)n_out);
		if (!detached) {
			detached = detach_keys_filter(&k, (const unsigned char *)input + cut, n - cut, out, &n_out);
			g_string_append_len(got, (char *)out, (gssize)n_out);
		}
		g_string_append(got, detached ? "!" : "");
		g_assert_cmpstr(got->str, ==, wanted);
	}
}

static void test_keys_are_found_and_all_else_passes(void)
{
	check_keys("ctrl-p,ctrl-q", "ab\x10\x11zz", "ab!");
	check_keys("ctrl-p,ctrl-q", "\x10\x10\x11", "\x10!");
	check_keys("ctrl-p,ctrl-q", "a\x10x\x11", "a\x10x\x11");
	check_keys("a,a,b", "aaab", "a!");
	check_keys("a,b,a,c", "ababac", "ab!");
	check_keys("x", "abx", "ab!");
	check_keys("", "a\x10\x11", "a\x10\x11");
	check_keys("ctrl-@,ctrl-_", "a\x1f", "a\x1f");
}

static void test_bad_keys_are_refused(void)
{
	static const char *const bad[] = { "ctrl-", "ctrl-A", "ctrl-pp", "ab", "a,,b", "a,",
		"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a" };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		struct detach_keys k;

		g_assert_false(detach_keys_parse(&k, bad[i], &error));
		g_assert_nonnull(strstr(error->message, bad[i]));
	}
}

static void test_signals_have_names_and_numbers(void)
{
	static const char *const bad[] = { "", "SIG", "0", "65", "-9", "9x", "NOPE", "RTMIN-1", "RTMAX+1", "RTMIN+99" };
	int sig;

	g_assert_true(signal_parse("9", &sig, NULL));
	g_assert_cmpint(sig, ==, SIGKILL);
	g_assert_true(signal_parse("sigterm", &sig, NULL));
	g_assert_cmpint(sig, ==, SIGTERM);
	g_assert_true(signal_parse("USR1", &sig, NULL));
	g_assert_cmpint(sig, ==, SIGUSR1);
	g_assert_true(signal_parse("RTMIN+2", &sig, NULL));
	g_assert_cmpint(sig, ==, SIGRTMIN + 2);
	g_assert_true(signal_parse("SIGRTMAX-1", &sig, NULL));
	g_assert_cmpint(sig, ==, SIGRTMAX - 1);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(signal_parse(bad[i], &sig, &error));
		g_assert_nonnull(error);
	}
}

static const char *const passwd =
	"root:x:0:0:root:/root:/bin/sh\ntester:x:1000:1001::/h:/bin/sh\nodd:x:7:x::/:/\nshort\n";
static const char *const group =
	"root:x:0:\ntester:x:1001:\nextra:x:2000:a,tester\nown:x:1001:tester\nbad:x:x:tester\n";

static void check_user(const char *spec, uint32_t uid, uint32_t gid, size_t n_additional)
{
	struct exec_user u;

	g_assert_true(users_resolve(spec, passwd, group, &u, NULL));
	g_assert_cmpuint(u.uid, ==, uid);
	g_assert_cmpuint(u.gid, ==, gid);
	g_assert_cmpuint(u.n_additional_gids, ==, n_additional);
	if (n_additional > 0)
		g_assert_cmpuint(u.additional_gids[0], ==, 2000);
	g_free(u.additional_gids);
}

static void test_users_are_looked_up(void)
{
	static const char *const bad[] = { "", "nobody", "tester:", "tester:nogroup", "-1", "4294967295", "odd", ":0" };

	check_user("tester", 1000, 1001, 1);
	check_user("1000", 1000, 1001, 1);
	check_user("tester:extra", 1000, 2000, 0);
	check_user("tester:5", 1000, 5, 0);
	check_user("42", 42, 0, 0);
	check_user("42:43", 42, 43, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		struct exec_user u;

		g_assert_false(users_resolve(bad[i], passwd, group, &u, &error));
		g_assert_nonnull(error);
	}
}

/* A pid that somebody else has by now is not believed. */
static void test_users_are_of_one_process(void)
{
	g_autoptr(GError) error = NULL;
	struct exec_user u;
	struct proc_stat st;

	g_assert_cmpint(proc_read_stat(getpid(), &st), ==, 0);
	g_assert_true(users_resolve_in("42:43", getpid(), st.start_ticks, &u, NULL));
	g_assert_cmpuint(u.gid, ==, 43);
	g_free(u.additional_gids);
	g_assert_false(users_resolve_in("42:43", getpid(), st.start_ticks + 1, &u, &error));
	g_assert_cmpint(error->code, ==, ESRCH);
}

static void test_times_are_readable(void)
{
	g_autofree char *t = time_format(INT64_C(1767323045000000006));
	g_autofree char *s = time_format_duration(INT64_C(59999999999)),
			*h = time_format_duration(INT64_C(7500) * 1000000000);
	g_autofree char *d = time_format_duration(INT64_C(90000) * 1000000000), *n = time_format_duration(-5);

	g_assert_cmpstr(t, ==, "2026-01-02T03:04:05.000000006Z");
	g_assert_cmpstr(s, ==, "59s");
	g_assert_cmpstr(h, ==, "2h 5m");
	g_assert_cmpstr(d, ==, "1d 1h");
	g_assert_cmpstr(n, ==, "0s");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctl/detach-keys/are-found-and-all-else-passes", test_keys_are_found_and_all_else_passes);
	g_test_add_func("/ctl/detach-keys/bad-ones-are-refused", test_bad_keys_are_refused);
	g_test_add_func("/ctl/signals/have-names-and-numbers", test_signals_have_names_and_numbers);
	g_test_add_func("/ctl/users/are-looked-up", test_users_are_looked_up);
	g_test_add_func("/ctl/users/are-of-one-process", test_users_are_of_one_process);
	g_test_add_func("/ctl/times/are-readable", test_times_are_readable);
	return g_test_run();
}
