/* src/relay: spool, rate, k8squeue, feeder: logs that take nothing, or too little, or fail. */
#include "pressure-fixture.h"

/* ---- spool, rate ---- */

/* Against a string for each stream: whatever is read, taken and released in whatever order, every byte is there once. */
static void test_one_stream_that_waits_keeps_no_room_from_the_other(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	struct spool s = { 0 };
	struct cursor c;
	GString *wrote[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };
	GString *took[N_STREAMS] = { g_string_new(NULL), g_string_new(NULL) };

	g_assert_cmpint(spool_init(&s), ==, 0);
	c = spool_end(&s);
	for (int round = 0; round < 60000; round++) {
		uint32_t skip = round % 20000 < 10000 ? 1u << STREAM_OUT : g_rand_boolean(rand) ? 0 : 1u << STREAM_ERR;
		enum stream w = g_rand_boolean(rand) ? STREAM_OUT : STREAM_ERR, got;
		uint32_t space, n = (uint32_t)g_rand_int_range(rand, 1, 60);
		const char *data;
		char *to;

		space = spool_space(&s, w, &to);
		if (space) {
			for (uint32_t i = 0; i < MIN(n, space); i++)
				to[i] = (char)g_rand_int_range(rand, 'a', 'z');
			g_string_append_len(wrote[w], to, MIN(n, space));
			spool_commit(&s, w, MIN(n, space));
		}
		/* Standard output may wait for long, but standard error always finds room. */
		g_assert_true(space || w == STREAM_OUT || !(skip & 1));
		while ((n = spool_peek_but(&s, &c, skip, &got, &data)) > 0) {
			n = (uint32_t)g_rand_int_range(rand, 1, (int)n + 1);
			g_assert_false(skip >> got & 1);
			g_string_append_len(took[got], data, n);
			spool_take(&c, got, n);
		}
		spool_release(&s, c.pos);
		g_assert_true(spool_covers(&s, &c));
	}
	for (int i = 0; i < N_STREAMS; i++) {
		enum stream got;
		const char *data;
		uint32_t n;

		while ((n = spool_peek(&s, &c, &got, &data)) > 0) {
			g_string_append_len(took[got], data, n);
			spool_take(&c, got, n);
		}
	}
	for (int i = 0; i < N_STREAMS; i++) {
		g_assert_cmpuint(took[i]->len, ==, wrote[i]->len);
		g_assert_true(memcmp(took[i]->str, wrote[i]->str, took[i]->len) == 0);
		g_string_free(took[i], TRUE), g_string_free(wrote[i], TRUE);
	}
	spool_clear(&s);
}

static void test_no_more_than_the_rate_passes(void)
{
	struct rate r = { .per_s = 1000, .burst = 3000 };
	uint64_t now = 5000000000u, passed = 0;

	for (int i = 0; i < 100000; i++, now += 137137) {
		rate_refill(&r, now);
		passed += rate_pass(&r, 700) ? 700 : 0;
		g_assert_cmpint(r.left, <=, 3000);
	}
	/* 13.71 seconds: the burst, a thousand a second, and one that may overdraw */
	g_assert_cmpuint(passed, >=, 3000 + 13000);
	g_assert_cmpuint(passed, <=, 3000 + 13714 + 700);
	g_assert_cmpuint(rate_wait_ns(&r), <=, 1000000000u);
	rate_refill(&r, now + 3600 * 1000000000ull);
	g_assert_cmpint(r.left, ==, 3000);
	g_assert_cmpuint(rate_wait_ns(&r), ==, 0);
	r = (struct rate){ .per_s = RATE_MAX, .burst = RATE_MAX, .left = -(int64_t)RATE_MAX, .at_ns = now };
	rate_refill(&r, now + 1999999999u);
	g_assert_cmpint(r.left, >, RATE_MAX - 10);
	g_assert_cmpint(r.left, <, RATE_MAX);
	g_assert_true(rate_pass(&(struct rate){ 0 }, UINT32_MAX)); /* no limit */
}

/* ---- files ---- */

static void test_what_a_full_disk_does_not_take_waits_for_space(struct fixture *f, gconstpointer data)
{
	struct found found;

	(void)data;
	limit_file_size(1000);
	for (int i = 0; i < 100; i++)
		feed_line(f, i % 3 ? STREAM_OUT : STREAM_ERR, 40);
	k8s_flush(&f->log);
	g_assert_cmpint(f->log.error, ==, EFBIG);
	g_assert_true(f->log.troubled);
	found = check_file(f); /* promise 4: whole records */
	g_assert_cmpuint(found.records[0] + found.records[1], ==, 11);
	assert_accounts(f, &found);
	limit_file_size(UNLIMITED);
	k8s_flush(&f->log);
	g_assert_false(f->log.troubled);
	found = check_file(f);
	g_assert_cmpuint(found.records[0] + found.records[1], ==, 100);
	g_assert_cmpuint(f->log.stream[0].dropped + f->log.stream[1].dropped, ==, 0);
	assert_accounts(f, &found);
}

static void overfill(struct fixture *f, enum log_policy policy)
{
	f->log.stream[STREAM_OUT].policy = policy;
	limit_file_size(1000);
	for (int i = 0; i < 10000; i++)
		feed_line(f, STREAM_OUT, 200);
	/* Half of the buffer is for the other stream. */
	for (int i = 0; i < 500; i++)
		feed_line(f, STREAM_ERR, 200);
	k8s_flush(&f->log);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped_records, >, 8000);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].dropped_records, ==, 0);
	limit_file_size(UNLIMITED);
	feed_line(f, STREAM_OUT, 200);
	k8s_flush(&f->log);
}

static void test_drop_newest_keeps_what_came_first(struct fixture *f, gconstpointer data)
{
	struct found found;

	(void)data;
	overfill(f, LOG_DROP_NEWEST);
	found = check_file(f);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.first[STREAM_OUT], ==, 0);
	g_assert_cmpuint(found.records[STREAM_ERR], ==, 500);
}

static void test_drop_oldest_keeps_what_came_last(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = NULL;
	struct found found;

	(void)data;
	overfill(f, LOG_DROP_OLDEST);
	found = check_file(f);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.last[STREAM_OUT], ==, 10000);
	g_assert_cmpuint(found.records[STREAM_OUT], >, 600); /* all that half of the buffer holds */
	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
	for (uint32_t i = 9500; i < 10000; i++) {
		g_autofree char *line = g_strdup_printf(" stdout F %u p", i);

		g_assert_nonnull(strstr(text, line));
	}
}

/* Promises 4 and 5 for every policy, while the disk is full now and then and the file is replaced at its limit. */
static void test_any_trouble_leaves_whole_records_and_exact_accounts(struct fixture *f, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(11);

	(void)data;
	f->log.marker = true;
	for (int round = 0; round < 150; round++) {
		struct found found;

		f->log.stream[0].policy = (enum log_policy)g_rand_int_range(rand, 0, N_LOG_POLICIES);
		f->log.stream[1].policy = (enum log_policy)g_rand_int_range(rand, 0, N_LOG_POLICIES);
		limit_file_size(g_rand_boolean(rand) ? UNLIMITED : (rlim_t)g_rand_int_range(rand, 0, 400000));
		for (int n = g_rand_int_range(rand, 0, g_rand_boolean(rand) ? 10 : 3000); n > 0; n--)
			feed_line(f, g_rand_boolean(rand) ? STREAM_OUT : STREAM_ERR,
				(guint)g_rand_int_range(rand, 0, 300));
		k8s_flush(&f->log);
		k8s_mark_gaps(&f->log, true);
		limit_file_size(UNLIMITED);
		found = check_file(f);
		assert_accounts(f, &found);
		if (f->log.size > 300000) {
			g_assert_cmpint(ftruncate(f->log.fd, 0), ==, 0);
			f->log.size = 0;
			for (int s = 0; s < N_STREAMS; s++) {
				f->gone_bytes[s] += found.bytes[s];
				f->gone_records[s] += found.records[s];
			}
		}
	}
	g_assert_cmpuint(f->log.stream[0].dropped, >, 0);
}

/* The pipe has room for a little more than PIPE_BUF bytes, and the record with its attributes is longer. */
static void test_a_marker_in_a_pipe_is_never_torn(struct fixture *f, gconstpointer data)
{
	g_autofree char *label = g_strnfill(6000, 'l'), *attrs = g_strdup_printf("{\"l\":\"%s\"}", label);
	int room = 5000, size = fcntl(f->log.fd, F_GETPIPE_SZ);
	g_autofree char *full = g_strnfill((gsize)(size - room), '\n');

	(void)data;
	f->log.json = f->log.marker = true;
	f->log.attrs = attrs;
	k8s_set_time(&f->log, &(struct timespec){ .tv_sec = 1 });
	f->log.discard = true;
	feed_line(f, STREAM_OUT, 10);
	g_assert_cmpint(write(f->log.fd, full, (size_t)(size - room)), ==, size - room);
	k8s_mark_gaps(&f->log, true);
	read_some(f, G_MAXINT);
	g_assert_nonnull(strstr(f->got->str, "tallyman: dropped"));
	g_assert_true(g_str_has_suffix(f->got->str, "}\n"));
	g_assert_false(k8s_has_gap(&f->log));
}

static void test_a_full_disk_rotates_no_old_file_away(struct fixture *f, gconstpointer data)
{
	g_autofree char *one = g_strconcat(f->path, ".1", NULL);

	(void)data;
	f->log.size_max = 2000;
	limit_file_size(1000);
	for (int i = 0; i < 1000; i++)
		feed_line(f, STREAM_OUT, 40);
	k8s_flush(&f->log);
	g_assert_false(g_file_test(one, G_FILE_TEST_EXISTS));
	limit_file_size(UNLIMITED);
	k8s_flush(&f->log);
	for (int i = 0; i < 50; i++)
		feed_line(f, STREAM_OUT, 40);
	k8s_flush(&f->log);
	g_assert_true(g_file_test(one, G_FILE_TEST_EXISTS));
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped_records + f->log.stream[STREAM_OUT].records, ==, 1050);
	(void)check_file(f);
}

static void test_a_marker_tells_count_and_time_when_space_returns(struct fixture *f, gconstpointer data)
{
	static const struct timespec later = { 1787578640, 5 };
	g_autofree char *text = NULL, *want = NULL;

	(void)data;
	f->log.marker = true;
	overfill(f, LOG_DROP_NEWEST);
	k8s_set_time(&f->log, &later);
	k8s_mark_gaps(&f->log, false);
	k8s_mark_gaps(&f->log, true); /* told once */
	feed_line(f, STREAM_OUT, 5);
	k8s_flush(&f->log);
	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
	want = g_strdup_printf(
		"2026-08-24T19:07:20.000000005+05:30 stdout F tallyman: dropped %" G_GUINT64_FORMAT
		" bytes in %" G_GUINT64_FORMAT
		" records of stdout from 2026-08-24T19:07:00.123456789+05:30 to 2026-08-24T19:07:00.123456789+05:30\n",
		f->log.stream[STREAM_OUT].dropped, f->log.stream[STREAM_OUT].dropped_records);
	g_assert_nonnull(strstr(text, want));
	g_assert_cmpuint(check_records(text).markers, ==, 1);
}

static void test_json_too_is_whole_and_counted(struct fixture *f, gconstpointer data)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint n = 0;

	(void)data;
	f->log.json = true;
	f->log.attrs = "";
	f->log.marker = true;
	k8s_set_time(&f->log, &(struct timespec){ 1787578640, 5 });
	f->log.stream[STREAM_OUT].policy = LOG_DROP_OLDEST;
	limit_file_size(1000);
	for (int i = 0; i < 5000; i++)
		feed_line(f, STREAM_OUT, 100);
	k8s_flush(&f->log);
	limit_file_size(UNLIMITED);
	k8s_flush(&f->log);
	k8s_mark_gaps(&f->log, true);
	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (char **l = lines; **l; l++, n++) {
		g_assert_true(g_str_has_prefix(*l, "{\"log\":\""));
		g_assert_true(g_str_has_suffix(
			*l, "\\n\",\"stream\":\"stdout\",\"time\":\"2026-08-24T13:37:20.000000005Z\"}"));
	}
	g_assert_cmpuint(n, ==, f->log.stream[STREAM_OUT].records + 1);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].records + f->log.stream[STREAM_OUT].dropped_records, ==, 5000);
	g_assert_nonnull(
		strstr(lines[n - 1], " from 2026-08-24T13:37:20.000000005Z to 2026-08-24T13:37:20.000000005Z"));
}

/* ---- pipes, through the spool ---- */

static void test_block_waits_for_a_slow_reader_and_loses_nothing(struct fixture *f, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(17);
	struct found found;
	bool waited = false;

	(void)data;
	while (f->line[0] + f->line[1] < 10000) {
		for (int i = g_rand_int_range(rand, 1, 500); i > 0; i--)
			(void)spool_line(f, g_rand_boolean(rand) ? STREAM_OUT : STREAM_ERR,
				(guint)g_rand_int_range(rand, 0, 300));
		feeder_run(&f->feeder, 0);
		waited = waited || f->feeder.waiting;
		read_some(f, (gsize)g_rand_int_range(rand, 1, 40000));
		turn(f);
	}
	g_assert_true(waited);
	g_assert_cmpint(f->ready, >, 0);
	while (!feeder_done(&f->feeder)) {
		read_some(f, 100000);
		g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	}
	read_some(f, G_MAXSIZE);
	g_assert_cmpint(f->losses, ==, 0);
	found = check_records(f->got->str);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.records[0] + found.records[1], ==, f->line[0] + f->line[1]);
}

/* stdout waits for a reader that never comes, and stderr is written by the megabyte all the same. */
static void test_a_stream_that_waits_does_not_stop_one_that_drops(struct fixture *f, gconstpointer data)
{
	(void)data;
	feeder_set_policy(&f->feeder, STREAM_ERR, LOG_DROP_NEWEST);
	while (spool_line(f, STREAM_OUT, 100))
		feeder_run(&f->feeder, BOTH);
	for (int i = 0; i < 30000; i++) {
		g_assert_true(spool_line(f, STREAM_ERR, 100));
		if (i % 10 == 0)
			feeder_run(&f->feeder, BOTH);
	}
	g_assert_cmpuint(f->feeder.waiting, ==, 1u << STREAM_OUT);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, 0);
	g_assert_cmpuint(f->log.stream[STREAM_ERR].dropped, >, 1500000);
	g_assert_cmpint(f->losses, >, 0);
}

static void test_a_stalled_pipe_is_not_waited_for_until_it_has_taken_all(struct fixture *f, gconstpointer data)
{
	struct found found;
	uint64_t before;

	(void)data;
	while (spool_line(f, STREAM_OUT, 100))
		feeder_run(&f->feeder, BOTH);
	g_assert_cmpuint(f->feeder.waiting, !=, 0);
	g_assert_true(loop_watch_started(&f->feeder.watch));
	g_assert_cmpuint(f->feeder.timer.due_ns, !=, 0);
	f->log.blocked_ns -= K8S_PATIENCE_NS; /* ten seconds later */
	feeder_run(&f->feeder, BOTH);
	g_assert_true(f->log.stalled);
	g_assert_cmpuint(f->feeder.waiting, ==, 0);
	before = f->log.stream[STREAM_OUT].dropped;
	g_assert_cmpuint(before, >, 0);
	g_assert_cmpuint(f->feeder.timer.due_ns, ==, 0); /* an idle container is not woken for it */
	while (f->log.stalled) {
		read_some(f, 65536);
		g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	}
	read_some(f, G_MAXSIZE);
	g_assert_true(spool_line(f, STREAM_OUT, 100));
	feeder_run(&f->feeder, BOTH);
	read_some(f, G_MAXSIZE);
	found = check_records(f->got->str);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.last[STREAM_OUT], ==, f->line[STREAM_OUT] - 1);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, before);
}

/* Promises 4 and 5 on a pipe: records may come torn into pieces, but whole in the end. */
static void test_a_pipe_gets_whole_records_whatever_is_dropped(struct fixture *f, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(23);
	struct found found;

	(void)data;
	for (int round = 0; round < 400; round++) {
		feeder_set_policy(&f->feeder, STREAM_OUT, (enum log_policy)g_rand_int_range(rand, 1, N_LOG_POLICIES));
		feeder_set_policy(&f->feeder, STREAM_ERR, (enum log_policy)g_rand_int_range(rand, 1, N_LOG_POLICIES));
		for (int i = g_rand_int_range(rand, 0, 300); i > 0; i--)
			g_assert_true(spool_line(f, g_rand_boolean(rand) ? STREAM_OUT : STREAM_ERR,
					      (guint)g_rand_int_range(rand, 0, 300)) ||
				      (feeder_run(&f->feeder, BOTH), true));
		feeder_run(&f->feeder, BOTH);
		g_assert_cmpuint(f->feeder.waiting, ==, 0);
		if (g_rand_int_range(rand, 0, 3) == 0)
			read_some(f, (gsize)g_rand_int_range(rand, 1, 80000));
	}
	while (f->log.len) {
		read_some(f, G_MAXSIZE);
		feeder_run(&f->feeder, BOTH);
	}
	read_some(f, G_MAXSIZE);
	found = check_records(f->got->str);
	assert_accounts(f, &found);
	g_assert_cmpuint(f->log.stream[0].dropped, >, 0);
	g_assert_cmpuint(f->log.stream[1].dropped, >, 0);
}

static void test_the_end_waits_for_nobody(struct fixture *f, gconstpointer data)
{
	(void)data;
	while (spool_line(f, STREAM_OUT, 100))
		feeder_run(&f->feeder, BOTH);
	g_assert_false(feeder_done(&f->feeder));
	feeder_end(&f->feeder);
	g_assert_cmpuint(f->log.len, ==, 0);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].logged, ==, f->fed[STREAM_OUT]);
	g_assert_cmpuint(
		f->log.stream[STREAM_OUT].records + f->log.stream[STREAM_OUT].dropped_records, ==, f->line[STREAM_OUT]);
}

static void test_a_pipe_whose_reader_left_is_given_up_at_once(struct fixture *f, gconstpointer data)
{
	(void)data;
	fd_close(&f->reader);
	for (int i = 0; i < 1000; i++)
		g_assert_true(spool_line(f, STREAM_OUT, 100));
	feeder_run(&f->feeder, BOTH);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, ==, f->fed[STREAM_OUT]);
	g_assert_cmpuint(f->feeder.timer.due_ns, ==, 0);
	g_assert_false(loop_watch_started(&f->feeder.watch));
}

/* ---- rates ---- */

static void set_rate(struct fixture *f, enum log_policy policy)
{
	f->feeder.rate[STREAM_OUT] = (struct rate){ .per_s = 200000, .burst = 20000 };
	feeder_set_policy(&f->feeder, STREAM_OUT, policy);
}

static void test_under_block_a_rate_slows_and_loses_nothing(struct fixture *f, gconstpointer data)
{
	uint64_t from = sys_clock_ns(CLOCK_BOOTTIME);
	struct found found;

	(void)data;
	set_rate(f, LOG_BLOCK);
	while (f->fed[STREAM_OUT] < 80000)
		g_assert_true(spool_line(f, STREAM_OUT, 100));
	g_assert_true(spool_line(f, STREAM_ERR, 100));
	feeder_run(&f->feeder, BOTH);
	g_assert_cmpuint(f->feeder.waiting, ==, 1u << STREAM_OUT);
	g_assert_cmpuint(check_file(f).records[STREAM_ERR], ==, 1); /* the other stream has no limit */
	while (!feeder_done(&f->feeder))
		g_assert_cmpint(loop_turn(&f->loop), ==, 0);
	g_assert_cmpuint(sys_clock_ns(CLOCK_BOOTTIME) - from, >=, 300000000u - 1000000u);
	found = check_file(f);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.bytes[STREAM_OUT], ==, f->fed[STREAM_OUT]);
	g_assert_cmpuint(f->feeder.timer.due_ns, ==, 0);
}

static void test_with_drop_newest_a_rate_drops_what_comes_too_fast(struct fixture *f, gconstpointer data)
{
	struct found found;

	(void)data;
	set_rate(f, LOG_DROP_NEWEST);
	while (f->fed[STREAM_OUT] < 80000)
		g_assert_true(spool_line(f, STREAM_OUT, 100));
	feeder_run(&f->feeder, BOTH);
	g_assert_cmpuint(f->feeder.waiting, ==, 0);
	found = check_file(f);
	assert_accounts(f, &found);
	g_assert_cmpuint(found.bytes[STREAM_OUT], >=, 20000);
	g_assert_cmpuint(found.bytes[STREAM_OUT], <=, 20000 + 200);
	g_assert_cmpuint(found.first[STREAM_OUT], ==, 0);
}

static void test_with_drop_oldest_a_rate_keeps_what_is_new(struct fixture *f, gconstpointer data)
{
	struct found found;

	(void)data;
	set_rate(f, LOG_DROP_OLDEST);
	for (int i = 0; i < 10000; i++)
		while (!spool_line(f, STREAM_OUT, 100)) {
			feeder_run(&f->feeder, BOTH);
			g_assert_true(feeder_make_room(&f->feeder, STREAM_OUT) || !f->feeder.waiting);
		}
	feeder_unlimit(&f->feeder); /* the container is gone */
	feeder_run(&f->feeder, BOTH);
	g_assert_cmpuint(f->feeder.waiting, ==, 0);
	found = check_file(f);
	assert_accounts(f, &found);
	g_assert_cmpuint(f->log.stream[STREAM_OUT].dropped, >, 500000);
	g_assert_cmpuint(found.last[STREAM_OUT], ==, 9999);
}

int main(int argc, char **argv)
{
	g_setenv("TZ", "XXX-5:30", TRUE);
	tzset();
	g_test_init(&argc, &argv, NULL);
#define ADD(kind, name, fn) g_test_add("/relay/pressure/" name, struct fixture, kind, setup, fn, teardown)
	g_test_add_func("/relay/spool/one-stream-that-waits-keeps-no-room-from-the-other",
		test_one_stream_that_waits_keeps_no_room_from_the_other);
	g_test_add_func("/relay/rate/no-more-than-the-rate-passes", test_no_more_than_the_rate_passes);
	ADD("file", "what-a-full-disk-does-not-take-waits-for-space",
		test_what_a_full_disk_does_not_take_waits_for_space);
	ADD("file", "drop-newest-keeps-what-came-first", test_drop_newest_keeps_what_came_first);
	ADD("file", "drop-oldest-keeps-what-came-last", test_drop_oldest_keeps_what_came_last);
	ADD("file", "promises-4-and-5-any-trouble-leaves-whole-records-and-exact-accounts",
		test_any_trouble_leaves_whole_records_and_exact_accounts);
	ADD("file", "a-full-disk-rotates-no-old-file-away", test_a_full_disk_rotates_no_old_file_away);
	ADD("fifo", "a-marker-in-a-pipe-is-never-torn", test_a_marker_in_a_pipe_is_never_torn);
	ADD("file", "a-marker-tells-count-and-time-when-space-returns",
		test_a_marker_tells_count_and_time_when_space_returns);
	ADD("file", "json-too-is-whole-and-counted", test_json_too_is_whole_and_counted);
	ADD("fifo", "block-waits-for-a-slow-reader-and-loses-nothing",
		test_block_waits_for_a_slow_reader_and_loses_nothing);
	ADD("fifo", "a-stream-that-waits-does-not-stop-one-that-drops",
		test_a_stream_that_waits_does_not_stop_one_that_drops);
	ADD("fifo", "a-stalled-pipe-is-not-waited-for-until-it-has-taken-all",
		test_a_stalled_pipe_is_not_waited_for_until_it_has_taken_all);
	ADD("fifo", "promises-4-and-5-a-pipe-gets-whole-records-whatever-is-dropped",
		test_a_pipe_gets_whole_records_whatever_is_dropped);
	ADD("fifo", "the-end-waits-for-nobody", test_the_end_waits_for_nobody);
	ADD("fifo", "a-pipe-whose-reader-left-is-given-up-at-once", test_a_pipe_whose_reader_left_is_given_up_at_once);
	ADD("file", "under-block-a-rate-slows-and-loses-nothing", test_under_block_a_rate_slows_and_loses_nothing);
	ADD("file", "with-drop-newest-a-rate-drops-what-comes-too-fast",
		test_with_drop_newest_a_rate_drops_what_comes_too_fast);
	ADD("file", "with-drop-oldest-a-rate-keeps-what-is-new", test_with_drop_oldest_a_rate_keeps_what_is_new);
	return g_test_run();
}
