/* Hooks that run in the runtime's own namespaces: prestart, createRuntime, poststart, poststop. (The others are entries
 * of the child's plan.) */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/spec.h"
#include "runtime/state.h"

/* The files that the annotations run.oci.hooks.stdout and run.oci.hooks.stderr name, to append hooks' output to, made when
 * missing; a relative path counts from the bundle. ret_fds: the caller's to close; -1 where there is no annotation. */
bool hooks_open_output(const struct container *container, int ret_fds[2], GError **error);

/* Whether there is no such annotation, so that the beginning of what a hook writes there is kept for its error. */
void hooks_kept_outputs(const struct container *container, bool ret_kept[2]);

/* Where startContainer hooks write: those files, or where there is no annotation some in the state directory, for who will
 * start the container. ret_fds are the caller's to close, also after an error. */
bool hooks_make_files(const struct container *container, int ret_fds[2], GError **error);

/* Runs them one after the other, each with the state (container_oci_state) on its standard input and its own
 * environment and nothing else, in cwd (NULL: where we are). Output goes where the container's annotations say. The first
 * that fails ends it: "error running prestart hook #0: exit status 3, stdout: , stderr: ...". */
bool hooks_run(const struct container *container, const struct spec_hook_list *list, enum spec_hook_kind kind,
	const char *state, const char *cwd, GError **error);

/* The hooks of a container that is gone: a failure is a warning, and the next one runs all the same. */
void hooks_run_poststop(const struct container *container, const char *state);
