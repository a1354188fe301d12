/* pause: freeze every process of a container. */
#include "runtime/command.h"

#include "common/error.h"
#include "runtime/state.h"

static int pause_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	g_autoptr(Container) c = container_open(globals->root, args[0], error);
	enum status status;

	(void)options;
	(void)n_args;
	if (!c)
		return 1;
	status = container_status(c);
	if (status != STATUS_RUNNING && status != STATUS_CREATED)
		return fail(error, "container not running"), 1;
	if (!c->cgroup)
		return fail(error, "cannot pause a container without cgroups"), 1;
	return cgroup_freeze(c->cgroup, error) ? 0 : 1;
}

const struct command cmd_pause = {
	.name = "pause",
	.args = "CONTAINER",
	.help = "Freeze all processes of a container",
	.min_args = 1,
	.max_args = 1,
	.run = pause_run,
};
