/* What tallyctl knows about a container or an exec session: record.json in its directory, written whole. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* One process for ever: a pid alone may be somebody else's by now. pid 0: none. */
struct process_id {
	pid_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
};

/* What the tool that made the container was last known to do. How the container is doing follows from its processes. */
enum record_stage {
	RECORD_CREATING, /* the tool that holds the lock is at it */
	RECORD_CREATED,  /* by the runtime; waits for start */
	RECORD_STARTED,
	RECORD_FAILED, /* could not be started; only its directory is left */
	RECORD_ENDED,  /* ended, and the runtime has forgotten it */
};

struct record {
	char *id;
	enum record_stage stage;
	char *bundle;  /* the user's, absolute */
	char *command; /* process.args joined by blanks, for people */
	char *monitor; /* absolute paths of the programs it was made with */
	char *runtime;
	char *boot_id; /* /proc/sys/kernel/random/boot_id: the processes below are of that boot */
	struct process_id monitor_process;
	struct process_id process;
	bool terminal;
	bool stdin_open;
	bool paused;        /* by tallyctl pause; others may have resumed it */
	bool remove;        /* --rm */
	int64_t created_ns; /* CLOCK_REALTIME; 0: not yet */
	int64_t started_ns;
};

/* Fills *ret_record from dir_fd/record.json; free with record_clear. */
bool record_load(int dir_fd, struct record *ret_record, GError **error);

/* Writes dir_fd/record.json, mode 0600. */
bool record_save(int dir_fd, const struct record *record, GError **error);

void record_clear(struct record *record);

/* Reads which process has this pid now. */
bool process_id_read(pid_t pid, struct process_id *ret_process, GError **error);

/* A pidfd of exactly this process (close-on-exec), or -ESRCH when it has ended (a zombie has), is 0, or boot_id is not
 * that of the running system; or another -errno: then nobody knows. -ENOSYS: the kernel has no pidfds that can be waited
 * for (Linux before 5.3). */
int process_id_open(const struct process_id *process, const char *boot_id);

/* The same with *ret_fd -1 for a process that has ended. Not having been able to look is an error, with what in its
 * message ("look at WHAT, process N: ..."). */
bool process_open(const struct process_id *process, const char *boot_id, const char *what, int *ret_fd, GError **error);

/* Whether it lives. Fails as process_open does. */
bool process_look(const struct process_id *process, const char *boot_id, const char *what, bool *ret_alive, GError **error);

/* The monitor with this pid, if it was told this very directory: a pid read from a file may be another's by now, and then
 * *ret_process stays as it is. Fails when the process cannot be looked at. */
bool process_id_of_monitor(pid_t pid, const char *dir, struct process_id *ret_process, GError **error);

/* Waits until the process has ended, at most seconds; with kill it is then killed. what goes in the message. */
bool process_await_end(const struct process_id *process, const char *boot_id, const char *what, int seconds, bool kill,
	GError **error);

/* The running system's boot id; free with g_free. NULL with *error. */
char *boot_id_read(GError **error);

/* process_await_end for the record's monitor. */
bool record_await_monitor(const struct record *record, int seconds, bool kill, GError **error);
