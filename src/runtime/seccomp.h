/* linux.seccomp to a BPF program in memory, by libseccomp, with a cache of compiled programs. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/spec.h"

struct seccomp_filter {
	GBytes *program;    /* struct sock_filter[]; NULL: no seccomp */
	unsigned int flags; /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
};

/* Compiles, or takes the program from cache_dir (made when missing; NULL: no cache; a cache that cannot be used is no
 * error). The error names the JSON path. */
bool seccomp_compile(const struct spec_seccomp *seccomp, const char *cache_dir, struct seccomp_filter *ret_filter,
	GError **error);

/* Whether libseccomp knows every system call that the profile names, for whichever architecture. The error names the JSON
 * path. */
bool seccomp_check_names(const struct spec_seccomp *seccomp, GError **error);

void seccomp_filter_clear(struct seccomp_filter *filter);
