/* From the container's streams to the log and to the attach clients. */
#include "relay/pump.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"

#define MS 1000000u

#define FAIR_READ     8192u	  /* from each stream in turn while both are active, to keep their order */
#define FAIR_WINDOW   (100u * MS) /* "active": read from within this time */
#define BURST_GAP     (MS / 2)	  /* reads closer than this belong to one burst */
#define BURST_LENGTH  16u
#define GATHER_STEP   10000u	/* ns; the rest of a burst begins with so much */
#define GATHER_MAX    (1u * MS) /* and grows to this while reads stay short */
#define GATHER_SHORT  4096u	/* a read of less was hardly worth its turn */
#define DRAIN_ROUNDS  64
#define GATHER_ENOUGH 16384 /* bytes that are worth a turn at once */
#define TRIM_DELAY    (1000u * MS)

#define READ_FAILURES 16 /* in a row: then the stream is over */

#define ALL_STREAMS ((1u << N_STREAMS) - 1)

#define FOR_EACH_FEEDER(p, f) for (struct feeder *f = (p)->feeder; f < (p)->feeder + (p)->n_feeders; f++)

enum outcome { READ_DATA, READ_AGAIN, READ_EMPTY, READ_END, READ_FULL };

int pump_init(struct pump *p, struct loop *loop, struct spool *spool, struct feeder *feeder, uint32_t n_feeders,
	struct attach *attach)
{
	p->loop = loop;
	p->spool = spool;
	p->feeder = feeder;
	p->n_feeders = n_feeders;
	p->attach = attach;
	p->holding = true;
	p->words = sys_map(PUMP_WORDS_MAX);
	for (enum stream s = 0; s < N_STREAMS; s++)
		p->stream[s] = (struct pump_stream){ .pump = p, .stream = s, .fd = -1, .watch.fd = -1 };
	return p->words ? 0 : -ENOMEM;
}

static void stream_close(struct pump_stream *s)
{
	loop_watch_stop(s->pump->loop, &s->watch);
	fd_close(&s->fd);
	s->full = false;
}

static void release_spool(struct pump *p)
{
	uint64_t wanted[N_STREAMS] = { p->spool->pos[STREAM_OUT], p->spool->pos[STREAM_ERR] };

	FOR_EACH_FEEDER(p, f)
	for (int s = 0; s < N_STREAMS; s++)
		if (f->cursor.pos[s] < wanted[s])
			wanted[s] = f->cursor.pos[s];
	attach_wanted(p->attach, wanted);
	spool_release(p->spool, wanted);
}

/* What was read so far goes into the logs, as far as they take it, then to the clients. quiet: streams (bits) whose pipes
 * are empty. */
static void pass_on(struct pump *p, uint32_t quiet)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	FOR_EACH_FEEDER(p, f)
	{
		if (f->log)
			k8s_set_time(f->log, &now);
		feeder_run(f, quiet);
	}
	catchup_feed(p->attach->catchup, p->spool);
	attach_serve(p->attach);
	release_spool(p);
}

static bool both_active(const struct pump *p, uint64_t now)
{
	for (enum stream s = 0; s < N_STREAMS; s++)
		if (!p->stream[s].active_ns || now - p->stream[s].active_ns > FAIR_WINDOW)
			return false;
	return true;
}

/* When it was quiet before, too, what is waiting by now may have been written at the same time. */
static bool other_waits(const struct pump_stream *s)
{
	const struct pump_stream *other = &s->pump->stream[s->stream == STREAM_OUT ? STREAM_ERR : STREAM_OUT];
	int waiting;

	return other->fd >= 0 && ioctl(other->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

/* In a burst of small writes a short rest lets them gather: far fewer turns, and the writer is woken less. The rest is
 * as long as it takes to gather something. Not while somebody watches, nor while the order of two streams is at stake,
 * nor at the end. */
static void gather(struct pump *p, const struct pump_stream *s, uint64_t now)
{
	int waiting;

	if (now - s->active_ns > BURST_GAP)
		p->burst /= 2;
	if (p->burst < BURST_LENGTH || p->terminal || p->draining || p->attach->n_clients || both_active(p, now))
		return;
	if (ioctl(s->fd, FIONREAD, &waiting) == 0 && waiting < GATHER_ENOUGH)
		(void)nanosleep(
			&(struct timespec){ .tv_nsec = p->gather_ns }, NULL); /* a signal only ends the rest early */
}

/* What a read brought tells how long to gather before the next one. */
static void learn(struct pump *p, uint32_t got, uint32_t want)
{
	if (got == want)
		return;
	p->burst += p->burst < BURST_LENGTH;
	if (got < GATHER_SHORT)
		p->gather_ns += p->gather_ns / 2 + GATHER_STEP;
	else if (got > GATHER_ENOUGH)
		p->gather_ns /= 2;
	if (p->gather_ns > GATHER_MAX)
		p->gather_ns = GATHER_MAX;
}

/* Finds room for a read. While the runtime runs, a full spool means that more came than any message: let it go. */
static uint32_t make_space(struct pump *p, enum stream stream, char **ret_space)
{
	uint32_t space = spool_space(p->spool, stream, ret_space);

	if (!space && p->holding) {
		const char *words;

		(void)pump_words(p, &words); /* keeps them */
		pump_release_hold(p);
	} else if (!space && attach_make_room(p->attach)) {
		release_spool(p);
	}
	space = space ?: spool_space(p->spool, stream, ret_space);
	if (!space && p->attach->n_behind) {
		/* What is not in the log yet holds up who is served from there: cut the line rather than wait. */
		pass_on(p, ALL_STREAMS);
		space = spool_space(p->spool, stream, ret_space);
	}
	if (!space && p->attach->n_behind) {
		attach_leave_log(p->attach); /* nor for a disk that takes nothing */
		attach_serve(p->attach);
	}
	FOR_EACH_FEEDER(p, f)
	while (!space && feeder_make_room(f, stream)) {
		release_spool(p);
		space = spool_space(p->spool, stream, ret_space);
	}
	if (!space) {
		release_spool(p);
		space = spool_space(p->spool, stream, ret_space);
	}
	return space;
}

/* One read of a stream and everything that follows from it. */
static enum outcome read_once(struct pump_stream *s)
{
	struct pump *p = s->pump;
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
	int waiting = 0;
	char *to;
	uint32_t want = make_space(p, s->stream, &to);
	ssize_t n;

	if (!want)
		return READ_FULL;
	/* Who attached before the container was started is to see its first bytes, also when both come in one turn. */
	if (!p->holding && !p->begun) {
		p->begun = true;
		attach_accept(p->attach);
	}
	gather(p, s, now);
	if (want > FAIR_READ && (both_active(p, now) || other_waits(s)))
		want = FAIR_READ;
	n = rw_read(s->fd, to, want);
	if (n == -EAGAIN)
		return READ_EMPTY;
	/* EIO is how a terminal without user ends; a pipe has only one end, and any other error may pass. */
	if (n < 0 && !(n == -EIO && p->terminal) && s->failures++ < READ_FAILURES)
		return READ_AGAIN;
	if (n <= 0)
		return READ_END;
	s->failures = 0;
	s->active_ns =
		p->burst < BURST_LENGTH ? now : sys_clock_ns(CLOCK_MONOTONIC); /* the rest is no pause of the writer */
	learn(p, (uint32_t)n, want);
	spool_commit(p->spool, s->stream, (uint32_t)n);
	if ((uint32_t)n == want && ioctl(s->fd, FIONREAD, &waiting) < 0)
		waiting = 0;
	p->quiet = (p->quiet & ~(1u << s->stream)) | (waiting ? 0 : 1u << s->stream);
	if (!p->holding)
		pass_on(p, p->quiet & 1u << s->stream);
	return READ_DATA;
}

static void on_trim(struct loop_timer *t, void *user)
{
	struct pump *p = user;
	uint64_t seen = p->spool->pos[STREAM_OUT] + p->spool->pos[STREAM_ERR];

	(void)t;
	if (seen == p->trim_seen) {
		spool_trim(p->spool);
		FOR_EACH_FEEDER(p, f)
		if (f->log)
			k8s_trim(f->log);
		attach_trim(p->attach);
	} else {
		p->trim_seen = seen;
		loop_timer_start(p->loop, &p->trim, TRIM_DELAY, on_trim, p);
	}
}

/* After a burst the memory that it took is given back once; a quiet container has no timer. */
static void arm_trim(struct pump *p)
{
	uint32_t most = p->spool->ring[0].touched | p->spool->ring[1].touched;

	FOR_EACH_FEEDER(p, f)
	most |= f->log ? f->log->touched : 0;
	if (p->trim.due_ns || most <= 4096)
		return;
	p->trim_seen = p->spool->pos[STREAM_OUT] + p->spool->pos[STREAM_ERR];
	loop_timer_start(p->loop, &p->trim, TRIM_DELAY, on_trim, p);
}

/* A terminal without user reports a hang-up for as long as nobody opens it: ask for changes only. Setting the same
 * again does nothing, so this does not wake itself. */
static void wait_for_user(struct pump_stream *s)
{
	(void)loop_watch_set(s->pump->loop, &s->watch, EPOLLIN | EPOLLET);
}

static void check_drained(struct pump *p)
{
	for (enum stream s = 0; s < N_STREAMS; s++)
		if (p->stream[s].fd >= 0 && !p->stream[s].dry)
			return;
	pass_on(p, ALL_STREAMS);
	if (!pump_waits_for_log(p))
		p->on_drained(p->user);
}

static void stream_turn(struct pump_stream *s)
{
	struct pump *p = s->pump;

	switch (read_once(s)) {
	case READ_DATA:
		(void)loop_watch_set(p->loop, &s->watch, EPOLLIN); /* after a hang-up: the user is back */
		arm_trim(p);
		return;
	case READ_AGAIN:
		return;
	case READ_FULL:
		s->full = true;
		(void)loop_watch_set(p->loop, &s->watch, 0);
		return;
	case READ_EMPTY:
		break;
	case READ_END:
		if (p->terminal && s->stream == STREAM_OUT && !p->draining)
			wait_for_user(s);
		else
			stream_close(s);
		break;
	}
	if (p->draining) {
		s->dry = true;
		(void)loop_watch_set(p->loop, &s->watch, 0);
	}
}

static void on_stream(struct loop_watch *w, uint32_t events, void *user)
{
	struct pump_stream *s = user;
	struct pump *p = s->pump;

	(void)w;
	(void)events;
	stream_turn(s);
	if (p->draining)
		check_drained(p);
}

int pump_start(struct pump *p, enum stream stream, int fd)
{
	struct pump_stream *s = &p->stream[stream];

	s->fd = fd;
	return loop_watch_start(p->loop, &s->watch, fd, EPOLLIN, on_stream, s);
}

void pump_release_hold(struct pump *p)
{
	if (!p->holding)
		return;
	p->holding = false;
	pass_on(p, ALL_STREAMS);
	pump_continue(p);
}

uint32_t pump_words(struct pump *p, const char **ret_text)
{
	struct cursor all = { 0 };
	enum stream stream;
	const char *data;
	uint32_t n;

	*ret_text = p->words;
	if (!p->holding)
		return p->n_words;
	while ((n = spool_peek(p->spool, &all, &stream, &data)) > 0) {
		uint32_t room = PUMP_WORDS_MAX - p->n_words, part = n < room ? n : room;

		if (stream == STREAM_ERR) {
			memcpy(p->words + p->n_words, data, part);
			p->n_words += part;
		}
		spool_take(&all, stream, n);
	}
	return p->n_words;
}

void pump_poll(struct pump *p)
{
	/* As much as pipes hold, not as much as somebody writes. */
	for (enum stream s = 0; s < N_STREAMS; s++)
		for (int round = 0; round < DRAIN_ROUNDS && p->stream[s].fd >= 0 && !p->stream[s].full; round++)
			if (read_once(&p->stream[s]) >= READ_EMPTY)
				break;
}

void pump_drain(struct pump *p)
{
	bool more = true;

	p->draining = true;
	attach_accept(p->attach); /* or they would be cut off with the socket */
	FOR_EACH_FEEDER(p, f)
	feeder_unlimit(f);
	pass_on(p, p->quiet);
	pump_continue(p);
	/* As much as pipes hold, and then as events come: somebody may still be writing. */
	for (int round = 0; more && round < DRAIN_ROUNDS; round++) {
		more = false;
		for (enum stream s = 0; s < N_STREAMS; s++) {
			struct pump_stream *st = &p->stream[s];

			if (st->fd < 0 || st->dry || st->full)
				continue;
			stream_turn(st);
			more = true;
		}
	}
	check_drained(p);
}

bool pump_waits_for_log(const struct pump *p)
{
	FOR_EACH_FEEDER(p, f)
	if (!feeder_done(f))
		return true;
	return false;
}

void pump_resume(struct pump *p)
{
	if (p->holding)
		return;
	pass_on(p, p->quiet);
	pump_continue(p);
	if (p->draining)
		check_drained(p);
}

void pump_give_up(struct pump *p)
{
	FOR_EACH_FEEDER(p, f)
	feeder_give_up(f);
	pump_resume(p);
}

void pump_end_logs(struct pump *p)
{
	FOR_EACH_FEEDER(p, f)
	feeder_end(f);
}

void pump_continue(struct pump *p)
{
	release_spool(p);
	for (enum stream s = 0; s < N_STREAMS; s++) {
		struct pump_stream *st = &p->stream[s];
		char *to;

		if (!st->full || !spool_space(p->spool, s, &to))
			continue;
		st->full = false;
		(void)loop_watch_set(p->loop, &st->watch, EPOLLIN);
	}
}

void pump_stop(struct pump *p)
{
	if (!p->loop)
		return; /* never set up */
	loop_timer_stop(p->loop, &p->trim);
	FOR_EACH_FEEDER(p, f)
	feeder_stop(f);
	for (enum stream s = 0; s < N_STREAMS; s++)
		stream_close(&p->stream[s]);
}
