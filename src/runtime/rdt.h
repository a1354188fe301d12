/* Intel RDT (linux.intelRdt): the container's group in the resctrl file system, and its monitoring group. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/json.h"
#include "runtime/spec.h"

typedef struct Rdt Rdt;

/* What the tables cannot say about linux.intelRdt: names of groups, lines of schemata. */
bool rdt_check_spec(const struct spec_rdt *spec, GError **error);

/* Where resctrl is mounted, by the text of /proc/self/mountinfo; the last one, which is on top. NULL: nowhere. */
char *rdt_find_root(const char *mountinfo);

/* The groups for the container id below root (absolute; NULL: look for it in our mount namespace). Nothing is made yet, but
 * it is known what will have to be removed. Free with rdt_free. */
Rdt *rdt_plan(const struct spec_rdt *spec, const char *id, const char *root, GError **error);

/* The three parts of making the groups, in this order: the directory of the class; its schemata, which are compared when
 * it was there before; the monitoring group. What they have made is taken back by rdt_undo. */
bool rdt_make_class(Rdt *rdt, const struct spec_rdt *spec, GError **error);
bool rdt_apply_schemata(Rdt *rdt, const struct spec_rdt *spec, GError **error);
bool rdt_make_monitor(Rdt *rdt, GError **error);

/* Writes other schemata to the class of a container that lives (update); either may be NULL. */
bool rdt_update(const Rdt *rdt, const char *l3_cache_schema, const char *mem_bw_schema, GError **error);

/* Puts a process into the groups. ENOENT in the error: a group is no longer there. */
bool rdt_join(const Rdt *rdt, pid_t pid, GError **error);

/* Removes what belongs to the container alone: its monitoring group, and a class that bears its id and is ours. What is
 * gone already is no error. */
bool rdt_remove(const Rdt *rdt, GError **error);

/* Removes what this process has made, for a create that failed. */
void rdt_undo(const Rdt *rdt);

/* The directory of the class: intel_rdt_path in the state. */
const char *rdt_path(const Rdt *rdt);

/* The member "intelRdt" of the state, and back; NULL: there is none. */
void rdt_put_state(const Rdt *rdt, JsonWriter *w);
Rdt *rdt_from_state(yajl_val object);

void rdt_free(Rdt *rdt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rdt, rdt_free)
