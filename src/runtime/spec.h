/* config.json (OCI runtime-spec 1.2) as typed structs. Everything in them is borrowed from the struct spec they belong
 * to and lives as long as it does. Absent strings and arrays are NULL; absent numbers are told apart by `set`.
 * Arrays of strings end with NULL. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"

struct spec_int {
	bool set;
	int64_t value;
};

struct spec_uint {
	bool set;
	uint64_t value;
};

/* A map of strings, in the document's order. */
struct spec_pair {
	const char *key, *value;
};

struct spec_map {
	struct spec_pair *pairs;
	size_t n_pairs;
};

struct spec_hook {
	const char *path;
	const char **args;
	const char **env;
	struct spec_int timeout; /* seconds */
};

struct spec_hook_list {
	struct spec_hook *hooks;
	size_t n_hooks;
};

enum spec_hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	N_OCI_HOOK_KINDS,
	HOOK_PRECHROOT = N_OCI_HOOK_KINDS, /* run_oci's: as prestart, and before it */
	N_HOOK_KINDS,
};

/* Names as in config.json ("prestart", ...), indexed by enum spec_hook_kind. */
extern const char *const spec_hook_names[N_HOOK_KINDS];

struct spec_id_map {
	uint32_t container_id, host_id, size;
};

struct spec_mount {
	const char *destination, *source, *type;
	const char **options;
	struct spec_id_map *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	bool in_between; /* performInIntermediateNamespace */
};

struct spec_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct spec_capabilities {
	const char **bounding, **effective, **inheritable, **permitted, **ambient;
};

struct spec_scheduler {
	const char *policy;
	int64_t nice, priority;
	const char **flags;
	uint64_t runtime, deadline, period;
};

struct spec_io_priority {
	const char *class;
	int64_t priority;
};

struct spec_process {
	bool terminal;
	struct spec_uint console_height, console_width;
	const char *cwd;
	const char **env;
	const char **args;
	uint32_t uid, gid;
	uint32_t *additional_gids;
	size_t n_additional_gids;
	struct spec_uint umask;
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	struct spec_capabilities *capabilities; /* NULL: keep none (as runc) */
	bool no_new_privileges;
	struct spec_int oom_score_adj;
	struct spec_scheduler *scheduler;
	struct spec_io_priority *io_priority;
	const char *affinity_initial, *affinity_final; /* execCPUAffinity: "0-3,7" */
	const char *apparmor_profile;                  /* never "" */
	const char *selinux_label;                     /* never "" */
};

enum spec_namespace_type { NS_PID, NS_NETWORK, NS_MOUNT, NS_IPC, NS_UTS, NS_USER, NS_CGROUP, NS_TIME, N_NS_TYPES };

/* One row for each type, indexed by enum spec_namespace_type. */
struct spec_namespace_info {
	const char *name;       /* in config.json: "network" */
	const char *proc_name;  /* in /proc/PID/ns: "net" */
	const char *state_name; /* in state.json: "NEWNET" */
	uint64_t flag;          /* CLONE_NEW* */
};
extern const struct spec_namespace_info spec_namespace_infos[N_NS_TYPES];

struct spec_namespace {
	bool wanted;      /* listed in linux.namespaces: private to the container (created or joined) */
	const char *path; /* join this one; NULL: create */
};

struct spec_device {
	const char *path, *type; /* type: "c" "u" "b" "p" */
	struct spec_int major, minor;
	struct spec_uint mode, uid, gid;
	bool dynamic_major, dynamic_minor; /* the number is that of the host's device of this path */
};

struct spec_device_rule {
	bool allow;
	const char *type; /* "a" "b" "c"; NULL: all */
	struct spec_int major, minor;
	const char *access;
};

struct spec_memory {
	struct spec_int limit, reservation, swap, kernel, kernel_tcp;
	struct spec_uint swappiness;
	bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct spec_cpu {
	struct spec_uint shares, period, realtime_period, burst;
	struct spec_int quota, realtime_runtime, idle;
	const char *cpus, *mems;
};

struct spec_weight_device {
	int64_t major, minor;
	struct spec_uint weight, leaf_weight;
};

struct spec_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

struct spec_throttle_list {
	struct spec_throttle_device *devices;
	size_t n_devices;
};

struct spec_block_io {
	struct spec_uint weight, leaf_weight;
	struct spec_weight_device *weight_devices;
	size_t n_weight_devices;
	struct spec_throttle_list read_bps, write_bps, read_iops, write_iops;
};

struct spec_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};

struct spec_rdma {
	const char *device; /* "mlx5_1" */
	struct spec_uint handles, objects;
};

struct spec_if_priority {
	const char *name;
	uint32_t priority;
};

struct spec_network {
	struct spec_uint class_id;
	struct spec_if_priority *priorities;
	size_t n_priorities;
};

struct spec_resources {
	struct spec_device_rule *devices;
	size_t n_devices;
	struct spec_memory *memory;
	struct spec_cpu *cpu;
	struct spec_int pids_limit;
	struct spec_block_io *block_io;
	struct spec_hugepage_limit *hugepage_limits;
	size_t n_hugepage_limits;
	struct spec_rdma *rdma;
	size_t n_rdma;
	struct spec_network *network;
	struct spec_map unified;
};

struct spec_seccomp_arg {
	uint64_t index, value, value_two;
	const char *op;
};

struct spec_syscall {
	const char **names; /* never empty once read */
	const char *name;   /* the form before 1.0: one of them */
	const char *action;
	struct spec_uint errno_ret;
	struct spec_seccomp_arg *args;
	size_t n_args;
};

struct spec_seccomp {
	const char *default_action; /* NULL: seccomp is off ("seccomp": {}) */
	struct spec_uint default_errno_ret;
	const char **architectures;
	const char **flags; /* NULL: absent, which is not the same as empty */
	const char *listener_path, *listener_metadata;
	struct spec_syscall *syscalls;
	size_t n_syscalls;
	yajl_val json; /* the object itself, for a content key */
};

struct spec_net_device {
	const char *host_name;
	const char *name; /* in the container; NULL: the same */
};

struct spec_rdt {
	const char *clos_id; /* NULL: the container's id; "/": the root */
	const char *l3_cache_schema, *mem_bw_schema;
	const char **schemata;
	bool enable_monitoring;
};

struct spec_linux {
	struct spec_namespace namespaces[N_NS_TYPES];
	struct spec_id_map *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	bool own_ids_only; /* the document has no mappings, and these are the caller's own ids */
	struct spec_int monotonic_secs, monotonic_nanosecs, boottime_secs, boottime_nanosecs;
	struct spec_device *devices;
	size_t n_devices;
	const char *cgroups_path;
	struct spec_resources *resources; /* NULL when absent */
	const char *rootfs_propagation;
	struct spec_seccomp *seccomp; /* NULL when absent or without defaultAction */
	struct spec_map sysctl;
	const char **masked_paths, **readonly_paths;
	const char *mount_label; /* never "" */
	const char *personality_domain;
	const char *alt_syscall;      /* a table of system calls (ChromeOS's kernels) */
	const char **skip_securebits; /* all others are set; NULL: none is touched */
	bool core_sched;
	const char *memory_policy_mode, *memory_policy_nodes;
	const char **memory_policy_flags;
	struct spec_net_device *net_devices;
	size_t n_net_devices;
	struct spec_rdt *intel_rdt; /* NULL when absent */
	yajl_val namespaces_json;
};

struct spec {
	const char *oci_version;
	const char *root_path; /* as written */
	bool root_readonly;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_process *process;      /* NULL when absent */
	const char *hostname, *domainname; /* never "" */
	struct spec_hook_list hooks[N_HOOK_KINDS];
	struct spec_map annotations;
	struct spec_linux linux_;
	yajl_val json; /* the whole document */
	void *pool;    /* owns the arrays */
};

/* Reads and checks a whole config.json at path. Free with spec_free. The error names the JSON path. */
struct spec *spec_load(const char *path, GError **error);

/* The same for text in memory; name stands for the file in errors. */
struct spec *spec_parse(const char *text, const char *name, GError **error);

/* Reads a file that holds a process object alone (exec --process): the result has nothing but `process`. */
struct spec *spec_load_process(const char *path, GError **error);

/* Makes of a pids limit of 0 none. That is what it meant before version 1.3 of the specification (now it is a limit), and what
 * engines write for "no limit": podman before 5.4.1, CRI-O. */
void spec_resources_no_pids_zero(struct spec_resources *r);

/* Reads a file that holds a linux.resources object alone (update --resources; "-": standard input): the result has
 * nothing but linux_.resources. */
struct spec *spec_load_resources(const char *path, GError **error);

void spec_free(struct spec *spec);
typedef struct spec Spec;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spec, spec_free)

/* The value of a key, NULL when the map has none. */
const char *spec_map_get(const struct spec_map *map, const char *key);
