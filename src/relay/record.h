/* How it ended: the plain exit files that engines read, and exit.json beside them.
 *
 * A file's space is reserved when the container starts, under a temporary name in the same directory, so that a full
 * disk at the end cannot take the status. Targets are independent of each other. What nobody observed is unknown: -1
 * in the plain files, null and a reason in exit.json, whose form is docs/exit.schema.json. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>

#include "relay/cgroup.h"
#include "relay/spool.h"

enum end_cause {
	END_EXIT,
	END_SIGNAL,
	END_OOM,
	END_TIMEOUT,
	END_STOP,          /* as a signal asked that went through the monitor */
	END_RUNTIME_ERROR, /* it never began */
	END_UNKNOWN,
	N_END_CAUSES,
};

#define END_UNCOUNTED UINT64_MAX

struct end_stream {
	uint64_t bytes;   /* read from the container */
	uint64_t lines;   /* newlines among them; END_UNCOUNTED: no log driver looked for them */
	uint64_t records; /* in the log, of all drivers together */
	uint64_t dropped; /* bytes that did not get into a log, of all drivers together */
	uint64_t dropped_records;
};

/* Signals that the monitor was asked to pass on. */
struct end_stop {
	uint32_t count;   /* 0: none, and nothing else below counts */
	uint64_t signals; /* 1 << number of each that was passed on */
	int signal;       /* the last one, when it came, and from whom */
	uint64_t boot_ns;
	uint32_t pid, uid;
};

/* Everything that is known about the end. */
struct end {
	const char *id;
	bool exec;
	pid_t pid;                /* 0: there was none */
	enum end_cause cause;
	const char *reason;       /* END_UNKNOWN, END_RUNTIME_ERROR: why; NULL: nothing to add */
	uint32_t reason_len;
	const char *observed_by;  /* "wait" or "pidfd"; NULL: nobody has seen the status */
	int code;                 /* what engines are told: exit code, 128 + signal, or -1 */
	int exit_code;            /* of the process; meaningful when it was observed and signal is 0 */
	int signal;               /* 0: none */
	bool core_dumped;
	bool runtime_ended;       /* then this is how, as from waitpid(2) */
	int runtime_status;
	unsigned int timeout_s;   /* 0: none */
	struct end_stop stop;
	uint64_t oom_kills, oom_kills_local; /* CGROUP_UNKNOWN: unavailable */
	uint64_t usage_of_cgroup[N_CGROUP_USES]; /* the same */
	const char *cgroup;       /* path of the memory cgroup's directory, NULL: unavailable */
	struct timespec start_real, end_real;
	uint64_t start_boot_ns, end_boot_ns; /* start 0: it never began */
	bool usage_known;
	struct rusage usage;
	struct end_stream stream[N_STREAMS];
	uint64_t stdin_bytes;
	uint64_t clients_cut;     /* attach clients that could not be given everything */
	uint64_t clients_skipped; /* bytes that those were not shown who were to go on all the same */
};

#define RECORD_SUFFIX 8u /* ".XXXXXX" and NUL */

struct record_file {
	const char *path;        /* NULL: not wanted */
	int fd;                  /* the reserved file, -1: none */
	char *temp;              /* path and room for RECORD_SUFFIX more bytes */
	bool written;            /* what is at temp is whole, and closed */
};

/* Reserves size bytes for f->path (NULL: does nothing). 0 or -errno: the file is then written without
 * a reservation at the end. */
int record_reserve(struct record_file *f, uint32_t size);

/* Writes text into the reserved space, or where there is none into a new file beside its place; spare is another
 * reservation to give up if the disk is full. 0 or -errno. */
int record_write(struct record_file *f, const char *text, uint32_t len, struct record_file *spare);

/* Renames what was written into place; if that was or is not possible it is tried once more from scratch. 0 or -errno,
 * with nothing left behind. */
int record_publish(struct record_file *f, const char *text, uint32_t len);

/* Both. */
int record_commit(struct record_file *f, const char *text, uint32_t len, struct record_file *spare);

/* Gives the reservation back: there will be no record. */
void record_cancel(struct record_file *f);

#define RECORD_JSON_RESERVE 4096u /* what all but monstrous documents fit into */
#define RECORD_JSON_MAX     8192u
#define RECORD_PATH_MAX     1024u

/* Writes the exit.json document for end (record_json.c); returns its length, or 0 if size is too small. A document with
 * an id of a file name's length fits into RECORD_JSON_MAX: longer texts are cut. */
uint32_t record_json(const struct end *end, char *buf, uint32_t size);
