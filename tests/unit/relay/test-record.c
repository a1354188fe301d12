/* src/relay: cgroup, oom, record. Control files are scripted: plain files in a directory. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/json.h"
#include "relay/cgroup.h"
#include "relay/oom.h"
#include "relay/record.h"

static void put(const char *dir, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	auto_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644); /* in place: who has it open sees it */

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

static char *make_dir(const char *top, const char *path)
{
	char *dir = g_build_filename(top, path, NULL);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	return dir;
}

static void remove_tree(const char *path)
{
	const char *const argv[] = { "rm", "-rf", path, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
}

/* ---- cgroup ---- */

static void find(struct cgroups *c, const char *root, const char *text)
{
	g_autofree char *copy = g_strdup(text);

	for (int i = 0; i < N_CGROUP_USES; i++)
		c->dir_fd[i] = -1;
	g_assert_cmpint(cgroups_find(c, root, copy), ==, 0);
	g_assert_cmpstr(copy, ==, text);
}

static void test_the_peaks_of_every_hierarchy_are_found(void)
{
	g_autofree char *top = g_dir_make_tmp("tally-XXXXXX", NULL);
	g_autofree char *memory = make_dir(top, "memory/a/b"), *cpu = make_dir(top, "cpuacct/c"), *v2 = make_dir(top, "unified/u");
	uint64_t value[N_CGROUP_USES];
	struct cgroups c;
	char path[4096];

	put(memory, "memory.max_usage_in_bytes", "123456789\n");
	put(cpu, "cpuacct.usage", "5999\n");
	put(v2, "pids.peak", "7\n");
	find(&c, top, "12:cpu,cpuacct:/c\n11:memory:/a/b\n2:name=systemd:/s\n0::/u\n");
	g_assert_true(c.v2[CGROUP_PIDS] && !c.v2[CGROUP_MEMORY] && !c.v2[CGROUP_CPU]);
	cgroups_measure(&c, value);
	g_assert_cmpuint(value[CGROUP_MEMORY], ==, 123456789);
	g_assert_cmpuint(value[CGROUP_PIDS], ==, 7);
	g_assert_cmpuint(value[CGROUP_CPU], ==, 5);
	g_assert_true(cgroups_path(&c, path, sizeof path));
	g_assert_true(g_str_has_suffix(path, "/memory/a/b"));
	g_assert_false(cgroups_path(&c, path, 8));
	remove_tree(memory);
	g_assert_false(cgroups_path(&c, path, sizeof path));
	cgroups_measure(&c, value);
	g_assert_cmpuint(value[CGROUP_MEMORY], ==, CGROUP_UNKNOWN);
	g_assert_cmpuint(value[CGROUP_PIDS], ==, 7);
	cgroups_close(&c);
	remove_tree(top);
}

static void test_what_is_not_the_container_s_is_not_counted(void)
{
	static const char *const texts[] = {
		"5:memory:/\n4:pids:/\n3:cpuacct:/\n0::/\n", /* a process that exits, or one in the root: everybody's numbers */
		"5:memory:/../x\n4:pids:/..\n3:cpuacct:/../../memory\n0::/../memory\n",
		"5:memory:x\nbroken\n1:name=pids:/x\n0:/x\n",
		"0::/not/there\n",
		"",
	};
	g_autofree char *top = g_dir_make_tmp("tally-XXXXXX", NULL);
	g_autofree char *memory = make_dir(top, "memory/x"), *pids = make_dir(top, "pids/x"), *v2 = make_dir(top, "unified/x");
	struct cgroups c;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		uint64_t value[N_CGROUP_USES];
		char path[64];

		find(&c, top, texts[i]);
		for (int use = 0; use < N_CGROUP_USES; use++)
			g_assert_cmpint(c.dir_fd[use], ==, -1);
		cgroups_measure(&c, value);
		for (int use = 0; use < N_CGROUP_USES; use++)
			g_assert_cmpuint(value[use], ==, CGROUP_UNKNOWN);
		g_assert_false(cgroups_path(&c, path, sizeof path));
	}
	remove_tree(top);
}

static void test_counters_are_whole_words(void)
{
	uint64_t value = 99;

	g_assert_true(cgroup_counter("oom_kill_disable 1\nunder_oom 2\noom_kill 3\n", "oom_kill", &value));
	g_assert_cmpuint(value, ==, 3);
	g_assert_false(cgroup_counter("xoom 1\noom_group_kill 4\noom\n", "oom", &value));
	g_assert_cmpuint(value, ==, 3);
}

/* ---- oom ---- */

struct watched {
	char *dir;
	int dir_fd;
	struct loop loop;
	struct oom oom;
	int ooms, gone;
};

static void count_oom(void *user)
{
	((struct watched *)user)->ooms++;
}

static void count_gone(void *user)
{
	((struct watched *)user)->gone++;
}

static void watched_init(struct watched *w)
{
	*w = (struct watched){ .dir = g_dir_make_tmp("tally-XXXXXX", NULL) };
	w->dir_fd = open(w->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->oom.on_oom = count_oom;
	w->oom.on_gone = count_gone;
	w->oom.user = w;
	g_assert_cmpint(loop_init(&w->loop), ==, 0);
}

static void watched_clear(struct watched *w)
{
	oom_stop(&w->oom);
	loop_clear(&w->loop);
	fd_close(&w->dir_fd);
	remove_tree(w->dir);
	g_free(w->dir);
}

static void put_events(struct watched *w, int max, int oom, int kill, int local)
{
	g_autofree char *text = g_strdup_printf("low 0\nhigh 0\nmax %d\noom %d\noom_kill %d\noom_group_kill 0\n", max, oom, kill);
	g_autofree char *here = g_strdup_printf("low 0\nhigh 0\nmax 0\noom 0\noom_kill %d\noom_group_kill 0\n", local);

	put(w->dir, "memory.events", text);
	put(w->dir, "memory.events.local", here);
}

static void test_v2_counts_what_rose_since_the_start(void)
{
	struct watched w;

	watched_init(&w);
	put_events(&w, 3, 5, 4, 2);
	/* epoll refuses plain files; counted is all the same. */
	g_assert_cmpint(oom_start(&w.oom, &w.loop, w.dir_fd, true), ==, -EPERM);
	oom_check(&w.oom);
	g_assert_cmpint(w.ooms, ==, 0);
	g_assert_cmpuint(w.oom.kills, ==, 0);
	g_assert_false(oom_struck_last(&w.oom));
	put_events(&w, 9, 5, 4, 2); /* the limit was reached, and memory found */
	oom_check(&w.oom);
	g_assert_cmpint(w.ooms, ==, 0);
	put_events(&w, 9, 6, 6, 3);
	oom_check(&w.oom);
	g_assert_cmpint(w.ooms, ==, 1);
	g_assert_cmpuint(w.oom.kills, ==, 2);
	g_assert_cmpuint(w.oom.local, ==, 1);
	g_assert_true(oom_struck_last(&w.oom));
	put_events(&w, 9, 7, 6, 3); /* nobody could be killed */
	oom_check(&w.oom);
	g_assert_cmpint(w.ooms, ==, 2);
	g_assert_cmpuint(w.oom.kills, ==, 2);
	watched_clear(&w);
}

static void test_a_kill_that_the_container_outlived_is_not_its_end(void)
{
	struct watched w;

	watched_init(&w);
	put_events(&w, 0, 0, 0, 0);
	g_assert_cmpint(oom_start(&w.oom, &w.loop, w.dir_fd, true), ==, -EPERM);
	put_events(&w, 0, 1, 1, 1);
	oom_check(&w.oom);
	g_assert_true(oom_struck_last(&w.oom));
	while (oom_struck_last(&w.oom)) /* its own timer, the only thing in the loop */
		g_assert_cmpint(loop_turn(&w.loop), ==, 0);
	g_assert_cmpuint(w.oom.kills, ==, 1);
	put_events(&w, 0, 2, 2, 2);
	oom_check(&w.oom);
	g_assert_true(oom_struck_last(&w.oom));
	watched_clear(&w);
}

static void test_a_cgroup_without_counters_is_unavailable_not_zero(void)
{
	struct watched w;

	watched_init(&w);
	g_assert_cmpint(oom_start(&w.oom, &w.loop, w.dir_fd, true), ==, -ENOENT);
	oom_check(&w.oom);
	g_assert_cmpuint(w.oom.kills, ==, CGROUP_UNKNOWN);
	g_assert_cmpuint(w.oom.local, ==, CGROUP_UNKNOWN);
	g_assert_false(oom_struck_last(&w.oom));
	oom_stop(&w.oom);
	g_assert_cmpint(oom_start(&w.oom, &w.loop, -1, true), ==, -ENOENT);
	oom_stop(&w.oom);
	put(w.dir, "memory.events", "low 0\n"); /* not what we know, or not there any more */
	g_assert_cmpint(oom_start(&w.oom, &w.loop, w.dir_fd, true), ==, -EPERM);
	oom_check(&w.oom);
	g_assert_cmpuint(w.oom.kills, ==, CGROUP_UNKNOWN);
	g_assert_cmpint(w.ooms, ==, 0);
	watched_clear(&w);
}

static void test_v1_counts_where_events_cannot_be_had(void)
{
	struct watched w;

	watched_init(&w);
	put(w.dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	g_assert_cmpint(oom_start(&w.oom, &w.loop, w.dir_fd, false), ==, -EOPNOTSUPP); /* no cgroup.event_control */
	put(w.dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	oom_check(&w.oom);
	g_assert_cmpint(w.ooms, ==, 1);
	g_assert_cmpuint(w.oom.kills, ==, 1);
	g_assert_cmpuint(w.oom.local, ==, CGROUP_UNKNOWN);
	watched_clear(&w);
}

/* ---- record ---- */

static struct record_file record_in(const char *dir, const char *name)
{
	char *path = g_build_filename(dir, name, NULL);

	return (struct record_file){ .path = path, .fd = -1, .temp = g_malloc(strlen(path) + RECORD_SUFFIX) };
}

static void record_free(struct record_file *f)
{
	g_free((char *)f->path);
	g_free(f->temp);
}

static guint count_entries(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

static void test_a_record_is_reserved_then_whole(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	struct record_file f = record_in(dir, "c1");
	g_autofree char *text = NULL;

	g_assert_cmpint(record_reserve(&f, 16), ==, 0);
	g_assert_false(g_file_test(f.path, G_FILE_TEST_EXISTS));
	g_assert_cmpuint(count_entries(dir), ==, 1);
	g_assert_cmpint(record_commit(&f, "137", 3, NULL), ==, 0);
	g_assert_true(g_file_get_contents(f.path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "137");
	g_assert_cmpuint(count_entries(dir), ==, 1);
	g_unlink(f.path);
	g_assert_cmpint(record_reserve(&f, 16), ==, 0);
	record_cancel(&f);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	record_free(&f);
}

static void test_a_record_without_reservation_is_still_written(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL), *sub = g_build_filename(dir, "sub", NULL);
	struct record_file f = record_in(sub, "c1");

	g_assert_cmpint(record_reserve(&f, 16), ==, -ENOENT);
	g_assert_cmpint(record_commit(&f, "0", 1, NULL), ==, -ENOENT);
	g_assert_cmpint(g_mkdir(sub, 0755), ==, 0);
	g_assert_cmpint(record_commit(&f, "0", 1, NULL), ==, 0);
	g_unlink(f.path);
	g_assert_cmpint(record_reserve(&f, 16), ==, 0);
	g_unlink(f.temp); /* somebody swept the directory */
	g_assert_cmpint(record_commit(&f, "0", 1, NULL), ==, 0);
	g_unlink(f.path);
	g_rmdir(sub), g_rmdir(dir);
	record_free(&f);
}

static void test_a_record_that_cannot_be_written_never_appears_empty(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	struct record_file f = record_in(dir, "c1"), spare = record_in(dir, "c1.json");
	g_autofree char *text = NULL;

	g_assert_cmpint(record_reserve(&f, 16), ==, 0);
	g_assert_cmpint(record_reserve(&spare, 16), ==, 0);
	close(f.fd);
	f.fd = open("/dev/full", O_WRONLY | O_CLOEXEC); /* where the reservation was none, and the disk is full now */
	g_assert_cmpint(f.fd, >=, 0);
	g_assert_cmpint(record_commit(&f, "7", 1, &spare), ==, 0);
	g_assert_true(g_file_get_contents(f.path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "7");
	g_assert_cmpint(spare.fd, ==, -1); /* given up for it */
	g_unlink(f.path);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	record_free(&f);
	record_free(&spare);
}

static void test_a_record_is_written_before_it_is_told(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	struct record_file f = record_in(dir, "c1");

	g_assert_cmpint(record_reserve(&f, 16), ==, 0);
	g_assert_cmpint(record_write(&f, "7", 1, NULL), ==, 0);
	g_assert_false(g_file_test(f.path, G_FILE_TEST_EXISTS)); /* written, and not told */
	g_assert_cmpint(record_publish(&f, "7", 1), ==, 0);
	g_assert_true(g_file_test(f.path, G_FILE_TEST_EXISTS));
	g_assert_cmpuint(count_entries(dir), ==, 1);
	g_unlink(f.path);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	record_free(&f);
}

/* ---- exit.json ---- */

#define UNCOUNTED .oom_kills = CGROUP_UNKNOWN, .oom_kills_local = CGROUP_UNKNOWN, \
	.usage_of_cgroup = { CGROUP_UNKNOWN, CGROUP_UNKNOWN, CGROUP_UNKNOWN }

static JsonValue *document(const struct end *e)
{
	char buf[RECORD_JSON_MAX];
	uint32_t len = record_json(e, buf, sizeof buf);
	g_autofree char *text = g_strndup(buf, len);
	g_autoptr(GError) error = NULL;
	JsonValue *v = json_parse(text, &error);

	g_assert_no_error(error);
	g_assert_true(g_utf8_validate(text, -1, NULL));
	g_assert_cmpuint(record_json(e, buf, 200), ==, 0); /* too small is said, never cut */
	return v;
}

static void test_exit_json_tells_the_ends_apart(void)
{
	static const struct {
		struct end end;
		const char *cause, *signal;
		int exit_code; /* -1: null */
	} cases[] = {
		{ { .id = "a\"b", .pid = 5, .cause = END_EXIT, .code = 139, .exit_code = 139, .observed_by = "wait", UNCOUNTED }, "exit",
			NULL, 139 },
		{ { .id = "x", .pid = 5, .cause = END_SIGNAL, .code = 139, .signal = SIGSEGV, .observed_by = "wait", UNCOUNTED }, "signal",
			"SIGSEGV", -1 },
		{ { .id = "x", .pid = 5, .cause = END_OOM, .code = 137, .signal = SIGKILL, .observed_by = "wait", .oom_kills = 2 }, "oom",
			"SIGKILL", -1 },
		{ { .id = "x", .pid = 5, .cause = END_TIMEOUT, .code = -1, .signal = SIGKILL, .observed_by = "wait", UNCOUNTED }, "timeout",
			"SIGKILL", -1 },
		{ { .id = "x", .pid = 5, .cause = END_TIMEOUT, .code = -1, UNCOUNTED }, "timeout", NULL, -1 },
		{ { .id = "x", .pid = 5, .cause = END_STOP, .code = 3, .exit_code = 3, .observed_by = "wait",
			  .stop = { 1, 1 << SIGTERM, SIGTERM, 99, 7, 1000 }, UNCOUNTED }, "stop", NULL, 3 },
		{ { .id = "x", .cause = END_RUNTIME_ERROR, .code = -1, .reason = "bad \xff\x01 \"spec\"", .reason_len = 13,
			  .runtime_ended = true, .runtime_status = 1 << 8, UNCOUNTED }, "runtime-error", NULL, -1 },
		{ { .id = "x", .cause = END_UNKNOWN, .code = -1, .reason = "nobody saw it", .reason_len = 13, UNCOUNTED }, "unknown",
			NULL, -1 },
		{ { .id = "x", .pid = 5, .cause = END_SIGNAL, .code = 162, .signal = 34, .observed_by = "pidfd", UNCOUNTED }, "signal",
			"SIGRTMIN", -1 },
		{ { .id = "x", .pid = 5, .cause = END_SIGNAL, .code = 164, .signal = 36, .observed_by = "pidfd", UNCOUNTED }, "signal",
			"SIGRTMIN+2", -1 },
		{ { .id = "x", .pid = 5, .cause = END_SIGNAL, .code = 160, .signal = 32, .observed_by = "pidfd", UNCOUNTED }, "signal",
			"SIG32", -1 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const struct end *e = &cases[i].end;
		g_autoptr(JsonValue) v = document(e);
		int64_t code = -1;

		g_assert_cmpstr(json_get_string(v, "id"), ==, e->id);
		g_assert_cmpstr(json_get_string(v, "cause"), ==, cases[i].cause);
		g_assert_cmpstr(json_get_string(v, "signal"), ==, cases[i].signal);
		g_assert_cmpint(json_get_int64(v, "exit_code", &code), ==, cases[i].exit_code >= 0);
		g_assert_cmpint(code, ==, cases[i].exit_code);
		g_assert_true(json_get_int64(v, "status", &code));
		g_assert_cmpint(code, ==, e->code);
		g_assert_true(YAJL_IS_FALSE(json_get(v, "core_dumped")) == (e->observed_by != NULL)); /* else null */
		g_assert_cmpint(json_get_int64(json_get(v, "evidence"), "oom_kill", &code), ==, e->oom_kills != CGROUP_UNKNOWN);
		g_assert_cmpstr(json_get_string(json_get(v, "cgroup"), "memory_peak_bytes"), ==,
			e->usage_of_cgroup[CGROUP_MEMORY] == CGROUP_UNKNOWN ? "unavailable" : NULL);
	}
}

static void test_texts_of_any_bytes_and_length_stay_valid(void)
{
	g_autofree char *id = g_strnfill(255, '\x01'), *words = g_malloc(8000), *path = g_strnfill(1000, '/');
	struct end e = { .id = id, .cause = END_RUNTIME_ERROR, .reason = words, .reason_len = 8000, .cgroup = path };
	g_autoptr(JsonValue) v = NULL;
	static const char valid[] = "z\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xa9";

	for (int i = 0; i < 8000; i++)
		words[i] = (char)(i * 7 + i / 256);
	v = document(&e);
	g_assert_cmpstr(json_get_string(v, "id"), ==, id);
	g_assert_cmpstr(json_get_string(json_get(v, "cgroup"), "path"), ==, "unavailable"); /* a piece of a path is a lie */
	yajl_tree_free(g_steal_pointer(&v));
	e.reason = valid;
	e.reason_len = sizeof valid - 1;
	v = document(&e);
	g_assert_cmpstr(json_get_string(json_get(v, "evidence"), "reason"), ==, valid);
	yajl_tree_free(g_steal_pointer(&v));
	e.reason = "\xc0\x80 \xed\xa0\x80 \xf5 \xe2\x82";
	e.reason_len = 11;
	v = document(&e);
	g_assert_cmpstr(json_get_string(json_get(v, "evidence"), "reason"), ==,
		"\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
}

static void test_an_ordinary_document_fits_into_what_is_reserved(void)
{
	g_autofree char *id = g_strnfill(248, 'c'), *path = g_strnfill(600, '/'), *words = g_strnfill(8000, 'w');
	struct end e = {
		.id = id, .pid = INT32_MAX, .cause = END_RUNTIME_ERROR, .reason = words, .reason_len = 8000, .cgroup = path, .code = -1,
		.runtime_ended = true, .oom_kills = UINT64_MAX - 1, .oom_kills_local = UINT64_MAX - 1, .usage_known = true,
		.usage_of_cgroup = { UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1 }, .stdin_bytes = UINT64_MAX,
		.stop = { UINT32_MAX, ~0ull, SIGTERM, UINT64_MAX, UINT32_MAX, UINT32_MAX }, .start_boot_ns = UINT64_MAX,
		.end_boot_ns = UINT64_MAX, .clients_cut = UINT64_MAX,
	};
	char buf[RECORD_JSON_MAX];
	uint32_t len;

	for (int s = 0; s < N_STREAMS; s++)
		e.stream[s] = (struct end_stream){ UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, UINT64_MAX };
	len = record_json(&e, buf, sizeof buf);
	g_assert_cmpuint(len, >, 0);
	g_assert_cmpuint(len, <=, RECORD_JSON_RESERVE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/relay/cgroup/the-peaks-of-every-hierarchy-are-found", test_the_peaks_of_every_hierarchy_are_found);
	g_test_add_func("/relay/cgroup/what-is-not-the-container-s-is-not-counted", test_what_is_not_the_container_s_is_not_counted);
	g_test_add_func("/relay/cgroup/counters-are-whole-words", test_counters_are_whole_words);
	g_test_add_func("/relay/oom/v2-counts-what-rose-since-the-start", test_v2_counts_what_rose_since_the_start);
	g_test_add_func("/relay/oom/a-kill-that-the-container-outlived-is-not-its-end",
		test_a_kill_that_the_container_outlived_is_not_its_end);
	g_test_add_func("/relay/oom/a-cgroup-without-counters-is-unavailable-not-zero",
		test_a_cgroup_without_counters_is_unavailable_not_zero);
	g_test_add_func("/relay/oom/v1-counts-where-events-cannot-be-had", test_v1_counts_where_events_cannot_be_had);
	g_test_add_func("/relay/record/is-reserved-then-whole", test_a_record_is_reserved_then_whole);
	g_test_add_func("/relay/record/without-reservation-is-still-written", test_a_record_without_reservation_is_still_written);
	g_test_add_func("/relay/record/that-cannot-be-written-never-appears-empty",
		test_a_record_that_cannot_be_written_never_appears_empty);
	g_test_add_func("/relay/record/is-written-before-it-is-told", test_a_record_is_written_before_it_is_told);
	g_test_add_func("/relay/exit-json/tells-the-ends-apart", test_exit_json_tells_the_ends_apart);
	g_test_add_func("/relay/exit-json/texts-of-any-bytes-and-length-stay-valid", test_texts_of_any_bytes_and_length_stay_valid);
	g_test_add_func("/relay/exit-json/an-ordinary-document-fits-into-what-is-reserved",
		test_an_ordinary_document_fits_into_what_is_reserved);
	return g_test_run();
}
