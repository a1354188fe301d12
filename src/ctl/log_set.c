/* A log with its rotated predecessors as one text. Files are told apart by their inodes: names move from one to the
 * next while we read. */
#include "ctl/log_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"

#define OPEN_TRIES 16
#define FILES_MAX  10000

struct file {
	int fd;
	struct stat st; /* when it was opened */
	uint64_t start; /* offset of its first byte in the whole */
};

struct LogSet {
	int dir_fd;
	char *name;
	GArray *files; /* struct file, oldest first: what was there at the beginning */
	uint64_t size;
	guint current;     /* file that is read; the last one is replaced by its successors */
	uint64_t position; /* in that file */
};

static void close_file(gpointer f)
{
	fd_close(&((struct file *)f)->fd);
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Number 0 is the log itself. 0, or -errno. */
static int open_number(const LogSet *s, unsigned int number, struct file *ret_file)
{
	g_autofree char *numbered = number ? g_strdup_printf("%s.%u", s->name, number) : NULL;
	struct file f = { .fd = openat(s->dir_fd, numbered ?: s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) };

	if (f.fd < 0 || fstat(f.fd, &f.st) < 0) {
		int r = -errno;

		fd_close(&f.fd);
		return r;
	}
	*ret_file = f;
	return 0;
}

static struct file *file_at(const LogSet *s, guint i)
{
	return &g_array_index(s->files, struct file, i);
}

/* Newest first; -EAGAIN when a rotation came between. */
static int open_all(LogSet *s)
{
	struct file f, again;
	int r;

	g_array_set_size(s->files, 0);
	for (unsigned int i = 0; i < FILES_MAX; i++) {
		r = open_number(s, i, &f);
		if (r == -ENOENT && i > 0)
			break;
		if (r < 0)
			return r;
		g_array_prepend_val(s->files, f);
	}
	r = open_number(s, 0, &again);
	if (r < 0)
		return r == -ENOENT ? -EAGAIN : r;
	fd_close(&again.fd);
	return same(&again.st, &file_at(s, s->files->len - 1)->st) ? 0 : -EAGAIN;
}

LogSet *log_set_open(int dir_fd, const char *name, GError **error)
{
	g_autoptr(LogSet) s = g_new0(LogSet, 1);
	int r = -EAGAIN;

	s->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	s->name = g_strdup(name);
	s->files = g_array_new(FALSE, FALSE, sizeof(struct file));
	g_array_set_clear_func(s->files, close_file);
	for (int i = 0; r == -EAGAIN && i < OPEN_TRIES; i++)
		r = open_all(s);
	if (r < 0) {
		fail_with(error, r, "open log %s", name);
		return NULL;
	}
	for (guint i = 0; i < s->files->len; i++) {
		file_at(s, i)->start = s->size;
		s->size += (uint64_t)file_at(s, i)->st.st_size;
	}
	return g_steal_pointer(&s);
}

void log_set_free(LogSet *s)
{
	if (!s)
		return;
	fd_close(&s->dir_fd);
	g_free(s->name);
	g_array_unref(s->files);
	g_free(s);
}

uint64_t log_set_size(const LogSet *s)
{
	return s->size;
}

/* The file in which this offset is. */
static guint find_file(const LogSet *s, uint64_t offset)
{
	guint i = s->files->len - 1;

	while (i > 0 && file_at(s, i)->start > offset)
		i--;
	return i;
}

ssize_t log_set_read_at(const LogSet *s, uint64_t offset, char *buf, size_t size, GError **error)
{
	const struct file *f = file_at(s, find_file(s, offset));
	uint64_t inside = offset - f->start;
	ssize_t n;

	if (inside >= (uint64_t)f->st.st_size)
		return 0;
	n = pread(f->fd, buf, MIN(size, (uint64_t)f->st.st_size - inside), (off_t)inside);
	if (n < 0)
		fail_errno(error, "read log %s", s->name);
	return n;
}

void log_set_seek(LogSet *s, uint64_t offset)
{
	s->current = find_file(s, offset);
	s->position = offset - file_at(s, s->current)->start;
}

uint64_t log_set_offset(const LogSet *s)
{
	return file_at(s, s->current)->start + s->position;
}

uint64_t log_set_offset_in_file(const LogSet *s)
{
	return s->position;
}

/* Opens the file that follows the last one of ours, if there is one by now: it has the next lower number. One that was
 * removed since is followed by the oldest that is left. 0: opened, 1: there is none, or -errno. */
static int open_successor(const LogSet *s, struct file *ret_file)
{
	const struct file *ours = file_at(s, s->files->len - 1);
	struct file next = { .fd = -1 }, f;
	int r;

	for (unsigned int i = 0; i < FILES_MAX; i++) {
		r = open_number(s, i, &f);
		if (r == -ENOENT && i == 0)
			return 1; /* just being rotated: the new one comes */
		if (r == -ENOENT)
			break;
		if (r < 0)
			break;
		if (same(&f.st, &ours->st)) {
			fd_close(&f.fd);
			r = next.fd < 0 ? 1 : 0;
			break;
		}
		fd_close(&next.fd);
		next = f;
	}
	if (r < 0 && r != -ENOENT) {
		fd_close(&next.fd);
		return r;
	}
	*ret_file = next;
	return next.fd < 0 ? 1 : 0;
}

/* The last file has been read to its end: goes on with its successor. */
static int follow_rotation(LogSet *s)
{
	struct file next, *last = file_at(s, s->files->len - 1);
	int r = open_successor(s, &next);

	if (r != 0)
		return r;
	next.start = last->start + s->position;
	fd_close(&last->fd);
	*last = next;
	s->position = 0;
	return 0;
}

ssize_t log_set_read(LogSet *s, char *buf, size_t size, GError **error)
{
	for (;;) {
		struct file *f = file_at(s, s->current);
		struct stat st;
		ssize_t n = pread(f->fd, buf, size, (off_t)s->position);
		int r;

		if (n < 0) {
			fail_errno(error, "read log %s", s->name);
			return -1;
		}
		s->position += (uint64_t)n;
		if (n > 0)
			return n;
		if (s->current + 1 < s->files->len) {
			s->current++;
			s->position = 0;
			continue;
		}
		/* Truncated in place: what is there now is new. */
		if (fstat(f->fd, &st) == 0 && (uint64_t)st.st_size < s->position) {
			f->start += s->position;
			s->position = 0;
			continue;
		}
		r = follow_rotation(s);
		if (r == 1)
			return 0;
		if (r < 0) {
			fail_with(error, r, "open log %s", s->name);
			return -1;
		}
	}
}
