/* One hook program, from its input to its end. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child/hook.h"

static char *no_env[] = { NULL };

static int run(
	const char *script, const char *head, const char *tail, int timeout_ms, int out_fd, struct hook_result *result)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	const struct op_hook hook = {
		.path = "/bin/sh",
		.argv = argv,
		.env = no_env,
		.state_head = head,
		.state_tail = tail,
		.timeout_ms = timeout_ms,
		.out_fd = out_fd,
		.err_fd = -1,
	};

	*result = (struct hook_result){ 0 };
	return hook_run(&hook, result);
}

static void test_input(void)
{
	struct hook_result result;
	int fd = memfd_create("out", MFD_CLOEXEC);
	g_autofree char *expected = g_strdup_printf("{\"pid\":%d}", getpid());
	char text[128] = "";

	g_assert_cmpint(run("cat", "{\"pid\":", "}", -1, fd, &result), ==, 0);
	g_assert_cmpint(pread(fd, text, sizeof text - 1, 0), >, 0);
	g_assert_cmpstr(text, ==, expected);
	close(fd);
}

static void test_long_input(void)
{
	struct hook_result result;
	g_autofree char *state = g_strnfill(1 << 20, 'x');

	g_assert_cmpint(run("[ $(wc -c) = 1048576 ]", state, NULL, -1, -1, &result), ==, 0);
}

static void test_unread_input(void)
{
	struct hook_result result;
	g_autofree char *state = g_strnfill(1 << 20, 'x');

	g_assert_cmpint(run("exec <&-; exit 0", state, NULL, -1, -1, &result), ==, 0);
}

static void test_status(void)
{
	struct hook_result result;

	g_assert_cmpint(run("exit 3", "", NULL, -1, -1, &result), ==, -ECANCELED);
	g_assert_cmpint(result.part, ==, PART_HOOK_EXIT);
	g_assert_cmpint(WEXITSTATUS(result.wait_status), ==, 3);
	g_assert_cmpint(run("kill -TERM $$", "", NULL, -1, -1, &result), ==, -ECANCELED);
	g_assert_cmpint(WTERMSIG(result.wait_status), ==, SIGTERM);
}

static void test_timeout(void)
{
	struct hook_result result;
	gint64 begin = g_get_monotonic_time();

	g_assert_cmpint(run("exec sleep 60", "", NULL, 50, -1, &result), ==, -ETIME);
	g_assert_cmpint(result.part, ==, PART_HOOK_TIMEOUT);
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 30 * G_USEC_PER_SEC);
}

/* More of both outputs than pipes and the kept beginning hold, and then a failure. */
static void test_talk(void)
{
	const char *talk = "for i in 1 2; do echo begin$i; echo begin$i >&2; head -c 300000 /dev/zero; head -c 300000 "
			   "/dev/zero >&2; done; "
			   "exit 3";
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)talk, NULL };
	int fd = memfd_create("out", MFD_CLOEXEC), own = memfd_create("err", MFD_CLOEXEC);
	const struct op_hook hook = { .path = "/bin/sh",
		.argv = argv,
		.env = no_env,
		.timeout_ms = -1,
		.out_fd = fd,
		.err_fd = own,
		.out_kept = true };
	struct hook_result result = { 0 };
	char text[8] = "";

	for (int i = 0; i < 2; i++) {
		g_assert_cmpint(hook_run(&hook, &result), ==, -ECANCELED);
		g_assert_cmpint(WEXITSTATUS(result.wait_status), ==, 3);
		g_assert_cmpint(pread(fd, text, 7, i * HOOK_OUTPUT_MAX), ==, 7);
		g_assert_cmpstr(text, ==, "begin1\n");
		g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, (i + 1) * HOOK_OUTPUT_MAX);
		g_assert_cmpint(lseek(own, 0, SEEK_CUR), ==, 2 * (i + 1) * 300007); /* what is not kept is its own */
	}
	close(fd);
	close(own);
}

static void test_last_words(void)
{
	char *words[] = { (char *)"sh", (char *)"-c", (char *)"echo one; echo two", NULL };
	char *none[] = { (char *)"sh", (char *)"-c", (char *)"yes & exit 0", NULL };
	int fd = memfd_create("out", MFD_CLOEXEC);
	struct op_hook hook = { .path = "/bin/sh",
		.argv = words,
		.env = no_env,
		.timeout_ms = -1,
		.out_fd = fd,
		.err_fd = -1,
		.out_kept = true };
	struct hook_result result = { 0 };
	char text[16] = "";

	g_assert_cmpint(hook_run(&hook, &result), ==, 0);
	g_assert_cmpint(pread(fd, text, sizeof text, 0), ==, 8);
	g_assert_cmpstr(text, ==, "one\ntwo\n");
	/* What it leaves behind has the pipe, is not waited for, and ends by SIGPIPE. */
	hook.argv = none;
	g_assert_cmpint(hook_run(&hook, &result), ==, 0);
	g_assert_cmpint(lseek(fd, 0, SEEK_END), <=, 8 + HOOK_OUTPUT_MAX);
	close(fd);
}

static void test_endless_talk(void)
{
	char *argv[] = { (char *)"cat", (char *)"/dev/zero", NULL };
	int fd = memfd_create("out", MFD_CLOEXEC);
	const struct op_hook hook = { .path = "/bin/cat",
		.argv = argv,
		.env = no_env,
		.timeout_ms = 200,
		.out_fd = fd,
		.err_fd = -1,
		.out_kept = true };
	struct hook_result result = { 0 };

	g_assert_cmpint(hook_run(&hook, &result), ==, -ETIME);
	g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, HOOK_OUTPUT_MAX);
	close(fd);
}

static void test_missing(void)
{
	char *argv[] = { (char *)"x", NULL };
	const struct op_hook hook = {
		.path = "/proc/nonexistent/x", .argv = argv, .env = no_env, .timeout_ms = -1, .out_fd = -1, .err_fd = -1
	};
	struct hook_result result = { 0 };

	g_assert_cmpint(hook_run(&hook, &result), ==, -ENOENT);
	g_assert_cmpint(result.part, ==, PART_HOOK_SPAWN);
}

static void test_environment(void)
{
	struct hook_result result;

	g_assert_cmpint(run("[ -z \"$HOME\" ] && [ -z \"$(env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=)\" ]",
				"", NULL, -1, -1, &result),
		==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/child/hook/gets-head-pid-and-tail-on-its-input", test_input);
	g_test_add_func("/child/hook/gets-more-input-than-a-pipe-holds", test_long_input);
	g_test_add_func("/child/hook/may-leave-its-input-unread", test_unread_input);
	g_test_add_func("/child/hook/tells-status-and-signal", test_status);
	g_test_add_func("/child/hook/is-killed-when-its-time-is-up", test_timeout);
	g_test_add_func("/child/hook/may-say-more-than-is-kept", test_talk);
	g_test_add_func("/child/hook/is-heard-to-its-end-and-no-longer", test_last_words);
	g_test_add_func("/child/hook/that-talks-without-end-is-killed-when-its-time-is-up", test_endless_talk);
	g_test_add_func("/child/hook/tells-why-it-could-not-start", test_missing);
	g_test_add_func("/child/hook/has-no-environment-but-its-own", test_environment);
	return g_test_run();
}
