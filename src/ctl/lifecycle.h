/* What a container goes through: how it is doing, and how it is brought to an end. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/ending.h"
#include "ctl/store.h"

enum container_status {
	STATUS_CREATING, /* another tallyctl is at it */
	STATUS_CREATED,  /* waits for start */
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_EXITED,   /* its exit status is known */
	STATUS_ORPHANED, /* runs, but its monitor has died */
	STATUS_LOST,     /* ended, and nobody knows how */
	STATUS_BROKEN,   /* left behind by a tallyctl that died or a start that failed */
	STATUS_UNKNOWN,  /* its record or its processes could not be looked at */
};

/* The name people and JSON get: "running". */
const char *container_status_name(enum container_status status);

/* How the container is doing. *ret_ending (ending_clear it) is set when it has ended. Why it is unknown is a warning. */
enum container_status container_status(const Container *c, struct ending *ret_ending);

/* Whether it has a monitor and a process now (created, running, paused); if not, an error that says how it is doing. */
bool container_require_live(const Container *c, GError **error);

/* The same, but one that has lost its monitor and still runs does, too. */
bool container_require_process(const Container *c, GError **error);

/* Whether it is paused now, as its runtime says: who has paused or resumed it does not matter. */
bool container_is_paused(const Container *c);

/* The runtime's own view of the container: its state's JSON. Free with g_free. */
char *container_runtime_state(const Container *c, const char *runtime, GError **error);

/* Fills the directory of a locked, new container: subdirectories and the outcome file. */
bool container_populate(Container *c, GError **error);

/* Kills what runs, makes the runtime forget it, waits for the monitors and removes the directory. Called with the lock
 * held; it is given up. runtime may be NULL when the container never had one. signal_fd as in engine_runtime. */
bool container_destroy(Container *c, const char *runtime, GError **error);

/* Takes note of the end: the runtime forgets the container, the outcome is left, and --rm is obeyed. Called with the
 * lock held, by the monitor's exit command. */
bool container_settle(Container *c, const char *runtime, GError **error);
