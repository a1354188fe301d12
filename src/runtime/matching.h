/* Verbs on every container whose id matches: `kill --regex`, `delete --regex`. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef bool (*matching_fn)(const char *id, void *user, GError **error);

/* Calls one for every container below root with an id that the POSIX extended regular expression matches anywhere, in
 * order. All of them have their turn; of the failures the first is the error, with the id, and the others are logged.
 * That there is none is no failure, a root that is not there neither. One that is still being made is none. */
bool matching_each(const char *root, const char *regex, matching_fn one, void *user, GError **error);
