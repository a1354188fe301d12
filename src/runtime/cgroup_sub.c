/* exec --cgroup: below the container's cgroup, in one hierarchy or several. */
#include <string.h>

#include "base/fd.h"
#include "common/error.h"
#include "runtime/cgroup_internal.h"

static bool has_controller(const struct cgroup_hierarchy *h, const char *controller)
{
	g_auto(GStrv) list = g_strsplit(h->controllers, ",", -1);

	return *controller ? g_strv_contains((const char *const *)list, controller) : !*h->controllers;
}

static bool stays_below(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	return *path && !g_strv_contains((const char *const *)parts, "..");
}

static bool enter(Cgroup *cg, bool *entered, const char *controller, const char *path, GError **error)
{
	for (size_t i = 0; i < cg->n; i++) {
		char *below;
		int fd;

		if (!has_controller(&cg->hierarchies[i], controller))
			continue;
		if (entered[i])
			return fail(error, "invalid --cgroup argument(s): controller %s specified multiple times",
				controller);
		entered[i] = true;
		below = g_build_filename(cg->hierarchies[i].path, path, NULL);
		g_free(cg->hierarchies[i].path);
		cg->hierarchies[i].path = below;
		fd_close(&cg->nodes[i].dir_fd);
		fd = cgroup_dir(cg, i);
		return fd >= 0 || fail_with(error, fd, "error adding pid to --cgroup: open %s%s", cg->hierarchies[i].mount, below);
	}
	if (*controller)
		return fail(error, "--cgroup: unknown controller %s", controller);
	return fail(error, "invalid --cgroup argument: %s (missing <controller>: prefix)", path);
}

bool cgroup_enter_sub(Cgroup *cg, char *const *args, GError **error)
{
	g_autofree bool *entered = g_new0(bool, cg->n + 1);

	for (size_t i = 0; args[i]; i++) {
		const char *colon = strchr(args[i], ':'), *path = colon ? colon + 1 : args[i];
		g_autofree char *names = g_strndup(args[i], colon ? (gsize)(colon - args[i]) : 0);
		g_auto(GStrv) controllers = g_strsplit(names, ",", -1);

		if (!colon && args[1])
			return fail(error, "invalid --cgroup argument: %s (missing <controller>: prefix)", args[i]);
		if (!stays_below(path))
			return fail(error, "invalid --cgroup argument: %s (bad sub cgroup path: %s)", args[i], path);
		if (!colon && !enter(cg, entered, "", path, error))
			return false;
		if (colon && !*names)
			return fail(error, "invalid --cgroup argument: %s (empty <controller> prefix)", args[i]);
		for (char **name = controllers; colon && *name; name++)
			if (!**name || !enter(cg, entered, *name, path, error))
				return **name ? false
					      : fail(error, "invalid --cgroup argument: %s (empty <controller> prefix)",
							args[i]);
	}
	return true;
}
