/* Paths in a rootfs never leave it, by openat2 and by the walk that stands in for it. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/inroot.h"

struct fixture {
	char *top; /* holds root/ and, beside it, what must not be reached */
	struct inroot root;
};

static void make(struct fixture *f, const char *path, const char *link_target)
{
	g_autofree char *full = g_build_filename(f->top, path, NULL);

	if (link_target)
		g_assert_cmpint(symlink(link_target, full), ==, 0);
	else
		g_assert_cmpint(g_mkdir_with_parents(full, 0755), ==, 0);
}

static void write_file(struct fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->top, path, NULL);

	g_assert_true(g_file_set_contents(full, "", 0, NULL));
}

static void set_up(struct fixture *f, gconstpointer by_walk)
{
	g_autofree char *path = NULL;

	f->top = g_dir_make_tmp("inroot-XXXXXX", NULL);
	g_assert_nonnull(f->top);
	make(f, "root/a/b", NULL);
	make(f, "root/etc", NULL);
	make(f, "etc", NULL);
	write_file(f, "root/etc/passwd");
	write_file(f, "etc/outside");
	make(f, "root/up", "..");
	make(f, "root/far", "../../../../../../etc");
	make(f, "root/abs", "/etc");
	make(f, "root/a/loop", "loop");
	make(f, "root/a/dangling", "/new/deep");
	make(f, "root/a/file-link", "../made/file");
	make(f, "root/chain", "a/chain2");
	make(f, "root/a/chain2", "../etc");
	path = g_build_filename(f->top, "root", NULL);
	f->root = (struct inroot){ .fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), .no_openat2 = by_walk != NULL };
	g_assert_cmpint(f->root.fd, >=, 0);
}

static void remove_tree(const char *path)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", path);

	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static void tear_down(struct fixture *f, gconstpointer by_walk)
{
	(void)by_walk;
	fd_close(&f->root.fd);
	remove_tree(f->top);
	g_free(f->top);
}

/* What fd is, below the top directory. */
static char *where(struct fixture *f, int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *path = g_file_read_link(link, NULL);
	g_autofree char *top = realpath(f->top, NULL);

	g_assert_true(g_str_has_prefix(path, top));
	return g_strdup(path + strlen(top));
}

static void assert_at(struct fixture *f, int fd, const char *expected)
{
	g_autofree char *at = NULL;

	g_assert_cmpint(fd, >=, 0);
	at = where(f, fd);
	g_assert_cmpstr(at, ==, expected);
	close(fd);
}

static void test_open(struct fixture *f, gconstpointer by_walk)
{
	static const struct {
		const char *path, *at;
		int flags;
	} rows[] = {
		{ "/", "/root", 0 },
		{ "", "/root", 0 },
		{ "a/b", "/root/a/b", 0 },
		{ "/a//b/.", "/root/a/b", 0 },
		{ "/a/../etc", "/root/etc", 0 },
		{ "/../../..", "/root", 0 },
		{ "/up/up/etc", "/root/etc", 0 },
		{ "/far", "/root/etc", 0 },
		{ "/far/passwd", "/root/etc/passwd", 0 },
		{ "/abs/passwd", "/root/etc/passwd", 0 },
		{ "/chain/passwd", "/root/etc/passwd", 0 },
		{ "/abs", "/root/abs", O_NOFOLLOW },
		{ "/a/../abs", "/root/abs", O_NOFOLLOW },
	};

	(void)by_walk;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_at(f, inroot_open(&f->root, rows[i].path, rows[i].flags), rows[i].at);
}

static void test_open_errors(struct fixture *f, gconstpointer by_walk)
{
	static const struct {
		const char *path;
		int flags, err;
	} rows[] = {
		{ "/far/outside", 0, -ENOENT },
		{ "/abs/outside", 0, -ENOENT },
		{ "/a/loop", 0, -ELOOP },
		{ "/etc/passwd/x", 0, -ENOTDIR },
		{ "/etc/passwd", O_DIRECTORY, -ENOTDIR },
		{ "/nope", 0, -ENOENT },
	};

	(void)by_walk;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(inroot_open(&f->root, rows[i].path, rows[i].flags), ==, rows[i].err);
}

static void test_make_dir(struct fixture *f, gconstpointer by_walk)
{
	(void)by_walk;
	assert_at(f, inroot_make_dir(&f->root, "/x/y/z", 0755), "/root/x/y/z");
	assert_at(f, inroot_make_dir(&f->root, "/x/y/z", 0755), "/root/x/y/z");
	assert_at(f, inroot_make_dir(&f->root, "/far/new", 0755), "/root/etc/new");
	assert_at(f, inroot_make_dir(&f->root, "/up/../up/q", 0755), "/root/q");
	assert_at(f, inroot_make_dir(&f->root, "/a/dangling/more", 0755), "/root/new/deep/more");
	assert_at(f, inroot_make_dir(&f->root, "/a/dangling", 0755), "/root/new/deep");
	g_assert_cmpint(inroot_make_dir(&f->root, "/etc/passwd/d", 0755), ==, -ENOTDIR);
	g_assert_cmpint(inroot_make_dir(&f->root, "/a/loop/d", 0755), ==, -ELOOP);
}

static void test_make_last_dangling(struct fixture *f, gconstpointer by_walk)
{
	(void)by_walk;
	assert_at(f, inroot_make_dir(&f->root, "/a/dangling", 0700), "/root/new/deep");
}

static void test_make_file(struct fixture *f, gconstpointer by_walk)
{
	(void)by_walk;
	assert_at(f, inroot_make_file(&f->root, "/x/y/file"), "/root/x/y/file");
	assert_at(f, inroot_make_file(&f->root, "/etc/passwd"), "/root/etc/passwd");
	assert_at(f, inroot_make_file(&f->root, "/far/resolv.conf"), "/root/etc/resolv.conf");
	assert_at(f, inroot_make_file(&f->root, "/a/file-link"), "/root/made/file");
}

static void test_parent(struct fixture *f, gconstpointer by_walk)
{
	const char *name = NULL;

	(void)by_walk;
	assert_at(f, inroot_open_parent(&f->root, "/abs/node", &name), "/root/etc");
	g_assert_cmpstr(name, ==, "node");
	assert_at(f, inroot_open_parent(&f->root, "plain", &name), "/root");
	g_assert_cmpint(inroot_open_parent(&f->root, "/", &name), ==, -EISDIR);
	g_assert_cmpint(inroot_open_parent(&f->root, "/a/..", &name), ==, -EISDIR);
	g_assert_cmpint(inroot_open_parent(&f->root, "/a/", &name), ==, -EISDIR);
}

/* Nothing of all this has touched what lies beside the root. */
static void test_outside(struct fixture *f, gconstpointer by_walk)
{
	g_autofree char *etc = g_build_filename(f->top, "etc", NULL);
	g_autoptr(GDir) dir = NULL;

	test_make_dir(f, by_walk);
	test_make_file(f, by_walk);
	dir = g_dir_open(etc, 0, NULL);
	g_assert_cmpstr(g_dir_read_name(dir), ==, "outside");
	g_assert_null(g_dir_read_name(dir));
}

struct mover {
	char *here, *there;
	gint stop;
};

static gpointer move_about(gpointer user)
{
	struct mover *m = user;

	while (!g_atomic_int_get(&m->stop)) {
		(void)rename(m->here, m->there); /* fails while it is not there */
		(void)rename(m->there, m->here);
	}
	return NULL;
}

/* A container that shares a directory with us renames what has just been made: a ".." behind it must not be taken from
 * where the directory has gone, nor from the root (CVE-2021-30465, CVE-2024-45310). */
static void test_race(struct fixture *f, gconstpointer by_walk)
{
	struct mover m = { .here = g_build_filename(f->top, "root/a/n", NULL),
		.there = g_build_filename(f->top, "root/etc/n", NULL) };
	gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
	GThread *thread = g_thread_new("mover", move_about, &m);
	g_autofree char *outside = g_build_filename(f->top, "out", NULL);

	(void)by_walk;
	while (g_get_monotonic_time() < until) {
		int fd = inroot_make_dir(&f->root, "/a/n/../../../../out", 0755);

		fd_close(&fd);
		fd = inroot_make_file(&f->root, "/a/n/../../../../out/file");
		fd_close(&fd);
		g_assert_cmpint(access(outside, F_OK), ==, -1);
		(void)rmdir(m.here);
		(void)rmdir(m.there);
	}
	g_atomic_int_set(&m.stop, 1);
	g_thread_join(thread);
	g_free(m.here);
	g_free(m.there);
}

#define ADD(name, fn)                                                                                                  \
	g_test_add("/child/inroot/openat2/" name, struct fixture, NULL, set_up, fn, tear_down);                        \
	g_test_add("/child/inroot/walk/" name, struct fixture, GINT_TO_POINTER(1), set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("resolves-inside-the-root", test_open);
	ADD("says-why-a-path-cannot-be-opened", test_open_errors);
	ADD("makes-directories-inside-the-root", test_make_dir);
	ADD("makes-the-target-of-a-dangling-link", test_make_last_dangling);
	ADD("makes-files-inside-the-root", test_make_file);
	ADD("opens-the-parent-of-a-name", test_parent);
	ADD("leaves-what-is-outside-alone", test_outside);
	ADD("is-not-led-outside-by-a-renamed-directory", test_race);
	return g_test_run();
}
