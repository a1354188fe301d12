/* Names and numbers of capabilities(7). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The highest capability the running kernel knows (/proc/sys/kernel/cap_last_cap). */
int caps_last(void);

/* The number of "CAP_CHOWN" (any case), or -1 when no kernel we know has it (the running one: caps_last). */
int caps_number(const char *name);

/* The name of a number, NULL when unknown. */
const char *caps_name(int number);

/* The mask of a NULL-terminated list (NULL: empty). Names that are unknown or above last (caps_last) are appended to
 * unknown (char *, may be NULL: dropped), once each. */
uint64_t caps_mask(const char *const *names, int last, GPtrArray *unknown);
