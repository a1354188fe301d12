/* src/base: numbers, whole files, guarded kill, the loop. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/loop.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/rw.h"
#include "base/sys.h"

static void test_numbers_are_strict(void)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "0x1", "1e3", "--1", "1\n" };
	uint64_t u;
	int64_t i;

	for (size_t n = 0; n < G_N_ELEMENTS(bad); n++) {
		g_assert_cmpint(num_parse_u64(bad[n], UINT64_MAX, &u), ==, -EINVAL);
		g_assert_cmpint(num_parse_i64(bad[n], INT64_MIN, INT64_MAX, &i), ==, -EINVAL);
	}
	g_assert_cmpint(num_parse_u64("18446744073709551615", UINT64_MAX, &u), ==, 0);
	g_assert_cmpuint(u, ==, UINT64_MAX);
	g_assert_cmpint(num_parse_u64("18446744073709551616", UINT64_MAX, &u), ==, -ERANGE);
	g_assert_cmpint(num_parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &i), ==, 0);
	g_assert_cmpint(i, ==, INT64_MIN);
	g_assert_cmpint(num_parse_i64("-1", 0, 5, &i), ==, -ERANGE);
}

static void test_numbers_survive_a_round_trip(void)
{
	static const int64_t values[] = { 0, 1, -1, 9, 10, INT64_MAX, INT64_MIN };
	char text[NUM_MAX];
	int64_t back;

	for (size_t n = 0; n < G_N_ELEMENTS(values); n++) {
		g_assert_cmpuint(num_format_i64(text, values[n]), ==, strlen(text));
		g_assert_cmpint(num_parse_i64(text, INT64_MIN, INT64_MAX, &back), ==, 0);
		g_assert_cmpint(back, ==, values[n]);
	}
}

static void test_a_group_is_reached_only_through_its_leader(void)
{
	int led_by_child[2];
	pid_t child;

	g_assert_cmpint(pipe2(led_by_child, O_CLOEXEC), ==, 0);
	child = fork();
	if (child == 0) {
		char byte;

		_exit(rw_read(led_by_child[0], &byte, 1) == 1 && setpgid(0, 0) == 0 && pause() ? 1 : 2);
	}
	{
		auto_fd pidfd = sys_pidfd_open(child, 0);
		int r = sys_pidfd_signal_group(pidfd, SIGKILL), status;

		g_assert_true(r == -ESRCH || r == -EINVAL); /* it leads none; before Linux 6.9 there is no such call */
		g_assert_cmpint(setpgid(child, child), ==, 0);
		if (r == -ESRCH)
			g_assert_cmpint(sys_pidfd_signal_group(pidfd, SIGKILL), ==, 0);
		else
			g_assert_cmpint(sys_kill_group(child, SIGKILL), ==, 0);
		g_assert_cmpint(waitpid(child, &status, 0), ==, child);
		g_assert_true(WIFSIGNALED(status));
	}
	close(led_by_child[0]), close(led_by_child[1]);
}

static void test_a_number_that_is_but_a_groups_is_no_process(void)
{
	int tells[2], status;
	pid_t leader, member = 0;

	g_assert_cmpint(pipe2(tells, O_CLOEXEC), ==, 0);
	leader = fork();
	if (leader == 0) {
		pid_t child = setpgid(0, 0) == 0 ? fork() : -1;

		if (child == 0)
			_exit(pause());
		_exit(write(tells[1], &child, sizeof child) == sizeof child ? 0 : 1);
	}
	g_assert_cmpint(rw_read(tells[0], &member, sizeof member), ==, sizeof member);
	g_assert_cmpint(waitpid(leader, &status, 0), ==, leader);
	g_assert_cmpint(sys_pidfd_open(leader, 0), ==, -ESRCH);
	g_assert_cmpint(sys_kill_process(member, SIGKILL), ==, 0);
	close(tells[0]), close(tells[1]);
}

static void test_a_fifo_in_the_place_of_a_file_is_refused_at_once(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL), *path = g_build_filename(dir, "f", NULL);
	char text[16];

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
	g_assert_cmpint(rw_read_file(AT_FDCWD, path, text, sizeof text), ==, -EINVAL);
	g_assert_cmpint(rw_read_file(AT_FDCWD, dir, text, sizeof text), ==, -EISDIR);
	g_assert_cmpint(g_unlink(path) | g_rmdir(dir), ==, 0);
}

static void test_kill_refuses_what_reaches_more_than_one(void)
{
	g_assert_cmpint(sys_kill_process(-1, 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_process(0, 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_process(1, 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_group(-1, 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_group(1, 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_group(getpgrp(), 0), ==, -EINVAL);
	g_assert_cmpint(sys_kill_process(getpid(), 0), ==, 0);
}

static void test_a_file_is_replaced_whole(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "f", NULL);
	auto_fd dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char back[32];
	struct stat st;

	g_assert_cmpint(rw_replace_file(dir_fd, "f", "one", 3, 0644), ==, 0);
	g_assert_cmpint(rw_replace_file(dir_fd, "f", "second", 6, 0600), ==, 0);
	g_assert_cmpint(rw_read_file(dir_fd, "f", back, sizeof back), ==, 6);
	g_assert_cmpstr(back, ==, "second");
	g_assert_cmpint(fstatat(dir_fd, "f", &st, 0), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0600);
	g_assert_cmpint(rw_read_file(dir_fd, "f", back, 6), ==, -EFBIG);
	g_assert_cmpint(rw_replace_file(dir_fd, "no/f", "x", 1, 0644), ==, -ENOENT);
	g_assert_cmpint(g_unlink(path), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0); /* fails if a temporary file was left */
}

static void test_proc_knows_ourselves(void)
{
	struct proc_stat st;

	g_assert_cmpint(proc_read_stat(getpid(), &st), ==, 0);
	g_assert_cmpint(st.ppid, ==, getppid());
	g_assert_cmpint(st.session, ==, getsid(0));
	g_assert_cmpuint(st.start_ticks, >, 0);
	g_assert_cmpint(proc_read_stat(0, &st), ==, -ESRCH);
	g_assert_cmpint(proc_read_stat(INT32_MAX, &st), ==, -ESRCH);
}

static void test_proc_stat_is_taken_apart(void)
{
	const struct { char state; int threads; bool ended; } cases[] = {
		{ 'S', 1, false }, { 'Z', 1, true }, { 'Z', 2, false }, { 'Z', 0, true }, { 'X', 2, true }, { 'T', 3, false },
	};
	struct proc_stat st;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(
			"7 (a) Z) %c 3 -1 9 0 -1 4194304 100 0 0 0 0 0 0 0 20 0 %d 0 7574199 3133440", cases[i].state,
			cases[i].threads);

		g_assert_cmpint(proc_parse_stat(text, &st), ==, 0);
		g_assert_cmpint(st.state, ==, cases[i].state);
		g_assert_cmpint(st.ppid, ==, 3);
		g_assert_cmpint(st.pgrp, ==, -1);
		g_assert_cmpint(st.session, ==, 9);
		g_assert_cmpuint(st.threads, ==, cases[i].threads);
		g_assert_cmpuint(st.start_ticks, ==, 7574199);
		g_assert_true(proc_stat_has_ended(&st) == cases[i].ended);
		*strstr(text, " 7574199") = '\0';
		g_assert_cmpint(proc_parse_stat(text, &st), ==, -EBADMSG);
	}
	g_assert_cmpint(proc_parse_stat("", &st), ==, -EBADMSG);
	g_assert_cmpint(proc_parse_stat("7 (a)", &st), ==, -EBADMSG);
	g_assert_cmpint(proc_parse_stat("7 (a) R", &st), ==, -EBADMSG);
	g_assert_cmpint(proc_parse_stat("7 (a) R x", &st), ==, -EBADMSG);
}

static void test_proc_directory_is_of_one_process(void)
{
	struct proc_stat st;
	int hold[2], fd, status;
	pid_t pid;
	char c;

	g_assert_cmpint(pipe2(hold, O_CLOEXEC), ==, 0);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	g_assert_cmpint(proc_read_stat(pid, &st), ==, 0);
	g_assert_cmpint(proc_open(pid, st.start_ticks + 1), ==, -ESRCH); /* the number of another process */
	g_assert_cmpint(proc_open(0, 0), ==, -ESRCH);
	fd = proc_open(pid, st.start_ticks);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	g_assert_cmpint(faccessat(fd, "stat", R_OK, 0), ==, 0);
	close(hold[0]);
	close(hold[1]);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(faccessat(fd, "stat", R_OK, 0), ==, -1);
	g_assert_cmpint(proc_open(pid, st.start_ticks), ==, -ESRCH);
	close(fd);
}

struct counts {
	struct loop *loop;
	struct loop_watch *other;
	int ready, due;
};

static void on_ready(struct loop_watch *w, uint32_t events, void *user)
{
	struct counts *c = user;

	(void)w;
	(void)events;
	c->ready++;
	loop_watch_stop(c->loop, c->other);
}

static void on_due(struct loop_timer *t, void *user)
{
	struct counts *c = user;

	(void)t;
	c->due++;
	loop_quit(c->loop);
}

static void test_a_watch_stopped_in_the_same_turn_is_not_called(void)
{
	struct loop loop;
	struct loop_watch a = { 0 }, b = { 0 };
	struct counts c = { &loop, NULL, 0, 0 };
	int p[2], q[2];

	g_assert_cmpint(loop_init(&loop), ==, 0);
	g_assert_cmpint(pipe2(p, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(q, O_CLOEXEC), ==, 0);
	g_assert_cmpint(write(p[1], "x", 1) + write(q[1], "x", 1), ==, 2);
	g_assert_cmpint(loop_watch_start(&loop, &a, p[0], EPOLLIN, on_ready, &c), ==, 0);
	g_assert_cmpint(loop_watch_start(&loop, &b, q[0], EPOLLIN, on_ready, &c), ==, 0);
	c.other = &b; /* whichever comes first... */
	g_assert_cmpint(loop_turn(&loop), ==, 0);
	g_assert_cmpint(c.ready, >=, 1);
	g_assert_false(loop_watch_started(&b));
	c.ready = 0;
	g_assert_cmpint(loop_turn(&loop), ==, 0);
	g_assert_cmpint(c.ready, ==, 1); /* only a is left */
	loop_watch_stop(&loop, &a);
	loop_clear(&loop);
	close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void test_timers_fire_in_order_and_once(void)
{
	struct loop loop;
	struct loop_timer late = { 0 }, early = { 0 }, never = { 0 };
	struct counts c = { &loop, NULL, 0, 0 };

	g_assert_cmpint(loop_init(&loop), ==, 0);
	loop_timer_start(&loop, &late, 20 * 1000000ull, on_due, &c);
	loop_timer_start(&loop, &early, 1 * 1000000ull, on_due, &c);
	loop_timer_start(&loop, &never, 10 * 1000000ull, on_due, &c);
	loop_timer_stop(&loop, &never);
	g_assert_cmpint(loop_run(&loop), ==, 0);
	g_assert_cmpint(c.due, ==, 1);
	g_assert_cmpuint(early.due_ns, ==, 0);
	g_assert_cmpuint(late.due_ns, !=, 0);
	g_assert_cmpint(loop_run(&loop), ==, 0);
	g_assert_cmpint(c.due, ==, 2);
	loop_clear(&loop);
}

static void test_a_descriptor_passes_a_socket(void)
{
	int s[2], fd = -1;
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char data[8];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), ==, 0);
	g_assert_cmpint(fdpass_send(s[0], null, "pty", 3), ==, 0);
	g_assert_cmpint(fdpass_recv(s[1], &fd, data, sizeof data), ==, 3);
	g_assert_cmpint(fd, >=, 0);
	g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd), close(s[0]);
	g_assert_cmpint(fdpass_recv(s[1], &fd, data, sizeof data), ==, 0);
	close(s[1]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/num/strict", test_numbers_are_strict);
	g_test_add_func("/base/num/round-trip", test_numbers_survive_a_round_trip);
	g_test_add_func("/base/sys/a-group-is-reached-only-through-its-leader", test_a_group_is_reached_only_through_its_leader);
	g_test_add_func("/base/sys/a-number-that-is-but-a-groups-is-no-process", test_a_number_that_is_but_a_groups_is_no_process);
	g_test_add_func("/base/rw/a-fifo-in-the-place-of-a-file-is-refused-at-once",
		test_a_fifo_in_the_place_of_a_file_is_refused_at_once);
	g_test_add_func("/base/sys/kill-refuses-what-reaches-more-than-one", test_kill_refuses_what_reaches_more_than_one);
	g_test_add_func("/base/rw/a-file-is-replaced-whole", test_a_file_is_replaced_whole);
	g_test_add_func("/base/proc/knows-ourselves", test_proc_knows_ourselves);
	g_test_add_func("/base/proc/stat-is-taken-apart", test_proc_stat_is_taken_apart);
	g_test_add_func("/base/proc/directory-is-of-one-process", test_proc_directory_is_of_one_process);
	g_test_add_func("/base/loop/a-watch-stopped-in-the-same-turn-is-not-called",
		test_a_watch_stopped_in_the_same_turn_is_not_called);
	g_test_add_func("/base/loop/timers-fire-in-order-and-once", test_timers_fire_in_order_and_once);
	g_test_add_func("/base/fdpass/a-descriptor-passes-a-socket", test_a_descriptor_passes_a_socket);
	return g_test_run();
}
