/* From the spool into one log. */
#include "relay/feeder.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/sys.h"

#define S         1000000000ull
#define UNREAD_NS  (10 * S / 1000)
#define RETRY_MAX 32u /* seconds; doubled from one on, for a disk that stays full */

const char *feeder_policy_name(enum log_policy policy)
{
	static const char *const names[N_LOG_POLICIES] = { "block", "drop-oldest", "drop-newest" };

	return names[policy];
}

void feeder_init(struct feeder *f, struct loop *loop, struct spool *spool, struct k8s_log *log, struct journal *journal)
{
	f->loop = loop;
	f->spool = spool;
	f->log = log;
	f->journal = journal;
	f->watch.fd = -1;
	f->cursor = spool_end(spool);
	for (enum stream s = 0; s < N_STREAMS; s++)
		feeder_set_policy(f, s, f->policy[s]);
}

void feeder_set_policy(struct feeder *f, enum stream stream, enum log_policy policy)
{
	/* What waits in the spool is paced here; what is dropped when it comes, record by record. */
	struct rate *gate =
		policy == LOG_DROP_NEWEST && f->rate[stream].per_s && !f->unlimited ? &f->rate[stream] : NULL;

	f->policy[stream] = policy;
	if (f->log) {
		f->log->stream[stream].policy = policy;
		f->log->stream[stream].rate = gate;
	} else {
		f->journal->stream[stream].rate = gate;
	}
}

static bool is_paced(const struct feeder *f, enum stream stream)
{
	return f->rate[stream].per_s && f->policy[stream] != LOG_DROP_NEWEST && !f->unlimited;
}

/* Whether the container is to wait when this log has no room. */
static bool may_block(const struct feeder *f, enum stream stream)
{
	return f->log && !f->log->regular && !f->log->stalled && f->policy[stream] == LOG_BLOCK && !f->ending;
}

/* How many of n bytes can be fed now. */
static uint32_t allowed(struct feeder *f, enum stream stream, uint32_t n)
{
	if (is_paced(f, stream)) {
		if (f->rate[stream].left <= 0)
			return 0;
		n = n < f->rate[stream].left ? n : (uint32_t)f->rate[stream].left;
	}
	if (may_block(f, stream)) {
		uint32_t room = k8s_room(f->log, stream);

		if (!room && !f->log->troubled) {
			k8s_flush(f->log);
			room = k8s_room(f->log, stream);
		}
		n = n < room ? n : room;
	}
	return n;
}

static void feed(struct feeder *f, enum stream stream, const char *data, uint32_t n)
{
	if (f->log)
		k8s_feed(f->log, stream, data, n);
	else
		journal_feed(f->journal, stream, data, n);
	spool_take(&f->cursor, stream, n);
}

static void on_timer(struct loop_timer *t, void *user)
{
	struct feeder *f = user;

	(void)t;
	f->retry_s = f->retry_s < RETRY_MAX ? 2 * f->retry_s : RETRY_MAX;
	f->on_ready(f, f->user);
}

static void on_writable(struct loop_watch *w, uint32_t events, void *user)
{
	struct feeder *f = user;

	(void)w;
	(void)events;
	f->on_ready(f, f->user);
}

/* Whether something is in a FIFO that would be gone if we closed it, unless somebody else has it open. */
static bool is_unread(const struct feeder *f)
{
	int unread = 0;

	return f->log && f->log->fifo && ioctl(f->log->fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* A pipe that is full says when it has room; for everything else there is the clock. */
static void arm(struct feeder *f)
{
	const struct k8s_log *log = f->log;
	uint64_t due = UINT64_MAX;

	if (log && log->blocked_ns && !loop_watch_started(&f->watch))
		(void)loop_watch_start(
			f->loop, &f->watch, log->fd, EPOLLOUT, on_writable, f); /* else the clock has to do */
	else if (log && !log->blocked_ns)
		loop_watch_stop(f->loop, &f->watch);
	for (enum stream s = 0; s < N_STREAMS; s++)
		if (f->waiting >> s & 1 && is_paced(f, s) && rate_wait_ns(&f->rate[s]) < due)
			due = rate_wait_ns(&f->rate[s]);
	if (log && log->blocked_ns && f->waiting && !log->stalled) {
		uint64_t blocked = feeder_blocked_ns(f),
			 left = blocked < K8S_PATIENCE_NS ? K8S_PATIENCE_NS - blocked : 0;

		due = left < due ? left : due;
	}
	if (log && log->troubled && !loop_watch_started(&f->watch)) {
		f->retry_s = f->retry_s ?: 1;
		due = f->retry_s * S < due ? f->retry_s * S : due;
	} else {
		f->retry_s = 0;
	}
	/* Of a FIFO that was read empty nobody tells. */
	if (f->unlimited && !f->ending && is_unread(f) && due > UNREAD_NS)
		due = UNREAD_NS;
	if (due == UINT64_MAX)
		loop_timer_stop(f->loop, &f->timer);
	else
		loop_timer_start(f->loop, &f->timer, due, on_timer, f);
}

static void refill(struct feeder *f)
{
	uint64_t now = f->rate[STREAM_OUT].per_s || f->rate[STREAM_ERR].per_s ? sys_clock_ns(CLOCK_BOOTTIME) : 0;

	for (enum stream s = 0; s < N_STREAMS; s++)
		rate_refill(&f->rate[s], now);
}

uint64_t feeder_dropped(const struct feeder *f)
{
	if (f->log)
		return f->log->stream[STREAM_OUT].dropped + f->log->stream[STREAM_ERR].dropped;
	return f->journal->stream[STREAM_OUT].dropped + f->journal->stream[STREAM_ERR].dropped;
}

void feeder_run(struct feeder *f, uint32_t quiet)
{
	enum stream stream;
	const char *data;
	uint32_t n;

	if (f->log && f->log->fd < 0) {
		f->cursor = spool_end(f->spool);
		return;
	}
	refill(f);
	if (f->log && f->log->troubled)
		k8s_flush(f->log);
	if (f->log && f->waiting && f->log->blocked_ns && feeder_blocked_ns(f) >= K8S_PATIENCE_NS)
		f->log->stalled = true;
	f->waiting = 0;
	while ((n = spool_peek_but(f->spool, &f->cursor, f->waiting, &stream, &data)) > 0) {
		uint32_t part = allowed(f, stream, n);

		if (part)
			feed(f, stream, data, part);
		else
			f->waiting |= 1u << stream;
		if (part && is_paced(f, stream))
			(void)rate_pass(&f->rate[stream], part);
	}
	for (enum stream s = 0; f->log && s < N_STREAMS; s++)
		if (quiet >> s & 1 && !(f->waiting >> s & 1))
			k8s_end_partial(f->log, s);
	if (f->log) {
		if (!f->log->troubled) /* else it was tried a moment ago */
			k8s_flush(f->log);
		k8s_mark_gaps(f->log, false);
	}
	arm(f);
	if (f->on_loss && feeder_dropped(f) > f->told) {
		f->told = feeder_dropped(f);
		f->on_loss(f, f->user);
	}
}

bool feeder_make_room(struct feeder *f, enum stream stream)
{
	struct cursor c = f->cursor;
	enum stream found;
	const char *data;
	uint32_t n;

	if (!(f->waiting >> stream & 1) || f->policy[stream] != LOG_DROP_OLDEST)
		return false;
	n = spool_peek_but(f->spool, &c, ~(1u << stream), &found, &data);
	if (!n)
		return false;
	if (f->log)
		f->log->discard = true;
	else
		f->journal->discard = true;
	feed(f, stream, data, n);
	if (f->log)
		f->log->discard = false;
	else
		f->journal->discard = false;
	return true;
}

void feeder_unlimit(struct feeder *f)
{
	f->unlimited = true; /* and a FIFO is watched for being read */
	for (enum stream s = 0; s < N_STREAMS; s++)
		feeder_set_policy(f, s, f->policy[s]);
}

void feeder_give_up(struct feeder *f)
{
	f->ending = true;
	feeder_unlimit(f);
}

bool feeder_done(const struct feeder *f)
{
	return !f->waiting && (f->ending || ((!f->log || !f->log->blocked_ns) && !is_unread(f)));
}

uint64_t feeder_blocked_ns(const struct feeder *f)
{
	return f->log && f->log->blocked_ns ? sys_clock_ns(CLOCK_BOOTTIME) - f->log->blocked_ns : 0;
}

void feeder_end(struct feeder *f)
{
	feeder_give_up(f);
	feeder_run(f, (1u << N_STREAMS) - 1);
	for (enum stream s = 0; s < N_STREAMS; s++)
		if (f->log)
			k8s_end(f->log, s);
		else
			journal_end(f->journal, s);
	if (f->log && f->log->fd >= 0) {
		k8s_flush(f->log);
		k8s_give_up(f->log);
		k8s_mark_gaps(f->log, true);
	}
	feeder_stop(f);
}

void feeder_stop(struct feeder *f)
{
	if (!f->loop)
		return;
	loop_watch_stop(f->loop, &f->watch);
	loop_timer_stop(f->loop, &f->timer);
}
