/* How it ended: the plain exit files that engines read, and exit.json beside them.
 *
 * A file's space is reserved when the container starts, under a temporary name in the same directory, so that a full
 * disk at the end cannot take the status. Targets are independent of each other. What nobody observed is unknown: -1
 * in the plain files, null and a reason in exit.json. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "relay/spool.h"

enum end_cause { END_EXIT, END_SIGNAL, END_OOM, END_TIMEOUT, END_UNKNOWN };

struct end_stream {
	uint64_t bytes;   /* read from the container */
	uint64_t records; /* in the log, of all drivers together */
	uint64_t dropped; /* bytes that did not get into a log */
};

/* Everything that is known about the end. */
struct end {
	const char *id;
	bool exec;
	pid_t pid;
	enum end_cause cause;
	const char *reason;       /* END_UNKNOWN: why */
	int code;                 /* what engines are told: exit code, 128 + signal, or -1 */
	int signal;               /* 0: none */
	bool core_dumped;
	uint64_t oom_kills;       /* seen by us; meaningful when oom_known */
	bool oom_known;
	struct timespec start_real, end_real;
	uint64_t start_boot_ns, end_boot_ns;
	bool usage_known;
	struct rusage usage;
	struct end_stream stream[N_STREAMS];
	uint64_t stdin_bytes;
	uint64_t clients_cut;     /* attach clients that could not be given everything */
};

#define RECORD_SUFFIX 8u /* ".XXXXXX" and NUL */

struct record_file {
	const char *path;        /* NULL: not wanted */
	int fd;                  /* the reserved file, -1: none */
	char *temp;              /* path and room for RECORD_SUFFIX more bytes */
};

/* Reserves size bytes for f->path (NULL: does nothing). 0 or -errno: the file is then written without
 * a reservation at the end. */
int record_reserve(struct record_file *f, uint32_t size);

/* Writes text and renames the file into place; spare is another reservation to give up if the disk is full. 0 or
 * -errno. */
int record_commit(struct record_file *f, const char *text, uint32_t len, struct record_file *spare);

/* Gives the reservation back: there will be no record. */
void record_cancel(struct record_file *f);

/* Writes the exit.json document for end; returns its length, or 0 if size is too small. */
uint32_t record_json(const struct end *end, char *buf, uint32_t size);
