/* update: other limits for a container that lives. */
#include "runtime/command.h"

#include <string.h>

#include "base/num.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/scope.h"
#include "runtime/spec.h"
#include "runtime/state.h"
#include "runtime/units.h"

#define OPTIONS_FILE "runtime/update_options.def"
#include "common/options_table.h"

/* linux.resources, made from options. */
struct made {
	struct spec_resources resources;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct spec_block_io block_io;
};

static bool put_uint(const char *option, const char *text, struct spec_uint *value, GError **error)
{
	if (text && num_parse_u64(text, INT64_MAX, &value->value) < 0)
		return fail(error, "invalid value for %s: %s", option, text);
	value->set = text != NULL;
	return true;
}

static bool put_int(const char *option, const char *text, struct spec_int *value, GError **error)
{
	if (text && num_parse_i64(text, INT64_MIN, INT64_MAX, &value->value) < 0)
		return fail(error, "invalid value for %s: %s", option, text);
	value->set = text != NULL;
	return true;
}

static bool put_size(const char *option, const char *text, struct spec_int *value, GError **error)
{
	if (text && !units_parse_size(text, &value->value))
		return fail(error, "invalid value for %s: invalid size: '%s'", option, text);
	value->set = text != NULL;
	return true;
}

static bool make_resources(const struct options *o, struct made *m, GError **error)
{
	if (o->kernel_memory || o->kernel_memory_tcp)
		diag_warning("Kernel memory settings are ignored and will be removed");
	*m = (struct made){ 0 };
	m->resources = (struct spec_resources){ .memory = &m->memory, .cpu = &m->cpu, .block_io = &m->block_io };
	m->cpu.cpus = o->cpuset_cpus;
	m->cpu.mems = o->cpuset_mems;
	if (!put_int("pids-limit", o->pids_limit, &m->resources.pids_limit, error))
		return false;
	spec_resources_no_pids_zero(&m->resources);
	return put_uint("blkio-weight", o->blkio_weight, &m->block_io.weight, error) &&
	       put_uint("cpu-period", o->cpu_period, &m->cpu.period, error) &&
	       put_int("cpu-quota", o->cpu_quota, &m->cpu.quota, error) &&
	       put_uint("cpu-burst", o->cpu_burst, &m->cpu.burst, error) &&
	       put_uint("cpu-share", o->cpu_share, &m->cpu.shares, error) &&
	       put_uint("cpu-rt-period", o->cpu_rt_period, &m->cpu.realtime_period, error) &&
	       put_int("cpu-rt-runtime", o->cpu_rt_runtime, &m->cpu.realtime_runtime, error) &&
	       put_int("cpu-idle", o->cpu_idle, &m->cpu.idle, error) &&
	       put_size("memory", o->memory, &m->memory.limit, error) &&
	       put_size("memory-reservation", o->memory_reservation, &m->memory.reservation, error) &&
	       put_size("memory-swap", o->memory_swap, &m->memory.swap, error);
}

static bool sync_scope(const struct globals *globals, const struct container *c, GError **error)
{
	size_t n;
	const struct cgroup_hierarchy *all = cgroup_hierarchies(c->cgroup, &n);

	return scope_sync_unit(globals->program, c->systemd_unit, all[0].path, c->systemd_user, error);
}

static bool wants_rdt(const struct options *o)
{
	return !o->resources && (o->l3_cache_schema || o->mem_bw_schema);
}

static int update_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	g_autoptr(Container) c = container_open(globals->root, args[0], error);
	g_autoptr(Spec) file = NULL;
	const struct spec_resources *resources;
	struct made made;
	enum status status;

	(void)n_args;
	if (!c)
		return 1;
	status = container_status(c);
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		return fail(error, "container not running"), 1;
	if (!c->cgroup)
		return fail(error, "cannot set limits for a container without cgroups"), 1;
	if (o->resources) {
		file = spec_load_resources(o->resources, error);
		if (!file)
			return 1;
		resources = file->linux_.resources;
	} else {
		if (!make_resources(o, &made, error))
			return 1;
		resources = &made.resources;
	}
	if (wants_rdt(o) && !c->rdt)
		return fail(error, "%s: the container has no group of Intel RDT (linux.intelRdt)",
			       o->l3_cache_schema ? "--l3-cache-schema" : "--mem-bw-schema"),
		       1;
	if (!cgroup_update(c->cgroup, resources, error) ||
		(wants_rdt(o) && !rdt_update(c->rdt, o->l3_cache_schema, o->mem_bw_schema, error)))
		return 1;
	return !c->systemd_unit || sync_scope(globals, c, error) ? 0 : 1;
}

const struct command cmd_update = {
	.name = "update",
	.args = "CONTAINER",
	.help = "Change the limits of a container; what is not given stays",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = update_run,
};
