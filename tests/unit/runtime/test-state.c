/* state.json: what was saved is what is read; ids; directories. */
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "runtime/state.h"

static void remove_tree(const char *path)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", path);

	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static bool expected_id(const char *id)
{
	return *id && strcmp(id, ".") != 0 && strcmp(id, "..") != 0 &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.") == strlen(id);
}

static void test_ids(void)
{
	static const char *const fixed[] = { "", ".", "..", "...", "a", "-x", "a/b", "a b", "a\n", "\xc3\xa4", "a:b",
		"_+-.", "A.9" };

	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++)
		g_assert_cmpint(container_check_id(fixed[i], NULL), ==, expected_id(fixed[i]));
	for (int i = 0; i < 1000; i++) {
		char id[8] = "";

		for (int k = g_test_rand_int_range(0, 7); k-- > 0;)
			id[k] = (char)g_test_rand_int_range(1, 128);
		g_assert_cmpint(container_check_id(id, NULL), ==, expected_id(id));
	}
}

static void fill(Container *c)
{
	static struct spec_pair pairs[] = { { "k", "v=w" }, { "empty", "" } };
	static const char *args[] = { "a", "b", NULL };
	static struct spec_hook hooks[] = { { .path = "/h", .args = args, .timeout = { true, 3 } }, { .path = "/i" } };
	struct proc_stat st;

	c->bundle = g_strdup("/b");
	c->rootfs = g_strdup("/b/rootfs");
	c->annotations = (struct spec_map){ pairs, 2 };
	c->own[NS_PID] = c->own[NS_CGROUP] = true;
	c->no_new_keyring = true;
	c->personality = g_strdup("LINUX32");
	c->poststop = (struct spec_hook_list){ hooks, 2 };
	c->external_descriptors = g_strsplit("/dev/null,pipe:[1],", ",", -1);
	c->pid = getpid();
	g_assert_cmpint(proc_read_stat(c->pid, &st), ==, 0);
	c->start_ticks = st.start_ticks;
}

static void test_round_trip(void)
{
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(Container) a = container_new(root, "c1", &error);
	g_autoptr(Container) b = NULL;
	g_autofree char *state = NULL;

	g_assert_no_error(error);
	fill(a);
	g_assert_true(container_save(a, &error));
	b = container_open(root, "c1", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(b->bundle, ==, "/b");
	g_assert_cmpstr(b->rootfs, ==, "/b/rootfs");
	g_assert_cmpstr(b->created, ==, a->created);
	g_assert_cmpint(b->pid, ==, a->pid);
	g_assert_cmpstr(spec_map_get(&b->annotations, "k"), ==, "v=w");
	g_assert_true(b->own[NS_PID] && b->own[NS_CGROUP] && !b->own[NS_USER]);
	g_assert_true(b->no_new_keyring);
	g_assert_cmpstr(b->personality, ==, "LINUX32");
	g_assert_cmpuint(b->poststop.n_hooks, ==, 2);
	g_assert_cmpstr(b->poststop.hooks[0].args[1], ==, "b");
	g_assert_cmpint(b->poststop.hooks[0].timeout.value, ==, 3);
	g_assert_false(b->poststop.hooks[1].timeout.set);
	g_assert_cmpstr(b->external_descriptors[1], ==, "pipe:[1]");
	g_assert_null(b->cgroup);
	g_assert_cmpint(container_status(b), ==, STATUS_RUNNING);
	state = container_oci_state(b, STATUS_STOPPED, 0);
	g_assert_cmpstr(state, ==,
		"{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"stopped\",\"bundle\":\"/b\","
		"\"annotations\":{\"k\":\"v=w\",\"empty\":\"\"}}");
	g_assert_true(container_remove_dir(root, "c1", &error));
	remove_tree(root);
}

static void test_note(void)
{
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	g_autoptr(Container) a = container_new(root, "c1", NULL);
	g_auto(ContainerLeft) nothing = container_left_over(root, "c1"), left = { NULL }, gone = { NULL };
	g_autoptr(GError) error = NULL;

	g_assert_null(nothing.devices);
	g_assert_true(container_note_device(a, "tallyrun-c1-0.abcdef", &error));
	g_assert_true(container_note_device(a, "tallyrun-c1-7.ABCDEF", &error));
	left = container_left_over(root, "c1");
	g_assert_null(left.cgroup);
	g_assert_null(left.rdt);
	g_assert_cmpuint(g_strv_length(left.devices), ==, 2);
	g_assert_cmpstr(left.devices[0], ==, "tallyrun-c1-0.abcdef");
	g_assert_cmpstr(left.devices[1], ==, "tallyrun-c1-7.ABCDEF");
	fill(a);
	g_assert_true(container_save(a, &error));
	gone = container_left_over(root, "c1");
	g_assert_null(gone.devices);
	remove_tree(root);
}

/* A pid that now belongs to another process is not the container's. */
static void test_reused_pid(void)
{
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	g_autoptr(Container) a = container_new(root, "c1", NULL);
	g_autoptr(Container) b = NULL;

	fill(a);
	a->start_ticks++;
	g_assert_true(container_save(a, NULL));
	b = container_open(root, "c1", NULL);
	g_assert_cmpint(b->pid_fd, ==, -1);
	g_assert_cmpint(container_status(b), ==, STATUS_STOPPED);
	remove_tree(root);
}

static void test_unknown(void)
{
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	static const char *const ids[] = { "nope", "../etc", "", "half" };
	g_autofree char *half = g_build_filename(root, "half", NULL);

	g_assert_cmpint(mkdir(half, 0711), ==, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(container_open(root, ids[i], &error));
		g_assert_cmpstr(error->message, ==,
			*ids[i] ? "container does not exist" : "container id cannot be empty");
	}
	remove_tree(root);
}

static void test_damaged(void)
{
	static const char *const texts[] = { "", "{", "[]", "{}", "{\"init_process_pid\":1}",
		"{\"init_process_pid\":1,\"init_process_start\":1,\"created\":\"\",\"config\":{\"rootfs\":\"\"},"
		"\"tallyrun\":"
		"{\"bundle\":\"\",\"noCgroup\":true}}",
		"{\"init_process_pid\":99999999999,\"init_process_start\":1,\"created\":\"\",\"config\":{\"rootfs\":"
		"\"\"},"
		"\"tallyrun\":{\"bundle\":\"\",\"noCgroup\":true}}" };
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	g_autoptr(Container) a = container_new(root, "c1", NULL);
	g_autofree char *file = g_build_filename(a->path, STATE_FILE, NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_true(g_file_set_contents(file, texts[i], -1, NULL));
		g_assert_null(container_open(root, "c1", &error));
		g_assert_nonnull(error);
	}
	remove_tree(root);
}

static void test_second(void)
{
	g_autofree char *root = g_dir_make_tmp("state-XXXXXX", NULL);
	g_autoptr(Container) a = container_new(root, "c1", NULL);
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(a);
	g_assert_null(container_new(root, "c1", &error));
	g_assert_cmpstr(error->message, ==, "container with given ID already exists");
	remove_tree(root);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/state/takes-the-ids-that-runc-takes", test_ids);
	g_test_add_func("/runtime/state/reads-what-it-saved", test_round_trip);
	g_test_add_func("/runtime/state/what-a-create-makes-is-noted-until-it-is-saved", test_note);
	g_test_add_func("/runtime/state/knows-a-reused-pid", test_reused_pid);
	g_test_add_func("/runtime/state/says-that-a-container-does-not-exist", test_unknown);
	g_test_add_func("/runtime/state/refuses-a-damaged-file", test_damaged);
	g_test_add_func("/runtime/state/refuses-a-second-of-the-same-id", test_second);
	return g_test_run();
}
