/* What is done about a cgroup that we may not have: an ordinary user's container goes without, hierarchy by hierarchy, as
 * long as nobody asked for limits or for a cgroup by its path. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"
#include "runtime/self.h"

static bool is_empty(const void *object, size_t size)
{
	const char *bytes = object;

	for (size_t i = 0; bytes && i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Device rules are no limits here: a user cannot open what the rules forbid, nor make nodes. */
static bool has_limits(const struct spec_resources *r)
{
	return r && (!is_empty(r->memory, sizeof *r->memory) || !is_empty(r->cpu, sizeof *r->cpu) ||
			    !is_empty(r->block_io, sizeof *r->block_io) || !is_empty(r->network, sizeof *r->network) ||
			    (r->pids_limit.set && r->pids_limit.value >= 0) || r->n_hugepage_limits || r->n_rdma ||
			    r->unified.n_pairs);
}

void cgroup_set_rootless(
	Cgroup *cg, enum cgroup_rootless rootless, const char *cgroups_path, const struct spec_resources *resources)
{
	cg->rootless = rootless;
	cg->optional = !(cgroups_path && *cgroups_path) && !has_limits(resources);
}

bool cgroup_refused_rootless(const Cgroup *cg, int err)
{
	if (err != -EACCES && err != -EPERM && err != -EROFS)
		return false;
	if (cg->rootless == CGROUP_ROOTLESS_AUTO)
		return geteuid() != 0 || self_in_user_namespace();
	return cg->rootless == CGROUP_ROOTLESS;
}

bool cgroup_fail_refused(const Cgroup *cg, int err, GError **error, const char *what, const char *path)
{
	fail_with(error, err, "%s %s", what, path);
	if (cgroup_refused_rootless(cg, err) && !cg->optional)
		return fail_prefix(
			error, "rootless needs no limits + no cgrouppath when no permission is granted for cgroups");
	return false;
}

bool cgroup_drop_refused(Cgroup *cg, size_t i, int err)
{
	struct cgroup_hierarchy *h = &cg->hierarchies[i];
	struct cgroup_node *node = &cg->nodes[i];

	if (!cg->optional || !cgroup_refused_rootless(cg, err))
		return false;
	diag_debug("no cgroup %s%s: %s", h->mount, h->path, errno_text(err));
	fd_close(&node->dir_fd);
	if (node->made > 0)
		(void)cgroupfs_unmake_dir(node->root_fd, h->path, node->made); /* it was made for nothing */
	fd_close(&node->root_fd);
	g_free(h->controllers);
	g_free(h->mount);
	g_free(h->path);
	cg->n--;
	memmove(h, h + 1, (cg->n - i) * sizeof *h);
	memmove(node, node + 1, (cg->n - i) * sizeof *node);
	return true;
}

bool cgroup_is_none(const Cgroup *cg)
{
	return cg->n == 0;
}
