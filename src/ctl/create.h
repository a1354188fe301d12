/* Making a container out of a bundle, and starting it. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/config.h"
#include "ctl/store.h"

/* What is asked for beside the bundle. Strings are borrowed and as they were given. */
struct bundle_options {
	char **bind_mounts;  /* "OUT:IN" */
	char *cgroup_parent; /* the container's cgroup is below it, if the bundle names none */
	char *log_dir;       /* the log is in this directory; it is made if need be */
	bool current_user;
	bool init;
};

/* A container in run_oci's way (ctl/oci.h). */
struct create_oci {
	struct config_oci config;
	const int *stdio; /* the process's 0, 1 and 2 (-1: /dev/null), which no monitor sees; NULL: a log like others */
	int preserve_fds;
};

struct create_options {
	const char *id;
	const char *bundle;      /* NULL: the working directory */
	const char *const *args; /* NULL: the bundle's */
	struct bundle_options more;
	const struct create_oci *oci; /* NULL: not in run_oci's way */
	bool terminal;
	bool stdin_open;
	bool remove;
	int signal_fd; /* as in engine_launch */
};

/* A container that monitor and runtime have created, with its record saved and its lock held; it waits for
 * create_start. What could not be created leaves nothing behind. */
Container *create_container(const struct ctl *ctl, const struct create_options *options, GError **error);

/* Starts it; the lock is held before and after. On failure the record says started, for its end is on its way:
 * create_discard, or leave it to be seen. */
bool create_start(Container *c, const char *runtime, int signal_fd, GError **error);

/* Removes what could not be started, and says so on stderr when that fails, too. Gives the lock up. */
void create_discard(Container *c, const char *runtime);

/* The path of a log file for the container in dir, which is made (0755, one level) if need be: dir/ID.TIME, absolute.
 * Free with g_free; NULL with *error. */
char *create_log_path(const char *dir, const char *id, GError **error);

/* The ID and "-- COMMAND [ARG...]" of a command line, into options. */
bool create_parse_words(int argc, char **argv, struct create_options *options, GError **error);

/* Prints the id, or an object with the id and the pids. */
void create_report(const Container *c, bool json);
