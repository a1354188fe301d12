/* What a client missed while it did not read: served from a log file that holds every byte in reading order.
 *
 * The log may be replaced meanwhile (size limit, reopen): then the old file is kept open as a segment until the clients
 * that need it are through with it. Segments are few: a client that is further behind than they reach is let go. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/k8slog.h"
#include "relay/spool.h"

#define BACKLOG_SEGMENTS 4u
#define BACKLOG_WINDOW   (64u * 1024)
#define BACKLOG_PACKET   8192u

/* A place in the log, and the bytes of each stream that lie before it. */
struct backlog_mark {
	uint32_t segment; /* the log's generation */
	uint64_t offset;
	uint64_t pos[N_STREAMS];
	uint64_t breaks; /* the log's count at that time: once it grows, the counts above mean nothing */
};

struct backlog {
	struct k8s_log *log;
	struct {
		uint32_t generation;
		int fd;       /* -1: not open */
		uint64_t end; /* of the current one the log knows better */
	} segment[BACKLOG_SEGMENTS]; /* at generation modulo BACKLOG_SEGMENTS */
	bool frozen;                 /* what the log gets from now on is not looked at: */
	uint32_t last;               /* its last segment */
	uint64_t breaks;             /* and what it had of these, then */
	char *window;                /* BACKLOG_WINDOW bytes of a file, and BACKLOG_PACKET for a packet made of them; mapped */
	uint32_t window_len;
	uint32_t window_segment;
	uint64_t window_offset;
};

/* One run of bytes for a client. */
struct backlog_piece {
	enum stream stream;
	const char *data;
	uint32_t len;
	bool newline; /* followed by a newline */
};

/* Prepares to serve from log (which must outlive it). 0 or -errno. */
int backlog_init(struct backlog *b, struct k8s_log *log);
void backlog_clear(struct backlog *b);

/* The end of what is in the log's file now. */
struct backlog_mark backlog_end(const struct backlog *b);

/* Whether everything after mark can be read back. */
bool backlog_reaches(const struct backlog *b, const struct backlog_mark *mark);

/* Opens the present file for reading, so that it stays readable whatever becomes of its name. 0 or -errno. */
int backlog_hold(struct backlog *b);

/* Closes the segments before generation oldest, and the present one too when idle. */
void backlog_drop(struct backlog *b, uint32_t oldest, bool idle);

/* The log ends here for who is served from it, whatever becomes of it; it must not have lost anything yet. */
void backlog_freeze(struct backlog *b);
void backlog_thaw(struct backlog *b);

/* Gives the memory of reading back; what is read later is read anew. */
void backlog_trim(struct backlog *b);

/* Reads the record at mark and moves mark behind it: 1 with a piece (valid until the next call), 0 at the end of the
 * log, or -errno (ENODATA: that part of the log cannot be had any more). */
int backlog_read(struct backlog *b, struct backlog_mark *mark, struct backlog_piece *ret_piece);

/* Puts together what follows of one stream, at most BACKLOG_PACKET bytes: its length, valid until the next call, 0 at the
 * end of the log, or -errno. seen counts the bytes taken before and is moved on, as mark is, which stays at the record
 * that seen is in. */
int backlog_pack(struct backlog *b, struct backlog_mark *mark, uint64_t seen[N_STREAMS], enum stream *ret_stream,
	const char **ret_data);
