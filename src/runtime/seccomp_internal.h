/* What the seccomp*.c files share; nobody else includes it. */
#pragma once

#include <glib.h>
#include <linux/filter.h>

#include "runtime/seccomp.h"

/* Compiles by libseccomp, with the ENOSYS stub in front: an array of struct sock_filter, free with g_array_unref. */
GArray *seccomp_build(const struct spec_seccomp *seccomp, GError **error);

/* The newest system call that a profile names for one architecture. */
struct seccomp_newest {
	uint32_t token;	 /* libseccomp's; x32 has one of its own */
	uint32_t number; /* x32 with its bit */
};

/* A program in front of another that answers ENOSYS to calls newer than the profile, which its author cannot have meant
 * to forbid: programs then fall back to older calls, where EPERM would make them give up. One row for each architecture
 * of the filter. Empty when there is nothing to do. */
GArray *seccomp_stub(const struct seccomp_newest *newest, size_t n);

/* SHA-256, as 64 hex digits, of everything that the program depends on. Free with g_free. */
char *seccomp_key(const struct spec_seccomp *seccomp);

/* The program kept under this key, or NULL. What is not exactly as we write it (owner, mode, size, checksum) counts as
 * absent. */
GArray *seccomp_cache_load(const char *dir, const char *key);

/* Keeps a program; makes the directory. Failure costs time at the next start and nothing else: it is not reported. */
void seccomp_cache_store(const char *dir, const char *key, const GArray *program);
