/* How a container ended: from the monitor's exit file and exit.json while its directory is there, else from the outcome
 * that the one who cleaned up left in a file we held open. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "ctl/store.h"

struct ending {
	bool known;       /* somebody observed the exit status */
	int code;         /* 0..255; 128 + n for signal n; only when known */
	const char *why;  /* static; when not known */
	int64_t ended_ns; /* CLOCK_REALTIME; 0: unknown */
	char *details;    /* the monitor's exit.json as it is (one JSON object), or NULL */
};

void ending_clear(struct ending *e);

/* Writes members of the open object: exit_code (null when unknown), unknown_because, ended, exit. */
void ending_put(JsonWriter *w, const struct ending *e);

/* The status tallyctl ends with for it. */
int ending_status(const struct ending *e);

typedef struct EndWatch EndWatch;

/* Holds what tells how a container ends, also when it is removed meanwhile. NULL with *error also when nothing is recorded
 * and its monitor cannot be looked at: it may have ended, or not. */
EndWatch *end_watch_new(const Container *c, GError **error);

/* The same for end_watch_check alone: there is nothing to wait on. */
EndWatch *end_look_new(const Container *c, GError **error);
void end_watch_free(EndWatch *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EndWatch, end_watch_free)

/* Whether it has ended, without waiting. */
bool end_watch_check(EndWatch *w, struct ending *ret_ending);

/* Waits for the end, however long that takes. signal_fd (-1: none): each signal that arrives there goes to on_signal,
 * which returns false to stop waiting; then (and on errors) false is returned, *error set only on errors. */
typedef bool (*end_signal_fn)(int sig, void *user);
bool end_watch_wait(
	EndWatch *w, int signal_fd, end_signal_fn on_signal, void *user, struct ending *ret_ending, GError **error);

/* Descriptors that become readable when a new end_watch_check is worth it; at most 2, -1 where there is none. */
void end_watch_fds(const EndWatch *w, int ret_fds[2]);

/* Takes the events that made a descriptor readable. */
void end_watch_drain(EndWatch *w);

/* Writes the outcome for those who hold the file open. */
bool ending_leave_outcome(const Container *c, const struct ending *e, GError **error);
