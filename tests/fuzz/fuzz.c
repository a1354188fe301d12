/* The two ways to run targets: under libFuzzer the one that FUZZ_TARGET names; replay runs every target over its kept
 * corpus, as a unit test. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/rw.h"

void fuzz_check_error(gboolean ok, GError **error)
{
	g_assert_true(ok ? *error == NULL : *error != NULL);
	if (*error)
		g_assert_cmpuint(strlen((*error)->message), >, 0);
	g_clear_error(error);
}

static char *directory;

static void remove_directory(void)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(directory, name, NULL);

		(void)g_unlink(path);
	}
	(void)g_rmdir(directory);
	g_clear_pointer(&directory, g_free);
}

const char *fuzz_dir(void)
{
	if (!directory) {
		directory = g_dir_make_tmp("tally-fuzz-XXXXXX", NULL);
		g_assert_nonnull(directory);
		atexit(remove_directory);
	}
	return directory;
}

const char *fuzz_file(const char *name, const uint8_t *data, size_t size)
{
	static char path[256];
	int fd;

	g_snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(rw_write_all(fd, data, size), ==, 0);
	close(fd);
	return path;
}

#ifdef FUZZ_REPLAY

static void replay(gconstpointer user)
{
	const struct fuzz_target *target = user;
	g_autofree char *corpus = g_test_build_filename(G_TEST_DIST, "corpus", target->name, NULL);
	g_autoptr(GDir) dir = g_dir_open(corpus, 0, NULL);
	const char *name;
	int n = 0;

	g_assert_nonnull(dir);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(corpus, name, NULL);
		g_autofree char *data = NULL;
		gsize size;

		g_assert_true(g_file_get_contents(path, &data, &size, NULL));
		g_test_message("%s", path);
		target->run((const uint8_t *)data, size);
		n++;
	}
	target->run((const uint8_t *)"", 0);
	g_assert_cmpint(n, >, 0);
}

int main(int argc, char **argv)
{
	g_autofree char *here = g_build_filename(g_getenv("TALLY_SRCDIR") ?: ".", "tests", "fuzz", NULL);

	g_setenv("G_TEST_SRCDIR", here, TRUE);
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; i < n_fuzz_targets; i++) {
		g_autofree char *path = g_strdup_printf("/fuzz/%s/corpus", fuzz_targets[i].name);

		g_test_add_data_func(path, &fuzz_targets[i], replay);
	}
	return g_test_run();
}

#else

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct fuzz_target *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = g_getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < n_fuzz_targets; i++)
		if (g_strcmp0(name, fuzz_targets[i].name) == 0)
			chosen = &fuzz_targets[i];
	if (chosen)
		return 0;
	for (size_t i = 0; i < n_fuzz_targets; i++)
		g_print("%s\n", fuzz_targets[i].name); /* without a target: which there are */
	exit(name && *name ? 2 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chosen->run(data, size);
	return 0;
}

#endif
