/* start: lets the first process of a created container execute its program, and sees that it did. */
#include "common/error.h"
#include "runtime/command.h"
#include "runtime/start.h"

static int start_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	g_autoptr(Container) c = container_open(globals->root, args[0], error);
	g_autoptr(Notify) notify = NULL;

	(void)options;
	(void)n_args;
	if (!c)
		return 1;
	switch (container_status(c)) {
	case STATUS_CREATED:
		break;
	case STATUS_STOPPED:
		return fail(error, "cannot start a container that has stopped"), 1;
	case STATUS_PAUSED:
		return fail(error, "cannot start a container in the paused state"), 1;
	default:
		return fail(error, "cannot start an already running container"), 1;
	}
	if (!start_container(c, &notify, error) || !start_run_hooks(c, error))
		return 1;
	notify_wait(notify, c->pid, c->pid_fd);
	return 0;
}

const struct command cmd_start = {
	.name = "start",
	.args = "CONTAINER",
	.help = "start the program of a created container",
	.min_args = 1,
	.max_args = 1,
	.run = start_run,
};
