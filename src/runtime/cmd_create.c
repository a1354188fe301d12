/* create: a container whose first process waits for start. */
#include "runtime/command.h"
#include "runtime/create.h"
#include "runtime/self.h"

#define OPTIONS_FILE "runtime/create_options.def"
#include "common/options_table.h"

static int create_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	struct creation c = CREATION_INIT;
	bool ok;

	(void)n_args;
	ok = create_container(&c, globals,
		&(struct create_options){
			.bundle = o->bundle,
			.config = o->config,
			.console_socket = o->console_socket,
			.pidfd_socket = o->pidfd_socket,
			.console_fd = -1,
			.pid_file = o->pid_file,
			.no_pivot = o->no_pivot,
			.no_new_keyring = o->no_new_keyring,
			.preserve_fds = o->preserve_fds,
			.wait_for_start = true,
			.detach = true,
		},
		args[0], error);
	creation_clear(&c);
	return ok ? 0 : 1;
}

const struct command cmd_create = {
	.name = "create",
	.args = "CONTAINER",
	.help = "create a container",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.failure_prefix = "runc create failed",
	.enters_container = true,
	.run = create_run,
};
