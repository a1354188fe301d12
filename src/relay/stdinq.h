/* The way into the container: one buffer in front of its stdin (a pipe or the terminal). One packet at a time: while
 * it cannot be written, no further one is taken from any client, so that back-pressure reaches whoever sends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"

#define STDIN_PACKET_MAX (1024u * 1024) /* mapped, touched as far as packets need */

struct stdinq {
	struct loop *loop;
	int fd;              /* -1: the container has no stdin, or it is closed: input is read and thrown away */
	char *buf;           /* STDIN_PACKET_MAX */
	uint32_t len, done;  /* of the packet in the buffer */
	bool touched;        /* beyond its first page */
	bool expected;       /* the terminal has not come yet: input waits for it */
	bool close_after;    /* end of file was asked for while a packet was pending */
	struct loop_watch watch;
	uint64_t bytes;      /* written so far */
	struct loop_timer trim;
	uint64_t trim_seen;  /* bytes written when trim was armed */
	void (*on_room)(void *user);
	void *user;
};

/* Takes fd (non-blocking; -1: none). on_room is called when a packet that had to wait is through. 0 or -errno. */
int stdinq_init(struct stdinq *q, struct loop *loop, int fd, void (*on_room)(void *user), void *user);
void stdinq_clear(struct stdinq *q);

/* Takes over another descriptor, when the terminal arrives; input that waited for it goes on. */
void stdinq_set_fd(struct stdinq *q, int fd);

static inline bool stdinq_busy(const struct stdinq *q)
{
	return q->expected || q->len > q->done;
}

/* Receives one packet from a client's socket and passes it on. Bytes received, 0 at the client's end of file (or an
 * empty packet), -EAGAIN when there is nothing, or another -errno. Must not be called while busy. */
ssize_t stdinq_receive(struct stdinq *q, int sock);

/* End of input: closes the container's stdin, after what is pending. */
void stdinq_close(struct stdinq *q);
