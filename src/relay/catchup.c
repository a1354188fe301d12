/* What a client that lags goes on from: the log, then the spill. */
#include "relay/catchup.h"

int catchup_init(struct catchup *k, struct k8s_log *log, const char *spill_dir)
{
	int r = spill_init(&k->spill, spill_dir);

	if (r < 0)
		return r;
	r = backlog_init(&k->log, log);
	return r < 0 ? r : backlog_init(&k->spilled, &k->spill.log);
}

void catchup_clear(struct catchup *k)
{
	backlog_clear(&k->log);
	backlog_clear(&k->spilled);
	k8s_clear(&k->spill.log);
}

static struct backlog *source(struct catchup *k, const struct catchup_place *place)
{
	return place->in_spill ? &k->spilled : &k->log;
}

struct catchup_place catchup_end(const struct catchup *k)
{
	bool in_spill = spill_active(&k->spill);

	return (struct catchup_place){ in_spill, backlog_end(in_spill ? &k->spilled : &k->log) };
}

bool catchup_reaches(const struct catchup *k, const struct catchup_place *place)
{
	return backlog_reaches(place->in_spill ? &k->spilled : &k->log, &place->mark);
}

bool catchup_hold(struct catchup *k, const struct catchup_place *place)
{
	return catchup_reaches(k, place) && backlog_hold(source(k, place)) == 0;
}

int catchup_leave_log(struct catchup *k, const struct spool *spool, const uint64_t from[N_STREAMS])
{
	struct cursor start = { .pos = { from[STREAM_OUT], from[STREAM_ERR] } };
	int r;

	if (spill_active(&k->spill))
		return 0;
	r = spill_open(&k->spill, &start);
	if (r < 0)
		return r;
	backlog_freeze(&k->log);
	k->spill_start = backlog_end(&k->spilled);
	spill_feed(&k->spill, spool);
	return 0;
}

void catchup_feed(struct catchup *k, const struct spool *spool)
{
	if (spill_active(&k->spill))
		spill_feed(&k->spill, spool);
}

int catchup_pack(struct catchup *k, struct catchup_place *place, uint64_t seen[N_STREAMS], enum stream *ret_stream,
	const char **ret_data)
{
	int r = backlog_pack(source(k, place), &place->mark, seen, ret_stream, ret_data);

	if (r != 0 || place->in_spill || !spill_active(&k->spill))
		return r;
	*place = (struct catchup_place){ true, k->spill_start };
	return backlog_pack(&k->spilled, &place->mark, seen, ret_stream, ret_data);
}

void catchup_rest(struct catchup *k, bool idle)
{
	backlog_thaw(&k->log);
	backlog_drop(&k->log, k->log.log->generation, idle);
	backlog_drop(&k->spilled, k->spill.log.generation + 1, idle);
	spill_close(&k->spill);
}

void catchup_drop(struct catchup *k, uint32_t oldest)
{
	backlog_drop(&k->log, oldest, false);
}

void catchup_trim(struct catchup *k)
{
	backlog_trim(&k->log);
	backlog_trim(&k->spilled);
}
