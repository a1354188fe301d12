/* Names and lists of config.json as the kernel's numbers. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* linux/sched.h; glibc's header cannot be included beside it. */
enum {
	PROCVALUES_SCHED_OTHER = 0,
	PROCVALUES_SCHED_FIFO = 1,
	PROCVALUES_SCHED_RR = 2,
	PROCVALUES_SCHED_BATCH = 3,
	PROCVALUES_SCHED_ISO = 4,
	PROCVALUES_SCHED_IDLE = 5,
	PROCVALUES_SCHED_DEADLINE = 6,
};

/* linux/mempolicy.h */
enum {
	PROCVALUES_MPOL_DEFAULT = 0,
	PROCVALUES_MPOL_PREFERRED = 1,
	PROCVALUES_MPOL_BIND = 2,
	PROCVALUES_MPOL_INTERLEAVE = 3,
	PROCVALUES_MPOL_LOCAL = 4,
	PROCVALUES_MPOL_PREFERRED_MANY = 5,
	PROCVALUES_MPOL_WEIGHTED_INTERLEAVE = 6,
};

/* Each returns -1 for an unknown name. */
int procvalues_rlimit(const char *name);         /* "RLIMIT_NOFILE" */
int procvalues_sched_policy(const char *name);   /* "SCHED_FIFO" */
int procvalues_io_class(const char *name);       /* "IOPRIO_CLASS_BE" */
int procvalues_mempolicy_mode(const char *name); /* "MPOL_BIND" */

/* Each returns 0 for an unknown name. */
uint64_t procvalues_sched_flag(const char *name);

/* SECBIT_* of a name without that ("NOROOT", "KEEP_CAPS_LOCKED"); 0: unknown. */
uint32_t procvalues_securebit(const char *name);

/* The securebits of a process, but for those named in skip (NULL-terminated): all that run_oci sets. */
uint32_t procvalues_securebits_without(const char *const *skip); /* "SCHED_FLAG_RESET_ON_FORK" */
unsigned int procvalues_mempolicy_flag(const char *name);        /* "MPOL_F_STATIC_NODES" */

/* Parses "0-3,7" into a bit mask of n_words words (NULL: only check). False when malformed or out of range. */
bool procvalues_cpu_list(const char *text, gulong *mask, size_t n_words);

/* The key with dots, whichever separator it was written with: where the first separator is "/", dots and slashes change
 * places. Free with g_free. */
char *procvalues_sysctl_key(const char *key);
