/* --log-policy and --log-rate-limit: what becomes of output that a log does not take, or not so fast. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/feeder.h"

/* Reads all values of both options (either may be NULL) over the defaults: LOG_BLOCK, and no limit. The last value for a
 * stream counts; one without a stream is for both. */
bool logpolicy_parse(char *const *policies, char *const *rates, enum log_policy ret_policy[N_STREAMS],
	struct rate ret_rate[N_STREAMS], GError **error);
