/* tallyctl attach: to a container that runs, or is going to; ends with its exit status. */
#include "base/fd.h"
#include "ctl/command.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"
#include "ctl/wait.h"

struct options {
	gboolean no_stdin;
	char *detach_keys;
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include "ctl/stdio.def"
#undef OPTION
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, no_stdin, FLAG, "no-stdin", 0, NULL,
	"Do not pass our standard input on") OPTION_SPEC(struct options, detach_keys, STRING, "detach-keys", 0, "KEYS",
	"Keys that leave a terminal session, \"\" for none (default: ctrl-p,ctrl-q)")
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct options, field, type, name, short_name, value, help)
#include "ctl/stdio.def"
#undef OPTION
};

static int attach_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	auto_fd signal_fd = -1;
	auto_stdio stdio = STDIO_OURS;
	struct watched_container w = { .sock_fd = -1, .stdio = &stdio };
	int status = -1;

	if (argc != 2) {
		fail(error, "attach: one container id is needed");
		return -1;
	}
	if (!detach_keys_parse(&w.keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error))
		return -1;
	w.container = c = container_open_known(ctl, argv[1], error);
	if (!c || !container_require_live(c, error) || !STDIO_OPEN(&stdio, o, error))
		return -1;
	signal_fd = w.signal_fd = wait_signals_open(error);
	if (signal_fd >= 0 && watched_connect(&w, error))
		status = watched_run(&w, c->record.stdin_open && !o->no_stdin, error);
	watched_clear(&w);
	return status;
}

static int attach_run_verb(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = -1;

	if (options_parse(cmd_attach.args, cmd_attach.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		status = attach_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_attach = {
	.name = "attach",
	.args = "ID",
	.help = "Connect to a running container; end with its exit status",
	.run = attach_run_verb,
};
