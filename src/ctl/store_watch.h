/* What becomes of all containers of a store and the sessions in them, told when it happens. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/command.h"

enum event_type {
	EVENT_READY, /* from here on what happens is told */
	EVENT_GAP,   /* the kernel's queue was full: some of it may not have been told */
	EVENT_CREATE,
	EVENT_START,
	EVENT_EXEC,     /* a session's command runs */
	EVENT_EXEC_DIE, /* it has ended */
	EVENT_OOM,
	EVENT_ORPHAN, /* the monitor has died; the process runs on */
	EVENT_DIE,
	EVENT_REMOVE,
};

/* Strings are borrowed, NULL where they have no meaning. */
struct event {
	enum event_type type;
	const char *id;
	const char *session;
	const char *command;
	int64_t time_ns; /* CLOCK_REALTIME, as it was recorded; 0: nobody did */
	bool code_known; /* of the ends */
	int code;
	const char *why; /* not known */
};

typedef void (*event_fn)(const struct event *e, void *user);

const char *event_type_name(enum event_type type);

/* Watches from now on, and tells EVENT_READY. */
typedef struct StoreWatch StoreWatch;
StoreWatch *store_watch_new(const struct ctl *ctl, event_fn tell, void *user, GError **error);
void store_watch_free(StoreWatch *sw);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreWatch, store_watch_free)

/* Appends what to wait for to an array of struct pollfd. */
void store_watch_poll(const StoreWatch *sw, GArray *fds);

/* Tells what has happened. Does not wait. */
bool store_watch_take(StoreWatch *sw, GError **error);
