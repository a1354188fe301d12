/* The fields of config.json that we know, one table for each object. What is listed as REFUSED is known, not supported,
 * and an error when it says anything; what is not listed is ignored, as the runtime-spec asks. */
#include "runtime/spec_table.h"

#include "runtime/spec.h"

#define TABLE(name, owner, ...)                                                                                        \
	static const struct field name##_fields[] = { __VA_ARGS__ };                                                   \
	static const struct object_table name = { sizeof(owner), name##_fields, G_N_ELEMENTS(name##_fields) };

/* Short names for the rows; T is the struct that a table is about. */
#define F        SPEC_FIELD
#define REQUIRED SPEC_REQUIRED
#define REQUIRED_TEXT(owner, json, kind, member, text)                                                                 \
	{                                                                                                              \
		.name = json, .type = FIELD_##kind, .offset = offsetof(owner, member), .required = true,               \
		.missing = text                                                                                        \
	}
#define OBJECT(owner, json, member, inner)                                                                             \
	{                                                                                                              \
		.name = json, .type = FIELD_OBJECT, .offset = offsetof(owner, member), .table = &inner                 \
	}
#define INLINE(json, inner)                                                                                            \
	{                                                                                                              \
		.name = json, .type = FIELD_INLINE, .table = &inner                                                    \
	}
#define ARRAY(owner, json, member, inner)                                                                              \
	{                                                                                                              \
		.name = json, .type = FIELD_ARRAY, .offset = offsetof(owner, member),                                  \
		.count_offset = offsetof(owner, n_##member), .table = &inner                                           \
	}
#define KEYED(owner, json, member, inner)                                                                              \
	{                                                                                                              \
		.name = json, .type = FIELD_KEYED, .offset = offsetof(owner, member),                                  \
		.count_offset = offsetof(owner, n_##member), .table = &inner                                           \
	}
#define IDS(owner, json, member)                                                                                       \
	{                                                                                                              \
		.name = json, .type = FIELD_IDS, .offset = offsetof(owner, member),                                    \
		.count_offset = offsetof(owner, n_##member)                                                            \
	}
#define LIST(owner, json, member, inner)                                                                               \
	{                                                                                                              \
		.name = json, .type = FIELD_LIST, .offset = offsetof(owner, member), .table = &inner                   \
	}
#define REFUSED(json)                                                                                                  \
	{                                                                                                              \
		.name = json, .type = FIELD_REFUSED                                                                    \
	}

#define T struct spec_hook
TABLE(hook, T, REQUIRED(T, "path", STRING, path), F(T, "args", STRINGS, args), F(T, "env", STRINGS, env),
	F(T, "timeout", OPT_INT, timeout))
#undef T

/* The lists are indexed by kind: offsets count from the start of the array. */
#define HOOKS(json, kind)                                                                                              \
	{                                                                                                              \
		.name = json, .type = FIELD_LIST, .offset = (kind) * sizeof(struct spec_hook_list), .table = &hook     \
	}
static const struct field hook_lists_fields[] = {
	HOOKS("prechroot", HOOK_PRECHROOT),
	HOOKS("prestart", HOOK_PRESTART),
	HOOKS("createRuntime", HOOK_CREATE_RUNTIME),
	HOOKS("createContainer", HOOK_CREATE_CONTAINER),
	HOOKS("startContainer", HOOK_START_CONTAINER),
	HOOKS("poststart", HOOK_POSTSTART),
	HOOKS("poststop", HOOK_POSTSTOP),
};
const struct object_table spec_table_hook_lists = { sizeof(struct spec_hook_list) * N_HOOK_KINDS, hook_lists_fields,
	G_N_ELEMENTS(hook_lists_fields) };
#undef HOOKS

#define T struct spec_id_map
TABLE(id_map, T, REQUIRED(T, "containerID", UINT32, container_id), REQUIRED(T, "hostID", UINT32, host_id),
	REQUIRED(T, "size", UINT32, size))
#undef T

#define T struct spec_mount
TABLE(mount, T, REQUIRED(T, "destination", STRING, destination), F(T, "source", TEXT, source), F(T, "type", TEXT, type),
	F(T, "options", STRINGS, options), ARRAY(T, "uidMappings", uid_mappings, id_map),
	ARRAY(T, "gidMappings", gid_mappings, id_map),
	F(T, "performInIntermediateNamespace", BOOL, in_between))
#undef T

#define T struct spec_rlimit
TABLE(rlimit, T, REQUIRED(T, "type", STRING, type), REQUIRED(T, "soft", UINT, soft), REQUIRED(T, "hard", UINT, hard))
#undef T

#define T struct spec_capabilities
TABLE(capabilities, T, F(T, "bounding", STRINGS, bounding), F(T, "effective", STRINGS, effective),
	F(T, "inheritable", STRINGS, inheritable), F(T, "permitted", STRINGS, permitted),
	F(T, "ambient", STRINGS, ambient))
#undef T

#define T struct spec_scheduler
TABLE(scheduler, T, REQUIRED_TEXT(T, "policy", STRING, policy, "scheduler policy is required"), F(T, "nice", INT, nice),
	F(T, "priority", INT, priority), F(T, "flags", STRINGS, flags), F(T, "runtime", UINT, runtime),
	F(T, "deadline", UINT, deadline), F(T, "period", UINT, period))
#undef T

#define T struct spec_io_priority
TABLE(io_priority, T, REQUIRED(T, "class", STRING, class), F(T, "priority", INT, priority))
#undef T

#define T struct spec_process
TABLE(console_size, T, F(T, "height", OPT_UINT, console_height), F(T, "width", OPT_UINT, console_width))
TABLE(user, T, F(T, "uid", ID, uid), F(T, "gid", ID, gid), F(T, "umask", OPT_UINT, umask),
	IDS(T, "additionalGids", additional_gids))
TABLE(cpu_affinity, T, F(T, "initial", TEXT, affinity_initial), F(T, "final", TEXT, affinity_final))
static const struct field process_fields[] = {
	F(T, "terminal", BOOL, terminal),
	INLINE("consoleSize", console_size),
	REQUIRED_TEXT(T, "cwd", STRING, cwd, "Cwd property must not be empty"),
	F(T, "env", STRINGS, env),
	REQUIRED_TEXT(T, "args", STRINGS, args, "args must not be empty"),
	F(T, "umask", OPT_UINT, umask), /* run_oci's place for it; the specification's counts */
	INLINE("user", user),
	ARRAY(T, "rlimits", rlimits, rlimit),
	OBJECT(T, "capabilities", capabilities, capabilities),
	F(T, "noNewPrivileges", BOOL, no_new_privileges),
	F(T, "oomScoreAdj", OPT_INT, oom_score_adj),
	OBJECT(T, "scheduler", scheduler, scheduler),
	OBJECT(T, "ioPriority", io_priority, io_priority),
	INLINE("execCPUAffinity", cpu_affinity),
	F(T, "apparmorProfile", TEXT, apparmor_profile),
	F(T, "selinuxLabel", TEXT, selinux_label),
};
const struct object_table spec_table_process = { sizeof(T), process_fields, G_N_ELEMENTS(process_fields) };
#undef T

#define T struct spec_device
TABLE(device, T, REQUIRED(T, "path", STRING, path), REQUIRED(T, "type", STRING, type), F(T, "major", OPT_INT, major),
	F(T, "minor", OPT_INT, minor), F(T, "fileMode", OPT_UINT, mode), F(T, "uid", OPT_UINT, uid),
	F(T, "gid", OPT_UINT, gid), F(T, "dynamicMajor", BOOL, dynamic_major), F(T, "dynamicMinor", BOOL, dynamic_minor))
#undef T

#define T struct spec_device_rule
TABLE(device_rule, T, REQUIRED(T, "allow", BOOL, allow), F(T, "type", TEXT, type), F(T, "major", OPT_INT, major),
	F(T, "minor", OPT_INT, minor), F(T, "access", TEXT, access))
#undef T

#define T struct spec_memory
TABLE(memory, T, F(T, "limit", OPT_INT, limit), F(T, "reservation", OPT_INT, reservation), F(T, "swap", OPT_INT, swap),
	F(T, "kernel", OPT_INT, kernel), F(T, "kernelTCP", OPT_INT, kernel_tcp),
	F(T, "swappiness", OPT_UINT, swappiness), F(T, "disableOOMKiller", BOOL, disable_oom_killer),
	F(T, "useHierarchy", BOOL, use_hierarchy), F(T, "checkBeforeUpdate", BOOL, check_before_update))
#undef T

#define T struct spec_cpu
TABLE(cpu, T, F(T, "shares", OPT_UINT, shares), F(T, "quota", OPT_INT, quota), F(T, "burst", OPT_UINT, burst),
	F(T, "period", OPT_UINT, period), F(T, "realtimeRuntime", OPT_INT, realtime_runtime),
	F(T, "realtimePeriod", OPT_UINT, realtime_period), F(T, "cpus", TEXT, cpus), F(T, "mems", TEXT, mems),
	F(T, "idle", OPT_INT, idle))
#undef T

#define T struct spec_weight_device
TABLE(weight_device, T, REQUIRED(T, "major", INT, major), REQUIRED(T, "minor", INT, minor),
	F(T, "weight", OPT_UINT, weight), F(T, "leafWeight", OPT_UINT, leaf_weight))
#undef T

#define T struct spec_throttle_device
TABLE(throttle_device, T, REQUIRED(T, "major", INT, major), REQUIRED(T, "minor", INT, minor),
	REQUIRED(T, "rate", UINT, rate))
#undef T

#define T struct spec_block_io
TABLE(block_io, T, F(T, "weight", OPT_UINT, weight), F(T, "leafWeight", OPT_UINT, leaf_weight),
	ARRAY(T, "weightDevice", weight_devices, weight_device),
	LIST(T, "throttleReadBpsDevice", read_bps, throttle_device),
	LIST(T, "throttleWriteBpsDevice", write_bps, throttle_device),
	LIST(T, "throttleReadIOPSDevice", read_iops, throttle_device),
	LIST(T, "throttleWriteIOPSDevice", write_iops, throttle_device))
#undef T

#define T struct spec_hugepage_limit
TABLE(hugepage_limit, T, REQUIRED(T, "pageSize", STRING, page_size), REQUIRED(T, "limit", UINT, limit))
#undef T

#define T struct spec_rdma
TABLE(rdma, T, F(T, "hcaHandles", OPT_UINT, handles), F(T, "hcaObjects", OPT_UINT, objects))
#undef T

#define T struct spec_if_priority
TABLE(if_priority, T, REQUIRED(T, "name", STRING, name), REQUIRED(T, "priority", UINT32, priority))
#undef T

#define T struct spec_network
TABLE(network, T, F(T, "classID", OPT_UINT, class_id), ARRAY(T, "priorities", priorities, if_priority))
#undef T

#define T struct spec_resources
TABLE(pids, T, REQUIRED(T, "limit", OPT_INT, pids_limit))
static const struct field resources_fields[] = {
	ARRAY(T, "devices", devices, device_rule),
	OBJECT(T, "memory", memory, memory),
	OBJECT(T, "cpu", cpu, cpu),
	INLINE("pids", pids),
	OBJECT(T, "blockIO", block_io, block_io),
	ARRAY(T, "hugepageLimits", hugepage_limits, hugepage_limit),
	OBJECT(T, "network", network, network),
	F(T, "unified", MAP, unified),
	KEYED(T, "rdma", rdma, rdma),
};
const struct object_table spec_table_resources = { sizeof(T), resources_fields, G_N_ELEMENTS(resources_fields) };
#undef T

#define T struct spec_seccomp_arg
TABLE(seccomp_arg, T, REQUIRED(T, "index", UINT, index), REQUIRED(T, "value", UINT, value),
	F(T, "value2", UINT, value_two), F(T, "valueTwo", UINT, value_two), REQUIRED(T, "op", STRING, op))
#undef T

#define T struct spec_syscall
TABLE(syscall_rule, T, F(T, "names", STRINGS, names), F(T, "name", STRING, name), REQUIRED(T, "action", STRING, action),
	F(T, "errnoRet", OPT_UINT, errno_ret), ARRAY(T, "args", args, seccomp_arg))
#undef T

#define T struct spec_seccomp
TABLE(seccomp, T, F(T, "", JSON, json), F(T, "defaultAction", TEXT, default_action),
	F(T, "defaultErrnoRet", OPT_UINT, default_errno_ret), F(T, "architectures", STRINGS, architectures),
	F(T, "flags", STRINGS, flags), F(T, "listenerPath", TEXT, listener_path),
	F(T, "listenerMetadata", TEXT, listener_metadata), ARRAY(T, "syscalls", syscalls, syscall_rule))
#undef T

#define T struct spec_net_device
TABLE(net_device, T, F(T, "name", TEXT, name))
#undef T

#define T struct spec_rdt
TABLE(intel_rdt, T, F(T, "closID", TEXT, clos_id), F(T, "l3CacheSchema", TEXT, l3_cache_schema),
	F(T, "memBwSchema", TEXT, mem_bw_schema), F(T, "schemata", STRINGS, schemata),
	F(T, "enableMonitoring", BOOL, enable_monitoring), REFUSED("enableCMT"), REFUSED("enableMBM"))
#undef T

#define T struct spec_linux
TABLE(monotonic, T, F(T, "secs", OPT_INT, monotonic_secs), F(T, "nanosecs", OPT_INT, monotonic_nanosecs))
TABLE(boottime, T, F(T, "secs", OPT_INT, boottime_secs), F(T, "nanosecs", OPT_INT, boottime_nanosecs))
TABLE(time_offsets, T, INLINE("monotonic", monotonic), INLINE("boottime", boottime))
TABLE(personality, T, REQUIRED(T, "domain", STRING, personality_domain), REFUSED("flags"))
TABLE(memory_policy, T,
	{ .name = "mode",
		.type = FIELD_STRING,
		.offset = offsetof(T, memory_policy_mode),
		.required = true,
		.missing = "invalid memory policy mode \"\" (linux.memoryPolicy.mode is required)" },
	F(T, "nodes", TEXT, memory_policy_nodes), F(T, "flags", STRINGS, memory_policy_flags))
TABLE(linux_object, T, F(T, "namespaces", JSON, namespaces_json), ARRAY(T, "uidMappings", uid_mappings, id_map),
	ARRAY(T, "gidMappings", gid_mappings, id_map), INLINE("timeOffsets", time_offsets),
	ARRAY(T, "devices", devices, device), F(T, "cgroupsPath", TEXT, cgroups_path),
	OBJECT(T, "resources", resources, spec_table_resources), F(T, "rootfsPropagation", TEXT, rootfs_propagation),
	OBJECT(T, "seccomp", seccomp, seccomp), F(T, "sysctl", MAP, sysctl), F(T, "maskedPaths", STRINGS, masked_paths),
	F(T, "readonlyPaths", STRINGS, readonly_paths), F(T, "mountLabel", TEXT, mount_label),
	F(T, "altSyscall", TEXT, alt_syscall), F(T, "skipSecurebits", STRINGS, skip_securebits),
	F(T, "coreSched", BOOL, core_sched), INLINE("personality", personality), INLINE("memoryPolicy", memory_policy),
	OBJECT(T, "intelRdt", intel_rdt, intel_rdt), KEYED(T, "netDevices", net_devices, net_device))
#undef T

#define T struct spec
TABLE(root, T, REQUIRED(T, "path", STRING, root_path), F(T, "readonly", BOOL, root_readonly))
static const struct field top_fields[] = {
	REQUIRED(T, "ociVersion", STRING, oci_version),
	{ .name = "root", .type = FIELD_INLINE, .table = &root, .required = true, .missing = "root must be specified" },
	ARRAY(T, "mounts", mounts, mount),
	OBJECT(T, "process", process, spec_table_process),
	F(T, "hostname", TEXT, hostname),
	F(T, "domainname", TEXT, domainname),
	{ .name = "hooks", .type = FIELD_INTO, .offset = offsetof(T, hooks), .table = &spec_table_hook_lists },
	F(T, "annotations", MAP, annotations),
	{ .name = "linux", .type = FIELD_INTO, .offset = offsetof(T, linux_), .table = &linux_object },
	F(T, "", JSON, json),
};
const struct object_table spec_table_top = { sizeof(T), top_fields, G_N_ELEMENTS(top_fields) };
