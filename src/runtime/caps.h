/* Names and numbers of capabilities(7). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The highest capability the running kernel knows (/proc/sys/kernel/cap_last_cap). */
int caps_last(void);

/* The number of "CAP_CHOWN" (any case), or -1 when no kernel we know or the running one has it. */
int caps_number(const char *name);

/* The name of a number, NULL when unknown. */
const char *caps_name(int number);

/* The mask of a NULL-terminated list (NULL: empty); names that are unknown are appended to unknown (char *, may be NULL:
 * dropped), once each. */
uint64_t caps_mask(const char *const *names, GPtrArray *unknown);
