/* restore: a container from the files of a checkpoint, and unless detached wait and delete. */
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/foreground.h"
#include "runtime/restore.h"
#include "runtime/self.h"
#include "runtime/unix_connect.h"

static char *absolute(const char *path)
{
	return path && *path ? g_canonicalize_filename(path, NULL) : NULL;
}

/* In the state directory that was made. */
static bool restore_in_directory(struct creation *c, const struct globals *globals, struct restore_request *request,
	const struct criu_dirs *dirs, const char *console, GError **error)
{
	auto_fd sock = -1;

	if (c->spec->process->terminal && console && !unix_connect(console, "console socket", &sock, error))
		return false;
	if (sock >= 0)
		request->console_fd = sock;
	return create_prepare(c, globals, error) && notify_prepare(c->spec, c->container, error) &&
	       restore_processes(c, globals, request, dirs, error);
}

static bool restore_container(struct creation *c, const struct globals *globals, const struct restore_cli *o,
	Foreground *f, const struct criu_dirs *dirs, const char *id, GError **error)
{
	g_autofree char *pid_file = absolute(o->pid_file), *console = absolute(o->console_socket);
	const struct create_options options = {
		.bundle = o->bundle,
		.config = o->config,
		.console_socket = console,
		.detach = o->detach,
	};
	struct restore_request request = {
		.options = o,
		.pid_file = pid_file,
		.console_fd = f ? foreground_console_fd(f) : -1,
	};
	struct self self;

	if (!create_begin(c, globals, &options, &self, id, error))
		return false;
	if (restore_in_directory(c, globals, &request, dirs, console, error))
		return true;
	create_undo(c, globals);
	return false;
}

static int restore_and_stay(struct creation *c, const struct globals *globals, const struct restore_cli *o,
	Foreground *f, const struct criu_dirs *dirs, const char *id, GError **error)
{
	g_autoptr(GError) local = NULL;
	int status;

	if (!restore_container(c, globals, o, f, dirs, id, error))
		return 1;
	if (!f)
		return 0;
	status = foreground_wait(f, c->launch.pid, c->launch.pid_fd, c->spec->process->terminal, error);
	if (status < 0) {
		create_undo(c, globals);
		return 1;
	}
	c->launch.reaped = true;
	if (!create_destroy(c, globals, &local))
		diag_warning("unable to delete container: %s", local->message);
	return status;
}

static int restore_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct restore_cli *o = options;
	struct creation c = CREATION_INIT;
	struct criu_dirs dirs = CRIU_DIRS_INIT;
	g_autoptr(Foreground) f = NULL;
	int status = 1, r;

	(void)n_args;
	if (geteuid() != 0)
		return fail(error, "cannot restore a rootless container: criu needs root"), 1;
	r = o->detach || o->no_subreaper ? 0 : sys_set_subreaper(true);
	if (r < 0)
		return fail_with(error, r, "become a subreaper"), 1;
	if (!o->detach)
		f = foreground_new(error);
	if ((o->detach || f) && criu_dirs_open(&dirs, o->image_path, o->work_path, false, error))
		status = restore_and_stay(&c, globals, o, f, &dirs, args[0], error);
	creation_clear(&c);
	criu_dirs_clear(&dirs);
	return status;
}

#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct restore_cli, field, type, name, short_name, value, help)
static const struct option_spec specs[] = {
#include "runtime/restore_options.def"
};
#undef OPTION

const struct command cmd_restore = {
	.name = "restore",
	.args = "CONTAINER",
	.help = "make a container from the files of a checkpoint",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct restore_cli),
	.min_args = 1,
	.max_args = 1,
	.failure_prefix = "runc restore failed",
	.run = restore_run,
};
