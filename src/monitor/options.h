/* The monitor's command line: parsed, checked in the documented order, with the documented texts. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/options.h"

struct monitor_options {
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#define ALIAS(...)
#include "monitor/options.def"
#undef OPTION
#undef ALIAS
	int level; /* enum diag_level, from --log-level */
	int overflow; /* enum attach_overflow, from --attach-overflow */
};

/* Parses argv. False with *error: the caller prints it and leaves with 1. */
bool monitor_options_parse(struct monitor_options *o, int argc, char **argv, GError **error);

/* The checks before messages are set up, and those after; each reports the first mistake. */
bool monitor_options_check_early(struct monitor_options *o, GError **error);
bool monitor_options_check(struct monitor_options *o, GError **error);
void monitor_options_clear(struct monitor_options *o);
