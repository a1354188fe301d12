/* The runtime's and the exit command's command lines and environment. */
#pragma once

#include <glib.h>

#include "monitor/options.h"
#include "relay/spawn.h"

/* The runtime's argument vector; strings are borrowed from o, pid_file, console_path; free the array with g_free. */
char **launch_runtime_argv(const struct monitor_options *o, const char *bundle, const char *pid_file,
	const char *console_path);

/* The exit command's argument vector, NULL if there is none. */
char **launch_exit_argv(const struct monitor_options *o);

/* The program of this name in the absolute directories of PATH, or of the usual ones if there is none. NULL when there is no
 * such program; free with g_free. */
char *launch_find_program(const char *name);

/* Our own environment for the runtime (environ itself, or a copy that is never freed). If LISTEN_PID has to name the runtime, *ret_place points at where its digits go
 * (room for NUM_MAX bytes); else it is NULL. A LISTEN_PID that is no pid is an error. */
char **launch_environment(const struct monitor_options *o, pid_t self, char **ret_place, GError **error);
