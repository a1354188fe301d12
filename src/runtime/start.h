/* The handshake between start and a created container's first process. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/notify.h"
#include "runtime/state.h"

/* The FIFO over which init tells start how it went. */
#define STATE_REPORT_FIFO "start.fifo"

/* Tells init to go on and waits until it has executed its program. Never waits for an init that is dead. *ret_notify: who
 * passes its readiness on; NULL where nobody wants to hear of it. */
bool start_container(const struct container *c, Notify **ret_notify, GError **error);

/* Runs poststart; a failure stops the container. */
bool start_run_hooks(const struct container *c, GError **error);
