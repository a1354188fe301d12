/* What the calling process was given: inherited by the container unless something is done about it. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct self {
	uint64_t ignored_signals; /* bit n-1 for signal n */
	uint64_t permitted_caps, effective_caps, bounding_caps;
};

/* Reads /proc/self/status. */
bool self_read(struct self *ret_self, GError **error);

/* Whether we have the capability (CAP_*) now. */
bool self_has_cap(const struct self *self, int cap);

/* Whether we may go into another pid or time namespace and come back: not without rights over our own, as root of a user
 * namespace. */
bool self_can_return(const struct self *self);

/* Whether our own ids are mapped, as in a container or under `podman unshare`. */
bool self_in_user_namespace(void);

/* Makes sure that what runs from here on is not the program's file on the host, which a container could otherwise
 * overwrite through /proc/PID/exe (CVE-2019-5736): executes itself again from a read-only mount that nobody else has, from
 * a sealed copy in memory, or from a copy on a disk that has no name. Returns when that is so already. */
bool self_protect(char **argv, GError **error);
