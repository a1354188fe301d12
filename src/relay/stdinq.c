/* The way into the container. */
#include "relay/stdinq.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"

#define TRIM_DELAY_NS 1000000000u

int stdinq_init(struct stdinq *q, struct loop *loop, int fd, void (*on_room)(void *user), void *user)
{
	*q = (struct stdinq){ .loop = loop, .fd = fd, .watch.fd = -1, .on_room = on_room, .user = user };
	q->buf = sys_map(STDIN_PACKET_MAX);
	return q->buf ? 0 : -ENOMEM;
}

static void drop_fd(struct stdinq *q)
{
	loop_watch_stop(q->loop, &q->watch);
	fd_close(&q->fd);
	q->len = q->done = 0;
	q->close_after = false;
}

void stdinq_clear(struct stdinq *q)
{
	loop_timer_stop(q->loop, &q->trim);
	drop_fd(q);
	if (q->buf)
		(void)munmap(q->buf, STDIN_PACKET_MAX);
	q->buf = NULL;
}

void stdinq_set_fd(struct stdinq *q, int fd)
{
	drop_fd(q);
	q->fd = fd;
	q->expected = false;
	q->on_room(q->user);
}

static void packet_done(struct stdinq *q)
{
	q->len = q->done = 0;
	if (q->close_after)
		drop_fd(q);
}

/* The memory of large packets is given back once input has been quiet, not after each of them: pages that come back cost
 * more than the copy. */
static void on_trim(struct loop_timer *t, void *user)
{
	struct stdinq *q = user;
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);

	(void)t;
	if (stdinq_busy(q) || q->bytes != q->trim_seen) {
		q->trim_seen = q->bytes;
		loop_timer_start(q->loop, &q->trim, TRIM_DELAY_NS, on_trim, q);
		return;
	}
	sys_map_forget(q->buf + page, STDIN_PACKET_MAX - page);
	q->touched = false;
}

static void note_packet(struct stdinq *q, size_t n)
{
	if (q->touched || n <= (size_t)sysconf(_SC_PAGESIZE))
		return;
	q->touched = true;
	q->trim_seen = q->bytes;
	loop_timer_start(q->loop, &q->trim, TRIM_DELAY_NS, on_trim, q);
}

static void on_writable(struct loop_watch *w, uint32_t events, void *user);

/* Writes what is pending as far as it goes. */
static void push(struct stdinq *q)
{
	while (q->fd >= 0 && stdinq_busy(q)) {
		ssize_t n = rw_write(q->fd, q->buf + q->done, q->len - q->done);

		if (n == -EAGAIN) {
			if (!loop_watch_started(&q->watch))
				(void)loop_watch_start(q->loop, &q->watch, q->fd, EPOLLOUT, on_writable, q);
			return;
		}
		if (n < 0) {
			/* EPIPE: the container closed its stdin. What comes from now on has no reader. */
			drop_fd(q);
			return;
		}
		q->done += (uint32_t)n;
		q->bytes += (uint64_t)n;
	}
	packet_done(q);
}

static void on_writable(struct loop_watch *w, uint32_t events, void *user)
{
	struct stdinq *q = user;

	(void)w;
	if (events & EPOLLERR) /* no reader is left */
		drop_fd(q);
	else
		push(q);
	if (!stdinq_busy(q)) {
		loop_watch_stop(q->loop, &q->watch);
		q->on_room(q->user);
	}
}

ssize_t stdinq_receive(struct stdinq *q, int sock)
{
	ssize_t n;

	do
		n = recv(sock, q->buf, STDIN_PACKET_MAX, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	note_packet(q, (size_t)n);
	if (q->fd >= 0 && n > 0) {
		q->len = (uint32_t)n;
		push(q);
	}
	return n;
}

void stdinq_close(struct stdinq *q)
{
	if (stdinq_busy(q))
		q->close_after = true;
	else
		drop_fd(q);
}
