/* resume: thaw what pause has frozen. */
#include "runtime/command.h"

#include "common/error.h"
#include "runtime/state.h"

static int resume_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	g_autoptr(Container) c = container_open(globals->root, args[0], error);

	(void)options;
	(void)n_args;
	if (!c)
		return 1;
	if (container_status(c) != STATUS_PAUSED)
		return fail(error, "container not paused"), 1;
	return cgroup_thaw(c->cgroup, error) ? 0 : 1;
}

const struct command cmd_resume = {
	.name = "resume",
	.args = "CONTAINER",
	.help = "Let a paused container run again",
	.min_args = 1,
	.max_args = 1,
	.run = resume_run,
};
