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
#include "relay/rate.h"
#include "relay/spool.h"

#define K8S_RECORD_MAX LINES_MAX
#define K8S_PREFIX     45u             /* "<35 bytes of time> stdout F " */
#define K8S_BUFFER     (512u * 1024)
#define K8S_CARRY      JSON_RECORD_MAX
#define K8S_STAMP      35u

/* What becomes of records that the file does not take, because it is a full pipe, or on a full or failing disk, once the
 * stream's half of the buffer is full; or that are over a rate limit. Whoever calls k8s_feed keeps LOG_BLOCK's promise,
 * by not calling; what is fed all the same is dropped as with LOG_DROP_NEWEST. */
enum log_policy { LOG_BLOCK, LOG_DROP_OLDEST, LOG_DROP_NEWEST, N_LOG_POLICIES };

struct k8s_stream {
	uint64_t logged;  /* bytes of the container that are in the file, or were dropped before those that are */
	uint64_t records;
	uint64_t dropped, dropped_records; /* over a limit, or could not be written; dropped counts bytes */
	uint64_t late;    /* bytes dropped behind what still waits in the buffer */
	enum log_policy policy;
	struct rate *rate; /* records that come too fast are dropped; NULL: no limit, or none that drops new ones */
	struct {
		uint64_t bytes, records;
		char from[K8S_STAMP + 1], to[K8S_STAMP + 1];
	} gap;            /* what was dropped since the last marker */
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
	bool fifo;             /* which we hold open for reading, too */
	bool troubled;         /* the last write did not take all that is in the buffer */
	bool stalled;          /* a pipe that took nothing for so long that nobody waits for it any more */
	bool patchy;           /* bytes are missing behind what is in the buffer: the counts and the file do not agree yet */
	bool discard;          /* drop what comes */
	bool marker;           /* write a record that tells what was dropped */
	uint64_t breaks;       /* how often bytes were left out of the file, or others put in */
	uint64_t blocked_ns;   /* since when a pipe has taken nothing, CLOCK_BOOTTIME; 0: it takes */
	uint64_t marked_ns;    /* when the last marker was written */
	char *buf;             /* K8S_BUFFER, mapped: whole records */
	uint32_t len;
	uint32_t head;         /* so much of the first record is in the file already */
	uint32_t touched;
	struct k8s_stream stream[N_STREAMS];
	struct {
		uint32_t size[N_STREAMS], bytes[N_STREAMS], records[N_STREAMS];
	} pending;             /* in buf, not yet written; size: with what makes it records */
	int64_t stamp_sec;     /* second that stamp was made for */
	char stamp[K8S_PREFIX + 3]; /* json: the time alone */
	/* The size limit was reached: replace the file. Called with an empty buffer; may call k8s_use_file. */
	void (*on_full)(struct k8s_log *log, void *user);
	/* Called before bytes go missing from the file, or others come between: up to log->size it holds all that logged
	 * counts, for the last time. May be NULL. */
	void (*on_break)(struct k8s_log *log, void *user);
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

/* Writes what was built, as far as the file takes it now; never waits for a pipe. What it does not take stays in the buffer
 * (log->troubled), and log->error says why. */
void k8s_flush(struct k8s_log *log);

/* Drops what is in the buffer. */
void k8s_give_up(struct k8s_log *log);

/* How many bytes of a stream k8s_feed takes for sure without dropping any. */
uint32_t k8s_room(const struct k8s_log *log, enum stream stream);

/* Writes the markers, if they are wanted, something was dropped since the last ones, and nothing waits in the buffer; not
 * more often than once a second unless at_once. */
void k8s_mark_gaps(struct k8s_log *log, bool at_once);
bool k8s_has_gap(const struct k8s_log *log);

/* A new beginning, in whatever file comes next. */
void k8s_forget(struct k8s_log *log);

/* Gives memory back after a burst. */
void k8s_trim(struct k8s_log *log);

/* Between k8slog.c, which makes records, and k8squeue.c, which writes them. */

/* Room for a record of so many bytes; false: it has to be dropped. */
bool k8s_make_room(struct k8s_log *log, enum stream stream, uint32_t size);

/* The file is replaced if the record would make it too large; false: it has to be dropped. */
bool k8s_keep_below_limit(struct k8s_log *log, enum stream stream, uint32_t size);

/* A record of size bytes, with so many of the container, was built at the end of the buffer. */
void k8s_add(struct k8s_log *log, enum stream stream, uint32_t size, uint32_t bytes);

/* Counts a record of so many bytes of the container that is not going to be built. */
void k8s_drop(struct k8s_log *log, enum stream stream, uint32_t bytes);

/* The bytes of the container in the record at p, which ends at nl, and whose they are. */
uint32_t k8s_payload(const struct k8s_log *log, const char *p, const char *nl, enum stream *ret_stream);

/* Its time, as text: length. */
uint32_t k8s_record_stamp(const struct k8s_log *log, const char *p, const char *nl, const char **ret_stamp);

/* Where the last whole record in the first n bytes of the buffer ends. */
uint32_t k8s_record_boundary(const struct k8s_log *log, uint32_t n);

/* How large a record of n bytes may become. */
uint32_t k8s_size_most(const struct k8s_log *log, uint32_t n);

/* Builds a record of our own at the start of the buffer, which is empty; its size. */
uint32_t k8s_build_marker(struct k8s_log *log, enum stream stream, const char *text, uint32_t n);
