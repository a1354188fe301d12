/* The agent that answers for system calls with SCMP_ACT_NOTIFY: linux.seccomp.listenerPath. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/state.h"

/* Takes descriptor fd of the process behind pid_fd, the listener of its filter, and sends it to the container's agent
 * with the container process state (runtime-spec: config-linux). pid: the process; status: of the container. The error
 * names the socket. */
bool seccomp_agent_notify(const struct container *c, enum status status, pid_t pid, int pid_fd, int fd, GError **error);
