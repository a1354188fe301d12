/* SELinux on this host. Labels are written to procfs and given to mounts as they are: no library is needed. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/spec.h"

/* Refuses the label of a process, and that of mounts (linux NULL: there are none), where SELinux is off (its file system is
 * not mounted for writing, or no policy has been loaded) or its policy does not know the label. */
bool selinux_check(const struct spec_process *process, const struct spec_linux *linux_, GError **error);

/* The options of a new file system with its label (`size=1k,context="LABEL"`): data may be NULL, kind is the name of the
 * option (selinux_context_kind). What names a context already stays as it is. Free with g_free. */
char *selinux_mount_data(const char *data, const char *kind, const char *label);

/* "context", or what the annotation run.oci.mount_context_type says; NULL with an error when that is no such option. */
const char *selinux_context_kind(const struct spec_map *annotations, GError **error);
