/* Hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop. (The others are entries
 * of the child's plan.) */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/spec.h"

/* Runs them one after the other, each with the state (container_oci_state) on its standard input and its own
 * environment and nothing else, in cwd (NULL: where we are). The first that fails ends it: "error running prestart hook
 * #0: exit status 3, stdout: , stderr: ...". */
bool hooks_run(const struct spec_hook_list *list, enum spec_hook_kind kind, const char *state, const char *cwd,
	GError **error);

/* The hooks of a container that is gone: a failure is a warning, and the next one runs all the same. */
void hooks_run_poststop(const struct spec_hook_list *list, const char *state, const char *cwd);
