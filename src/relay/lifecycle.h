/* What happens when, as a table without side effects: (state, event) -> (next state, action). */
#pragma once

enum life_state {
	LIFE_CREATING, /* the runtime works */
	LIFE_RUNNING,  /* the container (or exec session) has a pid */
	LIFE_DRAINING, /* it is gone; its last output is on the way to the log and to clients */
	LIFE_ENDED,    /* recorded, or failed before it began */
	N_LIFE_STATES,
};

enum life_event {
	LIFE_RUNTIME_OK,      /* the runtime left with 0, the pid is known, the terminal (if any) is here */
	LIFE_RUNTIME_FAILED,
	LIFE_CONTAINER_EXITED,
	LIFE_TIMED_OUT,
	LIFE_DRAINED,         /* the streams are empty and every client has everything */
	LIFE_DRAIN_DEADLINE,  /* somebody does not take his share */
	N_LIFE_EVENTS,
};

enum life_action {
	LIFE_NOTHING,
	LIFE_ANNOUNCE,       /* tell the caller the pid, watch the container */
	LIFE_REPORT_FAILURE, /* tell the caller why there is no container */
	LIFE_DRAIN,
	LIFE_KILL_AND_DRAIN,
	LIFE_CHECK_DRAINED,  /* it may have been the last thing to wait for */
	LIFE_FINISH,         /* records, last words, end */
	LIFE_BUG,            /* this event cannot come in this state: our own mistake */
};

struct life_step {
	enum life_state next;
	enum life_action action;
};

/* The step that event takes in state. */
struct life_step life_step(enum life_state state, enum life_event event);

const char *life_state_name(enum life_state state);
const char *life_event_name(enum life_event event);
