/* The words of linux.seccomp and what they stand for. The parser and `features` both read these tables. */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct seccomp_action {
	const char *name;
	uint32_t value;    /* SCMP_ACT_*, without a number for those that take one */
	bool takes_number; /* errnoRet belongs to it */
};

struct seccomp_word {
	const char *name;
	uint32_t value;
};

/* Each ends with a NULL name; sorted by name. */
extern const struct seccomp_action seccomp_actions[];
extern const struct seccomp_word seccomp_operators[]; /* enum scmp_compare */
extern const struct seccomp_word seccomp_archs[];     /* libseccomp's tokens */
extern const struct seccomp_word seccomp_flags[];     /* SECCOMP_FILTER_FLAG_* */

/* The row with this name, or NULL. */
const struct seccomp_action *seccomp_find_action(const char *name);
const struct seccomp_word *seccomp_find_word(const struct seccomp_word *table, const char *name);
