/* When the kernel kills in a container for want of memory. */
#pragma once

#include <glib.h>
#include <poll.h>
#include <stdbool.h>

#include "runtime/cgroup.h"

typedef struct OomWatch OomWatch;

/* Starts watching: an eventfd on memory.oom_control (v1), memory.events (v2). Where neither can be had it never fires.
 */
OomWatch *oom_watch_new(const Cgroup *cg);

/* What to poll for; its fd may be -1, which poll(2) passes over. */
struct pollfd oom_watch_poll(const OomWatch *watch);

/* After poll has reported: whether it was an OOM kill. */
bool oom_watch_fired(OomWatch *watch);

void oom_watch_free(OomWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OomWatch, oom_watch_free)
