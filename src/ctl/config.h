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

/* Where a container finds tallyctl-init. */
#define CONFIG_INIT_PATH "/dev/tallyctl-init"

/* What a container's own config has otherwise than its bundle's. Strings are borrowed; zero changes nothing but
 * process.terminal. */
struct config_changes {
	const char *const *args; /* NULL: the bundle's */
	bool append_args;        /* they come after the bundle's */
	bool terminal;
	const char *const *binds; /* "SOURCE:DESTINATION", both absolute: bind mounts, after the bundle's; NULL: none */
	const char *cgroup;       /* linux.cgroupsPath, if the bundle has none */
	bool current_user;        /* a user namespace in which we are root, and nobody else is there */
	const char *init;         /* tallyctl-init on the host: comes first in args; NULL: no init */
	const struct config_oci *oci;
};

/* What run_oci's reading of a config asks for: process.env, when absent, is the caller's; process.umask counts; hooks
 * that the front end runs are not in it. */
struct config_oci {
	const char *const *env;    /* the caller's */
	const char *const *hook;   /* argv of a createRuntime hook to come first, argv[0] absolute; NULL: none */
	const char *const *stages; /* names of the lists of hooks to leave out */
};

/* The private copy of a container's config: with the changes, and root.path and the sources of bind mounts made absolute
 * against bundle. Free with g_free. */
char *config_private_copy(yajl_val config, const char *bundle, const struct config_changes *changes);

/* Writes the members of object whose keys are not in the list. */
void config_put_others(JsonWriter *w, yajl_val object, const char *const *without);

/* Writes an array of strings, which end with NULL. */
void config_put_strings(JsonWriter *w, const char *key, const char *const *strings);

/* The parts of a private copy that only some changes touch; hooks and linux are written if there is anything to. */
void config_put_args(JsonWriter *w, yajl_val args, const struct config_changes *changes);
void config_put_user(JsonWriter *w, yajl_val process, const struct config_changes *changes);
void config_put_new_mounts(JsonWriter *w, const struct config_changes *changes);
void config_put_hooks(JsonWriter *w, yajl_val hooks, const struct config_changes *changes);
void config_put_linux(JsonWriter *w, yajl_val linux_part, const struct config_changes *changes);

/* Whether linux.namespaces names a user namespace. */
bool config_has_user_namespace(yajl_val config);

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
