/* The verbs of tallyctl and what they share. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/error.h"
#include "common/options.h"

/* How tallyctl ends when it does not end with a process's own status. Printed by --help. */
enum ctl_status {
	CTL_BAD_ARGUMENT = 120,   /* what was asked for makes no sense */
	CTL_NO_SUCH = 121,        /* there is no such session */
	CTL_WRONG_STATE = 122,    /* not in this state: created, running, stopped */
	CTL_TIMEOUT = 123,        /* it did not happen in time */
	CTL_UNKNOWN_END = 124,    /* the process ended, but nobody observed how */
	CTL_ERROR = 125,          /* tallyctl, the monitor or the runtime failed */
	CTL_NOT_EXECUTABLE = 126, /* the command cannot be executed */
	CTL_NOT_FOUND = 127,      /* the command does not exist */
};

/* The options in front of the verb. Paths are as given; NULL means: see ctl_monitor, ctl_runtime, ctl_root_default. */
struct ctl {
	char *root; /* absolute */
	char *monitor;
	char *runtime;
	bool json;
};

/* One verb. argv[0] is the verb's name. Returns the exit status, or -1 with *error set: the status is then the error's
 * (fail_status), or CTL_ERROR. */
struct command {
	const char *name;
	const char *args;
	const char *help; /* NULL: not listed */
	int (*run)(const struct ctl *ctl, int argc, char **argv, GError **error);
};

extern const struct command cmd_attach, cmd_cleanup, cmd_create, cmd_destroy, cmd_doctor, cmd_events, cmd_exec,
	cmd_exists, cmd_fifos, cmd_inspect, cmd_kill, cmd_logs, cmd_oci, cmd_oci_hooks, cmd_pause, cmd_prune, cmd_ps,
	cmd_resume, cmd_rm, cmd_run, cmd_session, cmd_start, cmd_state, cmd_stats, cmd_stop, cmd_top, cmd_update,
	cmd_wait;

/* tallyctl under the name run_oci: cmd_oci without options in front of it. Returns the exit status. */
int oci_program(char **argv);

/* Errors that decide tallyctl's exit status: the code is an enum ctl_status. */
#define CTL_STATUS_ERROR ctl_status_error_quark()
GQuark ctl_status_error_quark(void);

/* Sets *error to a text with that exit status; returns false. */
bool fail_status(GError **error, enum ctl_status status, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The status an error ends tallyctl with. */
int ctl_error_status(const GError *error);

/* The kind of error behind a status, for JSON: "no-such", "wrong-state" ...; "failed" when there is no better word. */
const char *ctl_status_kind(int status);

/* The status for what a runtime said when it could not start a command: 127 when the command does not exist, 126 when
 * it may not be executed, else 125. The texts are those that engines go by, and a directory's, which not all of them
 * know. */
enum ctl_status ctl_status_of_runtime_text(const char *text);

/* Absolute path of the monitor (runtime) to use: the option, else recorded (may be NULL), else tallyman (tallyrun)
 * beside our own executable, else in PATH. Free with g_free; NULL with *error when there is none. */
char *ctl_monitor(const struct ctl *ctl, const char *recorded, GError **error);
char *ctl_runtime(const struct ctl *ctl, const char *recorded, GError **error);

/* Absolute path of our own executable; free with g_free. */
char *ctl_self(GError **error);

/* Default of --root: /run/tallyctl for root, $XDG_RUNTIME_DIR/tallyctl for others. Free with g_free. */
char *ctl_root_default(GError **error);
