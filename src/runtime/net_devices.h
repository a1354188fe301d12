/* linux.netDevices: interfaces of the host that become the container's. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/spec.h"

/* Moves them from our network namespace into that of process pid, under their new names, with their permanent global
 * addresses, and sets them up. ns_fd: the namespace, when the process may still be on its way into it (borrowed), or -1. They do not come back by themselves but when the namespace ends (physical ones). The error
 * names the JSON path. */
bool net_devices_move(const struct spec_linux *linux_, pid_t pid, int ns_fd, GError **error);
