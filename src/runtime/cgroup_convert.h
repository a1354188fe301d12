/* linux.resources is written in the terms of cgroup v1; these are the same wishes in the terms of v2. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/spec.h"

/* cpu.shares (2..262144) to cpu.weight (1..10000), 1024 being 100; 0 is "unset" and stays 0. */
uint64_t cgroup_weight_from_shares(uint64_t shares);

/* blkio.weight (10..1000) to io.weight (1..10000); 0 stays 0. */
uint64_t cgroup_io_weight(uint64_t weight);

/* A limit as text: -1 is "max". buf has at least NUM_MAX bytes. */
void cgroup_format_limit(int64_t limit, char *buf);

/* memory.swap.max from memory+swap. Writes text ("max", "0", ...) or "" when nothing is to be written. Returns NULL, or
 * what is wrong with the pair (runc's words). */
const char *cgroup_swap_max(struct spec_int limit, struct spec_int swap, char *buf);

/* cpu.max: "quota period" or "quota" (the kernel then keeps the period); a quota below 0 is "max"; a period alone goes
 * with the quota in current (the file's text now). "" when neither is given. buf has 2 * NUM_MAX bytes. */
void cgroup_cpu_max(struct spec_int quota, struct spec_uint period, const char *current, char *buf);

/* pids.max: 0 and less than 0. A limit of 0 cannot hold init, the nearest that can is 1; negative is "max". */
void cgroup_pids_max(int64_t limit, char *buf);
