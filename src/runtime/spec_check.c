/* The rules of config.json that a table of fields cannot say. Texts that engines and test suites know are runc's. */
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>

#include "common/error.h"
#include "runtime/procvalues.h"
#include "runtime/rdt.h"
#include "runtime/spec.h"
#include "runtime/spec_table.h"

/* Any 1.x: an engine's newer minor version must not stop containers. */
static bool check_version(const char *version, GError **error)
{
	const char *at = version;

	for (int i = 0; i < 3; i++) {
		size_t digits = strspn(at, "0123456789");
		char end = at[digits];

		if (digits == 0 || (i == 0 && (digits > 1 || *at > '1')) ||
			(i < 2 ? end != '.' : end && end != '-' && end != '+'))
			return fail(error, "ociVersion: \"%s\" is not a version 1.x of the runtime-spec", version);
		at += digits + 1;
	}
	return true;
}

/* where: "process" or "hooks.prestart[0]". */
static bool check_env(const char *const *env, const char *where, GError **error)
{
	for (size_t i = 0; env && env[i]; i++) {
		if (env[i][0] == '=')
			return fail(
				error, "invalid environment variable: name cannot be empty (%s.env[%zu])", where, i);
		if (!strchr(env[i], '='))
			return fail(error, "invalid environment variable: missing '=' (%s.env[%zu])", where, i);
	}
	return true;
}

static bool check_rlimits(const struct spec_process *p, GError **error)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		if (procvalues_rlimit(p->rlimits[i].type) < 0)
			return fail(error, "wrong rlimit value: %s (process.rlimits[%zu].type)", p->rlimits[i].type, i);
		for (size_t j = 0; j < i; j++)
			if (strcmp(p->rlimits[i].type, p->rlimits[j].type) == 0)
				return fail(
					error, "process.rlimits[%zu].type: %s is given twice", i, p->rlimits[i].type);
	}
	return true;
}

static bool check_scheduler(const struct spec_scheduler *s, GError **error)
{
	int policy = procvalues_sched_policy(s->policy);
	bool ordinary = policy == PROCVALUES_SCHED_OTHER || policy == PROCVALUES_SCHED_BATCH;
	bool realtime = policy == PROCVALUES_SCHED_FIFO || policy == PROCVALUES_SCHED_RR;

	if (policy < 0)
		return fail(error, "invalid scheduler policy: %s (process.scheduler.policy)", s->policy);
	if (ordinary && (s->nice < -20 || s->nice > 19))
		return fail(error, "invalid scheduler.nice: %" G_GINT64_FORMAT " when scheduler.policy is %s", s->nice,
			s->policy);
	if (s->priority != 0 && !realtime)
		return fail(error, "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
	if (s->priority < 0 || s->priority > 99)
		return fail(error, "process.scheduler.priority: %" G_GINT64_FORMAT " is out of range", s->priority);
	if (policy != PROCVALUES_SCHED_DEADLINE && (s->runtime || s->deadline || s->period))
		return fail(error, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
	for (size_t i = 0; s->flags && s->flags[i]; i++)
		if (procvalues_sched_flag(s->flags[i]) == 0)
			return fail(error, "invalid scheduler flag: %s", s->flags[i]);
	return true;
}

static bool check_io_priority(const struct spec_io_priority *io, GError **error)
{
	if (procvalues_io_class(io->class) < 0)
		return fail(error, "invalid ioPriority.Class: \"%s\"", io->class);
	if (io->priority < 0 || io->priority > 7)
		return fail(error, "invalid ioPriority.Priority: %" G_GINT64_FORMAT, io->priority);
	return true;
}

bool spec_check_process(const struct spec_process *p, GError **error)
{
	if (!*p->cwd)
		return fail(error, "Cwd property must not be empty");
	if (p->cwd[0] != '/')
		return fail(error, "Cwd must be an absolute path");
	if (!p->args[0])
		return fail(error, "args must not be empty");
	if (p->oom_score_adj.set && (p->oom_score_adj.value < -1000 || p->oom_score_adj.value > 1000))
		return fail(error, "process.oomScoreAdj: %" G_GINT64_FORMAT " is not from -1000 to 1000",
			p->oom_score_adj.value);
	if (p->umask.set && p->umask.value > 0777)
		return fail(error, "process.user.umask: %" G_GUINT64_FORMAT " is not a file mode", p->umask.value);
	if (p->affinity_initial && !procvalues_cpu_list(p->affinity_initial, NULL, 0))
		return fail(
			error, "process.execCPUAffinity.initial: \"%s\" is not a list of CPUs", p->affinity_initial);
	if (p->affinity_final && !procvalues_cpu_list(p->affinity_final, NULL, 0))
		return fail(error, "process.execCPUAffinity.final: \"%s\" is not a list of CPUs", p->affinity_final);
	return check_env(p->env, "process", error) && check_rlimits(p, error) &&
	       (!p->scheduler || check_scheduler(p->scheduler, error)) &&
	       (!p->io_priority || check_io_priority(p->io_priority, error));
}

static bool same_maps(const struct spec_linux *l)
{
	return l->n_uid_mappings > 0 && l->n_gid_mappings > 0;
}

/* What the kernel would answer with EINVAL. */
static bool check_maps(const struct spec_id_map *maps, size_t n, const char *name, GError **error)
{
	for (size_t i = 0; i < n; i++) {
		const struct spec_id_map *a = &maps[i];

		if (a->size == 0)
			return fail(error, "%s[%zu].size is 0", name, i);
		if ((uint64_t)a->host_id + a->size > UINT32_MAX || (uint64_t)a->container_id + a->size > UINT32_MAX)
			return fail(error, "%s[%zu]: %u ids do not fit below %u", name, i, a->size, UINT32_MAX);
		for (size_t j = 0; j < i; j++) {
			const struct spec_id_map *b = &maps[j];

			if ((a->container_id < (uint64_t)b->container_id + b->size &&
				    b->container_id < (uint64_t)a->container_id + a->size) ||
				(a->host_id < (uint64_t)b->host_id + b->size &&
					b->host_id < (uint64_t)a->host_id + a->size))
				return fail(error, "%s[%zu] and [%zu] overlap", name, j, i);
		}
	}
	return true;
}

static bool check_namespaces(const struct spec *s, GError **error)
{
	const struct spec_linux *l = &s->linux_;
	const struct spec_namespace *ns = l->namespaces;
	bool offsets =
		l->monotonic_secs.set || l->monotonic_nanosecs.set || l->boottime_secs.set || l->boottime_nanosecs.set;

	for (int t = 0; t < N_NS_TYPES; t++)
		if (ns[t].path && ns[t].path[0] != '/')
			return fail(error, "linux.namespaces: the path of the %s namespace is not absolute: %s",
				spec_namespace_infos[t].name, ns[t].path);
	if (ns[NS_USER].wanted && !ns[NS_USER].path && !same_maps(l))
		return fail(error, "user namespaces enabled, but no %s mappings found (linux.%sMappings)",
			l->n_uid_mappings ? "gid" : "uid", l->n_uid_mappings ? "gid" : "uid");
	if (!check_maps(l->uid_mappings, l->n_uid_mappings, "linux.uidMappings", error) ||
		!check_maps(l->gid_mappings, l->n_gid_mappings, "linux.gidMappings", error))
		return false;
	if (offsets && !ns[NS_TIME].wanted)
		return fail(error, "time namespace offsets specified, but time namespace isn't enabled in the config "
				   "(linux.timeOffsets)");
	if (offsets && ns[NS_TIME].path)
		return fail(error,
			"time namespace enabled, but both namespace path and time offsets specified -- you may only "
			"provide one (linux.timeOffsets)");
	if (s->hostname && strlen(s->hostname) > 64)
		return fail(error, "hostname: %zu bytes, and the kernel takes 64", strlen(s->hostname));
	if (s->domainname && strlen(s->domainname) > 64)
		return fail(error, "domainname: %zu bytes, and the kernel takes 64", strlen(s->domainname));
	if (s->hostname && !ns[NS_UTS].wanted)
		return fail(error, "unable to set hostname without a private UTS namespace");
	if (s->domainname && !ns[NS_UTS].wanted)
		return fail(error, "unable to set domainname without a private UTS namespace");
	if (!ns[NS_MOUNT].wanted &&
		((l->masked_paths && l->masked_paths[0]) || (l->readonly_paths && l->readonly_paths[0])))
		return fail(error, "unable to restrict sys entries without a private MNT namespace");
	return true;
}

/* Whether a sysctl belongs to a namespace of the container; key with dots. */
static bool check_sysctl(const struct spec *s, const char *key, const char *value, GError **error)
{
	static const char *const ipc[] = { "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.auto_msgmni",
		NULL };
	const struct spec_namespace *ns = s->linux_.namespaces;

	if (g_strv_contains(ipc, key) || g_str_has_prefix(key, "fs.mqueue."))
		return ns[NS_IPC].wanted || fail(error, "sysctl \"%s\" is not allowed in the hosts ipc namespace", key);
	if (g_str_has_prefix(key, "net."))
		return ns[NS_NETWORK].wanted || fail(error, "sysctl \"%s\" not allowed in host network namespace", key);
	if (strcmp(key, "kernel.domainname") == 0 && s->domainname && strcmp(value, s->domainname) != 0)
		return fail(error, "sysctl \"kernel.domainname\" conflicts with the OCI \"domainname\" field");
	if (strcmp(key, "kernel.domainname") == 0)
		return ns[NS_UTS].wanted || fail(error, "sysctl \"%s\" is not allowed in the hosts UTS namespace", key);
	if (strcmp(key, "kernel.hostname") == 0)
		return fail(error,
			"sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field");
	if (g_str_has_prefix(key, "user."))
		return ns[NS_USER].wanted ||
		       fail(error, "setting ucounts without a user namespace not allowed: %s", key);
	return fail(error, "sysctl \"%s\" is not in a separate kernel namespace", key);
}

/* Whether every component, between the dots, names something. Slashes stand for dots there: "net.//.kernel.core_pattern"
 * would climb out of what is allowed. */
static bool is_sysctl_name(const char *key)
{
	for (const char *p = key;; p++) {
		size_t len = strcspn(p, "."), slashes = strspn(p, "/");

		if (len == 0 || slashes == len)
			return false;
		p += len;
		if (!*p)
			return true;
	}
}

static bool check_sysctls(const struct spec *s, GError **error)
{
	for (size_t i = 0; i < s->linux_.sysctl.n_pairs; i++) {
		g_autofree char *key = procvalues_sysctl_key(s->linux_.sysctl.pairs[i].key);

		if (!is_sysctl_name(key))
			return fail(error, "linux.sysctl: \"%s\" is not a name", s->linux_.sysctl.pairs[i].key);
		if (!check_sysctl(s, key, s->linux_.sysctl.pairs[i].value, error))
			return false;
	}
	return true;
}

static bool check_devices(const struct spec_linux *l, GError **error)
{
	for (size_t i = 0; i < l->n_devices; i++) {
		const struct spec_device *d = &l->devices[i];
		bool node = strcmp(d->type, "p") != 0;

		if (strlen(d->type) != 1 || !strchr("cubp", d->type[0]))
			return fail(error, "invalid device type \"%s\" (linux.devices[%zu].type)", d->type, i);
		if (d->path[0] != '/')
			return fail(error, "linux.devices[%zu].path: %s is not absolute", i, d->path);
		if (!node && (d->dynamic_major || d->dynamic_minor))
			return fail(error, "linux.devices[%zu]: a FIFO has no numbers for %s", i,
				d->dynamic_major ? "dynamicMajor" : "dynamicMinor");
		if (node && !d->major.set && !d->dynamic_major)
			return fail(error, "linux.devices[%zu].major is required", i);
		if (node && !d->minor.set && !d->dynamic_minor)
			return fail(error, "linux.devices[%zu].minor is required", i);
		if (node &&
			(d->major.value < 0 || d->major.value > 4095 || d->minor.value < 0 || d->minor.value > 1048575))
			return fail(error, "linux.devices[%zu]: device number out of range", i);
	}
	return true;
}

static bool check_hooks(const struct spec *s, GError **error)
{
	for (int k = 0; k < N_HOOK_KINDS; k++)
		for (size_t i = 0; i < s->hooks[k].n_hooks; i++) {
			const struct spec_hook *h = &s->hooks[k].hooks[i];
			g_autofree char *where = g_strdup_printf("hooks.%s[%zu]", spec_hook_names[k], i);

			if (!*h->path)
				return fail(error, "%s.path is empty", where);
			if (h->path[0] != '/')
				return fail(error, "%s.path: \"%s\" is not an absolute path", where, h->path);
			if (h->timeout.set && (h->timeout.value <= 0 || h->timeout.value > G_MAXINT / 1000))
				return fail(error,
					"%s.timeout: %" G_GINT64_FORMAT " is not a number of seconds greater than 0",
					where, h->timeout.value);
			if (!check_env(h->env, where, error))
				return false;
		}
	return true;
}

static bool check_memory_policy(const struct spec_linux *l, GError **error)
{
	int mode = procvalues_mempolicy_mode(l->memory_policy_mode);
	bool none = mode == PROCVALUES_MPOL_DEFAULT || mode == PROCVALUES_MPOL_LOCAL;
	gulong nodes[16] = { 0 };
	int n = 0;

	if (mode < 0)
		return fail(
			error, "invalid memory policy mode \"%s\" (linux.memoryPolicy.mode)", l->memory_policy_mode);
	if (l->memory_policy_nodes && !procvalues_cpu_list(l->memory_policy_nodes, nodes, G_N_ELEMENTS(nodes)))
		return fail(error,
			"invalid memory policy nodes \"%s\": not a list of numbers up to %zu "
			"(linux.memoryPolicy.nodes)",
			l->memory_policy_nodes, sizeof nodes * 8 - 1);
	for (size_t i = 0; l->memory_policy_nodes && i < G_N_ELEMENTS(nodes); i++)
		n += __builtin_popcountl(nodes[i]);
	if (none && n > 0)
		return fail(error, "memory policy mode requires 0 nodes but got %d (linux.memoryPolicy.nodes)", n);
	if (!none && mode != PROCVALUES_MPOL_PREFERRED && !l->memory_policy_nodes)
		return fail(
			error, "memory policy mode requires at least one node but got 0 (linux.memoryPolicy.nodes)");
	for (size_t i = 0; l->memory_policy_flags && l->memory_policy_flags[i]; i++)
		if (procvalues_mempolicy_flag(l->memory_policy_flags[i]) == 0)
			return fail(error, "invalid memory policy flag \"%s\" (linux.memoryPolicy.flags[%zu])",
				l->memory_policy_flags[i], i);
	return true;
}

/* As the kernel has it (dev_valid_name). */
static bool is_interface_name(const char *name)
{
	return *name && strlen(name) < IF_NAMESIZE && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strpbrk(name, "/: \t\n\v\f\r");
}

static bool check_net_devices(const struct spec_linux *l, GError **error)
{
	if (l->n_net_devices && !l->namespaces[NS_NETWORK].wanted)
		return fail(error,
			"unable to move network devices without a NET namespace (linux.netDevices, linux.namespaces)");
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct spec_net_device *d = &l->net_devices[i];

		if (!is_interface_name(d->host_name))
			return fail(error, "invalid network device name \"%s\" (linux.netDevices)", d->host_name);
		if (d->name && !is_interface_name(d->name))
			return fail(error, "invalid network device name \"%s\" (linux.netDevices.%s.name)", d->name,
				d->host_name);
	}
	return true;
}

static bool check_securebits(const struct spec_linux *l, GError **error)
{
	for (size_t i = 0; l->skip_securebits && l->skip_securebits[i]; i++)
		if (procvalues_securebit(l->skip_securebits[i]) == 0)
			return fail(error, "linux.skipSecurebits[%zu]: there is no securebit \"%s\"", i,
				l->skip_securebits[i]);
	return true;
}

static bool check_linux(const struct spec *s, GError **error)
{
	static const char *const propagation[] = { "shared", "rshared", "slave", "rslave", "private", "rprivate",
		"unbindable", "runbindable", NULL };
	const struct spec_linux *l = &s->linux_;

	if (l->rootfs_propagation && !g_strv_contains(propagation, l->rootfs_propagation))
		return fail(error, "rootfsPropagation=%s is not supported", l->rootfs_propagation);
	if (l->seccomp && l->seccomp->listener_metadata && !l->seccomp->listener_path)
		return fail(error, "linux.seccomp.listenerMetadata: there is no listenerPath to send it to");
	if (l->mount_label && strchr(l->mount_label, '"'))
		return fail(error, "linux.mountLabel: a quotation mark is in it");
	if (l->personality_domain && strcmp(l->personality_domain, "LINUX") != 0 &&
		strcmp(l->personality_domain, "LINUX32") != 0)
		return fail(error, "invalid personality domain %s", l->personality_domain);
	return check_securebits(l, error) && (!l->intel_rdt || rdt_check_spec(l->intel_rdt, error)) &&
	       (!l->memory_policy_mode || check_memory_policy(l, error)) && check_namespaces(s, error) &&
	       check_sysctls(s, error) && check_devices(l, error) && check_net_devices(l, error);
}

static bool check_mounts(const struct spec *s, GError **error)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];

		if (!*m->destination)
			return fail(error, "mounts[%zu].destination is empty", i);
		if (!m->n_uid_mappings != !m->n_gid_mappings)
			return fail(error,
				"id-mapped mounts must have both uid and gid mappings specified (mounts[%zu].%s)", i,
				m->n_uid_mappings ? "gidMappings" : "uidMappings");
	}
	return true;
}

bool spec_check(const struct spec *s, GError **error)
{
	if (!check_version(s->oci_version, error))
		return false;
	if (!*s->root_path)
		return fail(error, "root must be specified (root.path is empty)");
	for (size_t i = 0; i < s->annotations.n_pairs; i++)
		if (!*s->annotations.pairs[i].key)
			return fail(error, "annotations: a key is empty");
	return (!s->process || spec_check_process(s->process, error)) && check_mounts(s, error) &&
	       check_hooks(s, error) && check_linux(s, error);
}
