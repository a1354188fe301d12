/* From the spool into one log: the driver's own pace, and what is done about it.
 *
 * Each log has a cursor, so that one that takes nothing holds up no other. A stream whose policy is LOG_BLOCK waits in the
 * spool, and so does its container, while the log has no room for it or its rate is used up; one that drops never does.
 * Nobody waits for ever: a pipe that has taken nothing for K8S_PATIENCE_NS is stalled, and until it has taken all that
 * waits for it no container waits for it; a file that cannot be written is tried again later, and nobody waits at all. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "relay/journal.h"
#include "relay/k8slog.h"
#include "relay/spool.h"

#define K8S_PATIENCE_NS 10000000000ull

struct feeder {
	struct loop *loop;
	struct spool *spool;
	struct k8s_log *log;       /* the one or the other */
	struct journal *journal;
	struct cursor cursor;
	enum log_policy policy[N_STREAMS];
	struct rate rate[N_STREAMS];
	uint32_t waiting;          /* streams (bits) of which something waits in the spool */
	uint32_t retry_s;          /* until a failing file is tried again */
	bool unlimited;            /* the container is gone: no rate any more */
	bool ending;               /* nothing waits any more: what is not taken at once is dropped */
	struct loop_watch watch;   /* for a pipe to have room */
	struct loop_timer timer;
	uint64_t told;             /* bytes dropped when on_loss was called */
	void (*on_ready)(struct feeder *f, void *user); /* feeder_run may get further than it did */
	void (*on_loss)(struct feeder *f, void *user);  /* more was dropped; NULL: nobody wants to know */
	void *user;
};

/* The policy's name, as people write it. */
const char *feeder_policy_name(enum log_policy policy);

/* Sets up a zeroed feeder of a log, or of a journal; on_ready and user are set. policy and rate count for either. */
void feeder_init(struct feeder *f, struct loop *loop, struct spool *spool, struct k8s_log *log, struct journal *journal);

/* Sets how a stream is treated from now on. */
void feeder_set_policy(struct feeder *f, enum stream stream, enum log_policy policy);

/* Gives the log what it can be given now. quiet: streams (bits) whose pipes are empty, so that the rest of a line need not
 * wait for its end. */
void feeder_run(struct feeder *f, uint32_t quiet);

/* There is no room in the spool for a stream: lets go of the oldest that waits of it, if that is its policy. Whether
 * anything was gained. */
bool feeder_make_room(struct feeder *f, enum stream stream);

/* The container is gone: rates count no more, and what is in a FIFO has to be read before this feeder is done. */
void feeder_unlimit(struct feeder *f);

/* Waits for nothing any more: whatever the log does not take at once from here on is dropped. */
void feeder_give_up(struct feeder *f);

/* Whether the log has everything that there is, or it is no use waiting. */
bool feeder_done(const struct feeder *f);

/* For how long the log has taken nothing of what waits for it. */
uint64_t feeder_blocked_ns(const struct feeder *f);

/* Bytes that did not get into the log. */
uint64_t feeder_dropped(const struct feeder *f);

/* The last run: what is carried becomes a record, what cannot be written is dropped. */
void feeder_end(struct feeder *f);
void feeder_stop(struct feeder *f);
