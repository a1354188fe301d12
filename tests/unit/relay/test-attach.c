/* src/relay: ring, spool, backlog, attach, pump together, with real pipes, sockets and a real log file. */
#include "attach-fixture.h"

static size_t resident_pages(const void *mem, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	unsigned char in[256];

	g_assert_cmpuint(size / page, <=, sizeof in);
	g_assert_cmpint(mincore((void *)mem, size, in), ==, 0);
	for (size_t i = 0; i < size / page; i++)
		n += in[i] & 1;
	return n;
}

static void test_a_client_that_never_reads_stops_nothing(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f), good = client_new(f);
	g_autofree char *line = g_strnfill(4000, 'q');
	gsize written = 0;

	(void)data;
	line[3999] = '\n';
	while (written < 20 * 1024 * 1024) {
		ssize_t n = write(f->out[1], line, 4000);

		written += n > 0 ? (gsize)n : 0;
		turn(f);
		client_read(&good, 64);
	}
	while (f->spool.pos[STREAM_OUT] < written || good.got[0]->len < written) {
		turn(f);
		client_read(&good, 64);
	}
	/* The stuck one is still there, and now wants it all. */
	g_assert_cmpuint(f->attach.n_clients, ==, 2);
	while (stuck.got[0]->len < written) {
		client_read(&stuck, 64);
		turn(f);
	}
	g_assert_true(memcmp(stuck.got[0]->str, good.got[0]->str, written) == 0);
	/* After a quiet second both are still there, but not the memory that serving from the log took. */
	g_assert_cmpuint(resident_pages(f->catchup.log.window, BACKLOG_WINDOW), >, 0);
	while (f->pump.trim.due_ns)
		g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	g_assert_cmpuint(resident_pages(f->catchup.log.window, BACKLOG_WINDOW), ==, 0);
	g_assert_cmpuint(f->attach.n_clients, ==, 2);
	client_clear(&stuck), client_clear(&good);
}

/* Reads that all end within a line: something is always carried on, and must not keep the rest of the spool. */
static void test_a_line_that_never_ends_in_a_read_wedges_nothing(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f), good = client_new(f);
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	g_autoptr(GString) text = g_string_new(NULL);
	gsize at = 0;

	(void)data;
	for (int i = 0; text->len < 4 * 1024 * 1024; i++)
		g_string_append_printf(text, "%d %0*d\n", i, g_rand_int_range(rand, 1, 200), i);
	/* A full pipe at each turn: every read is as long as it may be, and more is waiting. */
	fcntl(f->out[1], F_SETPIPE_SZ, 1024 * 1024);
	for (int idle = 0; at < text->len || f->spool.pos[STREAM_OUT] < at;) {
		uint64_t before = f->spool.pos[STREAM_OUT];

		at = fill(f->out[1], text, at, text->len);
		turn(f);
		client_read(&good, 7);
		idle = f->spool.pos[STREAM_OUT] == before ? idle + 1 : 0;
		g_assert_cmpint(idle, <, 10000);
	}
	while (good.got[0]->len < text->len) {
		turn(f);
		client_read(&good, 100);
	}
	g_assert_true(memcmp(good.got[0]->str, text->str, text->len) == 0);
	client_clear(&stuck), client_clear(&good);
}

static void test_stdin_of_two_clients_arrives_whole_with_back_pressure(struct fixture *f, gconstpointer data)
{
	struct client c[2] = { client_new(f), client_new(f) };
	g_autoptr(GString) got = g_string_new(NULL);
	gsize want = 0, sent[2] = { 0 };
	char packet[2][40000], buf[4096];

	(void)data;
	memset(packet[0], 'A', sizeof packet[0]);
	memset(packet[1], 'B', sizeof packet[1]);
	for (int round = 0; round < 200 || got->len < want; round++) {
		for (int i = 0; i < 2 && round < 200; i++)
			if (send(c[i].fd, packet[i], sizeof packet[i], MSG_NOSIGNAL) > 0) {
				sent[i]++;
				want += sizeof packet[i];
			}
		turn(f);
		for (int n = 0; n < 9; n++) {
			ssize_t r = read(f->in[0], buf, sizeof buf);

			if (r > 0)
				g_string_append_len(got, buf, r);
		}
	}
	g_assert_cmpuint(sent[0], >, 5);
	g_assert_cmpuint(sent[1], >, 5);
	for (gsize at = 0; at < got->len; at += sizeof packet[0]) /* packets are mixed whole */
		for (gsize i = 0; i < sizeof packet[0]; i++)
			g_assert_cmpint(got->str[at + i], ==, got->str[at]);
	client_clear(&c[0]), client_clear(&c[1]);
}

static void test_half_close_ends_stdin_and_output_goes_on(struct fixture *f, gconstpointer data)
{
	struct client c = client_new(f);
	char buf[16];

	(void)data;
	g_assert_cmpint(send(c.fd, "last", 4, 0), ==, 4);
	g_assert_cmpint(shutdown(c.fd, SHUT_WR), ==, 0);
	while (f->input.fd >= 0)
		turn(f);
	g_assert_cmpint(read(f->in[0], buf, sizeof buf), ==, 4);
	g_assert_cmpint(read(f->in[0], buf, sizeof buf), ==, 0);
	g_assert_cmpint(write(f->out[1], "more\n", 5), ==, 5);
	while (c.got[0]->len < 5) {
		turn(f);
		client_read(&c, 1);
	}
	g_assert_cmpuint(f->attach.n_clients, ==, 1);
	client_clear(&c);
	while (f->attach.n_clients) /* silent container: leaving is noticed at once */
		turn(f);
}

/* Its end of the socket goes with output in it: the kernel tells that by a reset, not by an end of file. */
static void test_a_client_that_dies_with_output_unread_ends_stdin(struct fixture *f, gconstpointer data)
{
	struct client c = client_new(f);
	char byte;

	(void)data;
	g_assert_cmpint(write(f->out[1], "unread\n", 7), ==, 7);
	while (f->spool.pos[STREAM_OUT] < 7)
		turn(f);
	client_clear(&c);
	while (f->attach.n_clients)
		turn(f);
	g_assert_cmpint(f->input.fd, ==, -1);
	g_assert_cmpint(read(f->in[0], &byte, 1), ==, 0);
}

/* It goes on sending while its end of the connection is being closed: then, too, it gets everything. A reset is told to
 * whoever comes first. */
static gpointer flood(gpointer data)
{
	char packet[100] = { 0 };
	int fd = GPOINTER_TO_INT(data);

	for (unsigned int i = 0; send(fd, packet, i % 3 ? sizeof packet : 0, MSG_NOSIGNAL) >= 0 || errno == EAGAIN; i++)
		;
	return GINT_TO_POINTER(errno);
}

/* What a client sent before it left is the container's, whatever it left unread, and whether or not that is noticed first
 * because there is output for it. */
static void test_what_a_client_sent_before_it_left_arrives(struct fixture *f, gconstpointer data)
{
	(void)data;
	for (int round = 0; round < 4; round++) {
		struct client c = client_new(f);
		char buf[64];
		gsize got = 0;

		f->attach.close_stdin = round == 3;
		if (round & 1) {
			uint64_t before = f->spool.pos[STREAM_OUT];

			g_assert_cmpint(write(f->out[1], "unread\n", 7), ==, 7);
			while (f->spool.pos[STREAM_OUT] == before)
				turn(f);
		}
		for (int i = 0; i < 3; i++)
			g_assert_cmpint(send(c.fd, "word\n", 5, 0), ==, 5);
		client_clear(&c);
		if (round & 2) { /* output is tried first */
			uint64_t before = f->spool.pos[STREAM_OUT];

			g_assert_cmpint(write(f->out[1], "to nobody\n", 10), ==, 10);
			pump_poll(&f->pump);
			g_assert_cmpuint(f->spool.pos[STREAM_OUT], >, before);
		}
		while (f->attach.n_clients)
			turn(f);
		got = (gsize)read(f->in[0], buf, sizeof buf);
		g_assert_cmpmem(buf, got, "word\nword\nword\n", 15);
	}
	g_assert_cmpint(f->input.fd, ==, -1); /* and then its end */
}

/* It has shut down its receiving side only. */
static void test_a_client_that_takes_no_output_can_still_send(struct fixture *f, gconstpointer data)
{
	struct client c = client_new(f), good = client_new(f);
	char buf[8];

	(void)data;
	g_assert_cmpint(shutdown(c.fd, SHUT_RD), ==, 0);
	g_assert_cmpint(write(f->out[1], "hello\n", 6), ==, 6);
	while (good.got[0]->len < 6) {
		turn(f);
		client_read(&good, 1);
	}
	g_assert_cmpint(send(c.fd, "word\n", 5, 0), ==, 5);
	for (gssize n = -1; n < 0; n = read(f->in[0], buf, sizeof buf))
		turn(f);
	g_assert_true(attach_all_served(&f->attach));
	g_assert_cmpuint(f->attach.n_clients, ==, 2);
	g_assert_cmpint(shutdown(c.fd, SHUT_WR), ==, 0);
	while (f->attach.n_clients > 1)
		turn(f);
	g_assert_cmpint(read(f->in[0], buf, sizeof buf), ==, 0);
	client_clear(&c), client_clear(&good);
}

static void test_flooding_stdin_while_it_is_closed_is_no_reset(struct fixture *f, gconstpointer data)
{
	(void)data;
	for (int round = 0; round < 200; round++) {
		struct client c = client_new(f);
		GThread *thread = g_thread_new("flood", flood, GINT_TO_POINTER(c.fd));
		uint64_t before = f->spool.pos[STREAM_OUT];

		g_assert_cmpint(write(f->out[1], "good bye\n", 9), ==, 9);
		while (f->spool.pos[STREAM_OUT] < before + 9)
			turn(f);
		attach_close_all(&f->attach);
		f->attach.ending = false;
		g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, EPIPE);
		client_read(&c, 10);
		g_assert_cmpstr(c.got[0]->str, ==, "good bye\n");
		g_assert_true(c.closed);
		g_assert_cmpint(recv(c.fd, &(char){ 0 }, 1, 0), ==, 0); /* an end, no reset */
		client_clear(&c);
	}
}

static void test_flooding_stdin_until_the_end_loses_no_output(struct fixture *f, gconstpointer data)
{
	struct client c = client_new(f);
	char packet[1000] = { 0 };

	(void)data;
	while (send(c.fd, packet, sizeof packet, MSG_NOSIGNAL) > 0)
		;
	g_assert_cmpint(write(f->out[1], "good bye\n", 9), ==, 9);
	fd_close(&f->out[1]), fd_close(&f->err[1]);
	pump_drain(&f->pump);
	g_assert_true(f->drained);
	while (send(c.fd, packet, sizeof packet, MSG_NOSIGNAL) > 0)
		;
	attach_close_all(&f->attach);
	client_read(&c, 10);
	g_assert_cmpstr(c.got[0]->str, ==, "good bye\n");
	g_assert_true(c.closed);
	client_clear(&c);
}

static void test_a_full_house_refuses_politely(struct fixture *f, gconstpointer data)
{
	int fd[ATTACH_CLIENTS + 1];
	char byte;

	(void)data;
	for (uint32_t i = 0; i <= ATTACH_CLIENTS; i++) {
		fd[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		g_assert_cmpint(connect(fd[i], (struct sockaddr *)&f->addr, sizeof f->addr), ==, 0);
		turn(f);
	}
	turn(f);
	g_assert_cmpuint(f->attach.n_clients, ==, ATTACH_CLIENTS);
	g_assert_cmpint(recv(fd[ATTACH_CLIENTS], &byte, 1, 0), ==, 0);
	for (uint32_t i = 0; i <= ATTACH_CLIENTS; i++)
		fd_close(&fd[i]);
	while (f->attach.n_clients)
		turn(f);
}

/* The container does not read its stdin, and whoever sends something leaves again. */
static void test_who_has_left_gives_way_to_who_comes(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = g_strnfill(60000, 'i');
	struct client last;

	(void)data;
	f->attach.close_stdin = false;
	for (uint32_t i = 0; i < ATTACH_CLIENTS + 10; i++) {
		struct client c = client_connect(f);

		g_assert_cmpint(send(c.fd, text, 60000, 0), ==, 60000);
		client_clear(&c);
		turn(f);
	}
	g_assert_cmpuint(f->attach.n_clients, ==, ATTACH_CLIENTS);
	last = client_connect(f);
	turn(f);
	g_assert_cmpint(write(f->out[1], "here\n", 5), ==, 5);
	while (!last.got[STREAM_OUT]->len && !last.closed) {
		turn(f);
		client_read(&last, 1);
	}
	g_assert_cmpstr(last.got[STREAM_OUT]->str, ==, "here\n");
	client_clear(&last);
}

/* An engine connects, starts the container, and it is over, before the monitor comes to run again. */
static void test_who_is_connected_sees_the_first_and_the_last_bytes(struct fixture *f, gconstpointer data)
{
	struct client first = client_connect(f), last;

	(void)data;
	g_assert_cmpint(write(f->out[1], "one\n", 4), ==, 4);
	pump_poll(&f->pump);
	last = client_connect(f);
	g_assert_cmpint(write(f->out[1], "two\n", 4), ==, 4);
	fd_close(&f->out[1]), fd_close(&f->err[1]);
	pump_drain(&f->pump);
	g_assert_true(f->drained && attach_all_served(&f->attach));
	attach_close_all(&f->attach);
	client_read(&first, G_MAXINT);
	client_read(&last, G_MAXINT);
	g_assert_true(first.closed && last.closed);
	g_assert_cmpstr(first.got[STREAM_OUT]->str, ==, "one\ntwo\n");
	g_assert_cmpstr(last.got[STREAM_OUT]->str, ==, "two\n");
	client_clear(&first);
	client_clear(&last);
}

/* Both pipes were filled while nobody looked: neither stream is read far ahead of the other, from the first read on. */
static void test_two_full_pipes_are_read_in_turn(struct fixture *f, gconstpointer data)
{
	struct client c = client_new(f);
	g_autofree char *text = g_strnfill(60000, 't');

	(void)data;
	g_assert_cmpint(write(f->out[1], text, 60000), ==, 60000);
	g_assert_cmpint(write(f->err[1], text, 60000), ==, 60000);
	while (c.got[0]->len + c.got[1]->len < 120000) {
		turn(f);
		while (c.got[0]->len + c.got[1]->len < f->spool.pos[0] + f->spool.pos[1]) {
			client_read(&c, 1);
			g_assert_cmpint(ABS((gssize)c.got[0]->len - (gssize)c.got[1]->len), <=, 8192);
		}
	}
	client_clear(&c);
}

/* Writes in small pieces to both pipes in turn. */
static void write_both(struct fixture *f, GString *all[N_STREAMS], int lines)
{
	for (int i = 0; i < lines; i++) {
		g_autofree char *line = g_strdup_printf("line %u %0*d\n", (guint)all[0]->len, 1 + i % 90, i);
		int s = i % 5 == 4;

		g_assert_cmpint(write(s ? f->err[1] : f->out[1], line, strlen(line)), ==, strlen(line));
		g_string_append(all[s], line);
		while (f->spool.pos[s] < all[s]->len)
			turn(f);
	}
}

static void test_who_comes_later_is_shown_the_last_bytes(struct fixture *f, gconstpointer data)
{
	GString *all[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };

	(void)data;
	for (int round = 0; round < 3; round++) {
		struct client c;
		gsize total;

		write_both(f, all, round ? 30000 : 5);
		total = all[0]->len + all[1]->len;
		c = client_new(f);
		write_both(f, all, 10); /* and goes on without a gap */
		for (int i = 0; i < 10000 && c.got[0]->len + c.got[1]->len < all[0]->len + all[1]->len; i++) {
			turn(f);
			client_read(&c, 100);
		}
		for (int s = 0; s < N_STREAMS; s++)
			g_assert_cmpstr(c.got[s]->str, ==, all[s]->str + all[s]->len - c.got[s]->len);
		g_assert_cmpuint(c.got[0]->len + c.got[1]->len, ==,
			all[0]->len + all[1]->len - total + MIN(total, REPLAYED));
		client_clear(&c);
		while (f->attach.n_clients)
			turn(f);
	}
	g_string_free(all[0], TRUE), g_string_free(all[1], TRUE);
}

/* What it is shown is overwritten while it does not read: it misses that, and nothing of what came after it. */
static void test_who_is_shown_the_past_slowly_loses_no_present(struct fixture *f, gconstpointer data)
{
	GString *all[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	struct client c;
	gsize before;

	(void)data;
	write_both(f, all, 30000);
	before = all[0]->len;
	c = client_new(f);
	write_both(f, all, 30000);
	while (!attach_all_served(&f->attach)) {
		turn(f);
		client_read(&c, 100);
	}
	client_read(&c, G_MAXINT);
	g_assert_cmpuint(c.got[0]->len, >=, all[0]->len - before);
	g_assert_cmpuint(c.got[0]->len, <, all[0]->len - before + REPLAYED / 2);
	g_assert_cmpstr(c.got[0]->str + c.got[0]->len - (all[0]->len - before), ==, all[0]->str + before);
	client_clear(&c);
	g_string_free(all[0], TRUE), g_string_free(all[1], TRUE);
}

/* However it is cut into packets, what is kept is a tail. */
static void test_what_is_kept_is_bounded(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);

	for (uint32_t limit = 1; limit < 300000; limit = limit * 3 + 1) {
		GString *all[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) }, *got[N_STREAMS];
		struct replay r = { 0 };
		struct spool spool = { 0 };

		g_assert_cmpint(spool_init(&spool), ==, 0);
		g_assert_cmpint(replay_init(&r, limit), ==, 0);
		for (int i = 0; i < 2000; i++) {
			enum stream s = g_rand_boolean(rand) ? STREAM_ERR : STREAM_OUT;
			char *space;
			uint32_t n = spool_space(&spool, s, &space), part = (uint32_t)g_rand_int_range(rand, 1, i % 50 ? 40 : 60000);

			n = MIN(n, part);
			for (uint32_t k = 0; k < n; k++)
				space[k] = (char)g_rand_int_range(rand, 'a', 'z');
			g_string_append_len(all[s], space, n);
			spool_commit(&spool, s, n);
			replay_feed(&r, &spool);
			spool_release(&spool, spool.pos);
		}
		for (int s = 0; s < N_STREAMS; s++)
			got[s] = g_string_new(NULL);
		for (struct replay_place p = replay_start(&r); replay_pending(&p);) {
			enum stream s;
			const char *data;
			uint32_t n = replay_next(&r, &p, &s, &data);

			g_assert_cmpuint(n, <=, REPLAY_PACKET);
			if (n)
				g_string_append_len(got[s], data, n);
		}
		g_assert_cmpuint(got[0]->len + got[1]->len, <=, limit);
		g_assert_cmpuint(got[0]->len + got[1]->len, >=, limit / 8);
		for (int s = 0; s < N_STREAMS; s++) {
			g_assert_cmpstr(got[s]->str, ==, all[s]->str + all[s]->len - got[s]->len);
			g_string_free(all[s], TRUE), g_string_free(got[s], TRUE);
		}
		replay_clear(&r);
		spool_clear(&spool);
	}
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	tzset();
	g_test_init(&argc, &argv, NULL);
#define ADD(name, mode, fn) g_test_add("/relay/attach/" name, struct fixture, mode, setup, fn, teardown)
	ADD("who-is-connected-sees-the-first-and-the-last-bytes", "log",
		test_who_is_connected_sees_the_first_and_the_last_bytes);
	ADD("a-line-that-never-ends-in-a-read-wedges-nothing", "log",
		test_a_line_that_never_ends_in_a_read_wedges_nothing);
	ADD("who-comes-later-is-shown-the-last-bytes", "replay", test_who_comes_later_is_shown_the_last_bytes);
	ADD("who-is-shown-the-past-slowly-loses-no-present", "replay", test_who_is_shown_the_past_slowly_loses_no_present);
	g_test_add_func("/relay/replay/what-is-kept-is-bounded", test_what_is_kept_is_bounded);
	ADD("two-full-pipes-are-read-in-turn", "log", test_two_full_pipes_are_read_in_turn);
	ADD("what-a-client-sent-before-it-left-arrives", "log", test_what_a_client_sent_before_it_left_arrives);
	ADD("a-client-that-takes-no-output-can-still-send", "log", test_a_client_that_takes_no_output_can_still_send);
	ADD("flooding-stdin-while-it-is-closed-is-no-reset", "log", test_flooding_stdin_while_it_is_closed_is_no_reset);
	ADD("a-client-that-never-reads-stops-nothing", "log", test_a_client_that_never_reads_stops_nothing);
	ADD("stdin-of-two-clients-arrives-whole-with-back-pressure", "log",
		test_stdin_of_two_clients_arrives_whole_with_back_pressure);
	ADD("half-close-ends-stdin-and-output-goes-on", "log", test_half_close_ends_stdin_and_output_goes_on);
	ADD("a-client-that-dies-with-output-unread-ends-stdin", "log", test_a_client_that_dies_with_output_unread_ends_stdin);
	ADD("flooding-stdin-until-the-end-loses-no-output", "log", test_flooding_stdin_until_the_end_loses_no_output);
	ADD("a-full-house-refuses-politely", "log", test_a_full_house_refuses_politely);
	ADD("who-has-left-gives-way-to-who-comes", "log", test_who_has_left_gives_way_to_who_comes);
	return g_test_run();
}
