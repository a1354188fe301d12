/* For the fixtures of the relay's tests. */
#pragma once

#include <glib.h>

#include "base/loop.h"

static inline void turn_on_tick(struct loop_timer *t, void *user)
{
	(void)t;
	(void)user;
}

/* One turn that does not wait for events that will not come. */
static inline void loop_turn_at_once(struct loop *loop)
{
	struct loop_timer tick = { 0 };

	loop_timer_start(loop, &tick, 1, turn_on_tick, NULL);
	g_assert_cmpint(loop_turn(loop), ==, 0);
	loop_timer_stop(loop, &tick);
}
