/* The systemd cgroup driver: the container's cgroup is a transient scope of systemd's. Speaking with systemd is the work of
 * a program of its own (tallyrun-scope), which is executed for --systemd-cgroup alone. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/spec.h"

typedef struct Scope Scope;

/* Asks systemd for the scope that linux.cgroupsPath names ("SLICE:PREFIX:NAME"; NULL or "": one made of the id), with the
 * annotations org.systemd.property.* as its properties, and devices (device_rules_for_systemd; may be NULL). user: the user's own manager. program: argv[0] of ours, beside
 * which the helper is looked for before its installed place. The helper stays in the scope until scope_leave, so that
 * systemd keeps it. NULL with *error. */
Scope *scope_start(const char *program, const char *cgroups_path, const char *id, bool user,
	const char *devices, const struct spec_map *annotations, GError **error);

/* Where it is, below the mount point of the hierarchy that systemd manages. Borrowed. */
const char *scope_path(const Scope *scope);

/* The unit's name. Borrowed. */
const char *scope_unit(const Scope *scope);

/* Tells systemd the limits that stand in the cgroup's files: a reload of its configuration would put its own there. */
bool scope_sync(Scope *scope, GError **error);

/* The helper leaves, at most ten seconds later; NULL is fine. Frees it. */
void scope_leave(Scope *scope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scope, scope_leave)

/* scope_sync for a scope that was made earlier. */
bool scope_sync_unit(const char *program, const char *unit, const char *path, bool user, GError **error);

/* A scope that is there. program is argv[0] of ours; user: the user's own manager's. All borrowed. */
struct scope_ref {
	const char *program, *unit;
	bool user;
};

/* Has systemd move a process into the scope ref (a struct scope_ref); a cgroup_mover. */
bool scope_move(pid_t pid, void *ref, GError **error);

/* Tells systemd that a scope is over, whose processes have ended; one that it has forgotten is fine. */
bool scope_stop_unit(const char *program, const char *unit, bool user, GError **error);

/* Whether the helper is there: a build may be without it. */
bool scope_available(const char *program);

/* Slice and unit of a linux.cgroupsPath; both to be freed. */
bool scope_names(const char *cgroups_path, const char *id, bool user, char **ret_slice, char **ret_unit, GError **error);
