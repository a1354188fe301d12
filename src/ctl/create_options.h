/* What the options of create and run mean for one container. */
#pragma once

#include <glib.h>

#include "ctl/create.h"

/* "OUT:IN" with both made absolute (OUT against the working directory, where it must exist, IN against the root), in a new
 * array; free with g_strfreev. NULL with *error. */
char **create_binds(char *const *given, GError **error);

/* linux.cgroupsPath below the parent that was asked for, or NULL when none was. Free with g_free. */
char *create_cgroup(const struct create_options *options);

/* Path of the tallyctl-init for the container, to be freed with g_free: a copy in its directory, where no other container
 * can reach it; with a user namespace the installed one, for there the kernel lets nobody execute what is on a noexec
 * /run. NULL with *error. */
char *create_init(const Container *c, bool user_namespace, GError **error);
