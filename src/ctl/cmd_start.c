/* tallyctl start: the process of a container that was created. */
#include <string.h>

#include "base/fd.h"
#include "ctl/command.h"
#include "ctl/create.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/oci.h"
#include "ctl/wait.h"

#define LOCK_SECONDS 30

#define OPTIONS_FILE "ctl/start.def"
#include "common/options_table.h"

static bool require_created(const Container *c, GError **error)
{
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	return status == STATUS_CREATED ||
	       fail(error, "container %s cannot be started: it is %s", c->id, container_status_name(status));
}

static int start(const struct ctl *ctl, Container *c, bool attach, const struct detach_keys *keys, struct stdio *stdio,
	GError **error)
{
	struct watched_container w = { .container = c, .keys = *keys, .sock_fd = -1, .stdio = stdio };
	g_autofree char *runtime = NULL;
	auto_fd signal_fd = -1;
	int status = -1;

	if (!container_lock(c, LOCK_SECONDS, error) || !require_created(c, error))
		return -1;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	signal_fd = w.signal_fd = runtime ? wait_signals_open(error) : -1;
	if (signal_fd < 0)
		return -1;
	if ((!attach || watched_connect(&w, error)) && create_start(c, runtime, signal_fd, error)) {
		container_unlock(c);
		status = attach ? watched_run(&w, c->record.stdin_open, error) : 0;
	}
	watched_clear(&w);
	return status;
}

static int start_created(const struct ctl *ctl, const struct options *o, const char *id, GError **error)
{
	g_autoptr(Container) c = NULL;
	struct detach_keys keys;
	auto_stdio stdio = STDIO_OURS;
	const char *other = o->bind_mounts                   ? "bind-mount"
			    : o->cgroup_parent               ? "cgroup-parent"
			    : o->current_user                ? "use-current-user"
			    : o->init || o->dont_run_as_init ? "init"
			    : o->log_dir                     ? "log-dir"
			    : o->state_dir                   ? "state-dir"
							     : NULL;

	if (other) {
		fail(error, "start: --%s is for a container that is to be created: use --container-path", other);
		return -1;
	}
	if (STDIO_NAMED(o) && !o->attach) {
		fail(error, "start: sockets for the streams are for --attach");
		return -1;
	}
	if (!detach_keys_parse(&keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error))
		return -1;
	c = container_open_known(ctl, id, error);
	return c && STDIO_OPEN(&stdio, o, error) ? start(ctl, c, o->attach, &keys, &stdio, error) : -1;
}

static int start_new(const struct ctl *ctl, const struct options *o, const char *id, char **extra, GError **error)
{
	const struct oci_request r = {
		.id = id,
		.bundle = o->container_path,
		.args = (const char *const *)extra,
		.state_dir = o->state_dir,
		.options = { .bind_mounts = o->bind_mounts,
			.cgroup_parent = o->cgroup_parent,
			.log_dir = o->log_dir,
			.current_user = o->current_user,
			.init = o->init || o->dont_run_as_init },
	};

	if (o->attach || o->detach_keys || STDIO_NAMED(o)) {
		fail(error, "start: --container-path does not go with --%s",
			o->attach          ? "attach"
			: o->detach_keys   ? "detach-keys"
			: o->stdin_socket  ? "stdin-socket"
			: o->stdout_socket ? "stdout-socket"
					   : "stderr-socket");
		return -1;
	}
	oci_messages_begin();
	return oci_start(ctl, &r, error) ? 0 : -1;
}

/* extra: the words behind "--", NULL without it. */
static int start_main(
	const struct ctl *ctl, const struct options *o, int argc, char **argv, char **extra, GError **error)
{
	if (argc != 2)
		fail(error, "start: one container id is needed");
	else if (o->container_path)
		return start_new(ctl, o, argv[1], extra, error);
	else if (extra)
		fail(error, "start: arguments are for a container that is to be created: use --container-path");
	else
		return start_created(ctl, o, argv[1], error);
	return -1;
}

static int start_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	char **extra = NULL;
	int status = -1;

	for (int i = 1; i < argc && !extra; i++)
		if (strcmp(argv[i], "--") == 0) {
			extra = argv + i + 1;
			argv[i] = NULL;
			argc = i;
		}
	if (options_parse(cmd_start.args, cmd_start.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv,
		    error))
		status = start_main(ctl, &o, argc, argv, extra, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_start = {
	.name = "start",
	.args = "ID [-- ARG...]",
	.help = "Start a container that was created",
	.run = start_run,
};
