/* run: create, start, and unless detached wait and delete. */
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/command.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/start.h"

#define OPTIONS_FILE "runtime/run_options.def"
#include "common/options_table.h"

/* After its end: the status stands, what becomes of the deletion is told beside it. */
static int stay(
	struct creation *c, const struct globals *globals, const struct options *o, Foreground *f, GError **error)
{
	g_autoptr(GError) local = NULL;
	int status;

	foreground_take_notify(f, g_steal_pointer(&c->notify));
	status = foreground_wait(f, c->launch.pid, c->launch.pid_fd, c->spec->process->terminal, error);

	if (status < 0) {
		create_undo(c, globals); /* a container that nobody stays with is none that was asked for */
		return 1;
	}
	c->launch.reaped = true;
	if (!o->keep && !create_destroy(c, globals, &local))
		diag_warning("unable to delete container: %s", local->message);
	return status;
}

static int run_container(struct creation *c, const struct globals *globals, const struct options *o, Foreground *f,
	const char *id, GError **error)
{
	const struct create_options options = {
		.bundle = o->bundle,
		.config = o->config,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.console_fd = f ? foreground_console_fd(f) : -1,
		.pid_file = o->pid_file,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.preserve_fds = o->preserve_fds,
		.detach = o->detach,
	};

	if (!create_container(c, globals, &options, id, error))
		return 1;
	if (!start_run_hooks(c->container, error)) {
		create_undo(c, globals);
		return 1;
	}
	if (f)
		return stay(c, globals, o, f, error);
	notify_wait(c->notify, c->launch.pid, c->launch.pid_fd);
	return 0;
}

static int run_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	struct creation c = CREATION_INIT;
	g_autoptr(Foreground) f = NULL;
	int status;

	(void)n_args;
	if (!o->detach) {
		int r = o->no_subreaper ? 0 : sys_set_subreaper(true);

		if (r < 0)
			return fail_with(error, r, "become a subreaper"), 1;
		f = foreground_new(error);
		if (!f)
			return 1;
	}
	status = run_container(&c, globals, o, f, args[0], error);
	creation_clear(&c);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.args = "CONTAINER",
	.help = "create and start a container",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.failure_prefix = "runc run failed",
	.enters_container = true,
	.run = run_run,
};
