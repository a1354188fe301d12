/* A log with its rotated predecessors as one text. Files are told apart by their inodes: names move from one to the
 * next while we read. */
#include "ctl/log_set.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"
#include "ctl/log_unpack.h"

#define OPEN_TRIES 64
#define FILES_MAX  10000
#define PROBE_SIZE 512 /* records with their times: enough to tell two logs apart */

struct file {
	int fd;
	struct stat st; /* when it was opened; of a compressed one the size is that of its content */
	bool packed;
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

/* Puts the content in the place of the compressed file, which is still known by its inode. */
static int unpack(struct file *f, const char *suffix, const char *name)
{
	struct stat content;
	int fd = log_unpack(f->fd, suffix, name);

	if (fd < 0)
		return fd;
	fd_close(&f->fd);
	f->fd = fd;
	f->packed = true;
	if (fstat(fd, &content) < 0)
		return -errno;
	f->st.st_size = content.st_size;
	return 0;
}

static int open_name(const LogSet *s, const char *name, const char *suffix, struct file *ret_file)
{
	struct file f = { .fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) };
	int r = f.fd < 0 || fstat(f.fd, &f.st) < 0 ? -errno : 0;

	if (r == 0 && *suffix)
		r = unpack(&f, suffix, name);
	if (r < 0)
		fd_close(&f.fd);
	else
		*ret_file = f;
	return r;
}

/* In this order: a compressed file appears before the plain one goes. */
static const char *const suffixes[] = { "", ".gz", ".zst" };

/* While files get new numbers there is one gap, which moves from the oldest to the newest. */
static bool is_rotating(const LogSet *s, unsigned int gap)
{
	struct stat st;
	bool found = false;

	for (size_t i = 0; !found && i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *name = g_strdup_printf("%s.%u%s", s->name, gap + 1, suffixes[i]);

		found = fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	}
	return found;
}

/* Number 0 is the log itself. 0, or -errno. */
static int open_number(const LogSet *s, unsigned int number, struct file *ret_file)
{
	int r = -ENOENT;

	if (number == 0)
		return open_name(s, s->name, "", ret_file);
	for (size_t i = 0; r == -ENOENT && i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *name = g_strdup_printf("%s.%u%s", s->name, number, suffixes[i]);

		r = open_name(s, name, suffixes[i], ret_file);
	}
	return r;
}

/* Whether a file that we read is the one that f is the compressed form of. */
static bool same_content(const struct file *f, const struct file *ours)
{
	char a[PROBE_SIZE], b[PROBE_SIZE];
	struct stat st;
	ssize_t n;

	if (!f->packed || ours->packed || fstat(ours->fd, &st) < 0 || st.st_size != f->st.st_size)
		return false;
	for (int end = 0; end < 2; end++) {
		off_t at = end ? MAX(st.st_size - PROBE_SIZE, 0) : 0;

		n = pread(f->fd, a, sizeof a, at);
		if (n < 0 || pread(ours->fd, b, sizeof b, at) != n || memcmp(a, b, (size_t)n) != 0)
			return false;
	}
	return true;
}

static struct file *file_at(const LogSet *s, guint i)
{
	return &g_array_index(s->files, struct file, i);
}

/* Newest first; -EAGAIN when a rotation came between. A gap that does not move is the end of the row. */
static int open_all(LogSet *s, bool patient)
{
	struct file f, again;
	int r;

	g_array_set_size(s->files, 0);
	for (unsigned int i = 0; i < FILES_MAX; i++) {
		r = open_number(s, i, &f);
		if (r == -ENOENT && i > 0 && patient && is_rotating(s, i))
			return -EAGAIN;
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
		r = open_all(s, i < OPEN_TRIES / 2);
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
 * removed since is followed by the oldest that is left. 0: opened, 1: there is none, -EAGAIN: just being rotated, or -errno. */
static int find_successor(const LogSet *s, bool patient, struct file *ret_file)
{
	const struct file *ours = file_at(s, s->files->len - 1);
	struct file next = { .fd = -1 }, f;
	int r;

	for (unsigned int i = 0; i < FILES_MAX; i++) {
		r = open_number(s, i, &f);
		if (r == -ENOENT && i == 0)
			return 1; /* just being rotated: the new one comes */
		if (r == -ENOENT && patient && is_rotating(s, i))
			r = -EAGAIN;
		if (r < 0)
			break;
		if (same(&f.st, &ours->st) || same_content(&f, ours)) {
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

static int open_successor(const LogSet *s, struct file *ret_file)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < OPEN_TRIES; i++)
		r = find_successor(s, i < OPEN_TRIES / 2, ret_file);
	return r;
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
