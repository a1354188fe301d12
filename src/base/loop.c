/* One thread, one epoll. See loop.h. */
#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define LOOP_BATCH    16
#define LOOP_FAILURES 16 /* in a row: then it is no passing trouble */

int loop_init(struct loop *loop)
{
	*loop = (struct loop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epoll_fd < 0 ? -errno : 0;
}

void loop_clear(struct loop *loop)
{
	fd_close(&loop->epoll_fd);
	loop->timers = NULL;
}

static int loop_ctl(struct loop *loop, int op, struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	return epoll_ctl(loop->epoll_fd, op, w->fd, &e) < 0 ? -errno : 0;
}

int loop_watch_start(struct loop *loop, struct loop_watch *w, int fd, uint32_t events, loop_ready_fn fn, void *user)
{
	int r = 0;

	*w = (struct loop_watch){ .fd = fd, .events = events, .on_ready = fn, .user = user };
	if (events)
		r = loop_ctl(loop, EPOLL_CTL_ADD, w, events);
	if (r < 0)
		w->fd = -1;
	return r;
}

/* Events already fetched for a watch that is stopped or parked in this turn must not reach it any more. */
static void loop_forget(struct loop *loop, const struct loop_watch *w)
{
	struct epoll_event *batch = loop->batch;

	for (int i = 0; i < loop->n_batch; i++)
		if (batch[i].data.ptr == w)
			batch[i].data.ptr = NULL;
}

int loop_watch_set(struct loop *loop, struct loop_watch *w, uint32_t events)
{
	int r;

	if (!loop_watch_started(w))
		return -EBADF;
	if (events == w->events)
		return 0;
	if (!events) {
		r = loop_ctl(loop, EPOLL_CTL_DEL, w, 0);
		loop_forget(loop, w);
	} else {
		r = loop_ctl(loop, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w, events);
	}
	if (r == 0)
		w->events = events;
	return r;
}

void loop_watch_stop(struct loop *loop, struct loop_watch *w)
{
	if (!loop_watch_started(w))
		return;
	(void)loop_watch_set(loop, w, 0); /* fails only if the owner closed the descriptor first: then it is gone anyway */
	loop_forget(loop, w);
	w->fd = -1;
}

void loop_timer_stop(struct loop *loop, struct loop_timer *t)
{
	for (struct loop_timer **p = &loop->timers; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->due_ns = 0;
}

void loop_timer_start(struct loop *loop, struct loop_timer *t, uint64_t delay_ns, loop_due_fn fn, void *user)
{
	struct loop_timer **p;

	loop_timer_stop(loop, t);
	*t = (struct loop_timer){ .due_ns = sys_clock_ns(CLOCK_BOOTTIME) + delay_ns, .on_due = fn, .user = user };
	for (p = &loop->timers; *p && (*p)->due_ns <= t->due_ns; p = &(*p)->next)
		;
	t->next = *p;
	*p = t;
}

static void loop_fire(struct loop *loop)
{
	while (loop->timers && loop->timers->due_ns <= sys_clock_ns(CLOCK_BOOTTIME)) {
		struct loop_timer *t = loop->timers;

		loop->timers = t->next;
		t->due_ns = 0;
		t->on_due(t, t->user);
	}
}

/* Milliseconds until the next timer, rounded up; -1 for ever. */
static int loop_patience(const struct loop *loop)
{
	uint64_t now, ms;

	if (!loop->timers)
		return -1;
	now = sys_clock_ns(CLOCK_BOOTTIME);
	if (loop->timers->due_ns <= now)
		return 0;
	ms = (loop->timers->due_ns - now + 999999u) / 1000000u;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int loop_turn(struct loop *loop)
{
	struct epoll_event batch[LOOP_BATCH];
	int n = epoll_wait(loop->epoll_fd, batch, LOOP_BATCH, loop_patience(loop));

	if (n < 0 && errno != EINTR)
		return -errno;
	loop->batch = batch;
	loop->n_batch = n > 0 ? n : 0;
	for (int i = 0; i < n; i++) {
		struct loop_watch *w = batch[i].data.ptr;

		if (w)
			w->on_ready(w, batch[i].events, w->user);
	}
	loop->n_batch = 0;
	loop->batch = NULL;
	loop_fire(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	loop->quit = false;
	for (int failures = 0; !loop->quit && failures < LOOP_FAILURES;) {
		r = loop_turn(loop);
		failures = r < 0 ? failures + 1 : 0;
	}
	return loop->quit ? 0 : r;
}

void loop_quit(struct loop *loop)
{
	loop->quit = true;
}
