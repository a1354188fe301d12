/* config.json of a bundle, and what tallyctl changes in its own copy. The user's bundle is only read. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/json.h"
#include "common/users.h"

/* Reads and parses bundle/config.json and checks what tallyctl itself needs of it: an object with root.path, process
 * and process.args. */
yajl_val config_load(const char *bundle, GError **error);

/* The private copy of a container's config: args (NULL: as it is) and terminal replaced, root.path and the sources of
 * bind mounts made absolute against bundle. Free with g_free. */
char *config_private_copy(yajl_val config, const char *bundle, const char *const *args, bool terminal);

/* process.args of a config joined by blanks; free with g_free. */
char *config_command(yajl_val config);

struct exec_options {
	const char *const *args;
	const char *const *env; /* KEY=VALUE, added after the container's own; NULL: none */
	const char *cwd;        /* NULL: the container's */
	const struct exec_user *user;
	bool terminal;
	bool privileged; /* all capabilities that we could have, no AppArmor profile */
};

/* The OCI process object of an exec session, made from the container's. With another user the home directory is left
 * to the runtime, and one that is not root gets no capabilities beyond the bounding set. Free with g_free. */
char *config_exec_process(yajl_val config, const struct exec_options *options);
