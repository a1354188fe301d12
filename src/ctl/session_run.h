/* What an exec session goes through: started, stopped, removed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/engine.h"
#include "ctl/session.h"

#define SESSION_STOP_SECONDS 10

/* Whether a session can be made or started in this container now: it was created or runs. An error of status
 * CTL_WRONG_STATE if not. */
bool session_require_container(const Container *c, GError **error);

/* Starts a created session under a monitor of its own. signal_fd as in engine_launch. A client that is to see all
 * output is connected by on_ready (may be NULL); *ret_running is the caller's. What could not be started is stopped
 * then, with the reason in its record. Called unlocked. */
bool session_start(const struct ctl *ctl, Session *s, int signal_fd, engine_ready_fn on_ready, void *user,
	struct engine_running *ret_running, GError **error);

/* An engine_ready_fn whose user is the Session: connects to its attach socket and tells the terminal's size. */
bool session_connect(void *user, int *ret_fd, GError **error);

/* Asks a running session to end and insists after seconds (0: at once): TERM, then KILL. Returns when its end is
 * recorded. Called unlocked. */
bool session_stop(Session *s, int seconds, GError **error);

/* Removes what does not run: with force it is stopped first. Called unlocked. */
bool session_remove(Session *s, bool force, int seconds, GError **error);

/* Removes a session whose record cannot be read, whatever it is; what its bundle says is running is killed. */
bool session_discard(const Container *c, const char *id, GError **error);

/* Removes the bundle of a session that does not run, and what a dead monitor left. Called unlocked. */
bool session_cleanup(Session *s, GError **error);

/* The last act of a session's monitor: its end is noted, and its bundle (and it, if it was told to) removed. */
bool session_ended(Session *s, GError **error);

/* Waits, at most ten seconds, until the monitor of a session whose command has ended is through with it, and brings the
 * session up to date. A monitor that died may leave one that still runs. Called unlocked. */
bool session_await_record(Session *s, GError **error);
