/* Runs one hook program to its end. Usable between clone and execve, and by the parent for the hooks of the runtime's
 * namespaces. */
#pragma once

#include "child/plan.h"

struct hook_result {
	enum child_part part; /* PART_HOOK_* when it failed */
	int wait_status;      /* with PART_HOOK_EXIT */
};

/* Starts it with the state on its standard input, waits until it ends or its time is up (then it is killed). 0 when it
 * exited with status 0; else -errno (-ECANCELED for a status, -ETIME for a time-out) and *ret_result. */
int hook_run(const struct op_hook *hook, struct hook_result *ret_result);
