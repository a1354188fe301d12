/* The command line: `tallyrun [global options] VERB [options] [arguments]`. One verb, one file (cmd_*.c), one struct.
 * Global options may stand before and after the verb; options may stand anywhere before "--" unless the verb says
 * otherwise; one dash before a long name will do. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/options.h"
#include "runtime/cgroup.h"

#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
struct globals {
#include "runtime/global_options.def"
	const char *program;                   /* argv[0] */
	bool root_given;                       /* by --root */
	bool systemd_cgroup_wanted;            /* --systemd-cgroup or --cgroup-manager systemd */
	bool cgroups_disabled;                 /* --cgroup-manager disabled */
	enum cgroup_rootless rootless_cgroups; /* --rootless */
};
#undef OPTION

struct command {
	const char *name;
	const char *args; /* "CONTAINER [SIGNAL]" */
	const char *help;
	const struct option_spec *options;
	size_t n_options;
	size_t options_size;                 /* of the struct the options are parsed into, zeroed */
	void (*options_init)(void *options); /* sets what is not zero by default; NULL: nothing */
	int min_args, max_args;              /* max_args -1: any number */
	bool stops_at_positional;            /* what follows the first argument is not ours (exec, ps) */
	bool enters_container;               /* code of ours runs in the container's namespaces (create, run, exec) */
	int failure_status;                  /* exit status on error; 0 stands for 1 */
	const char *failure_prefix;          /* put in front of the error ("runc create failed") or NULL */

	/* args: the positional arguments, NULL-terminated. Returns the exit status; on an error sets *error and what it
	 * returns does not matter. */
	int (*run)(const struct globals *globals, const void *options, int n_args, char **args, GError **error);
};

/* The verbs, NULL-terminated (main.c). */
extern const struct command *const commands[];

/* Parses, runs, reports; returns the exit status of the program. */
int command_main(int argc, char **argv);
