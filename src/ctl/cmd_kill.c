/* tallyctl kill: a signal to the container's first process, through the runtime. */
#include <signal.h>

#include "base/num.h"
#include "ctl/command.h"
#include "ctl/engine.h"
#include "ctl/lifecycle.h"
#include "ctl/signals.h"
#include "ctl/store.h"

static int kill_container(const struct ctl *ctl, const char *id, int sig, GError **error)
{
	g_autoptr(Container) c = container_open_known(ctl, id, error);
	g_autofree char *runtime = NULL;
	char number[NUM_MAX];
	const char *const args[] = { "kill", id, number, NULL };
	struct ending e;
	enum container_status status;

	if (!c)
		return -1;
	/* One that lost its monitor can be killed, too. */
	status = container_status(c, &e);
	ending_clear(&e);
	if (status != STATUS_CREATED && status != STATUS_RUNNING && status != STATUS_PAUSED &&
		status != STATUS_ORPHANED) {
		fail(error, "container %s is not running: %s", id, container_status_name(status));
		return -1;
	}
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	num_format_i64(number, sig);
	return runtime && engine_runtime(runtime, c->runtime_root, c->path, -1, args, NULL, error) ? 0 : -1;
}

static int kill_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	int sig = SIGTERM;

	if (!options_parse(cmd_kill.args, cmd_kill.help, NULL, 0, NULL, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc < 2 || argc > 3) {
		fail(error, "kill: a container id is needed, and at most one signal");
		return -1;
	}
	if (argc == 3 && !signal_parse(argv[2], &sig, error))
		return -1;
	return kill_container(ctl, argv[1], sig, error);
}

const struct command cmd_kill = {
	.name = "kill",
	.args = "ID [SIGNAL]",
	.help = "Send a signal (default: TERM) to the container's first process",
	.run = kill_run,
};
