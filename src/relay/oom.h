/* Out-of-memory kills in the container's cgroup, by the kernel's own counters.
 *
 * cgroup v2: memory.events is kept open; its change wakes us (POLLPRI), oom and oom_kill that rose are an OOM. It stays
 * watched whatever else changes in it. cgroup v1: an eventfd registered with memory.oom_control (the kernel's
 * Documentation/admin-guide/cgroup-v1/memory.rst). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"

struct oom {
	struct loop *loop;
	bool v2;
	bool seen;          /* an OOM was seen */
	bool watching;
	int events_fd;      /* v2: memory.events; v1: eventfd */
	int control_fd;     /* v1: memory.oom_control, held open */
	uint64_t kills;     /* oom_kill since the start, as far as known */
	uint64_t base_oom, base_kill;
	struct loop_watch watch;
	void (*on_oom)(void *user);
	void (*on_gone)(void *user); /* the cgroup was removed: nothing more will come */
	void *user;
};

/* Starts watching the cgroup of pid; the callbacks are set. 0 or -errno: then OOMs go unnoticed, which is worth a warning. */
int oom_start(struct oom *o, struct loop *loop, pid_t pid);

/* A last look at the counters. */
void oom_check(struct oom *o);
void oom_stop(struct oom *o);

/* Finds the memory cgroup's path in the text of /proc/PID/cgroup: v2 takes the line "0::/PATH", v1 the one whose
 * controllers include memory. Ends the path with NUL in the text; NULL when there is none. */
char *oom_cgroup_path(char *text, bool v2);
