/* One thread, one epoll: watches and timers live inside the objects that use them, so the loop allocates nothing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop_watch;
struct loop_timer;

/* Called with the EPOLL* bits that are ready. The callback may stop any watch, its own too. */
typedef void (*loop_ready_fn)(struct loop_watch *watch, uint32_t events, void *user);
typedef void (*loop_due_fn)(struct loop_timer *timer, void *user);

/* A watched descriptor. The owner keeps it at one address while it is started. */
struct loop_watch {
	int fd;           /* -1: not started */
	uint32_t events;  /* what epoll is asked for now; 0: parked (not in the epoll set) */
	loop_ready_fn on_ready;
	void *user;
};

/* A one-shot timer. */
struct loop_timer {
	uint64_t due_ns; /* CLOCK_BOOTTIME; 0: not armed */
	loop_due_fn on_due;
	void *user;
	struct loop_timer *next;
};

struct loop {
	int epoll_fd;
	bool quit;
	struct loop_timer *timers; /* sorted by due time; there are few */
	void *batch;               /* events of this turn (struct epoll_event), NULL between turns */
	int n_batch;
};

/* Sets up an empty loop. 0 or -errno. */
int loop_init(struct loop *loop);

/* Closes the epoll descriptor. Watches and timers are forgotten, their descriptors stay open. */
void loop_clear(struct loop *loop);

/* Starts watching fd for events (EPOLLIN | EPOLLOUT | EPOLLPRI; EPOLLERR and EPOLLHUP always come). 0 or -errno
 * (EPERM: a regular file, which is always ready). */
int loop_watch_start(struct loop *loop, struct loop_watch *w, int fd, uint32_t events, loop_ready_fn fn, void *user);

/* Changes what is asked for; 0 parks the watch: not even EPOLLHUP is delivered. 0 or -errno. */
int loop_watch_set(struct loop *loop, struct loop_watch *w, uint32_t events);

/* Stops watching; the descriptor stays open. Pending events of this turn are dropped. Harmless when not started. */
void loop_watch_stop(struct loop *loop, struct loop_watch *w);

static inline bool loop_watch_started(const struct loop_watch *w)
{
	return w->on_ready && w->fd >= 0;
}

/* Arms (or re-arms) a timer to fire once after delay_ns. */
void loop_timer_start(struct loop *loop, struct loop_timer *t, uint64_t delay_ns, loop_due_fn fn, void *user);
void loop_timer_stop(struct loop *loop, struct loop_timer *t);

/* Waits for events at most until the next timer, delivers them, then fires due timers. 0 or -errno. */
int loop_turn(struct loop *loop);

/* Turns until loop_quit. A wait that fails is tried again; 0, or -errno when it goes on failing. */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop);
