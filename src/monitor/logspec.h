/* --log-path: which drivers, which file. */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct logspec {
	char *file;       /* k8s-file's path, NULL: none; free with g_free */
	bool passthrough; /* the container writes to our own stdio */
	bool journald;
};

/* Reads all values of --log-path (may be NULL). "driver:path" is cut at the first colon. */
bool logspec_parse(char *const *values, struct logspec *ret_spec, GError **error);
