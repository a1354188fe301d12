/* create: a container whose first process waits for start. */
#include "runtime/command.h"
#include "runtime/create.h"
#include "runtime/self.h"

#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
struct create_cli {
#include "runtime/create_options.def"
};
#undef OPTION

static int create_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct create_cli *o = options;
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

#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct create_cli, field, type, name, short_name, value, help)
static const struct option_spec specs[] = {
#include "runtime/create_options.def"
};
#undef OPTION

const struct command cmd_create = {
	.name = "create",
	.args = "CONTAINER",
	.help = "create a container",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct create_cli),
	.min_args = 1,
	.max_args = 1,
	.failure_prefix = "runc create failed",
	.enters_container = true,
	.run = create_run,
};
