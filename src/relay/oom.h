/* Out-of-memory kills in the container's cgroup, by the kernel's own counters, from the start on.
 *
 * cgroup v2: memory.events is kept open; its change wakes us (POLLPRI), oom and oom_kill that rose are an OOM. It stays
 * watched whatever else changes in it (max, high). memory.events.local is kept open beside it, and tells what of it was
 * in this very group. cgroup v1: an eventfd registered with memory.oom_control (the kernel's
 * Documentation/admin-guide/cgroup-v1/memory.rst). Where the kernel sends no events the counters still tell at the end. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "relay/cgroup.h"

struct oom {
	struct loop *loop;
	bool v2;
	bool seen;          /* an OOM was seen */
	bool watching;
	int events_fd;      /* v2: memory.events; v1: eventfd */
	int control_fd;     /* v1: memory.oom_control, held open */
	int local_fd;       /* v2: memory.events.local; -1: none */
	uint64_t kills;     /* processes killed since the start; CGROUP_UNKNOWN: nobody can tell */
	uint64_t local;     /* those of the group itself, not of groups in it; or CGROUP_UNKNOWN */
	uint64_t survived;  /* so many kills had happened when the container still lived, and went on living */
	uint64_t base_oom, base_kill, base_local;
	struct loop_watch watch;
	struct loop_timer settle;
	void (*on_oom)(void *user);
	void (*on_gone)(void *user); /* the cgroup was removed: nothing more will come */
	void *user;
};

/* Starts counting in the memory cgroup whose directory is dir_fd (-1: none is known; not kept), and watching it; the
 * callbacks are set. 0; -ENOENT: nothing is counted there; -errno: counted and not watched, which is worth a warning. */
int oom_start(struct oom *o, struct loop *loop, int dir_fd, bool v2);

/* A last look at the counters, when the container has ended. What cannot be read any more is CGROUP_UNKNOWN, unless
 * kills were seen before. */
void oom_check(struct oom *o);

/* Whether it was the container itself that was killed, if it died of SIGKILL. */
bool oom_struck_last(const struct oom *o);

/* Harmless on one that was not started. */
void oom_stop(struct oom *o);
