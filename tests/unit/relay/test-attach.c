/* src/relay: ring, spool, backlog, attach, pump together, with real pipes, sockets and a real log file. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "relay/pump.h"
#include "relay/rotate.h"

#define REPLAYED 1000000u

struct fixture {
	char *dir, *log_path;
	struct loop loop;
	struct spool spool;
	struct k8s_log log;
	struct backlog backlog;
	struct spill spill;
	struct stdinq input;
	struct replay replay;
	struct attach attach;
	struct feeder feeder;
	struct pump pump;
	struct sockaddr_un addr;
	int out[2], err[2], in[2];
	bool drained;
	int rotations;
};

static void on_drained(void *user)
{
	((struct fixture *)user)->drained = true;
}

static void on_progress(void *user)
{
	pump_continue(&((struct fixture *)user)->pump);
}

static void on_ready(struct feeder *feeder, void *user)
{
	(void)feeder;
	pump_resume(&((struct fixture *)user)->pump);
}

static void on_room(void *user)
{
	attach_stdin_ready(&((struct fixture *)user)->attach);
}

static void on_full(struct k8s_log *log, void *user)
{
	struct fixture *f = user;

	f->rotations++;
	attach_log_retires(&f->attach);
	g_assert_cmpint(rotate_log(log, &(struct rotation){ 0 }), ==, 0);
	attach_log_replaced(&f->attach);
}

/* data: "log" with a log file, "none" without; "block" and "skip" are policies, "replay" shows what was before. */
static void setup(struct fixture *f, gconstpointer data)
{
	int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), log_fd = -1;

	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->log_path = g_build_filename(f->dir, "log", NULL);
	f->addr.sun_family = AF_UNIX;
	g_snprintf(f->addr.sun_path, sizeof f->addr.sun_path, "%s/attach", f->dir);
	g_assert_cmpint(bind(listen_fd, (struct sockaddr *)&f->addr, sizeof f->addr), ==, 0);
	g_assert_cmpint(listen(listen_fd, 10), ==, 0);
	if (strcmp(data, "none") != 0 && strcmp(data, "skip") != 0)
		log_fd = open(f->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_assert_cmpint(pipe2(f->out, O_CLOEXEC | O_NONBLOCK) + pipe2(f->err, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(pipe2(f->in, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(loop_init(&f->loop), ==, 0);
	g_assert_cmpint(spool_init(&f->spool), ==, 0);
	g_assert_cmpint(k8s_init(&f->log, log_fd, f->log_path), ==, 0);
	f->log.on_full = on_full;
	f->log.user = f;
	g_assert_cmpint(spill_init(&f->spill, f->dir), ==, 0);
	g_assert_cmpint(backlog_init(&f->backlog, log_fd < 0 ? &f->spill.log : &f->log), ==, 0);
	g_assert_cmpint(stdinq_init(&f->input, &f->loop, f->in[1], on_room, f), ==, 0);
	g_assert_cmpint(attach_init(&f->attach, &f->loop, &f->spool, &f->input, listen_fd), ==, 0);
	f->attach.backlog = &f->backlog;
	f->attach.spill = log_fd < 0 ? &f->spill : NULL;
	f->attach.on_progress = on_progress;
	f->attach.user = f;
	f->attach.close_stdin = true;
	f->attach.overflow = strcmp(data, "block") == 0 ? ATTACH_BLOCK :
		strcmp(data, "skip") == 0		? ATTACH_SKIP :
							  ATTACH_DISCONNECT;
	if (strcmp(data, "replay") == 0) {
		g_assert_cmpint(replay_init(&f->replay, REPLAYED), ==, 0);
		f->attach.replay = &f->replay;
	}
	f->feeder.on_ready = on_ready;
	f->feeder.user = f;
	feeder_init(&f->feeder, &f->loop, &f->spool, &f->log, NULL);
	g_assert_cmpint(pump_init(&f->pump, &f->loop, &f->spool, &f->feeder, 1, &f->attach), ==, 0);
	f->pump.on_drained = on_drained;
	f->pump.user = f;
	g_assert_cmpint(pump_start(&f->pump, STREAM_OUT, f->out[0]), ==, 0);
	g_assert_cmpint(pump_start(&f->pump, STREAM_ERR, f->err[0]), ==, 0);
	pump_release_hold(&f->pump);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	pump_stop(&f->pump);
	attach_clear(&f->attach);
	stdinq_clear(&f->input);
	replay_clear(&f->replay);
	backlog_clear(&f->backlog);
	k8s_clear(&f->spill.log);
	k8s_clear(&f->log);
	spool_clear(&f->spool);
	loop_clear(&f->loop);
	fd_close(&f->out[1]), fd_close(&f->err[1]), fd_close(&f->in[0]);
	g_unlink(f->log_path);
	g_unlink(f->addr.sun_path);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir), g_free(f->log_path);
}

static void on_tick(struct loop_timer *t, void *user)
{
	(void)t;
	(void)user;
}

/* One turn that does not wait for events that will not come. */
static void turn(struct fixture *f)
{
	struct loop_timer tick = { 0 };

	loop_timer_start(&f->loop, &tick, 1, on_tick, NULL);
	g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	loop_timer_stop(&f->loop, &tick);
}

/* A client with two buffers of what it received. */
struct client {
	int fd;
	GString *got[N_STREAMS];
	bool closed;
};

static struct client client_connect(struct fixture *f)
{
	struct client c = { .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };

	g_assert_cmpint(connect(c.fd, (struct sockaddr *)&f->addr, sizeof f->addr), ==, 0);
	for (int i = 0; i < N_STREAMS; i++)
		c.got[i] = g_string_new(NULL);
	return c;
}

static struct client client_new(struct fixture *f)
{
	uint32_t before = f->attach.n_clients;
	struct client c = client_connect(f);

	while (f->attach.n_clients == before)
		turn(f);
	return c;
}

static void client_clear(struct client *c)
{
	fd_close(&c->fd);
	for (int i = 0; i < N_STREAMS; i++)
		g_string_free(c->got[i], TRUE);
}

static void client_read(struct client *c, int packets)
{
	char packet[8200];

	while (packets-- > 0 && !c->closed) {
		ssize_t n = recv(c->fd, packet, sizeof packet, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			c->closed = true;
			return;
		}
		g_assert_cmpint(n, >=, 2);
		g_assert_cmpint(n, <=, 8193);
		g_assert_true(packet[0] == 2 || packet[0] == 3);
		g_string_append_len(c->got[packet[0] - 2], packet + 1, n - 1);
	}
}

/* Writes as much of text as the pipe takes. */
static gsize fill(int fd, const GString *text, gsize at, gsize max)
{
	ssize_t n = write(fd, text->str + at, MIN(text->len - at, max));

	return n > 0 ? at + (gsize)n : at;
}

static GString *numbered(const char *prefix, int lines, GRand *rand)
{
	GString *s = g_string_new(NULL);

	for (int i = 0; i < lines; i++) {
		g_string_append_printf(s, "%s %d ", prefix, i);
		for (int n = g_rand_int_range(rand, 0, g_rand_int_range(rand, 0, 30) ? 120 : 20000); n > 0; n--)
			g_string_append_c(s, 'z');
		if (g_rand_int_range(rand, 0, 20))
			g_string_append_c(s, '\n');
	}
	return s;
}

/* Random writers, a random reader that sometimes sleeps for long, log replacements: every byte, in order, each stream.
 */
static void run_torture(struct fixture *f, int n_clients, int64_t size_max, bool all_read)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(99);
	GString *text[N_STREAMS] = { numbered("out", 40000, rand), numbered("err", 9000, rand) };
	g_autofree struct client *c = g_new0(struct client, n_clients);
	gsize at[N_STREAMS] = { 0 };
	int *ends[N_STREAMS] = { &f->out[1], &f->err[1] };

	f->log.size_max = size_max;
	for (int i = 0; i < n_clients; i++)
		c[i] = client_new(f);
	while (at[0] < text[0]->len || at[1] < text[1]->len) {
		for (int s = 0; s < N_STREAMS; s++)
			if (g_rand_boolean(rand))
				at[s] = fill(*ends[s], text[s], at[s], (gsize)g_rand_int_range(rand, 1, 70000));
		for (int i = g_rand_int_range(rand, 1, 6); i > 0; i--)
			turn(f);
		for (int i = 0; i < n_clients; i++)
			if (g_rand_int_range(rand, 0, 3 + 10 * i) == 0)
				client_read(&c[i], g_rand_int_range(rand, 1, 40));
	}
	fd_close(&f->out[1]), fd_close(&f->err[1]);
	pump_drain(&f->pump);
	while (!f->drained || !attach_all_served(&f->attach)) {
		turn(f);
		for (int i = 0; i < n_clients; i++)
			client_read(&c[i], 1000);
	}
	attach_close_all(&f->attach);
	for (int i = 0; i < n_clients; i++) {
		client_read(&c[i], G_MAXINT);
		g_assert_true(c[i].closed);
		for (int s = 0; s < N_STREAMS; s++) { /* even who is let go got nothing wrong before */
			g_assert_cmpuint(c[i].got[s]->len, <=, text[s]->len);
			g_assert_true(!all_read || c[i].got[s]->len == text[s]->len);
			g_assert_true(memcmp(c[i].got[s]->str, text[s]->str, c[i].got[s]->len) == 0);
		}
		client_clear(&c[i]);
	}
	for (int s = 0; s < N_STREAMS; s++) {
		g_assert_cmpuint(f->spool.pos[s], ==, text[s]->len);
		g_string_free(text[s], TRUE);
	}
}

static void test_a_lagging_client_gets_every_byte_from_the_log(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 3, -1, true);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
}

static void test_a_lagging_client_survives_replacements_of_the_log(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 2, 3 * 1024 * 1024, false);
	g_assert_cmpint(f->rotations, >, 2);
}

static void test_a_session_waits_for_its_client(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 2, -1, true);
}

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
	g_assert_cmpuint(resident_pages(f->backlog.window, BACKLOG_WINDOW), >, 0);
	while (f->pump.trim.due_ns)
		g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	g_assert_cmpuint(resident_pages(f->backlog.window, BACKLOG_WINDOW), ==, 0);
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

static void test_without_a_log_a_file_takes_its_place(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 3, -1, true);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
	g_assert_false(spill_active(&f->spill)); /* nobody lags any more */
}

static void test_beyond_the_spill_a_client_is_let_go(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f);
	static char block[65536];

	(void)data;
	memset(block, 'b', sizeof block);
	for (int i = 0; i < 2000 && f->attach.n_clients; i++) {
		(void)!write(f->out[1], block, sizeof block);
		turn(f);
	}
	g_assert_cmpuint(f->attach.n_clients, ==, 0);
	g_assert_cmpuint(f->attach.n_cut, ==, 1);
	g_assert_cmpuint(f->spool.pos[STREAM_OUT], >, SPILL_MAX / 2);
	g_assert_false(spill_active(&f->spill));
	client_clear(&stuck);
}

/* A line with its number, 4000 bytes. Whether there was room for it. */
static bool write_numbered(int fd, guint *number)
{
	char line[4001];
	gssize n;

	memset(line, 's', sizeof line);
	line[g_snprintf(line, sizeof line, "%u ", *number)] = 's';
	line[3999] = '\n';
	n = write(fd, line, 4000);
	*number += n == 4000;
	g_assert_true(n == 4000 || n < 0);
	return n > 0;
}

static void test_beyond_the_spill_a_client_may_be_skipped_ahead(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f), good = client_new(f);
	gsize prefix = 0, rest;
	guint number = 0;
	uint64_t written = 0;

	(void)data;
	while (written < SPILL_MAX + 8 * 1024 * 1024) {
		written += write_numbered(f->out[1], &number) ? 4000 : 0;
		turn(f);
		client_read(&good, 64);
	}
	while (good.got[0]->len < written) {
		turn(f);
		client_read(&good, 64);
	}
	g_assert_cmpuint(f->attach.n_clients, ==, 2);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
	g_assert_cmpuint(f->attach.n_skipped, >, SPILL_MAX / 2);
	for (uint64_t before = 0; stuck.got[0]->len > before || f->attach.n_behind;) {
		before = stuck.got[0]->len;
		client_read(&stuck, 1000);
		turn(f);
	}
	g_assert_cmpuint(stuck.got[0]->len + f->attach.n_skipped, ==, written);
	g_assert_false(spill_active(&f->spill));
	written += 4000;
	g_assert_true(write_numbered(f->out[1], &number));
	while (stuck.got[0]->len + f->attach.n_skipped < written) {
		turn(f);
		client_read(&stuck, 10);
	}
	while (good.got[0]->len < written) {
		turn(f);
		client_read(&good, 10);
	}
	/* What it has is the beginning and the end. */
	while (prefix < stuck.got[0]->len && stuck.got[0]->str[prefix] == good.got[0]->str[prefix])
		prefix++;
	rest = stuck.got[0]->len - prefix;
	g_assert_cmpuint(prefix, >, 100000);
	g_assert_cmpuint(rest, >=, 4000);
	g_assert_true(memcmp(stuck.got[0]->str + prefix, good.got[0]->str + good.got[0]->len - rest, rest) == 0);
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
	ADD("a-lagging-client-gets-every-byte-from-the-log", "log", test_a_lagging_client_gets_every_byte_from_the_log);
	ADD("a-lagging-client-survives-replacements-of-the-log", "log",
		test_a_lagging_client_survives_replacements_of_the_log);
	ADD("who-is-connected-sees-the-first-and-the-last-bytes", "log",
		test_who_is_connected_sees_the_first_and_the_last_bytes);
	ADD("a-session-waits-for-its-client", "block", test_a_session_waits_for_its_client);
	ADD("a-line-that-never-ends-in-a-read-wedges-nothing", "log",
		test_a_line_that_never_ends_in_a_read_wedges_nothing);
	ADD("without-a-log-a-file-takes-its-place", "none", test_without_a_log_a_file_takes_its_place);
	ADD("beyond-the-spill-a-client-is-let-go", "none", test_beyond_the_spill_a_client_is_let_go);
	ADD("beyond-the-spill-a-client-may-be-skipped-ahead", "skip", test_beyond_the_spill_a_client_may_be_skipped_ahead);
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
