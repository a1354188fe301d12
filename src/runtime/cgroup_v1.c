/* linux.resources on cgroup v1 and hybrid hosts. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"

/* --- before the first process --- */

/* One level of init_cpuset: takes over what the level has, or gives it what the one above had. */
static int pass_down(int dir_fd, bool is_root, const char *file, char *value, size_t size)
{
	char text[4096];
	ssize_t n = cgroupfs_read(dir_fd, file, text, sizeof text);

	if (n > 0)
		g_strlcpy(value, text, size);
	return n < 0 ? (int)n : n == 0 && !is_root ? cgroupfs_write(dir_fd, file, value) : 0;
}

/* A fresh cpuset has no CPUs and no memory nodes, and nothing can enter it: takes them from the parents, downwards. */
static bool init_cpuset(const Cgroup *cg, size_t i, GError **error)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	const char *path = cg->hierarchies[i].path;
	char values[2][4096];

	/* end runs over the lengths of the path's prefixes: "", "/a", "/a/b". */
	for (size_t end = 0;; end = end + 1 + strcspn(path + end + 1, "/")) {
		g_autofree char *prefix = g_strndup(path, end);
		auto_fd between_fd =
			end == 0 || path[end] == '\0' ? -1 : cgroupfs_open_dir(cg->nodes[i].root_fd, prefix);
		int fd = end == 0 ? cg->nodes[i].root_fd : path[end] == '\0' ? cgroup_dir(cg, i) : between_fd;

		for (size_t f = 0; f < G_N_ELEMENTS(files); f++) {
			int err = fd < 0 ? fd : pass_down(fd, end == 0, files[f], values[f], sizeof values[f]);

			if (err < 0)
				return fail_with(
					error, err, "set up %s%s/%s", cg->hierarchies[i].mount, prefix, files[f]);
		}
		if (path[end] == '\0')
			return true;
	}
}

static bool put_int(const Cgroup *cg, const char *controller, const char *file, int64_t value, GError **error)
{
	char text[NUM_MAX];

	num_format_i64(text, value);
	return cgroup_write(cg, controller, file, text, error);
}

static bool put_uint(const Cgroup *cg, const char *controller, const char *file, uint64_t value, GError **error)
{
	char text[NUM_MAX];

	num_format_u64(text, value);
	return cgroup_write(cg, controller, file, text, error);
}

bool cgroup_v1_realtime(const Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	const struct spec_cpu *cpu = resources ? resources->cpu : NULL;
	bool period = cpu && cpu->realtime_period.set && cpu->realtime_period.value;
	bool runtime = cpu && cpu->realtime_runtime.set && cpu->realtime_runtime.value;
	g_autoptr(GError) local = NULL;

	/* The kernel keeps the runtime below the period at every step, so which of them goes first depends on the direction. */
	if (period && put_uint(cg, "cpu", "cpu.rt_period_us", cpu->realtime_period.value, &local))
		period = false;
	else if (period && !(runtime && local->code == EINVAL)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	return (!runtime || put_int(cg, "cpu", "cpu.rt_runtime_us", cpu->realtime_runtime.value, error)) &&
	       (!period || put_uint(cg, "cpu", "cpu.rt_period_us", cpu->realtime_period.value, error));
}

bool cgroup_v1_prepare(const Cgroup *cg, const struct spec_resources *resources, GError **error)
{
	size_t cpuset = cgroup_find(cg, "cpuset");

	if (resources && resources->unified.n_pairs > 0)
		return fail(error, "linux.resources.unified: invalid configuration: cannot use unified on cgroup v1");
	if (cpuset != CGROUP_NONE && !init_cpuset(cg, cpuset, error))
		return false;
	/* A realtime process cannot enter a group without realtime budget. */
	return cgroup_v1_realtime(cg, resources, error);
}

/* --- memory --- */

static bool set_memory_limit(const Cgroup *cg, int64_t limit, GError **error)
{
	g_autoptr(GError) local = NULL;
	char text[NUM_MAX];

	num_format_i64(text, limit);
	if (cgroup_write(cg, "memory", "memory.limit_in_bytes", text, &local))
		return true;
	if (local->code == EBUSY)
		return cgroup_fail_memory(cg, "memory.usage_in_bytes", "memory.max_usage_in_bytes", text, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* The kernel keeps limit <= memory+swap at every step, so which of them goes first depends on the direction. */
static bool set_memory_and_swap(const Cgroup *cg, const struct spec_memory *m, GError **error)
{
	int64_t limit = m->limit.set ? m->limit.value : 0;
	int64_t swap = m->swap.set ? m->swap.value : 0;
	uint64_t now = 0;
	size_t i;

	if (limit == -1 && swap == 0)
		swap = -1; /* an unlimited memory frees swap as well, where swap is accounted */
	if (limit != 0 && swap != 0) {
		i = cgroup_find(cg, "memory");
		if (i == CGROUP_NONE || cgroup_dir(cg, i) < 0 ||
			cgroupfs_read_u64(cgroup_dir(cg, i), "memory.memsw.limit_in_bytes", &now) < 0) {
			if (m->swap.set && swap != -1)
				return put_int(cg, "memory", "memory.memsw.limit_in_bytes", swap, error);
			return set_memory_limit(cg, limit, error);
		}
		if (swap == -1 || now < (uint64_t)swap)
			return put_int(cg, "memory", "memory.memsw.limit_in_bytes", swap, error) &&
			       set_memory_limit(cg, limit, error);
	}
	return (limit == 0 || set_memory_limit(cg, limit, error)) &&
	       (swap == 0 || put_int(cg, "memory", "memory.memsw.limit_in_bytes", swap, error));
}

static bool apply_memory(const Cgroup *cg, const struct spec_memory *m, GError **error)
{
	if (!cgroup_check_swappiness(m, error))
		return false;
	return set_memory_and_swap(cg, m, error) &&
	       (!m->reservation.set || !m->reservation.value ||
		       put_int(cg, "memory", "memory.soft_limit_in_bytes", m->reservation.value, error)) &&
	       (!m->disable_oom_killer || cgroup_write(cg, "memory", "memory.oom_control", "1", error)) &&
	       (!m->swappiness.set || put_uint(cg, "memory", "memory.swappiness", m->swappiness.value, error));
}

/* --- cpu, cpuset, pids --- */

/* The kernel clamps shares silently. */
static bool set_shares(const Cgroup *cg, uint64_t shares, GError **error)
{
	size_t i = cgroup_find(cg, "cpu");
	uint64_t now;

	if (!put_uint(cg, "cpu", "cpu.shares", shares, error))
		return false;
	if (cgroupfs_read_u64(cgroup_dir(cg, i), "cpu.shares", &now) < 0 || now == shares)
		return true;
	return fail(error, "linux.resources.cpu.shares: the %s allowed cpu-shares is %" G_GUINT64_FORMAT,
		now > shares ? "minimum" : "maximum", now);
}

/* Quota and period limit each other: when the period is refused, it may be fine after the quota. */
static bool set_bandwidth(const Cgroup *cg, const struct spec_cpu *cpu, GError **error)
{
	g_autoptr(GError) first = NULL;
	bool has_period = cpu->period.set && cpu->period.value, has_quota = cpu->quota.set && cpu->quota.value;
	bool period_done = !has_period || put_uint(cg, "cpu", "cpu.cfs_period_us", cpu->period.value, &first);

	if (!period_done && (first->code != EINVAL || !has_quota)) {
		g_propagate_error(error, g_steal_pointer(&first));
		return false;
	}
	if (has_quota && !put_int(cg, "cpu", "cpu.cfs_quota_us", cpu->quota.value, error))
		return false;
	return period_done || put_uint(cg, "cpu", "cpu.cfs_period_us", cpu->period.value, error);
}

static bool apply_cpu(const Cgroup *cg, const struct spec_cpu *cpu, GError **error)
{
	return (!cpu->idle.set || put_int(cg, "cpu", "cpu.idle", cpu->idle.value, error)) &&
	       /* Shares of an idle group cannot be set. */
	       (!cpu->shares.set || !cpu->shares.value || (cpu->idle.set && cpu->idle.value) ||
		       set_shares(cg, cpu->shares.value, error)) &&
	       set_bandwidth(cg, cpu, error) &&
	       (!cpu->burst.set || put_uint(cg, "cpu", "cpu.cfs_burst_us", cpu->burst.value, error)) &&
	       (!cpu->cpus || !*cpu->cpus || cgroup_write(cg, "cpuset", "cpuset.cpus", cpu->cpus, error)) &&
	       (!cpu->mems || !*cpu->mems || cgroup_write(cg, "cpuset", "cpuset.mems", cpu->mems, error));
}

static bool apply_pids(const Cgroup *cg, int64_t limit, GError **error)
{
	g_autoptr(GError) local = NULL;
	char text[NUM_MAX] = "max";

	if (limit >= 0)
		num_format_i64(text, limit == 0 ? 1 : limit);
	if (cgroup_write(cg, "pids", "pids.max", text, &local) || (limit < 0 && local->code == ENOENT))
		return true; /* no controller is no limit */
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* --- blkio, hugetlb, network --- */

/* "cfq" files went with Linux 5.0, bfq has its own. */
static bool put_blkio_weight(const Cgroup *cg, const char *plain, const char *bfq, const char *text, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (cgroup_write_if_there(cg, "blkio", bfq, text, &local))
		return true;
	if (!local)
		return cgroup_write(cg, "blkio", plain, text, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static bool put_weight_devices(const Cgroup *cg, const struct spec_block_io *io, GError **error)
{
	for (size_t i = 0; i < io->n_weight_devices; i++) {
		const struct spec_weight_device *d = &io->weight_devices[i];
		g_autofree char *weight =
			g_strdup_printf("%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->weight.value);
		g_autofree char *leaf =
			g_strdup_printf("%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->leaf_weight.value);

		if (d->weight.set && d->weight.value &&
			!put_blkio_weight(cg, "blkio.weight_device", "blkio.bfq.weight_device", weight, error))
			return false;
		if (d->leaf_weight.set && d->leaf_weight.value &&
			!cgroup_write(cg, "blkio", "blkio.leaf_weight_device", leaf, error))
			return false;
	}
	return true;
}

static bool put_throttle(const Cgroup *cg, const struct spec_throttle_list *list, const char *file, GError **error)
{
	for (size_t i = 0; i < list->n_devices; i++) {
		const struct spec_throttle_device *d = &list->devices[i];
		g_autofree char *text =
			g_strdup_printf("%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->rate);

		if (!cgroup_write(cg, "blkio", file, text, error))
			return false;
	}
	return true;
}

static bool apply_block_io(const Cgroup *cg, const struct spec_block_io *io, GError **error)
{
	char text[NUM_MAX];

	num_format_u64(text, io->weight.value);
	if (io->weight.set && io->weight.value &&
		!put_blkio_weight(cg, "blkio.weight", "blkio.bfq.weight", text, error))
		return false;
	if (io->leaf_weight.set && io->leaf_weight.value &&
		!put_uint(cg, "blkio", "blkio.leaf_weight", io->leaf_weight.value, error))
		return false;
	return put_weight_devices(cg, io, error) &&
	       put_throttle(cg, &io->read_bps, "blkio.throttle.read_bps_device", error) &&
	       put_throttle(cg, &io->write_bps, "blkio.throttle.write_bps_device", error) &&
	       put_throttle(cg, &io->read_iops, "blkio.throttle.read_iops_device", error) &&
	       put_throttle(cg, &io->write_iops, "blkio.throttle.write_iops_device", error);
}

static bool apply_hugepages(const Cgroup *cg, const struct spec_resources *r, GError **error)
{
	for (size_t i = 0; i < r->n_hugepage_limits; i++) {
		const struct spec_hugepage_limit *h = &r->hugepage_limits[i];
		g_autofree char *file = g_strdup_printf("hugetlb.%s.limit_in_bytes", h->page_size);
		g_autofree char *reserved = g_strdup_printf("hugetlb.%s.rsvd.limit_in_bytes", h->page_size);
		g_autoptr(GError) local = NULL;
		char text[NUM_MAX];

		num_format_u64(text, h->limit);
		if (!cgroup_write(cg, "hugetlb", file, text, error))
			return false;
		if (!cgroup_write_if_there(cg, "hugetlb", reserved, text, &local) && local) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	return true;
}

static bool apply_network(const Cgroup *cg, const struct spec_network *net, GError **error)
{
	if (net->class_id.set && !put_uint(cg, "net_cls", "net_cls.classid", net->class_id.value, error))
		return false;
	for (size_t i = 0; i < net->n_priorities; i++) {
		g_autofree char *text = g_strdup_printf("%s %u", net->priorities[i].name, net->priorities[i].priority);

		if (!cgroup_write(cg, "net_prio", "net_prio.ifpriomap", text, error))
			return false;
	}
	return true;
}

bool cgroup_v1_apply(const Cgroup *cg, const struct spec_resources *r, GError **error)
{
	if (r->unified.n_pairs > 0)
		return fail(error, "linux.resources.unified: invalid configuration: cannot use unified on cgroup v1");
	return (!r->cpu || apply_cpu(cg, r->cpu, error)) &&
	       (!r->pids_limit.set || apply_pids(cg, r->pids_limit.value, error)) &&
	       (!r->block_io || apply_block_io(cg, r->block_io, error)) && apply_hugepages(cg, r, error) &&
	       cgroup_apply_rdma(cg, r, error) && (!r->network || apply_network(cg, r->network, error)) &&
	       (!r->memory || apply_memory(cg, r->memory, error));
}
