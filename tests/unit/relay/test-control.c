/* src/relay: ctl, syncpipe, lifecycle, notify. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "common/json.h"
#include "relay/ctl.h"
#include "relay/lifecycle.h"
#include "relay/notify.h"
#include "relay/syncpipe.h"

/* ---- ctl ---- */

static void test_ctl_lines(void)
{
	static const struct {
		const char *line;
		enum ctl_request request;
		int rows, cols;
	} cases[] = {
		{ "1 25 81", CTL_RESIZE, 25, 81 },
		{ " \t1\t 025  081 7 and more\r", CTL_RESIZE, 25, 81 },
		{ "1 37 94x", CTL_RESIZE, 37, 94 },
		{ "1 65535 0", CTL_RESIZE, 65535, 0 },
		{ "2 0 0", CTL_REOPEN, 0, 0 },
		{ "1 65536 1", CTL_NONE, 0, 0 },
		{ "1 -1 5", CTL_NONE, 0, 0 },
		{ "1 0x10 5", CTL_NONE, 0, 0 },
		{ "1 1.5 5", CTL_NONE, 0, 0 },
		{ "1 5", CTL_NONE, 0, 0 },
		{ "2", CTL_NONE, 0, 0 },
		{ "3 1 1", CTL_NONE, 0, 0 },
		{ "12 1 1", CTL_NONE, 0, 0 },
		{ "1a 1 1", CTL_NONE, 0, 0 },
		{ "", CTL_NONE, 0, 0 },
		{ "99999999999999999999 1 1", CTL_NONE, 0, 0 },
		{ "dump", CTL_DUMP, 0, 0 },
		{ " \tdump \r", CTL_DUMP, 0, 0 },
		{ "dumps", CTL_NONE, 0, 0 },
		{ "5dump", CTL_NONE, 0, 0 },
		{ "Dump", CTL_NONE, 0, 0 },
		{ "dump now", CTL_NONE, 0, 0 },
		{ "policy", CTL_NONE, 0, 0 },
		{ "policy stdout", CTL_NONE, 0, 0 },
		{ "policy stdin block", CTL_NONE, 0, 0 },
		{ "policy stdout drop", CTL_NONE, 0, 0 },
		{ "policy stdoutblock", CTL_NONE, 0, 0 },
		{ "policy stdout block 1", CTL_NONE, 0, 0 },
		{ "policy stdout block", CTL_POLICY, 0, 0 },
		{ "policy  stderr\tdrop-oldest\r", CTL_POLICY, 0, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct ctl_line line;

		ctl_parse(cases[i].line, false, &line);
		g_test_message("%s", cases[i].line);
		g_assert_cmpint(line.request, ==, cases[i].request);
		g_assert_cmpint(line.rows, ==, cases[i].rows);
		g_assert_cmpint(line.cols, ==, cases[i].cols);
	}
}

static void test_ctl_policies(void)
{
	static const struct {
		const char *line;
		uint32_t streams;
		enum log_policy policy;
	} cases[] = {
		{ "policy stdout drop-oldest", 1u << STREAM_OUT, LOG_DROP_OLDEST },
		{ "policy stderr block", 1u << STREAM_ERR, LOG_BLOCK },
		{ "policy both drop-newest", 3, LOG_DROP_NEWEST },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct ctl_line line;

		ctl_parse(cases[i].line, false, &line);
		g_assert_cmpint(line.request, ==, CTL_POLICY);
		g_assert_cmpuint(line.streams, ==, cases[i].streams);
		g_assert_cmpint(line.policy, ==, cases[i].policy);
		ctl_parse(cases[i].line, true, &line);
		g_assert_cmpint(line.request, ==, CTL_NONE); /* winsz knows sizes only */
	}
}

static void count_line(const struct ctl_line *line, void *user)
{
	g_assert_true(line->request == CTL_DUMP || line->request == CTL_POLICY ||
		(line->request == CTL_RESIZE && line->rows == 24));
	(*(int *)user)++;
}

static bool pending(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* What cannot become a request by chance: no newline, none of the letters that requests begin with. Sometimes longer than
 * any pipe. */
static GByteArray *make_junk(GRand *rand)
{
	GByteArray *junk = g_byte_array_new();
	int kind = g_rand_int_range(rand, 0, 40);

	for (int n = kind == 0 ? 70000 : g_rand_int_range(rand, 0, 700); n > 0; n--) {
		guint8 byte = kind < 4 ? 0 : (guint8)g_rand_int_range(rand, 0, 256);

		if (byte == '\n' || strchr("12dp", byte))
			byte = byte ? 'x' : 0;
		g_byte_array_append(junk, &byte, 1);
	}
	return junk;
}

/* Promise 7: any bytes in any pieces, and a good line after each newline is still heard. */
static void test_no_bytes_at_any_chunking_wedge_the_channel(void)
{
	static const char *const good[] = { "\n1 24 80\n", "\ndump\n", "\npolicy both drop-newest\n" };
	g_autoptr(GRand) rand = g_rand_new_with_seed(42);
	struct loop loop;
	struct ctl c = { 0 };
	int p[2], heard = 0;

	g_assert_cmpint(loop_init(&loop), ==, 0);
	g_assert_cmpint(pipe2(p, O_CLOEXEC | O_NONBLOCK), ==, 0);
	c.on_line = count_line;
	c.user = &heard;
	g_assert_cmpint(ctl_start(&c, &loop, p[0], false), ==, 0);
	for (int round = 0; round < 500; round++) {
		g_autoptr(GByteArray) junk = make_junk(rand);
		const char *line = good[g_rand_int_range(rand, 0, G_N_ELEMENTS(good))];
		int before = heard;

		g_byte_array_append(junk, (const guint8 *)line, (guint)strlen(line));
		for (guint at = 0; at < junk->len;) {
			guint n = (guint)g_rand_int_range(rand, 1, 300);

			n = MIN(n, junk->len - at);
			g_assert_cmpint(write(p[1], junk->data + at, n), ==, n);
			at += n;
			while (at == junk->len ? heard == before : g_rand_boolean(rand) && pending(p[0]))
				g_assert_cmpint(loop_turn(&loop), ==, 0);
		}
		g_assert_cmpint(heard, ==, before + 1);
	}
	ctl_stop(&c);
	close(p[1]);
	loop_clear(&loop);
}

/* ---- sync pipe ---- */

static char *sent(int64_t value, const char *key, const char *message, size_t len)
{
	struct syncpipe s = { -1, key };
	char buf[8192];
	ssize_t n;
	int pair[2];

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
	s.fd = pair[0];
	g_assert_cmpint(syncpipe_send(&s, value, message, (uint32_t)len), ==, 0);
	n = recv(pair[1], buf, sizeof buf, MSG_DONTWAIT);
	g_assert_cmpint(n, >, 0);
	g_assert_cmpint(n, <=, SYNC_LINE_MAX);
	close(pair[0]), close(pair[1]);
	return g_strndup(buf, (gsize)n);
}

static void test_sync_lines(void)
{
	g_autofree char *plain = sent(-1, "exit_code", NULL, 0), *text = sent(7, "data", "a\"b\\c/\n\x01\x7f\xff\xc3\xa9", 12);

	g_assert_cmpstr(plain, ==, "{\"exit_code\": -1}\n");
	g_assert_cmpstr(text, ==, "{\"data\": 7, \"message\": \"a\\\"b\\\\c/\\n\\u0001\\u007f\\ufffd\xc3\xa9\"}\n");
}

static void test_a_long_message_is_cut_to_one_packet_of_valid_json(void)
{
	for (int fill = 4000; fill < 4100; fill++) {
		g_autofree char *head = g_strnfill((gsize)fill, 'x'), *long_text = g_strconcat(head, "\xe2\x82\xac\x01\x01\x01", head, NULL);
		g_autofree char *line = sent(-1, "data", long_text, strlen(long_text));
		g_autoptr(JsonValue) v = json_parse(line, NULL);

		g_assert_nonnull(v);
		g_assert_true(g_str_has_prefix(json_get_string(v, "message"), "xxxx"));
		g_assert_true(g_utf8_validate(json_get_string(v, "message"), -1, NULL));
	}
}

static void test_a_reader_that_left_is_no_error(void)
{
	struct syncpipe s = { -1, "data" };
	int pair[2];

	signal(SIGPIPE, SIG_IGN);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
	close(pair[1]);
	s.fd = pair[0];
	g_assert_cmpint(syncpipe_send(&s, 1, NULL, 0), ==, 0);
	g_assert_cmpint(s.fd, ==, -1);
	g_assert_cmpint(syncpipe_send(&s, 2, NULL, 0), ==, 0);
}

/* ---- life cycle ---- */

static void test_every_run_ends_and_is_recorded_once(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);

	for (int run = 0; run < 2000; run++) {
		enum life_state state = LIFE_CREATING;
		int records = 0, announced = 0;

		for (int i = 0; i < 40; i++) {
			struct life_step step = life_step(state, (enum life_event)g_rand_int_range(rand, 0, N_LIFE_EVENTS));

			if (step.action == LIFE_BUG) {
				g_assert_cmpint(step.next, ==, state);
				continue;
			}
			g_assert_cmpint(step.next, >=, state); /* never back */
			announced += step.action == LIFE_ANNOUNCE;
			records += step.action == LIFE_FINISH || step.action == LIFE_REPORT_FAILURE;
			g_assert_false(step.action == LIFE_FINISH && !announced);
			state = step.next;
		}
		g_assert_cmpint(records, <=, 1);
		g_assert_cmpint(state == LIFE_ENDED, ==, records);
	}
}

static void test_names_are_there_for_all(void)
{
	for (int s = 0; s < N_LIFE_STATES; s++)
		g_assert_nonnull(life_state_name((enum life_state)s));
	for (int e = 0; e < N_LIFE_EVENTS; e++)
		g_assert_nonnull(life_event_name((enum life_event)e));
}

/* ---- sd_notify ---- */

static void test_only_states_pass(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "READY=1", "READY=1" },
		{ "MAINPID=1\nREADY=1\nSTATUS=up and running\n", "READY=1\nSTATUS=up and running" },
		{ "READY=11\nXREADY=1\nREADY=\n", "" },
		{ "WATCHDOG=trigger\rWATCHDOG=1\rWATCHDOG=2", "WATCHDOG=trigger\nWATCHDOG=1" },
		{ "FDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=x\nFDPOLL=0\nBARRIER=1\nNOTIFYACCESS=all\nEXIT_STATUS=0", "" },
		{ "MAINPID=7\nMAINPIDFD=1\nMAINPIDFDID=5\nX_OWN=1", "" },
		{ "WATCHDOG_USEC=5\nVARLINKERROR=a.b\nBUSERROR=c\nMONOTONIC_USEC=3", "WATCHDOG_USEC=5\nVARLINKERROR=a.b\nBUSERROR=c\nMONOTONIC_USEC=3" },
		{ "EXTEND_TIMEOUT_USEC=5\n\n\nERRNO=2", "EXTEND_TIMEOUT_USEC=5\nERRNO=2" },
		{ "", "" },
	};
	char nul[] = "STATUS=a\0b\nREADY=1";
	struct sockaddr_un addr;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup(cases[i].in);

		text[notify_filter(text, strlen(text))] = '\0';
		g_assert_cmpstr(text, ==, cases[i].out);
	}
	g_assert_cmpuint(notify_filter(nul, sizeof nul - 1), ==, 7);
	g_assert_cmpint(memcmp(nul, "READY=1", 7), ==, 0);
	g_assert_cmpuint(notify_address("@abc", &addr), ==, offsetof(struct sockaddr_un, sun_path) + 4);
	g_assert_cmpint(addr.sun_path[0], ==, 0);
	g_assert_cmpuint(notify_address("", &addr), ==, 0);
}

static int bound_datagram(const char *name, struct sockaddr_un *ret_addr, socklen_t *ret_len)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*ret_len = notify_address(name, ret_addr);
	g_assert_cmpint(*ret_len, >, 0);
	g_assert_cmpint(bind(fd, (struct sockaddr *)ret_addr, *ret_len), ==, 0);
	return fd;
}

static void on_tick(struct loop_timer *t, void *user)
{
	(void)t;
	(void)user;
}

static void turns(struct loop *loop, int n)
{
	struct loop_timer tick = { 0 };

	while (n-- > 0) {
		loop_timer_start(loop, &tick, 1, on_tick, NULL);
		g_assert_cmpint(loop_turn(loop), ==, 0);
		loop_timer_stop(loop, &tick);
	}
}

/* More than the host's queue takes: every message arrives, in order, and the last ones when it is all over. */
static void test_a_busy_host_loses_no_message(void)
{
	g_autofree char *own_name = g_strdup_printf("@tally-test-%d", getpid());
	g_autofree char *host_name = g_strdup_printf("@tally-test-host-%d", getpid());
	struct notify n = { .fd = -1 };
	struct loop loop;
	struct sockaddr_un own;
	socklen_t own_len;
	int fd = bound_datagram(own_name, &own, &own_len), host = bound_datagram(host_name, &n.host, &n.host_len);
	int inside = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), said = 0, heard = 0;
	char text[64], want[64];
	ssize_t got;

	g_assert_cmpint(loop_init(&loop), ==, 0);
	g_assert_cmpint(notify_start(&n, &loop, fd), ==, 0);
	for (int refused = 0; refused < 3;) {
		g_snprintf(text, sizeof text, "STATUS=%d\nMAINPID=%d", said, said);
		if (sendto(inside, text, strlen(text), 0, (struct sockaddr *)&own, own_len) > 0) {
			said++;
		} else {
			g_assert_cmpint(errno, ==, EAGAIN);
			refused++;
		}
		turns(&loop, 2);
	}
	g_assert_cmpint(n.held, >, 0);
	g_assert_cmpint(n.watch.events, ==, 0); /* held back, without effort */
	while (heard < said - 3) {
		while ((got = recv(host, text, sizeof text, 0)) > 0) {
			g_snprintf(want, sizeof want, "STATUS=%d", heard++);
			g_assert_cmpmem(text, got, want, strlen(want));
		}
		turns(&loop, 1);
	}
	g_assert_cmpint(sendto(inside, "STOPPING=1", 10, 0, (struct sockaddr *)&own, own_len), ==, 10);
	notify_stop(&n);
	for (got = 0; (got = recv(host, text, sizeof text, 0)) > 0 && text[1] == 'T' && text[2] == 'A';)
		heard++;
	g_assert_cmpint(heard, ==, said);
	g_assert_cmpmem(text, got, "STOPPING=1", 10);
	fd_close(&host), fd_close(&inside);
	loop_clear(&loop);
}

/* The host goes away while a message waits for it: nothing waits for ever, and a new one is found again. */
static void test_a_host_that_goes_away_holds_up_nothing(void)
{
	g_autofree char *own_name = g_strdup_printf("@tally-test-%d", getpid());
	g_autofree char *host_name = g_strdup_printf("@tally-test-host-%d", getpid());
	struct notify n = { .fd = -1 };
	struct loop loop;
	struct sockaddr_un own;
	socklen_t own_len;
	int fd = bound_datagram(own_name, &own, &own_len), host = bound_datagram(host_name, &n.host, &n.host_len);
	int inside = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[64];
	ssize_t got = 0;

	g_assert_cmpint(loop_init(&loop), ==, 0);
	g_assert_cmpint(notify_start(&n, &loop, fd), ==, 0);
	while (!n.held) {
		(void)!sendto(inside, "STATUS=a", 8, 0, (struct sockaddr *)&own, own_len);
		turns(&loop, 1);
	}
	fd_close(&host);
	while (n.held)
		turns(&loop, 1);
	turns(&loop, 1000);
	host = bound_datagram(host_name, &n.host, &n.host_len);
	g_assert_cmpint(sendto(inside, "READY=1", 7, 0, (struct sockaddr *)&own, own_len), ==, 7);
	while (got <= 0 || text[0] != 'R') {
		turns(&loop, 1);
		got = recv(host, text, sizeof text, 0);
	}
	g_assert_cmpmem(text, got, "READY=1", 7);
	notify_stop(&n);
	fd_close(&host), fd_close(&inside);
	loop_clear(&loop);
}

/* 32 KiB are taken; of something longer the end is missing, so that nobody knows what its last line was. */
static void test_a_message_that_is_cut_is_none(void)
{
	g_autofree char *own_name = g_strdup_printf("@tally-test-%d", getpid());
	g_autofree char *host_name = g_strdup_printf("@tally-test-host-%d", getpid());
	g_autofree char *text = g_strnfill(NOTIFY_MAX + 1, 'x'), *got = g_malloc(NOTIFY_MAX + 1);
	struct notify n = { .fd = -1 };
	struct loop loop;
	struct sockaddr_un own;
	socklen_t own_len;
	int fd = bound_datagram(own_name, &own, &own_len), host = bound_datagram(host_name, &n.host, &n.host_len);
	int inside = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_assert_cmpint(loop_init(&loop), ==, 0);
	g_assert_cmpint(notify_start(&n, &loop, fd), ==, 0);
	memcpy(text + NOTIFY_MAX - 8, "\nREADY=12", 9);
	g_assert_cmpint(sendto(inside, text, NOTIFY_MAX + 1, 0, (struct sockaddr *)&own, own_len), ==, NOTIFY_MAX + 1);
	turns(&loop, 3);
	g_assert_cmpint(recv(host, got, NOTIFY_MAX + 1, 0), ==, -1);
	memcpy(text, "STATUS=", 7);
	g_assert_cmpint(sendto(inside, text, NOTIFY_MAX, 0, (struct sockaddr *)&own, own_len), ==, NOTIFY_MAX);
	turns(&loop, 3);
	g_assert_cmpint(recv(host, got, NOTIFY_MAX + 1, 0), ==, NOTIFY_MAX);
	notify_stop(&n);
	fd_close(&host), fd_close(&inside);
	loop_clear(&loop);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/relay/ctl/lines", test_ctl_lines);
	g_test_add_func("/relay/ctl/policies", test_ctl_policies);
	g_test_add_func("/relay/ctl/promise-7-no-bytes-at-any-chunking-wedge-the-channel",
		test_no_bytes_at_any_chunking_wedge_the_channel);
	g_test_add_func("/relay/syncpipe/lines", test_sync_lines);
	g_test_add_func("/relay/syncpipe/a-long-message-is-cut-to-one-packet-of-valid-json",
		test_a_long_message_is_cut_to_one_packet_of_valid_json);
	g_test_add_func("/relay/syncpipe/a-reader-that-left-is-no-error", test_a_reader_that_left_is_no_error);
	g_test_add_func("/relay/lifecycle/every-run-ends-and-is-recorded-once", test_every_run_ends_and_is_recorded_once);
	g_test_add_func("/relay/lifecycle/names-are-there-for-all", test_names_are_there_for_all);
	g_test_add_func("/relay/notify/only-states-pass", test_only_states_pass);
	g_test_add_func("/relay/notify/a-busy-host-loses-no-message", test_a_busy_host_loses_no_message);
	g_test_add_func("/relay/notify/a-host-that-goes-away-holds-up-nothing", test_a_host_that_goes_away_holds_up_nothing);
	g_test_add_func("/relay/notify/a-message-that-is-cut-is-none", test_a_message_that_is_cut_is_none);
	return g_test_run();
}
