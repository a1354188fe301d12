/* Where lagging attach clients are served from when there is no log file. */
#include "relay/spill.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"

int spill_init(struct spill *s, const char *dir)
{
	s->dir = dir;
	return k8s_init(&s->log, -1, NULL);
}

int spill_open(struct spill *s, const struct cursor *from)
{
	static const struct timespec no_time = { 0 }; /* these records are for ourselves */
	int fd = s->dir ? open(s->dir, O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		fd = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
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
