/* The container's limits and device rules: what is written is put back when a later one is refused. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"
#include "runtime/device_rules.h"

static void old_free(void *data)
{
	struct cgroup_old *old = data;

	g_free(old->controller);
	g_free(old->file);
	g_free(old->text);
	g_free(old);
}

/* Files with a line for each device cannot be put back by one write and are left as they are. */
static void note_old(const Cgroup *cg, size_t i, const char *controller, const char *file)
{
	int fd = cg->undo && i != CGROUP_NONE ? cgroup_dir(cg, i) : -1;
	struct cgroup_old *old;
	char text[4096];

	if (fd < 0 || cgroupfs_read(fd, file, text, sizeof text) <= 0 || strchr(text, '\n'))
		return;
	old = g_new(struct cgroup_old, 1);
	*old = (struct cgroup_old){ g_strdup(controller), g_strdup(file), g_strdup(text) };
	g_ptr_array_add(cg->undo, old);
}

/* The last write first: values may depend on each other. */
static void put_back(const Cgroup *cg, GPtrArray *list)
{
	for (guint i = list->len; i-- > 0;) {
		const struct cgroup_old *old = list->pdata[i];
		g_autoptr(GError) local = NULL;

		if (!cgroup_write(cg, old->controller, old->file, old->text, &local))
			diag_debug("put back an old limit: %s", local->message);
	}
}

bool cgroup_write(const Cgroup *cg, const char *controller, const char *file, const char *text, GError **error)
{
	size_t i = cgroup_find(cg, controller);
	g_autofree char *path = NULL;
	int err;

	note_old(cg, i, controller, file);
	if (i == CGROUP_NONE)
		return fail_with(error, ENOENT, "write %s: cgroup controller \"%s\" is not mounted", file, controller);
	err = cgroup_dir(cg, i);
	if (err >= 0)
		err = cgroupfs_write(err, file, text);
	if (err >= 0)
		return true;
	path = cgroup_abs_path(cg, i);
	return fail_with(error, err, "failed to write \"%s\": write %s/%s", text, path, file);
}

bool cgroup_write_if_there(const Cgroup *cg, const char *controller, const char *file, const char *text, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (cgroup_write(cg, controller, file, text, &local))
		return true;
	if (local->code != ENOENT)
		g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static bool apply_devices_v1(const Cgroup *cg, const GArray *rules, GError **error)
{
	g_autoptr(GArray) lines = device_rules_for_v1(rules, error);
	size_t i = cgroup_find(cg, "devices");
	int dir_fd = i == CGROUP_NONE ? -ENOENT : cgroup_dir(cg, i);
	const char *file = NULL;
	auto_fd fd = -1;

	if (!lines)
		return false;
	/* The first line has a file of its own, all others share one. */
	for (guint l = 0; l < lines->len; l++) {
		const struct device_line *line = &g_array_index(lines, struct device_line, l);
		int err;

		if (file != line->file) {
			fd_close(&fd);
			file = line->file;
			fd = dir_fd < 0 ? dir_fd : cgroupfs_open(dir_fd, file, O_WRONLY);
		}
		err = fd < 0 ? fd : cgroupfs_put(fd, line->text);
		if (err < 0)
			return fail_with(error, err, "failed to write \"%s\": write %s%s/%s", line->text,
				i == CGROUP_NONE ? "" : cg->hierarchies[i].mount,
				i == CGROUP_NONE ? "" : cg->hierarchies[i].path, file);
	}
	return true;
}

/* An ordinary user may set no device rules, but can open no more than before and make no nodes either. */
static bool forgive_devices(const Cgroup *cg, GError **error)
{
	int err = error && *error ? -(*error)->code : 0;

	if (!cgroup_refused_rootless(cg, err) && !(err == -ENOENT && cgroup_refused_rootless(cg, -EPERM)))
		return false;
	diag_debug("no device rules: %s", (*error)->message);
	g_clear_error(error);
	return true;
}

static bool apply_devices(const Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	g_autoptr(GArray) rules = device_rules_from_spec(resources, error);

	if (!rules)
		return false;
	if (cg->mode == CGROUP_UNIFIED) {
		g_autoptr(GArray) program = NULL;
		int fd = cgroup_dir(cg, 0);

		if (device_rules_allow_all(rules))
			return true;
		program = device_rules_program(rules);
		return fd < 0 ? fail_with(error, fd, "open the container's cgroup")
			      : device_program_attach(program, fd, error) || forgive_devices(cg, error);
	}
	return apply_devices_v1(cg, rules, error) || forgive_devices(cg, error);
}

static bool has_leaf_weight(const struct spec_block_io *io)
{
	bool has = io && io->leaf_weight.value;

	for (size_t i = 0; io && i < io->n_weight_devices; i++)
		has |= io->weight_devices[i].leaf_weight.value > 0;
	return has;
}

/* No error, as with runc: engines send some of these without being asked to. */
static void warn_of_ignored(const Cgroup *cg, const struct spec_resources *r)
{
	static const struct spec_memory no_memory;
	static const struct spec_cpu no_cpu;
	const struct spec_memory *memory = r->memory ?: &no_memory;
	const struct spec_cpu *cpu = r->cpu ?: &no_cpu;
	bool v2 = cg->mode == CGROUP_UNIFIED;
	const struct {
		bool given;
		const char *name;
	} limits[] = {
		{ memory->kernel.value != 0, "memory.kernel" },
		{ memory->kernel_tcp.value != 0, "memory.kernelTCP" },
		{ v2 && memory->swappiness.set, "memory.swappiness" },
		{ v2 && memory->disable_oom_killer, "memory.disableOOMKiller" },
		{ v2 && cpu->realtime_period.value, "cpu.realtimePeriod" },
		{ v2 && cpu->realtime_runtime.value, "cpu.realtimeRuntime" },
		{ v2 && has_leaf_weight(r->block_io), "blockIO.leafWeight" },
		{ v2 && r->network && (r->network->class_id.value || r->network->n_priorities), "network" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++)
		if (limits[i].given)
			diag_warning("linux.resources.%s is ignored: cgroup %s has no such limit", limits[i].name,
				v2 ? "v2" : "v1");
}

static bool apply_limits(const Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	if (!resources)
		return true;
	warn_of_ignored(cg, resources);
	return cg->mode == CGROUP_UNIFIED ? cgroup_v2_apply(cg, resources, error)
					  : cgroup_v1_apply(cg, resources, error);
}

bool cgroup_apply(Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	return cg->n == 0 || (apply_limits(cg, resources, error) && apply_devices(cg, resources, error));
}

bool cgroup_update(Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	g_autoptr(GPtrArray) undo = g_ptr_array_new_with_free_func(old_free);
	bool ok;

	cg->undo = undo;
	ok = (cg->mode == CGROUP_UNIFIED || cgroup_v1_realtime(cg, resources, error)) &&
	     apply_limits(cg, resources, error);
	cg->undo = NULL;
	if (!ok)
		put_back(cg, undo);
	return ok;
}
