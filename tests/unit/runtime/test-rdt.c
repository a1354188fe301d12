/* Intel RDT against a directory that looks like resctrl: what the kernel makes in a new group, the test makes. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/rdt.h"

static char *file(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	char *text = NULL;

	(void)g_file_get_contents(path, &text, NULL, NULL); /* NULL says it */
	return text;
}

static void put(const char *dir, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static bool there(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* What the kernel puts into a group. */
static void fill(const char *root, const char *name, const char *schemata)
{
	g_autofree char *dir = g_build_filename(root, name, NULL);
	g_autofree char *monitors = g_build_filename(dir, "mon_groups", NULL);

	g_assert_cmpint(g_mkdir_with_parents(monitors, 0755), ==, 0);
	put(dir, "tasks", "");
	put(dir, "schemata", schemata);
}

/* A real group vanishes by rmdir(2) with all that is in it. */
static void empty(const char *root, const char *name)
{
	g_autofree char *dir = g_build_filename(root, name, NULL);
	static const char *const names[] = { "tasks", "schemata", "mon_groups" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(dir, names[i], NULL);

		(void)g_remove(path);
	}
}

static char *make_root(void)
{
	char *root = g_dir_make_tmp("rdt.XXXXXX", NULL);
	g_autofree char *info = g_build_filename(root, "info", NULL);

	g_assert_nonnull(root);
	fill(root, "", "    L3:0=7ff;1=7ff\n    MB:0= 100;1= 100\n");
	g_assert_cmpint(g_mkdir(info, 0755), ==, 0);
	put(info, "last_cmd_status", "mask is not contiguous\n");
	return root;
}

static void remove_root(char *root)
{
	g_autofree char *info = g_build_filename(root, "info", NULL);
	g_autofree char *status = g_build_filename(info, "last_cmd_status", NULL);

	g_remove(status);
	g_remove(info);
	empty(root, "");
	g_assert_cmpint(g_rmdir(root), ==, 0);
	g_free(root);
}

static void assert_file(const char *root, const char *group, const char *name, const char *text)
{
	g_autofree char *dir = g_build_filename(root, group, NULL);
	g_autofree char *is = file(dir, name);

	g_assert_cmpstr(is, ==, text);
}

/* The class has the container's id, is filled, joined, and goes with the container. */
static void test_own_class(void)
{
	const char *more[] = { "L2:0=f", NULL };
	const struct spec_rdt spec = {
		.l3_cache_schema = "L3:0=f", .mem_bw_schema = "MB:0=20", .schemata = more, .enable_monitoring = true
	};
	char *root = make_root();
	g_autoptr(GError) error = NULL;
	g_autoptr(Rdt) rdt = rdt_plan(&spec, "c1", root, &error);
	g_autofree char *class = g_build_filename(root, "c1", NULL);
	g_autofree char *monitor = g_build_filename(class, "mon_groups", "c1", NULL);

	g_assert_no_error(error);
	g_assert_cmpstr(rdt_path(rdt), ==, class);
	g_assert_false(there(root, "c1"));
	g_assert_true(rdt_make_class(rdt, &spec, &error));
	fill(root, "c1", "");
	g_assert_true(rdt_apply_schemata(rdt, &spec, &error));
	assert_file(root, "c1", "schemata", "L3:0=f\nMB:0=20\nL2:0=f\n");
	g_assert_true(rdt_make_monitor(rdt, &error));
	put(monitor, "tasks", "");
	g_assert_true(rdt_join(rdt, 42, &error));
	assert_file(root, "c1", "tasks", "42\n");
	assert_file(monitor, "", "tasks", "42\n");
	empty(root, "c1/mon_groups/c1");
	g_assert_false(rdt_remove(rdt, &error)); /* a directory of files, which resctrl would remove with them */
	g_assert_false(there(root, "c1/mon_groups/c1"));
	g_clear_error(&error);
	empty(root, "c1");
	g_assert_true(rdt_remove(rdt, &error));
	g_assert_false(there(root, "c1"));
	g_assert_true(rdt_remove(rdt, &error)); /* gone already */
	remove_root(root);
}

/* A named class is compared, joined, and stays; blanks and zeros in front do not count. */
static void test_shared_class(void)
{
	static const struct {
		const char *l3, *mb;
		bool same;
	} rows[] = { { "L3:0=7ff;1=7ff", "MB:0=100;1=100", true }, { "L3:1=7FF", NULL, true },
		{ "L3:0=07ff", "MB:00=100", true }, { "L3:0=7fe", NULL, false }, { NULL, "MB:0=10", false },
		{ "L3:2=7ff", NULL, false }, { "L3CODE:0=7ff", NULL, false }, { "L3", NULL, false },
		{ "L3:0", NULL, false } };
	char *root = make_root();

	fill(root, "shared", "    L3:0=7ff;1=7ff\n    MB:0= 100;1= 100\n");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct spec_rdt spec = {
			.clos_id = "shared", .l3_cache_schema = rows[i].l3, .mem_bw_schema = rows[i].mb
		};
		g_autoptr(GError) error = NULL;
		g_autoptr(Rdt) rdt = rdt_plan(&spec, "c1", root, &error);

		g_assert_true(rdt_make_class(rdt, &spec, &error));
		if (rdt_apply_schemata(rdt, &spec, &error) != rows[i].same)
			g_error("row %zu: %s", i, error ? error->message : "taken for the same");
		if (error)
			g_assert_nonnull(strstr(error->message, "has a different configuration"));
		rdt_undo(rdt);
		g_clear_error(&error);
		g_assert_true(rdt_remove(rdt, &error));
		g_assert_true(there(root, "shared"));
	}
	assert_file(root, "shared", "schemata", "    L3:0=7ff;1=7ff\n    MB:0= 100;1= 100\n");
	empty(root, "shared");
	{
		g_autofree char *dir = g_build_filename(root, "shared", NULL);

		g_assert_cmpint(g_rmdir(dir), ==, 0);
	}
	remove_root(root);
}

/* A name without schemata must be there; with some it is made, taken back when create fails, and else stays. */
static void test_named_class(void)
{
	const struct spec_rdt bare = { .clos_id = "n" }, full = { .clos_id = "n", .l3_cache_schema = "L3:0=5" };
	char *root = make_root();
	g_autoptr(GError) error = NULL;
	g_autoptr(Rdt) rdt = rdt_plan(&bare, "c1", root, &error);
	g_autoptr(Rdt) made = rdt_plan(&full, "c1", root, &error);
	g_autoptr(Rdt) joined = NULL;

	g_assert_false(rdt_make_class(rdt, &bare, &error));
	g_assert_nonnull(strstr(error->message, "linux.intelRdt.closID"));
	g_assert_false(there(root, "n"));
	g_clear_error(&error);
	g_assert_true(rdt_make_class(made, &full, &error));
	/* There is no file of schemata here: the kernel's own word about a write that failed is part of the message. */
	g_assert_false(rdt_apply_schemata(made, &full, &error));
	g_assert_nonnull(strstr(error->message, "write \"L3:0=5\" to "));
	g_assert_nonnull(strstr(error->message, "(mask is not contiguous)"));
	g_clear_error(&error);
	g_assert_true(rdt_remove(made, &error));
	g_assert_true(there(root, "n"));
	joined = rdt_plan(&bare, "c2", root, &error);
	g_assert_true(rdt_make_class(joined, &bare, &error));
	g_assert_true(rdt_apply_schemata(joined, &bare, &error));
	g_assert_false(rdt_join(joined, 7, &error));
	g_assert_true(g_error_matches(error, TALLY_ERROR, ENOENT));
	rdt_undo(joined);
	g_assert_true(there(root, "n"));
	rdt_undo(made);
	g_assert_false(there(root, "n"));
	remove_root(root);
}

/* The root, and a class of the container's id that somebody else has made: neither is ours to remove. */
static void test_foreign(void)
{
	const struct spec_rdt in_root = { .clos_id = "/" }, own = { 0 };
	char *root = make_root();
	g_autoptr(GError) error = NULL;
	g_autoptr(Rdt) a = rdt_plan(&in_root, "c1", root, &error);
	g_autofree char *dir = g_build_filename(root, "c1", NULL);
	g_autoptr(Rdt) b = NULL, late = NULL;

	g_assert_cmpstr(rdt_path(a), ==, root);
	g_assert_true(rdt_make_class(a, &in_root, &error));
	g_assert_true(rdt_join(a, 9, &error));
	g_assert_true(rdt_remove(a, &error));
	assert_file(root, "", "tasks", "9\n");
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	b = rdt_plan(&own, "c1", root, &error);
	g_assert_true(rdt_make_class(b, &own, &error));
	rdt_undo(b);
	g_assert_true(rdt_remove(b, &error));
	g_assert_true(there(root, "c1"));
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	late = rdt_plan(&own, "c1", root, &error);
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0); /* by somebody who was faster */
	g_assert_true(rdt_make_class(late, &own, &error));
	g_assert_true(rdt_remove(late, &error));
	g_assert_true(there(root, "c1"));
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	remove_root(root);
}

static void test_state(void)
{
	const struct spec_rdt spec = { .enable_monitoring = true };
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autoptr(Rdt) rdt = rdt_plan(&spec, "c1", "/nowhere", NULL), back = NULL;
	g_autofree char *text = NULL;
	g_autoptr(JsonValue) v = NULL;

	json_object_open(w, NULL);
	rdt_put_state(rdt, w);
	json_object_close(w);
	text = json_writer_text(w);
	g_assert_cmpstr(text, ==,
		"{\"intelRdt\":{\"class\":\"/nowhere/c1\",\"monitor\":\"/nowhere/c1/mon_groups/c1\",\"own\":true}}");
	v = json_parse(text, NULL);
	back = rdt_from_state(json_get(v, "intelRdt"));
	g_assert_cmpstr(rdt_path(back), ==, "/nowhere/c1");
	g_assert_null(rdt_from_state(json_get(v, "other")));
}

static void test_mount(void)
{
	g_autofree char *root =
		rdt_find_root("30 1 0:26 / /sys rw - sysfs sysfs rw\n31 30 0:27 / /sys/fs/old rw - resctrl resctrl rw\n"
			      "32 30 0:27 /g /sys/fs/part rw - resctrl resctrl rw\n"
			      "33 30 0:27 / /sys/fs/res\\040ctrl rw shared:3 - resctrl resctrl rw\n");

	g_assert_cmpstr(root, ==, "/sys/fs/res ctrl");
	g_assert_null(rdt_find_root("30 1 0:26 / /resctrl rw - tmpfs resctrl rw\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/rdt/a-class-of-its-own-goes-with-the-container", test_own_class);
	g_test_add_func("/runtime/rdt/a-shared-class-is-compared-and-stays", test_shared_class);
	g_test_add_func("/runtime/rdt/a-named-class-is-there-or-is-described", test_named_class);
	g_test_add_func("/runtime/rdt/what-others-made-stays", test_foreign);
	g_test_add_func("/runtime/rdt/the-state-has-what-delete-needs", test_state);
	g_test_add_func("/runtime/rdt/finds-its-mount", test_mount);
	return g_test_run();
}
