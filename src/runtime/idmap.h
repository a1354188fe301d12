/* The id maps of user namespaces. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/self.h"
#include "runtime/spec.h"

/* The two maps of one namespace; borrowed. */
struct idmap {
	const char *where; /* in config.json, for errors: "linux", "mounts[3]" */
	const struct spec_id_map *uids, *gids;
	size_t n_uids, n_gids;
};

/* linux.uidMappings and linux.gidMappings. */
struct idmap idmap_of_container(const struct spec_linux *spec);

/* Writes the maps for the user namespace of pid. Who has not the right to (CAP_SETUID, CAP_SETGID) may still map the own id
 * and group alone, which also denies setgroups(2) in the namespace; for more, newuidmap(1) and newgidmap(1) are
 * executed. */
bool idmap_write(pid_t pid, const struct idmap *map, const struct self *self, GError **error);

/* Whether idmap_write has to deny setgroups(2). */
bool idmap_denies_groups(const struct idmap *map, const struct self *self);

/* A user namespace with these maps that nobody is in: for mounts, which know maps by such a thing only. Close it. */
bool idmap_open_namespace(const struct idmap *map, const struct self *self, int *ret_fd, GError **error);

/* Whether the user namespace fd has these very maps; in which order does not matter. */
bool idmap_check_namespace(int fd, const struct idmap *map, bool *ret_same, GError **error);

/* The host's id of one of the container's. False: it is not mapped. */
bool idmap_to_host(const struct spec_id_map *maps, size_t n, uint32_t id, uint32_t *ret_host_id);

/* The lines of /proc/PID/uid_map against a map. */
bool idmap_same(const char *text, const struct spec_id_map *maps, size_t n);

/* "uids=0-1000-1;gids=0-1000-1#1-5000-10" (containerID-hostID-size), as crun's option "idmap=": arrays to be freed with
 * g_free, or false. */
bool idmap_parse_option(const char *text, struct idmap *ret_map);
