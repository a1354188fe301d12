/* A log file in the format that the container runtime interface asks for ("k8s-file"):
 *
 *	2026-08-24T13:37:00.123456789+02:00 stdout F text
 *
 * A record carries at most K8S_RECORD_MAX bytes of the container. F: the record's bytes ended with a newline in the
 * data. P: they did not, and a longer line or a later rest follows. Records are built in one buffer and written by one
 * write(2) for each batch; the file ends at a record boundary after every write, or is cut back to one.
 *
 * Or, with json, in Docker's format (jsonlog.h): there a rest without newline waits for its newline, for a full record or
 * for the stream's end, as in Docker, so that the records are the same however the bytes arrived. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "relay/jsonlog.h"
#include "relay/lines.h"
#include "relay/spool.h"

#define K8S_RECORD_MAX LINES_MAX
#define K8S_PREFIX     45u             /* "<35 bytes of time> stdout F " */
#define K8S_BUFFER     (512u * 1024)
#define K8S_CARRY       JSON_RECORD_MAX
#define K8S_PATIENCE_MS 10000         /* for a FIFO's reader to take a batch; after that only what it takes at once */

struct k8s_stream {
	uint64_t logged;  /* bytes of the container that are in the file (or were dropped) */
	uint64_t records;
	uint64_t dropped; /* bytes that could not be written, or were over the global limit */
	struct lines lines;
	char first_time[JSON_TIME_MAX]; /* of the present line's first part, empty at a line's beginning; json only */
};

struct k8s_log {
	struct k8s_log *next;  /* another file of the same container, or NULL */
	bool json;             /* Docker's records */
	bool utc;              /* k8s-file: not the local time */
	const char *attrs;     /* json: the object of labels and tag, "" for none */
	int fd;                /* -1: no log file */
	const char *path;      /* of the file itself, not of a link to it; NULL: it cannot be replaced */
	int64_t size_max;      /* bytes of the file, <= 0: no limit */
	int64_t total_max;     /* bytes of all records together, <= 0: no limit */
	uint64_t size;         /* of the file: where the next record goes */
	uint64_t counted;      /* towards size_max */
	uint64_t total;        /* of everything written, with what was found at the start */
	uint32_t generation;   /* counts replacements of the file */
	int error;             /* errno of the last failed write, 0 after a good one */
	bool regular;          /* a regular file: can be cut back, read again, synced */
	bool stalled;          /* a FIFO whose reader did not take a batch in time */
	char *buf;             /* K8S_BUFFER, mapped */
	uint32_t len;
	uint32_t touched;
	struct k8s_stream stream[N_STREAMS];
	struct {
		uint32_t bytes[N_STREAMS], records[N_STREAMS];
	} pending;             /* in buf, not yet written */
	int64_t stamp_sec;     /* second that stamp was made for */
	char stamp[K8S_PREFIX + 3]; /* json: the time alone */
	/* The size limit was reached: replace the file. Called with an empty buffer; may call k8s_use_file. */
	void (*on_full)(struct k8s_log *log, void *user);
	void *user;
};

/* Sets up a zeroed log with an open file (or -1). The size found counts towards the limits. 0 or -errno. */
int k8s_init(struct k8s_log *log, int fd, const char *path);
void k8s_clear(struct k8s_log *log);

/* Goes on in another file (the old descriptor is closed). */
void k8s_use_file(struct k8s_log *log, int fd);

/* Notes the time that the records of this batch get. */
void k8s_set_time(struct k8s_log *log, const struct timespec *now);

/* Adds n bytes of a stream. A rest without newline is carried until more comes or k8s_end_partial. */
void k8s_feed(struct k8s_log *log, enum stream stream, const char *data, uint32_t n);

/* Nothing more is waiting in the pipe: what is carried becomes a P record now (but in json waits on). */
void k8s_end_partial(struct k8s_log *log, enum stream stream);

/* The stream is over: what is carried becomes a record, whatever the format. */
void k8s_end(struct k8s_log *log, enum stream stream);

/* Writes what was built. */
void k8s_flush(struct k8s_log *log);

/* Gives memory back after a burst. */
void k8s_trim(struct k8s_log *log);
