/* src/relay: what clients that lag go on from: the log, and the spill where the log cannot serve. */
#include <sys/resource.h>

#include "attach-fixture.h"

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

/* Random writers, a random reader that sometimes sleeps for long, log replacements, a log that drops (one turn in so many):
 * every byte, in order, each stream. */
static void run_torture(struct fixture *f, int n_clients, int64_t size_max, int drops, bool all_read)
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
		f->log.discard = drops && g_rand_int_range(rand, 0, drops) == 0;
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
	run_torture(f, 3, -1, 0, true);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
}

static void test_a_lagging_client_survives_replacements_of_the_log(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 2, 3 * 1024 * 1024, 0, false);
	g_assert_cmpint(f->rotations, >, 2);
}

static void test_a_session_waits_for_its_client(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 2, -1, 0, true);
}

static void test_without_a_log_a_file_takes_its_place(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 3, -1, 0, true);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
	g_assert_false(spill_active(&f->catchup.spill)); /* nobody lags any more */
}

static void test_where_the_log_drops_the_spill_goes_on(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 3, -1, 60, true);
	g_assert_cmpuint(f->log.breaks, >, 20);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
	g_assert_false(spill_active(&f->catchup.spill));
}

static void test_a_log_that_drops_may_be_replaced_meanwhile(struct fixture *f, gconstpointer data)
{
	(void)data;
	run_torture(f, 3, 2 * 1024 * 1024, 9, false);
	g_assert_cmpint(f->rotations, >, 2);
	g_assert_cmpuint(f->attach.n_cut, ==, 0);
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
	g_assert_false(spill_active(&f->catchup.spill));
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
	g_assert_false(spill_active(&f->catchup.spill));
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


/* Lines for this many bytes, which only good reads; both get it in the end. */
static void lag(struct fixture *f, struct client *good, guint *number, uint64_t bytes)
{
	for (uint64_t end = good->got[0]->len + bytes; good->got[0]->len < end;) {
		if (f->spool.pos[STREAM_OUT] < end)
			(void)write_numbered(f->out[1], number);
		turn(f);
		client_read(good, 64);
	}
}

static void catch_up(struct fixture *f, struct client *c, const struct client *good)
{
	while (c->got[0]->len < good->got[0]->len && !c->closed) {
		client_read(c, 1000);
		turn(f);
	}
	g_assert_cmpuint(c->got[0]->len, ==, good->got[0]->len);
	g_assert_true(memcmp(c->got[0]->str, good->got[0]->str, c->got[0]->len) == 0);
}

/* The files' size is limited, but for the spill, which starts at nothing and ends before the log begins. */
static void test_a_full_disk_takes_nothing_from_who_lags(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f), good = client_new(f);
	struct rlimit before, limit;
	guint number = 0;

	(void)data;
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
	f->log.size = 2 * SPILL_MAX;
	g_assert_cmpint(ftruncate(f->log.fd, (off_t)f->log.size), ==, 0);
	limit = (struct rlimit){ f->log.size + 1000000, before.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	lag(f, &good, &number, 8000000);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, >, 1000000);
	g_assert_true(spill_active(&f->catchup.spill));
	/* There is room again, but what is missing in the log stays missing. */
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
	lag(f, &good, &number, 2000000);
	catch_up(f, &stuck, &good);
	g_assert_false(spill_active(&f->catchup.spill));
	/* From now on the log serves again. */
	lag(f, &good, &number, 4000);
	catch_up(f, &stuck, &good);
	lag(f, &good, &number, 4000000);
	g_assert_cmpuint(f->attach.n_behind, ==, 1);
	g_assert_false(spill_active(&f->catchup.spill));
	catch_up(f, &stuck, &good);
	g_assert_cmpuint(f->attach.n_cut + f->attach.n_skipped, ==, 0);
	client_clear(&stuck), client_clear(&good);
}

static void test_a_dropping_policy_takes_nothing_from_who_lags(struct fixture *f, gconstpointer data)
{
	struct client stuck = client_new(f), good = client_new(f);
	guint number = 0;

	(void)data;
	lag(f, &good, &number, 2000000);
	g_assert_cmpuint(f->attach.n_behind, ==, 1);
	g_assert_false(spill_active(&f->catchup.spill));
	f->feeder.rate[STREAM_OUT].per_s = 10000;
	feeder_set_policy(&f->feeder, STREAM_OUT, LOG_DROP_NEWEST);
	lag(f, &good, &number, 2000000);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, >, 1000000);
	catch_up(f, &stuck, &good);
	g_assert_cmpuint(f->attach.n_cut + f->attach.n_skipped, ==, 0);
	client_clear(&stuck), client_clear(&good);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	tzset();
	g_test_init(&argc, &argv, NULL);
#define ADD(name, mode, fn) g_test_add("/relay/catchup/" name, struct fixture, mode, setup, fn, teardown)
	ADD("a-lagging-client-gets-every-byte-from-the-log", "log", test_a_lagging_client_gets_every_byte_from_the_log);
	ADD("a-lagging-client-survives-replacements-of-the-log", "log",
		test_a_lagging_client_survives_replacements_of_the_log);
	ADD("a-session-waits-for-its-client", "block", test_a_session_waits_for_its_client);
	ADD("without-a-log-a-file-takes-its-place", "none", test_without_a_log_a_file_takes_its_place);
	ADD("beyond-the-spill-a-client-is-let-go", "none", test_beyond_the_spill_a_client_is_let_go);
	ADD("beyond-the-spill-a-client-may-be-skipped-ahead", "skip", test_beyond_the_spill_a_client_may_be_skipped_ahead);
	ADD("where-the-log-drops-the-spill-goes-on", "log", test_where_the_log_drops_the_spill_goes_on);
	ADD("a-log-that-drops-may-be-replaced-meanwhile", "log", test_a_log_that_drops_may_be_replaced_meanwhile);
	ADD("a-full-disk-takes-nothing-from-who-lags", "log", test_a_full_disk_takes_nothing_from_who_lags);
	ADD("a-dropping-policy-takes-nothing-from-who-lags", "log", test_a_dropping_policy_takes_nothing_from_who_lags);
	return g_test_run();
}
