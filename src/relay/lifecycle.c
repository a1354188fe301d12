/* What happens when. */
#include "relay/lifecycle.h"

#include <stdbool.h>

static const struct {
	bool possible;
	struct life_step step;
} table[N_LIFE_STATES][N_LIFE_EVENTS] = {
#define ON(state, event, ...) [LIFE_##state][LIFE_##event] = { true, { __VA_ARGS__ } }
	ON(CREATING, RUNTIME_OK, LIFE_RUNNING, LIFE_ANNOUNCE),
	ON(CREATING, RUNTIME_FAILED, LIFE_ENDED, LIFE_REPORT_FAILURE),

	ON(RUNNING, CONTAINER_EXITED, LIFE_DRAINING, LIFE_DRAIN),
	ON(RUNNING, TIMED_OUT, LIFE_DRAINING, LIFE_KILL_AND_DRAIN),

	/* After a timeout the killed process is reaped while its output still drains. */
	ON(DRAINING, CONTAINER_EXITED, LIFE_DRAINING, LIFE_CHECK_DRAINED),
	/* The container was faster than its own timeout. */
	ON(DRAINING, TIMED_OUT, LIFE_DRAINING, LIFE_NOTHING),
	ON(DRAINING, DRAINED, LIFE_ENDED, LIFE_FINISH),
	ON(DRAINING, DRAIN_DEADLINE, LIFE_ENDED, LIFE_FINISH),

	/* Late news. The record is out: it is never changed. */
	ON(ENDED, CONTAINER_EXITED, LIFE_ENDED, LIFE_NOTHING),
	ON(ENDED, TIMED_OUT, LIFE_ENDED, LIFE_NOTHING),
	ON(ENDED, DRAINED, LIFE_ENDED, LIFE_NOTHING),
	ON(ENDED, DRAIN_DEADLINE, LIFE_ENDED, LIFE_NOTHING),
#undef ON
};

struct life_step life_step(enum life_state state, enum life_event event)
{
	if (!table[state][event].possible)
		return (struct life_step){ state, LIFE_BUG };
	return table[state][event].step;
}

const char *life_state_name(enum life_state state)
{
	static const char *const names[N_LIFE_STATES] = { "creating", "running", "draining", "ended" };

	return names[state];
}

const char *life_event_name(enum life_event event)
{
	static const char *const names[N_LIFE_EVENTS] = {
		"runtime-ok", "runtime-failed", "container-exited", "timed-out", "drained", "drain-deadline",
	};

	return names[event];
}
