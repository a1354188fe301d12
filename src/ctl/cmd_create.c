/* tallyctl create: a container that waits to be started. */
#include "base/fd.h"
#include "ctl/command.h"
#include "ctl/create.h"
#include "ctl/wait.h"

#define OPTIONS_FILE "ctl/create.def"
#include "common/options_table.h"

static int create_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	auto_fd signal_fd = -1;
	g_autoptr(Container) c = NULL;
	struct create_options options = {
		.bundle = o->bundle,
		.terminal = o->terminal,
		.stdin_open = o->interactive,
		.remove = o->remove,
		.more = { .bind_mounts = o->bind_mounts,
			.cgroup_parent = o->cgroup_parent,
			.log_dir = o->log_dir,
			.current_user = o->current_user,
			.init = o->init || o->dont_run_as_init },
	};

	if (!create_parse_words(argc, argv, &options, error)) {
		fail_prefix(error, "create");
		return -1;
	}
	signal_fd = options.signal_fd = wait_signals_open(error);
	c = signal_fd < 0 ? NULL : create_container(ctl, &options, error);
	if (!c)
		return -1;
	create_report(c, ctl->json);
	return 0;
}

static int create_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = -1;

	if (options_parse(cmd_create.args, cmd_create.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_STOP_AT_POSITIONAL,
		    &argc, &argv, error))
		status = create_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_create = {
	.name = "create",
	.args = "ID [-- COMMAND [ARG...]]",
	.help = "Create a container that waits for start",
	.run = create_run,
};
