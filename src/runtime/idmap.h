/* The id maps of a new user namespace. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/self.h"
#include "runtime/spec.h"

/* Writes linux.uidMappings and linux.gidMappings for the user namespace of pid. Who has not the right to (CAP_SETUID,
 * CAP_SETGID) may still map the own id and group alone, which also denies setgroups(2) in the namespace; for more,
 * newuidmap(1) and newgidmap(1) are executed. */
bool idmap_write(pid_t pid, const struct spec_linux *spec, const struct self *self, GError **error);

/* Whether a container without additional groups only can be made: see above. */
bool idmap_denies_groups(const struct spec_linux *spec, const struct self *self);

/* Whether id, as seen in the container, is in the map. */
bool idmap_has(const struct spec_id_map *maps, size_t n, uint64_t id);
