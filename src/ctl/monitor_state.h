/* What a container's monitor is doing right now, as it tells itself. */
#pragma once

#include <glib.h>

#include "ctl/store.h"

/* Asks the monitor (tallyman) and waits for its answer, at most seconds: a JSON document, free with g_free; NULL when there
 * is no monitor any more, or one that does not answer. */
char *monitor_state(const Container *c, int seconds, GError **error);
