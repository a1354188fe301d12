/* tallyctl run: a container from a bundle, watched from its first byte on. */
#include <unistd.h>

#include "base/fd.h"
#include "ctl/attach_client.h"
#include "ctl/command.h"
#include "ctl/create.h"
#include "ctl/foreground.h"
#include "ctl/oci.h"
#include "ctl/wait.h"

#define MONITOR_SECONDS 10

#define OPTIONS_FILE "ctl/run.def"
#include "common/options_table.h"

/* The client is connected before the process runs, so that it sees every byte. */
static int run_foreground(
	Container *c, const struct detach_keys *keys, struct stdio *stdio, int signal_fd, GError **error)
{
	struct watched_container w = {
		.container = c, .keys = *keys, .stdio = stdio, .signal_fd = signal_fd, .sock_fd = -1
	};
	int status = -1;

	if (!watched_connect(&w, error) || !create_start(c, c->record.runtime, signal_fd, error)) {
		create_discard(c, c->record.runtime);
	} else {
		container_unlock(c);
		status = watched_run(&w, c->record.stdin_open, error);
		/* When we return, --rm has been obeyed; a monitor that takes longer is not waited for for ever. */
		if (w.ended && c->record.remove)
			(void)record_await_monitor(&c->record, MONITOR_SECONDS, false, NULL);
	}
	watched_clear(&w);
	return status;
}

static int run_detached(const struct ctl *ctl, Container *c, int signal_fd, GError **error)
{
	if (!create_start(c, c->record.runtime, signal_fd, error)) {
		create_discard(c, c->record.runtime);
		return -1;
	}
	create_report(c, ctl->json);
	return 0;
}

/* The way that reads everything else from the bundle. */
static int run_oci_way(
	const struct ctl *ctl, const struct options *o, const struct create_options *words, GError **error)
{
	const struct oci_request r = {
		.id = words->id, .bundle = o->container_path, .args = words->args, .options = words->more
	};
	const char *other = o->bundle          ? "bundle"
			    : o->detach        ? "detach (start --container-path does that)"
			    : o->terminal      ? "tty"
			    : o->interactive   ? "interactive"
			    : o->remove        ? "rm"
			    : o->detach_keys   ? "detach-keys"
			    : o->stdin_socket  ? "stdin-socket"
			    : o->stdout_socket ? "stdout-socket"
			    : o->stderr_socket ? "stderr-socket"
					       : NULL;

	if (other) {
		fail(error, "run: --container-path does not go with --%s", other);
		return -1;
	}
	oci_messages_begin();
	return oci_run(ctl, &r, error);
}

static int run_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	auto_fd signal_fd = -1;
	g_autoptr(Container) c = NULL;
	auto_stdio stdio = STDIO_OURS;
	struct detach_keys keys;
	struct create_options options = {
		.bundle = o->bundle,
		.terminal = o->terminal,
		.stdin_open = o->interactive || o->stdin_socket,
		.remove = o->remove,
		.more = { .bind_mounts = o->bind_mounts,
			.cgroup_parent = o->cgroup_parent,
			.log_dir = o->log_dir,
			.current_user = o->current_user,
			.init = o->init || o->dont_run_as_init },
	};

	if (!create_parse_words(argc, argv, &options, error) ||
		!detach_keys_parse(&keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error)) {
		fail_prefix(error, "run");
		return -1;
	}
	if (ctl->json && !o->detach) {
		fail(error, "run: --json is for -d: in the foreground, standard output is the container's");
		return -1;
	}
	if (STDIO_NAMED(o) && o->detach) {
		fail(error, "run: sockets for the streams are not for -d: nobody would be there to fill them");
		return -1;
	}
	if (o->container_path)
		return run_oci_way(ctl, o, &options, error);
	if (!STDIO_OPEN(&stdio, o, error))
		return -1;
	signal_fd = options.signal_fd = wait_signals_open(error);
	c = signal_fd < 0 ? NULL : create_container(ctl, &options, error);
	if (!c)
		return -1;
	return o->detach ? run_detached(ctl, c, signal_fd, error) : run_foreground(c, &keys, &stdio, signal_fd, error);
}

static int run_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = -1;

	if (options_parse(cmd_run.args, cmd_run.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_STOP_AT_POSITIONAL, &argc,
		    &argv, error))
		status = run_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.args = "ID [-- COMMAND [ARG...]]",
	.help = "Create and start a container; in the foreground, end with its exit status",
	.run = run_run,
};
