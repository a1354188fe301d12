/* tallyctl start: the process of a container that was created. */
#include "base/fd.h"
#include "ctl/command.h"
#include "ctl/create.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/wait.h"

#define LOCK_SECONDS 30

struct options {
	gboolean attach;
	char *detach_keys;
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include "ctl/stdio.def"
#undef OPTION
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, attach, FLAG, "attach", 'a', NULL,
	"Stay with it as run does") OPTION_SPEC(struct options, detach_keys, STRING, "detach-keys", 0, "KEYS",
	"Keys that leave a terminal session, \"\" for none (default: ctrl-p,ctrl-q)")
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct options, field, type, name, short_name, value, help)
#include "ctl/stdio.def"
#undef OPTION
};

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

static int start_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	struct detach_keys keys;
	auto_stdio stdio = STDIO_OURS;

	if (argc != 2) {
		fail(error, "start: one container id is needed");
		return -1;
	}
	if (STDIO_NAMED(o) && !o->attach) {
		fail(error, "start: sockets for the streams are for --attach");
		return -1;
	}
	if (!detach_keys_parse(&keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error))
		return -1;
	c = container_open_known(ctl, argv[1], error);
	return c && STDIO_OPEN(&stdio, o, error) ? start(ctl, c, o->attach, &keys, &stdio, error) : -1;
}

static int start_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = -1;

	if (options_parse(cmd_start.args, cmd_start.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv,
		    error))
		status = start_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_start = {
	.name = "start",
	.args = "ID",
	.help = "Start a container that was created",
	.run = start_run,
};
