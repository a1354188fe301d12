/* Messages of tallyrun: runc's log lines (text or JSON), to standard error or to --log FILE.
 *
 * Engines read the log of a failed command as one JSON object: a failure leaves exactly one line. Warnings are kept back
 * until the command has succeeded. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/diag.h"

typedef struct Log Log;

/* Opens FILE for appending (NULL: standard error), takes over diag. container is the id of the container that the command
 * is about (NULL: none), which JSON lines carry. */
Log *log_new(const char *file, bool json, enum diag_level level, const char *container, GError **error);

/* Drops the warnings that were kept back: the command has failed, and its error is all that is said. */
void log_drop_warnings(Log *log);

/* Writes the warnings that were kept back, closes, gives diag back. */
void log_free(Log *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Log, log_free)
