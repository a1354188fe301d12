/* Containers in the way of run_oci: arguments are added to the bundle's, hooks are run by us, a container that was started
 * has a directory for people and hooks (ctl/oci_dir.h), and is there until it is destroyed. Monitor, runtime and store
 * are those of all containers. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/create.h"

struct oci_request {
	const char *id;
	const char *bundle;      /* NULL: the working directory */
	const char *const *args; /* come after the bundle's; NULL: none */
	struct bundle_options options;
	const char *state_dir; /* NULL: see oci_dir_parent */
};

/* Messages from here on go to the system log, and to standard error if it is a terminal; errors and warnings go to standard
 * error in any case. */
void oci_messages_begin(void);

/* Runs it in the foreground, without a directory. Its exit status, or -1 with *error. */
int oci_run(const struct ctl *ctl, const struct oci_request *request, GError **error);

/* Starts it in the background; returns when the poststart hooks have ended. What fails leaves nothing behind. */
bool oci_start(const struct ctl *ctl, const struct oci_request *request, GError **error);

/* Sends a signal to its first process. */
bool oci_kill(const char *state_dir, const char *id, int sig, GError **error);

/* Runs the poststop hooks of one that has ended and removes it and its directory. A hook that fails is logged. */
bool oci_destroy(const struct ctl *ctl, const char *state_dir, const char *id, GError **error);

/* Runs the hooks of a stage for the runtime, whose state is on standard input; their output goes to the files. */
bool oci_hooks_for_runtime(
	const char *stage, const char *bundle, const char *dir, const char *output, const char *errors, GError **error);
