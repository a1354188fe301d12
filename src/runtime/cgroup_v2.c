/* linux.resources on cgroup v2. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/error.h"
#include "runtime/cgroup_convert.h"
#include "runtime/cgroupfs.h"

/* --- controllers --- */

/* One directory: asks for all missing controllers at once, and one by one when one of them cannot be had. */
static void enable_below(int dir_fd)
{
	char available[512], enabled[512];
	g_auto(GStrv) names = NULL;
	g_auto(GStrv) have = NULL;
	g_autoptr(GString) wish = g_string_new(NULL);

	if (cgroupfs_read(dir_fd, "cgroup.controllers", available, sizeof available) <= 0 ||
		cgroupfs_read(dir_fd, "cgroup.subtree_control", enabled, sizeof enabled) < 0)
		return;
	names = g_strsplit(available, " ", -1);
	have = g_strsplit(enabled, " ", -1);
	for (char **name = names; *name; name++)
		if (!g_strv_contains((const char *const *)have, *name))
			g_string_append_printf(wish, "%s+%s", wish->len ? " " : "", *name);
	if (wish->len == 0 || cgroupfs_write(dir_fd, "cgroup.subtree_control", wish->str) == 0)
		return;
	for (char **name = names; *name; name++) {
		g_autofree char *one = g_strconcat("+", *name, NULL);

		(void)cgroupfs_write(dir_fd, "cgroup.subtree_control", one); /* a limit that needs it will say so */
	}
}

void cgroup_v2_enable_controllers(const Cgroup *cg)
{
	const char *path = cg->hierarchies[0].path;

	for (size_t end = 0; path[end] != '\0'; end = end + 1 + strcspn(path + end + 1, "/")) {
		g_autofree char *prefix = g_strndup(path, end);
		auto_fd fd = cgroupfs_open_dir(cg->nodes[0].root_fd, prefix);

		if (fd >= 0)
			enable_below(fd);
	}
}

/* --- limits --- */

/* Writes a limit; "max" needs no file to be true. */
static bool put(const Cgroup *cg, const char *file, const char *text, GError **error)
{
	g_autofree char *controller = g_strndup(file, strcspn(file, "."));
	g_autoptr(GError) local = NULL;

	if (*text == '\0')
		return true;
	if (cgroup_write(cg, controller, file, text, &local))
		return true;
	if (local->code == ENOENT && strcmp(text, "max") == 0)
		return true;
	if (local->code == ENOENT)
		g_prefix_error(&local, "controller \"%s\" is not available: ", controller);
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static bool put_uint(const Cgroup *cg, const char *file, uint64_t value, GError **error)
{
	char text[NUM_MAX];

	num_format_u64(text, value);
	return put(cg, file, text, error);
}

/* Refuses a limit that is used up already, when the bundle asks for the check. */
static bool check_memory(const Cgroup *cg, const struct spec_memory *m, GError **error)
{
	uint64_t usage, swap = 0;
	int fd = cgroup_dir(cg, 0);

	if (!m->check_before_update || !m->limit.set || m->limit.value <= 0)
		return true;
	if (fd < 0 || cgroupfs_read_u64(fd, "memory.current", &usage) < 0)
		return true;
	if (m->swap.set && m->swap.value > 0 && cgroupfs_read_u64(fd, "memory.swap.current", &swap) == 0 &&
		usage + swap > (uint64_t)m->swap.value)
		return fail(error, "rejecting memory+swap limit %" PRId64 " <= usage %" PRIu64, m->swap.value,
			usage + swap);
	if (usage >= (uint64_t)m->limit.value)
		return fail(error, "rejecting memory limit %" PRId64 " <= usage %" PRIu64, m->limit.value, usage);
	return true;
}

static bool apply_memory(const Cgroup *cg, const struct spec_memory *m, GError **error)
{
	g_autoptr(GError) local = NULL;
	char swap[NUM_MAX], text[NUM_MAX];
	const char *wrong = cgroup_swap_max(m->limit, m->swap, swap);

	if (wrong)
		return fail(error, "linux.resources.memory.swap: %s", wrong);
	if (!cgroup_check_swappiness(m, error) || !check_memory(cg, m, error))
		return false;
	/* Without swap accounting there is no file; "no swap" and "any swap" are then what the host gives anyway. */
	if (!put(cg, "memory.swap.max", swap, &local)) {
		if (local->code != ENOENT || strcmp(swap, "0") != 0) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		g_clear_error(&local);
	}
	if (m->limit.set && m->limit.value) {
		cgroup_format_limit(m->limit.value, text);
		if (!put(cg, "memory.max", text, &local)) {
			if (local->code == EBUSY)
				return cgroup_fail_memory(cg, "memory.current", "memory.peak", text, error);
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	if (!m->reservation.set || !m->reservation.value)
		return true;
	cgroup_format_limit(m->reservation.value, text);
	return put(cg, "memory.low", text, error);
}

static bool set_bandwidth(const Cgroup *cg, const struct spec_cpu *cpu, GError **error)
{
	char text[2 * NUM_MAX], current[2 * NUM_MAX] = "max";
	int fd = cgroup_dir(cg, 0);

	if (fd >= 0)
		(void)cgroupfs_read(
			fd, "cpu.max", current, sizeof current); /* without the file the write below fails */
	cgroup_cpu_max(cpu->quota, cpu->period, current, text);
	return put(cg, "cpu.max", text, error);
}

static bool apply_cpu(const Cgroup *cg, const struct spec_cpu *cpu, GError **error)
{
	g_autoptr(GError) local = NULL;
	bool burst_done = !cpu->burst.set;

	if (cpu->idle.set && !put_uint(cg, "cpu.idle", (uint64_t)cpu->idle.value, error))
		return false;
	if (cpu->shares.set && cpu->shares.value && !(cpu->idle.set && cpu->idle.value) &&
		!put_uint(cg, "cpu.weight", cgroup_weight_from_shares(cpu->shares.value), error))
		return false;
	/* A burst above the old quota is refused before the new quota is in force, and the other way round. */
	if (!burst_done)
		burst_done = put_uint(cg, "cpu.max.burst", cpu->burst.value, &local);
	if (!burst_done && local->code != EINVAL) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	return set_bandwidth(cg, cpu, error) &&
	       (burst_done || put_uint(cg, "cpu.max.burst", cpu->burst.value, error)) &&
	       put(cg, "cpuset.cpus", cpu->cpus ?: "", error) && put(cg, "cpuset.mems", cpu->mems ?: "", error);
}

static bool put_throttle(const Cgroup *cg, const struct spec_throttle_list *list, const char *key, GError **error)
{
	for (size_t i = 0; i < list->n_devices; i++) {
		const struct spec_throttle_device *d = &list->devices[i];
		char rate[NUM_MAX] = "max";
		g_autofree char *text = NULL;

		if (d->rate)
			num_format_u64(rate, d->rate); /* 0 lifts the limit, as on v1 */
		text = g_strdup_printf("%" PRId64 ":%" PRId64 " %s=%s", d->major, d->minor, key, rate);
		if (!put(cg, "io.max", text, error))
			return false;
	}
	return true;
}

static bool put_weights(const Cgroup *cg, const struct spec_block_io *io, GError **error)
{
	bool bfq = false;

	if (io->weight.set && io->weight.value) {
		g_autoptr(GError) local = NULL;
		char text[NUM_MAX];

		num_format_u64(text, io->weight.value);
		bfq = cgroup_write_if_there(cg, "io", "io.bfq.weight", text, &local);
		if (local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		if (!bfq && !put_uint(cg, "io.weight", cgroup_io_weight(io->weight.value), error))
			return false;
	}
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct spec_weight_device *d = &io->weight_devices[i];
		g_autofree char *text =
			g_strdup_printf("%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->weight.value);

		if (d->weight.set && d->weight.value && !put(cg, "io.bfq.weight", text, error))
			return false;
	}
	return true;
}

static bool apply_block_io(const Cgroup *cg, const struct spec_block_io *io, GError **error)
{
	return put_weights(cg, io, error) && put_throttle(cg, &io->read_bps, "rbps", error) &&
	       put_throttle(cg, &io->write_bps, "wbps", error) && put_throttle(cg, &io->read_iops, "riops", error) &&
	       put_throttle(cg, &io->write_iops, "wiops", error);
}

static bool apply_hugepages(const Cgroup *cg, const struct spec_resources *r, GError **error)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct spec_hugepage_limit *h = &r->hugepage_limits[i];
		g_autofree char *file = g_strdup_printf("hugetlb.%s.max", h->page_size);
		g_autofree char *reserved = g_strdup_printf("hugetlb.%s.rsvd.max", h->page_size);
		g_autoptr(GError) local = NULL;
		char text[NUM_MAX];

		num_format_u64(text, h->limit);
		if (!put(cg, file, text, error))
			return false;
		if (!cgroup_write_if_there(cg, "hugetlb", reserved, text, &local) && local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	return true;
}

/* linux.resources.unified: file to text, line by line. */
static bool apply_unified(const Cgroup *cg, const struct spec_map *unified, GError **error)
{
	for (size_t i = 0; i < unified->n_pairs; i++) {
		const char *file = unified->pairs[i].key;
		g_autofree char *controller = g_strndup(file, strcspn(file, "."));
		g_auto(GStrv) lines = g_strsplit(unified->pairs[i].value, "\n", -1);

		if (strchr(file, '/'))
			return fail(error,
				"linux.resources.unified: unified resource \"%s\" must be a file name (no slashes)",
				file);
		if (!strchr(file, '.'))
			return fail(error,
				"linux.resources.unified: unified resource \"%s\" must be in the form "
				"CONTROLLER.PARAMETER",
				file);
		for (char **line = lines; *line; line++) {
			g_autoptr(GError) local = NULL;

			if (**line == '\0' || cgroup_write(cg, controller, file, *line, &local))
				continue;
			if (local->code == ENOENT)
				return fail(error,
					"linux.resources.unified: unified resource \"%s\" can't be set: "
					"controller \"%s\" not available",
					file, controller);
			g_propagate_prefixed_error(error, g_steal_pointer(&local), "linux.resources.unified: ");
			return false;
		}
	}
	return true;
}

bool cgroup_v2_apply(const Cgroup *cg, const struct spec_resources *r, GError **error)
{
	char pids[NUM_MAX] = "";

	if (r->pids_limit.set)
		cgroup_pids_max(r->pids_limit.value, pids);
	return put(cg, "pids.max", pids, error) && (!r->cpu || apply_cpu(cg, r->cpu, error)) &&
	       (!r->block_io || apply_block_io(cg, r->block_io, error)) && apply_hugepages(cg, r, error) &&
	       cgroup_apply_rdma(cg, r, error) && (!r->memory || apply_memory(cg, r->memory, error)) &&
	       apply_unified(cg, &r->unified, error);
}
