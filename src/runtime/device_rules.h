/* linux.resources.devices: who may use which device node. One list of rules, two ways to tell the kernel: lines for
 * v1's devices.allow and devices.deny, a BPF program for v2; and a list of what is allowed, for systemd. Everybody is denied what no rule allows; for every kind of
 * access the last rule that speaks of it decides. */
#pragma once

#include <glib.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/spec.h"

#define DEVICE_ANY (-1)

struct device_rule {
	bool allow;
	char type;	      /* 'a' (both), 'b' or 'c' */
	int64_t major, minor; /* DEVICE_ANY: all */
	uint32_t access;      /* BPF_DEVCG_ACC_* */
};

/* The rules of the bundle and then those that every container has (mknod of anything, the usual nodes, ptys), which
 * the bundle cannot take away; what comes before an all-embracing rule is left out, and "deny all" comes first when
 * none does. resources may be NULL. An array of struct device_rule, free with g_array_unref; NULL and the JSON path on
 * error. */
GArray *device_rules_from_spec(const struct spec_resources *resources, GError **error);

/* Whether the list allows everything: then no program is needed. */
bool device_rules_allow_all(const GArray *rules);

/* One write for v1. file is devices.allow or devices.deny; 'a' with numbers must be split first (device_rules_for_v1).
 */
struct device_line {
	const char *file;
	char text[64];
};

/* The writes for a cgroup whose state is not known: what everybody may, then the exceptions. v1 cannot take a part out of
 * an exception (allow c 1:*, then deny c 1:3): NULL and an error, where the kernel would say nothing and allow. An array
 * of struct device_line, free with g_array_unref. */
GArray *device_rules_for_v1(const GArray *rules, GError **error);

/* systemd's DeviceAllow as GVariant text, "[('/dev/char/1:3', 'rwm'), ...]": everything that the rules allow, and where systemd
 * has no words for it, more: the rules themselves are in force beside it. It knows all of a major number by its name in groups,
 * the text of /proc/devices; one that is not there is left out. NULL where the rules allow what they do not name. */
char *device_rules_for_systemd(const GArray *rules, const char *groups);

/* The program for BPF_PROG_TYPE_CGROUP_DEVICE. An array of struct bpf_insn, free with g_array_unref. */
GArray *device_rules_program(const GArray *rules);

/* Loads the program and attaches it to the cgroup2 directory, beside what others have attached. */
bool device_program_attach(const GArray *program, int cgroup_fd, GError **error);
