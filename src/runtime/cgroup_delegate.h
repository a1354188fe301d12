/* The container's cgroup as the container's own: config-linux.md "Cgroup ownership". */
#pragma once

#include <stdbool.h>

#include "runtime/cgroup.h"

struct spec;

/* Where cgroup v2 is mounted for writing in a new cgroup namespace, who runs the container's process becomes the owner of the
 * directory and of the files that the kernel says one may hand on (/sys/kernel/cgroup/delegate; cgroups(7)): it can divide
 * what it has (systemd in a container does), and not change how much that is. Else nothing happens. */
bool cgroup_delegate(const Cgroup *cg, const struct spec *spec, GError **error);
