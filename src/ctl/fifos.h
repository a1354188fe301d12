/* Named pipes instead of a container's output, for a log collector that is itself a container: two annotations of the
 * bundle, known from the guest side of Windows' utility virtual machines.
 *
 *	io.microsoft.bmc.logging.pipelocation: NAME                  ROOT/containerlogs/NAME-stdout and NAME-stderr
 *	io.microsoft.bmc.logging.isLoggingSideCarContainer: BOOLEAN  false: they are the container's standard output and
 *	                                                             error; true: they are its descriptors 3 and 4 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/json.h"
#include "ctl/command.h"

/* The runtime's first arguments for a container with such pipes, when it is called by our own program; NULL for one
 * without. Makes the pipes that are missing. terminal: it has one, which excludes them. *error is set when what the
 * annotations say makes no sense. Free with g_strfreev. */
char **fifos_prepare(const struct ctl *ctl, yajl_val config, bool terminal, const char *runtime, GError **error);
