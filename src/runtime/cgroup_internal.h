/* What the cgroup_*.c files share; nobody else includes it. */
#pragma once

#include "runtime/cgroup.h"
#include "runtime/spec.h"

/* The open side of a struct cgroup_hierarchy. */
struct cgroup_node {
	bool v2;
	int root_fd;       /* the mount point; -1: not opened yet */
	int dir_fd;        /* the container's directory; -1: not opened yet, or not there */
	unsigned int made; /* directories that cgroup_create made for it */
};

/* A control file's text before it was written. */
struct cgroup_old {
	char *controller, *file, *text;
};

struct Cgroup {
	enum cgroup_mode mode;
	size_t n;
	struct cgroup_hierarchy *hierarchies;
	struct cgroup_node *nodes; /* one for each hierarchy */
	enum cgroup_rootless rootless;
	cgroup_mover move; /* NULL: nobody */
	void *move_user;
	bool optional;   /* neither limits nor a path were asked for */
	GPtrArray *undo; /* struct cgroup_old: what cgroup_write has replaced; NULL: not noted */
};

#define CGROUP_NONE ((size_t)-1)

/* Appends a hierarchy; takes the strings and the descriptor (which may be -1). */
void cgroup_add(Cgroup *cg, char *controllers, char *mount, char *path, bool v2, int root_fd);

/* Fills mode, hierarchies and nodes with the host's cgroup file systems; path is the caller's own cgroup when want_own,
 * else "/". */
bool cgroup_host_find(Cgroup *cg, bool want_own, GError **error);

/* Lines of /proc/self/cgroup: splits "5:cpu,cpuacct:/a" in place. False when it is no such line. */
bool cgroup_host_split(char *line, char **ret_controllers, char **ret_path);

/* One line of /proc/self/mountinfo that mounts a cgroup file system with this controller ("" is cgroup2): its mount
 * point and the directory of the file system that is mounted there. False when it is none. */
bool cgroup_host_match_mount(const char *line, const char *controller, char **ret_mount, char **ret_root);

/* The hierarchy with a v1 controller; in unified mode always the one hierarchy. CGROUP_NONE without one. */
size_t cgroup_find(const Cgroup *cg, const char *controller);

/* The cgroup2 hierarchy (unified or hybrid), or CGROUP_NONE. */
size_t cgroup_find_v2(const Cgroup *cg);

/* The hierarchy whose cgroup.procs says best which processes are in the container. */
size_t cgroup_find_main(const Cgroup *cg);

/* The container's directory in hierarchy i, borrowed; -errno when it cannot be opened (-ENOENT: gone). */
int cgroup_dir(const Cgroup *cg, size_t i);

/* Sends SIGKILL to whom cgroup_pids lists, frozen or not, as well as that can be done. */
void cgroup_kill_listed(const Cgroup *cg);

/* The absolute path of the container's directory in hierarchy i. Free with g_free. */
char *cgroup_abs_path(const Cgroup *cg, size_t i);

/* Writes text to a control file of the hierarchy that has the controller. */
bool cgroup_write(const Cgroup *cg, const char *controller, const char *file, const char *text, GError **error);

/* The same; false with no error when the file or the hierarchy is not there. */
bool cgroup_write_if_there(
	const Cgroup *cg, const char *controller, const char *file, const char *text, GError **error);

/* Whether err is a refusal that is to be expected: the caller is, or counts as, an ordinary user. */
bool cgroup_refused_rootless(const Cgroup *cg, int err);

/* Forgets hierarchy i, which was refused, when the container does without: false when it does not. The next ones move
 * up. */
bool cgroup_drop_refused(Cgroup *cg, size_t i, int err);

/* "WHAT PATH: errno text", with the rule in front when a user's container asks for what the user may not have. Returns
 * false. */
bool cgroup_fail_refused(const Cgroup *cg, int err, GError **error, const char *what, const char *path);

/* linux.resources.rdma, which is the same for both. */
bool cgroup_apply_rdma(const Cgroup *cg, const struct spec_resources *resources, GError **error);

/* Whether memory.swappiness is one; v2 has no such setting, but what is no value is refused there too. */
bool cgroup_check_swappiness(const struct spec_memory *memory, GError **error);

/* What a limit refused with EBUSY says. */
bool cgroup_fail_memory(const Cgroup *cg, const char *usage, const char *peak, const char *text, GError **error);

/* Limits of linux.resources (no devices). */
bool cgroup_v1_apply(const Cgroup *cg, const struct spec_resources *resources, GError **error);
bool cgroup_v2_apply(const Cgroup *cg, const struct spec_resources *resources, GError **error);

/* The realtime budget of linux.resources.cpu. */
bool cgroup_v1_realtime(const Cgroup *cg, const struct spec_resources *resources, GError **error);

/* What v1 wants before the first process enters. */
bool cgroup_v1_prepare(const Cgroup *cg, const struct spec_resources *resources, GError **error);

/* Enables the controllers of every parent for its children, as far as they allow it. */
void cgroup_v2_enable_controllers(const Cgroup *cg);
