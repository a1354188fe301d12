/* What a client that lags behind the spool goes on from: the log, which holds every byte in reading order, and from where
 * the log cannot serve any more (there is none that can be read again, its disk takes nothing, a policy drops) a spill
 * file. Who is in the log when that happens reads it up to that point, and then the spill. */
#pragma once

#include "relay/backlog.h"
#include "relay/spill.h"

struct catchup {
	struct backlog log;
	struct backlog spilled;         /* over the spill */
	struct spill spill;
	struct backlog_mark spill_start;
};

struct catchup_place {
	bool in_spill;
	struct backlog_mark mark;
};

/* Prepares to serve from log, which must outlive it and may have no file, or from a spill in spill_dir. 0 or -errno. */
int catchup_init(struct catchup *k, struct k8s_log *log, const char *spill_dir);
void catchup_clear(struct catchup *k);

/* The bytes of a stream up to here need not be in the spool any more for those who are behind. */
static inline uint64_t catchup_has(const struct catchup *k, enum stream stream)
{
	return spill_active(&k->spill) ? k->spill.log.stream[stream].logged : k->log.log->stream[stream].logged;
}

/* The place of one who needs nothing that was before now. */
struct catchup_place catchup_end(const struct catchup *k);

/* Whether what is after a place can be read back. */
bool catchup_reaches(const struct catchup *k, const struct catchup_place *place);

/* The same, and makes sure that it stays so. */
bool catchup_hold(struct catchup *k, const struct catchup_place *place);

/* From now on the spill takes what comes, beginning with what the spool holds after from, which must not be more than
 * catchup_has for those who are behind. 0 or -errno; harmless once it is in use. */
int catchup_leave_log(struct catchup *k, const struct spool *spool, const uint64_t from[N_STREAMS]);

/* New bytes are in the spool: they go to the spill if it is in use. */
void catchup_feed(struct catchup *k, const struct spool *spool);

/* As backlog_pack, and goes on from the log to the spill. */
int catchup_pack(struct catchup *k, struct catchup_place *place, uint64_t seen[N_STREAMS], enum stream *ret_stream,
	const char **ret_data);

/* Nobody is behind: the spill goes, and the log may serve again. idle: nobody is there at all. */
void catchup_rest(struct catchup *k, bool idle);

/* Nothing before segment oldest of the log is needed any more. */
void catchup_drop(struct catchup *k, uint32_t oldest);

/* Gives memory back that only reading takes. */
void catchup_trim(struct catchup *k);
