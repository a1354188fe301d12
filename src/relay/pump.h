/* From the container's stdout and stderr (or its terminal) into the spool, and from there to the log and to the attach
 * clients: log first, so that nobody sees what the log cannot have. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "relay/attach.h"
#include "relay/feeder.h"
#include "relay/spool.h"

#define PUMP_WORDS_MAX 8191u

struct pump;

struct pump_stream {
	struct pump *pump;
	enum stream stream;
	int fd;             /* -1: not open, or at its end */
	bool full;          /* parked until readers make room */
	bool dry;           /* while draining: found empty */
	uint8_t failures;   /* reads in a row that failed */
	uint64_t active_ns; /* when it was last read from */
	struct loop_watch watch;
};

struct pump {
	struct loop *loop;
	struct spool *spool;
	struct feeder *feeder;    /* n_feeders: one for each log */
	uint32_t n_feeders;
	struct attach *attach;
	struct pump_stream stream[N_STREAMS];
	uint32_t quiet;           /* streams (bits) whose pipe was empty after the last read */
	struct loop_timer trim;
	uint64_t trim_seen;       /* bytes read when trim was armed */
	bool holding;             /* the runtime still runs: what comes may be its own words, keep it */
	bool begun;               /* something was read, or tried, that is the container's */
	bool draining;            /* the container is gone: each stream is over when it is empty */
	uint32_t n_words;         /* of words */
	char *words;              /* PUMP_WORDS_MAX: the first that came on stderr while holding */
	bool terminal;            /* one stream, no gathering, the end of a session is no end of file */
	uint32_t burst;           /* short reads that followed each other closely */
	uint32_t gather_ns;       /* how long single lines may gather in the pipe now */
	void (*on_drained)(void *user);
	void *user;
};

/* Sets up a zeroed pump over feeders that were set up. 0 or -errno. */
int pump_init(struct pump *p, struct loop *loop, struct spool *spool, struct feeder *feeder, uint32_t n_feeders,
	struct attach *attach);

/* Starts reading fd (non-blocking, owned from now on) as stream. 0 or -errno. */
int pump_start(struct pump *p, enum stream stream, int fd);

/* What was held back goes to the log and to the clients. */
void pump_release_hold(struct pump *p);

/* The first bytes (at most PUMP_WORDS_MAX) that came on stderr while holding: a runtime's message. Length; *ret_text is
 * not terminated. */
uint32_t pump_words(struct pump *p, const char **ret_text);

/* Reads what can be read now without blocking, from all streams. */
void pump_poll(struct pump *p);

/* Reads every stream to where it is empty; calls on_drained, at once or later, when that is done and what was read is
 * in the log but for what pump_end_logs brings. */
void pump_drain(struct pump *p);

/* A log may have room again, or be allowed more: goes on where it was waited for. */
void pump_resume(struct pump *p);

/* Whether a log still takes what waits for it. Only while draining. */
bool pump_waits_for_log(const struct pump *p);

/* Waits for no log any more; what they do not take at once is dropped. */
void pump_give_up(struct pump *p);

/* Nothing more comes: what the log drivers still carry is logged, and everything is written. */
void pump_end_logs(struct pump *p);

/* Readers took something: goes on reading where that was stopped for lack of room. */
void pump_continue(struct pump *p);

/* Closes all streams. Harmless on a zeroed pump. */
void pump_stop(struct pump *p);
