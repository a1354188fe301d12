/* state: one container, as JSON. */
#include "runtime/command.h"

#include <errno.h>
#include <stdio.h>

#include "common/error.h"
#include "runtime/state_json.h"

static int state_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	g_autoptr(Container) c = container_open(globals->root, args[0], error);
	g_autoptr(JsonWriter) w = NULL;
	g_autofree char *text = NULL;

	(void)options;
	(void)n_args;
	if (!c)
		return 1;
	w = json_writer_new("  ");
	state_put_json(w, c, container_status(c), "");
	text = json_writer_text(w);
	/* No newline at the end, as runc. */
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		return fail_errno(error, "write to standard output"), 1;
	return 0;
}

const struct command cmd_state = {
	.name = "state",
	.args = "CONTAINER",
	.help = "Show the state of a container",
	.min_args = 1,
	.max_args = 1,
	.run = state_run,
};
