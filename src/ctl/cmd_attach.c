/* tallyctl attach: to a container that runs; ends with its exit status. */
#include <unistd.h>

#include "base/fd.h"
#include "common/diag.h"
#include "ctl/attach_client.h"
#include "ctl/command.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"
#include "ctl/terminal.h"
#include "ctl/wait.h"

struct options {
	gboolean no_stdin;
	char *detach_keys;
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, no_stdin, FLAG, "no-stdin", 0, NULL,
	"Do not pass our standard input on") OPTION_SPEC(struct options, detach_keys, STRING, "detach-keys", 0, "KEYS",
	"Keys that leave a terminal session, \"\" for none (default: ctrl-p,ctrl-q)") };

static int attach(Container *c, EndWatch *end, const struct detach_keys *keys, bool no_stdin, GError **error)
{
	g_autofree char *what = g_strdup_printf("container %s", c->id);
	auto_fd process_fd = process_id_open(&c->record.process, c->record.boot_id);
	auto_fd signal_fd = wait_signals_open(error);
	auto_fd sock_fd = signal_fd < 0 ? -1 : attach_connect(c->dir_fd, error);
	struct foreground f = { .what = what, .pidfd = process_fd, .terminal = c->record.terminal };
	struct attach_client client = {
		.sock_fd = sock_fd,
		.dir_fd = c->dir_fd,
		.stdin_fd = c->record.stdin_open && !no_stdin ? STDIN_FILENO : -1,
		.terminal = c->record.terminal,
		.keys = *keys,
		.signal_fd = signal_fd,
	};
	struct ending ending;
	int status;

	if (sock_fd < 0)
		return -1;
	if (c->record.terminal)
		(void)terminal_send_size(c->dir_fd); /* ours is none: the container's stays as it is */
	if (!foreground_attach(&f, &client, &status, error))
		return status;
	if (!end_watch_wait(end, signal_fd, foreground_on_signal, &f, &ending, error))
		return f.left_by ? foreground_left(&f) : -1;
	status = ending_status(&ending);
	if (!ending.known)
		diag_error("container %s: exit status unknown: %s", c->id, ending.why);
	ending_clear(&ending);
	return status;
}

static int attach_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	g_autoptr(EndWatch) end = NULL;
	struct detach_keys keys;

	if (argc != 2) {
		fail(error, "attach: one container id is needed");
		return -1;
	}
	if (!detach_keys_parse(&keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error))
		return -1;
	c = container_open_known(ctl, argv[1], error);
	if (!c || !container_require_running(c, error))
		return -1;
	end = end_watch_new(c, error);
	return end ? attach(c, end, &keys, o->no_stdin, error) : -1;
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
