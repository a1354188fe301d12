/* A container out of the files of a checkpoint. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/create.h"
#include "runtime/criu_args.h"

struct restore_request {
	const struct restore_cli *options;
	const char *pid_file; /* absolute; NULL: none */
	int console_fd;       /* gets the terminal; -1 */
};

/* Lets criu make the processes of a container that create_begin and create_prepare have prepared; the first one becomes
 * our child. What was made is the caller's to undo. */
bool restore_processes(struct creation *c, const struct globals *globals, const struct restore_request *request,
	const struct criu_dirs *dirs, GError **error);
