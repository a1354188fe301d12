/* What systemd is told of a cgroup's limits: the control files' text as properties, for releases old and new. */
#include <glib/gstdio.h>

#include "scope/limits.h"

typedef struct fixture {
	char *dir;
} Fixture;

static char *path_of(const Fixture *f, const char *name) { return g_build_filename(f->dir, name, NULL); }

static void put(const Fixture *f, const char *name, const char *text)
{
	g_autofree char *path = path_of(f, name);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *get(const Fixture *f, const char *name)
{
	g_autofree char *path = path_of(f, name);
	char *text = NULL;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	return text;
}

static void set_up(Fixture *f, gconstpointer data)
{
	(void)data;
	f->dir = g_dir_make_tmp("limits.XXXXXX", NULL);
	g_assert_nonnull(f->dir);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	GDir *dir = g_dir_open(f->dir, 0, NULL);

	(void)data;
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *path = path_of(f, name);

		g_assert_cmpint(g_unlink(path), ==, 0);
	}
	g_dir_close(dir);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir);
}

/* The properties in GVariant's text form, in the order in which they are told. */
static char *told(const Fixture *f, unsigned version)
{
	g_autoptr(GVariant) properties = g_variant_ref_sink(limits_read(f->dir, version));

	return g_variant_print(properties, FALSE);
}

#define assert_told(f, version, text) \
	do { \
		g_autofree char *told_ = told(f, version); \
\
		g_assert_cmpstr(told_, ==, text); \
	} while (0)

static void test_numbers(Fixture *f, gconstpointer data)
{
	(void)data;
	assert_told(f, 252, "[]");
	put(f, "memory.max", "67108864\n");
	put(f, "memory.swap.max", "max\n");
	put(f, "io.weight", "default 100\n8:0 200\n");
	assert_told(f, 252,
		"[('MemoryMax', <uint64 67108864>), ('MemorySwapMax', <uint64 18446744073709551615>), ('IOWeight', <uint64 100>)]");
}

static void test_bandwidth(Fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "cpu.max", "max 100000\n");
	assert_told(f, 252, "[('CPUQuotaPeriodUSec', <uint64 100000>), ('CPUQuotaPerSecUSec', <uint64 18446744073709551615>)]");
	put(f, "cpu.max", "12500 100000\n"); /* 12.5 percents */
	assert_told(f, 252, "[('CPUQuotaPeriodUSec', <uint64 100000>), ('CPUQuotaPerSecUSec', <uint64 130000>)]");
}

/* What a release does not know is refused together with everything else of that call. */
static void test_releases(Fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "cpu.weight", "0\n"); /* of an idle cgroup */
	put(f, "pids.max", "33\n");
	put(f, "cpuset.cpus", "0-2,9\n");
	assert_told(f, 239, "[('TasksMax', <uint64 33>)]");
	assert_told(f, 244, "[('TasksMax', <uint64 33>), ('AllowedCPUs', <[byte 0x07, 0x02]>)]");
	assert_told(f, 252, "[('TasksMax', <uint64 33>), ('CPUWeight', <uint64 0>), ('AllowedCPUs', <[byte 0x07, 0x02]>)]");
	put(f, "cpu.weight", "59\n");
	assert_told(f, 239, "[('TasksMax', <uint64 33>), ('CPUWeight', <uint64 59>)]");
}

static void test_kept(Fixture *f, gconstpointer data)
{
	g_auto(LimitsKept) kept = { 0 };
	g_autofree char *group = NULL, *idle = NULL;
	GError *error = NULL;

	(void)data;
	put(f, "memory.oom.group", "1\n");
	put(f, "cpu.idle", "0\n");
	limits_keep(f->dir, &kept);
	put(f, "memory.oom.group", "0\n");
	g_assert_true(limits_restore(f->dir, &kept, &error));
	g_assert_no_error(error);
	group = get(f, "memory.oom.group");
	g_assert_cmpstr(group, ==, "1\n");
	idle = get(f, "cpu.idle");
	g_assert_cmpstr(idle, ==, "0\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/scope/limits/" name, Fixture, NULL, set_up, test, tear_down)
	ADD("numbers", test_numbers);
	ADD("bandwidth", test_bandwidth);
	ADD("releases", test_releases);
	ADD("kept", test_kept);
	return g_test_run();
}
