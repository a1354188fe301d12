/* The log driver journald: one entry for each line, in journald's native protocol (systemd's documentation, "Native
 * Journal Protocol") over its datagram socket.
 *
 * A journal daemon that does not keep up is waited for, but only for JOURNAL_PATIENCE_MS once: after that entries are
 * dropped and counted until it takes one again, so that it can never hold up a container. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "relay/lines.h"
#include "relay/rate.h"
#include "relay/spool.h"

#define JOURNAL_SOCKET      "/run/systemd/journal/socket"
#define JOURNAL_PATIENCE_MS 100

struct journal_stream {
	struct lines lines;
	uint64_t entries;
	uint64_t dropped, dropped_entries; /* dropped counts bytes */
	struct rate *rate; /* entries that come too fast are dropped; NULL: no limit, or none that drops new ones */
	char priority;    /* that the present line's prefix asked for, 0: none */
	bool inside;      /* a part of the present line is an entry already */
};

struct journal {
	bool wanted;
	int fd;             /* connected datagram socket, -1: not connected now */
	struct sockaddr_un addr;
	const char *fields; /* what every entry has: "KEY=VALUE\n"... */
	bool mark_partial;  /* CONTAINER_PARTIAL_MESSAGE=true for a line that is not over */
	bool prefixes;      /* a line that begins with <0> to <7> has this priority, and not these three bytes */
	bool stalled;       /* it did not take an entry in time */
	bool discard;       /* drop what comes */
	char *carry;        /* mapped */
	struct journal_stream stream[N_STREAMS];
};

/* Sets up a zeroed object for the daemon at path (JOURNAL_SOCKET but in tests). 0 or -errno; a daemon that is not there
 * is no error: it may come. */
int journal_init(struct journal *j, const char *path, const char *fields, bool mark_partial);
void journal_clear(struct journal *j);

/* Adds bytes of a stream; a rest without newline waits for its newline, or for the end. */
void journal_feed(struct journal *j, enum stream stream, const char *data, uint32_t n);

/* The stream is over: what is carried becomes an entry. */
void journal_end(struct journal *j, enum stream stream);
