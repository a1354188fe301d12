/* Where lagging attach clients are served from when no log file can. */
#include "relay/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>

#include "base/fd.h"

int spill_init(struct spill *s, const char *dir)
{
	s->dir = dir;
	return k8s_init(&s->log, -1, NULL);
}

/* Where the log is full the spill's directory is likely to be, too. */
static bool is_roomy(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= SPILL_MAX;
}

static int open_unlinked(const char *dir)
{
	return dir ? open(dir, O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600) : -1;
}

int spill_open(struct spill *s, const struct cursor *from)
{
	static const struct timespec no_time = { 0 }; /* these records are for ourselves */
	auto_fd near = open_unlinked(s->dir), far = -1;
	int fd;

	if (near < 0 || !is_roomy(near))
		far = open_unlinked("/tmp");
	fd = far < 0 || (near >= 0 && !is_roomy(far)) ? steal_fd(&near) : steal_fd(&far);
	if (fd < 0)
		return -errno;
	k8s_forget(&s->log);
	k8s_use_file(&s->log, fd);
	k8s_set_time(&s->log, &no_time);
	s->log.total_max = SPILL_MAX;
	s->cursor = *from;
	for (int i = 0; i < N_STREAMS; i++)
		s->log.stream[i].logged = from->pos[i];
	return 0;
}

void spill_feed(struct spill *s, const struct spool *spool)
{
	enum stream stream;
	const char *data;
	uint32_t n;

	while ((n = spool_peek(spool, &s->cursor, &stream, &data)) > 0) {
		k8s_feed(&s->log, stream, data, n);
		spool_take(&s->cursor, stream, n);
	}
	k8s_flush(&s->log);
}

void spill_close(struct spill *s)
{
	fd_close(&s->log.fd);
	k8s_give_up(&s->log);
	k8s_trim(&s->log);
}
