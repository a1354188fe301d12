/* Exec sessions: a further command in a container, with a life of its own.
 *
 *	CONTAINER/exec/SID.json   its record, written whole; it appears when the session is made and goes when it is removed
 *	CONTAINER/exec/SID/       its bundle, from start until it has ended
 *
 * The lock of all sessions of a container is flock(2) on CONTAINER/exec; it is never held while something is waited for. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/command.h"
#include "ctl/record.h"
#include "ctl/session_config.h"
#include "ctl/store.h"

/* Names in a session's bundle. */
#define SESSION_PID_FILE "exec_pid"
#define SESSION_OUTCOME  "outcome.json" /* the record as of its end, in place: who holds it open can read it when all is gone */
#define SESSION_LOG      "exec_log"
#define SESSION_EXIT_DIR "exit" /* the exit file in it is named after the container */

/* There is no way back. */
enum session_state { SESSION_CREATED, SESSION_RUNNING, SESSION_STOPPED };

typedef struct Session {
	const Container *container;
	Container *owned; /* the same, when found by the session's id alone; else NULL */
	char *id;
	char *path;  /* of the bundle, absolute */
	int dir_fd;  /* of CONTAINER/exec */
	int lock_fd; /* -1: not locked by us */
	struct session_config config;
	enum session_state state;
	bool legacy; /* a record of engines' older form: id, command, pid */
	bool remove; /* goes when it has ended */
	char *monitor;
	char *runtime;
	char *boot_id; /* the processes below are of that boot */
	struct process_id process;
	struct process_id monitor_process;
	struct process_id starter; /* the tool that is at starting it; pid 0: none */
	bool exit_known;
	int exit_code;         /* when stopped and known */
	char *unknown_because; /* when stopped and not known */
	char *failure;         /* why it could not be started */
	int64_t created_ns;    /* CLOCK_REALTIME; 0: not yet */
	int64_t started_ns;
	int64_t ended_ns;
} Session;

void session_free(Session *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Session, session_free)

const char *session_state_name(enum session_state state);

/* A new session of a container that lives: saved before this returns, with nothing started. config is copied. The
 * programs are those that will run it. */
Session *session_new(const Container *c, const struct session_config *config, const char *monitor, const char *runtime,
	bool remove, GError **error);

/* Finds a session by its id alone. None: an error of status CTL_NO_SUCH. */
Session *session_find(const struct ctl *ctl, const char *id, GError **error);

/* The container with a session of this id, whatever its record is like. None: an error of status CTL_NO_SUCH. */
Container *session_find_container(const struct ctl *ctl, const char *id, GError **error);

/* A session whose record cannot be read: only its bundle tells of its processes. */
Session *session_open_unread(const Container *c, const char *id, GError **error);

/* One of this container's; it must outlive the session. */
Session *session_open(const Container *c, const char *id, GError **error);

/* The ids of all sessions of a container, readable or not, in no order; free with g_ptr_array_unref. */
GPtrArray *session_ids(const Container *c, GError **error);

/* All sessions of a container, sorted by id, as their records say (session_refresh makes sure); free with
 * g_ptr_array_unref. What cannot be read is left out with a warning. */
GPtrArray *session_list(const Container *c, GError **error);

/* Takes the lock, reads the record again and brings it up to date with what the processes and files tell, whoever of
 * tool, monitor and machine died since. Removed meanwhile: an error of status CTL_NO_SUCH. */
bool session_lock(Session *s, GError **error);
void session_unlock(Session *s);

/* session_lock and session_unlock: how it is doing now. */
bool session_refresh(Session *s, GError **error);

/* Saves the record; locked. */
bool session_save(Session *s, GError **error);

/* Takes the processes that are not known yet from the files in the bundle; those who have such a number by accident are
 * left out. *ret_started (may be NULL): whether the runtime had got as far as starting one. Fails when the files, or a
 * process, cannot be looked at. */
bool session_read_processes(Session *s, bool *ret_started, GError **error);

/* Removes the record; locked. */
bool session_forget(Session *s, GError **error);

/* Removes the bundle; nothing that runs may need it. Absent: fine. */
bool session_remove_bundle(const Session *s, GError **error);

/* The bundle's descriptor (close-on-exec), or -1 with *error. */
int session_open_bundle(const Session *s, GError **error);

/* Takes note of the end: the exit code from the exit file, else why it is not known. Locked; saves. */
bool session_settle(Session *s, GError **error);

/* Waits until the monitors of all sessions of the container have ended, at most ten seconds each; then they are killed:
 * they write their last files before they end, and nothing may be removed under them. */
bool session_await_monitors(const Container *c, GError **error);

/* Writes the record as one object. */
void session_put(JsonWriter *w, const char *key, const Session *s);
