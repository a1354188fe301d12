/* Hooks as run_oci runs them: all of a stage, each with the container's state on its standard input and our own standard
 * output and error. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/json.h"

/* In the order of a container's life. */
enum oci_stage { OCI_PRECREATE, OCI_PRECHROOT, OCI_PRESTART, OCI_POSTSTART, OCI_POSTSTOP };

/* The names of their lists in config.json's hooks, which end with NULL. */
extern const char *const oci_stage_names[];

/* What hooks are told. Strings are borrowed; paths are absolute. */
struct oci_state {
	yajl_val config;
	const char *id;
	const char *bundle;
	const char *dir; /* the container directory */
	pid_t pid;       /* 0: not known (yet) */
};

/* The state as JSON, one member a line, for a stage. Free with g_free. */
char *oci_state_text(const struct oci_state *state, enum oci_stage stage);

/* Whether config has well-formed hooks; the error names the JSON path. */
bool oci_hooks_check(yajl_val config, GError **error);

/* Whether config has hooks of the stage. */
bool oci_hooks_any(yajl_val config, enum oci_stage stage);

/* Runs all hooks of the stage, one after the other, each at most its timeout (seconds). Each failure is logged; false
 * when there was one, with an error that names the stage. Nothing is run while the pid is not known, but for precreate. */
bool oci_hooks_run(const struct oci_state *state, enum oci_stage stage, GError **error);
