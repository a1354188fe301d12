/* Errors above the system-call layer: a GError whose code is an errno value and whose text says what was tried. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define TALLY_ERROR tally_error_quark()
GQuark tally_error_quark(void);

/* errno text in lower case ("no such file or directory"), as Go programs print it and engines match it. Static or
 * thread-local storage; never NULL. */
const char *errno_text(int err);

/* Sets *error to the formatted text (code 0, or err when given) and returns false, so that callers can
 * `return fail(error, ...)`. */
bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* As fail, with ": <errno text>" of the current errno at the end; code is errno. */
bool fail_errno(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* As fail_errno for an error in hand: err is an errno value, positive or negative. */
bool fail_with(GError **error, int err, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Puts "text: " in front of the message in *error and returns false. */
bool fail_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
