/* Mounts of type cgroup: one cgroup2, or on v1 a tmpfs with every hierarchy in it. With a cgroup namespace the kernel
 * shows the container's cgroup as the root; without, the container's directories are bound (mounting cgroup2 outside a
 * cgroup namespace would also change the host's mount options, and wait for a grace period). */
#include "runtime/plan.h"

#include <string.h>
#include <sys/mount.h>

#include "common/diag.h"
#include "common/error.h"

/* The container's directory in a hierarchy, with the options. */
static bool open_own(Plan *plan, const struct cgroup_hierarchy *h, const struct mount_options *o,
	struct op_tree *ret_tree, GError **error)
{
	enum child_part part;
	struct op_tree t = { .path = plan_printf(plan, "%s%s", h->mount, h->path),
		.set = mount_options_attributes(o->flags) | o->rec_set };
	int r = plan_open_tree(plan, &t, &part);

	if (r < 0)
		return fail_with(
			error, r, "open cgroup %s%s%s", h->path, *h->controllers ? " of " : "", h->controllers);
	*ret_tree = t;
	return true;
}

static bool plan_unified(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	const struct cgroup_hierarchy *h, GError **error)
{
	struct op_mount mount = {
		.target = plan_clean_path(plan, m->destination),
		.source = "cgroup",
		.type = "cgroup2",
		.flags = o->flags,
		.rec_set = o->rec_set,
	};
	bool private = plan_has_namespace(plan, NS_CGROUP);

	/* The kernel may refuse the mount where ids are mapped, and over one of the same file system (/sys of the host). */
	if (!open_own(plan, h, o, private ? &mount.fallback : &mount.tree, error))
		return false;
	plan_add(plan, STEP_MOUNT, number)->mount = mount;
	return true;
}

/* "cpu,cpuacct" is mounted once; cpu and cpuacct are links to it. */
static void plan_links(Plan *plan, const char *target, const char *controllers, int number)
{
	g_auto(GStrv) names = g_strsplit(controllers, ",", -1);

	for (size_t i = 0; names[0] && names[1] && names[i]; i++)
		plan_add(plan, STEP_LINK, number)->link =
			(struct op_link){ plan_printf(plan, "%s/%s", target, names[i]),
				plan_printf(plan, "%s", controllers) };
}

static bool plan_legacy(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	const struct cgroup_hierarchy *h, GError **error)
{
	const char *base = plan_clean_path(plan, m->destination);
	bool named = g_str_has_prefix(h->controllers, "name=");
	const char *name = named ? h->controllers + strlen("name=") : h->controllers;
	struct op_mount mount = {
		.target = plan_printf(plan, "%s/%s", base, name),
		.source = named ? plan_printf(plan, "%s", name) : "cgroup",
		.type = "cgroup",
		.flags = o->flags,
		.rec_set = o->rec_set,
		.data = plan_printf(plan, "%s", h->controllers),
	};

	if (!plan_has_namespace(plan, NS_CGROUP) && !open_own(plan, h, o, &mount.tree, error))
		return false;
	plan_add(plan, STEP_MOUNT, number)->mount = mount;
	plan_links(plan, base, name, number);
	return true;
}

/* The tmpfs that holds v1's hierarchies. */
static void plan_holder(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number)
{
	const char *target = plan_clean_path(plan, m->destination);

	plan_add(plan, STEP_MOUNT, number)->mount = (struct op_mount){
		.target = target,
		.source = "tmpfs",
		.type = "tmpfs",
		.data = plan_labelled(plan, "mode=755"),
		.flags = MS_NOEXEC | MS_NOSUID | MS_NODEV,
	};
	if ((o->flags & MS_RDONLY) || (o->rec_set & MOUNT_ATTR_RDONLY))
		plan_add(plan, STEP_REMOUNT, number)->remount =
			(struct op_remount){ .path = target, .set = MOUNT_ATTR_RDONLY };
}

bool plan_cgroup_mount(
	Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number, GError **error)
{
	const Cgroup *cg = plan->request.container->cgroup;
	const struct cgroup_hierarchy *h;
	size_t n;

	if (o->copy_up)
		return fail(error, "tmpcopyup can be used only with tmpfs");
	/* They would be those of the host's mounts of these hierarchies too. */
	if (o->data)
		diag_warning("mounts[%d].options: \"%s\" is ignored for cgroups", number, o->data->str);
	if (!cg) {
		/* No cgroup of its own: nothing of the host's may be seen or changed. */
		plan_holder(plan, m, &(struct mount_options){ .flags = MS_RDONLY }, number);
		return true;
	}
	h = cgroup_hierarchies(cg, &n);
	if (cgroup_mode(cg) == CGROUP_UNIFIED)
		return plan_unified(plan, m, o, number, &h[0], error);
	plan_holder(plan, m, o, number);
	for (size_t i = 0; i < n; i++)
		if (*h[i].controllers && !plan_legacy(plan, m, o, number, &h[i], error))
			return false;
	return true;
}
