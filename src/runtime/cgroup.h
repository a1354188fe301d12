/* The container's cgroups through cgroupfs: v1, hybrid (v1 controllers beside a cgroup2) and v2, told apart here and
 * nowhere else. Limits are written last; every wait has a deadline. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/json.h"

struct spec_resources;
typedef struct Cgroup Cgroup;

enum cgroup_manager { CGROUP_MANAGER_CGROUPFS, CGROUP_MANAGER_DISABLED };
enum cgroup_mode { CGROUP_LEGACY, CGROUP_HYBRID, CGROUP_UNIFIED };

/* Whether the caller counts as an ordinary user, who may not have cgroups: by itself that is who is not root, or root of a
 * user namespace only. */
enum cgroup_rootless { CGROUP_ROOTLESS_AUTO, CGROUP_ROOTLESS, CGROUP_NOT_ROOTLESS };

/* Where one hierarchy of the container is. */
struct cgroup_hierarchy {
	char *controllers; /* "cpu,cpuacct", "name=systemd"; "" is cgroup2 */
	char *mount;       /* "/sys/fs/cgroup/cpu,cpuacct" */
	char *path;        /* the container's, below mount: "/a/b" */
};

/* Whether cgroup2 is all that the host has. */
bool cgroup_host_is_unified(void);

/* Finds the host's mode and the container's path in every hierarchy from linux.cgroupsPath (may be NULL) and the id.
 * Changes nothing. Free with cgroup_free. */
Cgroup *cgroup_plan(const char *cgroups_path, const char *id, GError **error);

/* For a container that asks for this path (NULL: none) and these resources (NULL: none): hierarchies that are refused to an
 * ordinary user are left out if it can do without. */
void cgroup_set_rootless(
	Cgroup *cg, enum cgroup_rootless rootless, const char *cgroups_path, const struct spec_resources *resources);

/* Whether all hierarchies were left out. */
bool cgroup_is_none(const Cgroup *cg);

/* The same from the "cgroup_paths" of a state.json. */
Cgroup *cgroup_from_state(yajl_val cgroup_paths, GError **error);

/* Writes the member "cgroup_paths" of a state.json: controller to absolute path. */
void cgroup_put_state(const Cgroup *cg, JsonWriter *w);

void cgroup_free(Cgroup *cg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cgroup, cgroup_free)

enum cgroup_mode cgroup_mode(const Cgroup *cg);

/* Whether cg has a place in every hierarchy of this /proc/PID/cgroup. Where it has none the process is where its maker was,
 * with everybody else. cg may be NULL. */
bool cgroup_covers(const Cgroup *cg, const char *memberships);

/* The hierarchies, borrowed. */
const struct cgroup_hierarchy *cgroup_hierarchies(const Cgroup *cg, size_t *ret_n);

/* Makes the directories. Refuses a cgroup that has processes or is frozen ("container's cgroup is not empty: N
 * process(es) found", "container's cgroup unexpectedly frozen"). What it made is gone again on failure. What must be set
 * before a process may enter is set (v1 cpuset from the parents, realtime runtime from resources, which may be NULL). */
bool cgroup_create(Cgroup *cg, const struct spec_resources *resources, GError **error);

/* The same for one that somebody has made for us, and is in it. */
bool cgroup_adopt(Cgroup *cg, const struct spec_resources *resources, GError **error);

/* Whether it is there already (asked before cgroup_create: somebody else's). */
bool cgroup_exists(const Cgroup *cg);

/* A directory descriptor for CLONE_INTO_CGROUP, borrowed; -1 on v1 and hybrid. */
int cgroup_clone_fd(const Cgroup *cg);

/* The directory where a process of the container is now, below which a service manager inside may have moved it; close
 * it. Unified only, else -EOPNOTSUPP; another -errno when it cannot be opened. */
int cgroup_open_where(const Cgroup *cg, pid_t pid);

/* Moves a process into a cgroup2 where the kernel refuses it to us: below our own user's manager a process that comes from
 * elsewhere may be moved by systemd alone. cgroup_join calls it on EACCES; user must live as long as cg. */
typedef bool (*cgroup_mover)(pid_t pid, void *user, GError **error);
void cgroup_set_mover(Cgroup *cg, cgroup_mover move, void *user);

/* Moves a process into every hierarchy, in one go. entered_v2: clone3 has put it into cgroup_clone_fd already. */
bool cgroup_join(Cgroup *cg, pid_t pid, bool entered_v2, GError **error);

/* From here on cg stands for cgroups below its own: args (ends with NULL) is one path, for cgroup2, or several
 * "CONTROLLER[,CONTROLLER]:PATH". They must be there, and cannot lead out ("..") . */
bool cgroup_enter_sub(Cgroup *cg, char *const *args, GError **error);

/* Writes device rules (BPF on v2) and limits; resources may be NULL (default device rules only). */
bool cgroup_apply(Cgroup *cg, const struct spec_resources *resources, GError **error);

/* Writes limits only, device rules stay as they are (update). When one is refused, those before it are put back. */
bool cgroup_update(Cgroup *cg, const struct spec_resources *resources, GError **error);

/* Both return when it is done, or fail after ten seconds; a cgroup that cannot be frozen is thawed again, and one that
 * is gone counts as thawed. */
bool cgroup_freeze(const Cgroup *cg, GError **error);
bool cgroup_thaw(const Cgroup *cg, GError **error);

/* Whether it is frozen now; false when it is gone or has no freezer. */
bool cgroup_frozen(const Cgroup *cg);

/* Sends sig to every process in it and below (SIGKILL by cgroup.kill where the kernel has it). Gone: success. */
bool cgroup_kill(const Cgroup *cg, int sig, GError **error);

/* Pids in it and below, as an array of pid_t. Free with g_array_unref. */
GArray *cgroup_pids(const Cgroup *cg, GError **error);

/* How often the OOM killer has killed in it; 0 when unknown. */
uint64_t cgroup_oom_kills(const Cgroup *cg);

/* Removes it and what is below; what is gone already is no error. With kill, what comes in meanwhile is killed: a create
 * that still goes on may just be moving its process there. Waits up to 10 s for it to be empty. */
bool cgroup_destroy(Cgroup *cg, bool kill, GError **error);
