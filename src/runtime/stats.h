/* What a container uses, as `events` tells it: runc's JSON (cgroup v1 terms, CPU time in nanoseconds). */
#pragma once

#include "common/json.h"
#include "runtime/cgroup.h"

/* Writes the member "data". What the host does not count is left out or 0. */
void stats_put(const Cgroup *cg, JsonWriter *w);

/* Numbers of a list as in cpuset files: "0-2,7" is 0, 1, 2, 7. An array of unsigned int, free with g_array_unref; stops
 * at what it does not understand. */
GArray *stats_parse_list(const char *text);
