/* What a container uses, as its runtime tells. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "ctl/store.h"

#define USAGE_UNKNOWN (-1)

/* Figures are USAGE_UNKNOWN where the host does not count them. */
struct usage {
	int64_t taken_ns;     /* CLOCK_BOOTTIME */
	int64_t cpu_ns;       /* CPU time so far, of all CPUs together */
	int64_t memory;       /* bytes */
	int64_t memory_limit; /* USAGE_UNKNOWN: none, too */
	int64_t pids;
	int64_t pids_limit;
	int64_t read; /* bytes of block devices */
	int64_t written;
};

/* Of one of which nothing is known. */
#define USAGE_NONE                                                                                                     \
	((struct usage){ 0, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN, USAGE_UNKNOWN,  \
		USAGE_UNKNOWN })

/* The runtime's figures of now. */
bool usage_read(const Container *c, const char *runtime, struct usage *ret_usage, GError **error);

/* The same from the text that `events --stats` prints; taken_ns is the caller's to set. */
bool usage_parse(const char *text, struct usage *ret_usage, GError **error);

/* Per cent of one CPU between two samples, or USAGE_UNKNOWN. */
double usage_cpu_percent(const struct usage *before, const struct usage *now);
