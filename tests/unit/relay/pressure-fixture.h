/* For the tests of logs under pressure: a feeder with a real log, file or FIFO, whose output, losses and records are counted,
 * and a limit for the size of files that makes the disk full. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "relay/feeder.h"
#include "relay/rotate.h"
#include "turn.h"

#define BOTH 3u

struct fixture {
	char *dir, *path;
	int reader; /* of a FIFO */
	struct loop loop;
	struct spool spool;
	struct k8s_log log;
	struct feeder feeder;
	GString *got; /* what the reader has read */
	uint64_t fed[N_STREAMS];
	uint32_t line[N_STREAMS];
	uint64_t gone_bytes[N_STREAMS], gone_records[N_STREAMS]; /* in a file before it was emptied */
	int ready, losses;
};

static void on_ready(struct feeder *feeder, void *user)
{
	((struct fixture *)user)->ready++;
	feeder_run(feeder, BOTH);
}

static void on_loss(struct feeder *feeder, void *user)
{
	(void)feeder;
	((struct fixture *)user)->losses++;
}

static void on_full(struct k8s_log *log, void *user)
{
	(void)user;
	g_assert_cmpint(rotate_log(log, &(struct rotation){ .keep = true, .max_files = 1000 }), ==, 0);
}

/* data: "fifo" or "file" */
static void setup(struct fixture *f, gconstpointer data)
{
	static const struct timespec now = { 1787578620, 123456789 };
	int fd;

	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "log", NULL);
	f->reader = -1;
	if (strcmp(data, "fifo") == 0) {
		g_assert_cmpint(mkfifo(f->path, 0600), ==, 0);
		f->reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(loop_init(&f->loop), ==, 0);
	g_assert_cmpint(spool_init(&f->spool), ==, 0);
	g_assert_cmpint(k8s_init(&f->log, fd, f->path), ==, 0);
	f->log.on_full = on_full;
	k8s_set_time(&f->log, &now);
	f->feeder.on_ready = on_ready;
	f->feeder.on_loss = on_loss;
	f->feeder.user = f;
	feeder_init(&f->feeder, &f->loop, &f->spool, &f->log, NULL);
	f->got = g_string_new(NULL);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
	const char *name;

	(void)data;
	feeder_stop(&f->feeder);
	k8s_clear(&f->log);
	spool_clear(&f->spool);
	loop_clear(&f->loop);
	fd_close(&f->reader);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(f->dir, name, NULL);

		g_unlink(path);
	}
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_string_free(f->got, TRUE);
	g_free(f->path);
	g_free(f->dir);
}

/* The next numbered line of a stream, of about so many bytes, straight into the log. */
static void feed_line(struct fixture *f, enum stream s, guint size)
{
	g_autofree char *pad = g_strnfill(size, 'p'), *line = g_strdup_printf("%u %s\n", f->line[s]++, pad);

	k8s_feed(&f->log, s, line, (uint32_t)strlen(line));
	f->fed[s] += strlen(line);
}

/* The same into the spool; false: there is no room. */
static bool spool_line(struct fixture *f, enum stream s, guint size)
{
	uint64_t wanted[N_STREAMS] = { f->feeder.cursor.pos[0], f->feeder.cursor.pos[1] };
	char *to;
	uint32_t space;
	int n;

	spool_release(&f->spool, wanted);
	space = spool_space(&f->spool, s, &to);
	if (space < size + 16)
		return false;
	n = g_snprintf(to, space, "%u ", f->line[s]++);
	memset(to + n, 'p', size);
	to[(guint)n + size] = '\n';
	spool_commit(&f->spool, s, (uint32_t)n + size + 1);
	f->fed[s] += (uint32_t)n + size + 1;
	return true;
}

static void turn(struct fixture *f)
{
	loop_turn_at_once(&f->loop);
}

static void read_some(struct fixture *f, gsize most)
{
	while (most > 0) {
		char buf[65536];
		ssize_t n = read(f->reader, buf, MIN(most, sizeof buf));

		if (n <= 0)
			return;
		g_string_append_len(f->got, buf, n);
		most -= (gsize)n;
	}
}

struct found {
	uint64_t bytes[N_STREAMS], records[N_STREAMS], markers;
	uint32_t first[N_STREAMS], last[N_STREAMS];
};

/* Every record whole and of numbered lines, numbers rising in each stream. */
static struct found check_records(const char *text)
{
	struct found r = { .last = { UINT32_MAX, UINT32_MAX } };

	for (const char *p = text, *end = text + strlen(text), *nl; p < end; p = nl + 1) {
		g_autofree char *line = NULL;
		enum stream s;
		uint32_t n;

		nl = memchr(p, '\n', (size_t)(end - p));
		g_assert_nonnull(nl);
		line = g_strndup(p, (gsize)(nl - p)); /* a sanitizer measures strings to their ends, again and again */
		g_assert_cmpuint(strlen(line), >, K8S_PREFIX);
		s = strncmp(line + 36, "stderr", 6) == 0 ? STREAM_ERR : STREAM_OUT;
		g_assert_true(g_str_has_prefix(line + 36, s == STREAM_ERR ? "stderr F " : "stdout F "));
		if (g_str_has_prefix(line + K8S_PREFIX, "tallyman: dropped ")) {
			r.markers++;
			continue;
		}
		n = (uint32_t)g_ascii_strtoull(line + K8S_PREFIX, NULL, 10);
		if (r.records[s]++ == 0)
			r.first[s] = n;
		else
			g_assert_cmpuint(n, >, r.last[s]);
		r.last[s] = n;
		r.bytes[s] += strlen(line) - K8S_PREFIX + 1;
	}
	return r;
}

static struct found check_file(struct fixture *f)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
	return check_records(text);
}

/* What came is in the file, waits, or is counted as dropped: not a byte more or less. */
static void assert_accounts(struct fixture *f, const struct found *found)
{
	for (int s = 0; s < N_STREAMS; s++) {
		const struct k8s_stream *k = &f->log.stream[s];

		g_assert_cmpuint(found->records[s] + f->gone_records[s], ==, k->records);
		g_assert_cmpuint(
			found->bytes[s] + f->gone_bytes[s] + k->dropped + f->log.pending.bytes[s], ==, f->fed[s]);
		g_assert_cmpuint(k->records + k->dropped_records + f->log.pending.records[s], ==, f->line[s]);
		g_assert_cmpuint(k->logged + k->late + f->log.pending.bytes[s], ==, f->fed[s]);
	}
}

static void limit_file_size(rlim_t size)
{
	static struct rlimit old;
	struct rlimit limit;

	if (!old.rlim_max)
		g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	limit = (struct rlimit){ .rlim_cur = MIN(size, old.rlim_cur), .rlim_max = old.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

#define UNLIMITED RLIM_INFINITY
