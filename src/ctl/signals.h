/* Names of signals. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Parses "15", "TERM", "SIGTERM" (any case), "RTMIN+3" and the like. */
bool signal_parse(const char *text, int *ret_signal, GError **error);
