/* tallyctl kill: a signal to the container, through the runtime. TERM and KILL are meant to end it, and go to all of its
 * processes; any other one is a message to the first. */
#include <signal.h>

#include "base/num.h"
#include "ctl/command.h"
#include "ctl/engine.h"
#include "ctl/lifecycle.h"
#include "ctl/signals.h"
#include "ctl/store.h"

struct options {
	gboolean all;
	gboolean init_only;
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, all, FLAG, "all", 'a', NULL,
	"To all processes (default for TERM and KILL)") OPTION_SPEC(struct options, init_only, FLAG, "init-only", 0,
	NULL, "To the first process alone (default for other signals)") };

static bool send(const Container *c, const char *runtime, int sig, bool all, GError **error)
{
	char number[NUM_MAX];
	const char *const one[] = { "kill", c->id, number, NULL }, *const every[] = { "kill", "--all", c->id, number, NULL };

	num_format_i64(number, sig);
	return engine_runtime(runtime, c->runtime_root, c->path, -1, all ? every : one, NULL, error);
}

static int kill_container(const struct ctl *ctl, const char *id, int sig, const struct options *o, GError **error)
{
	bool ends = !o->all && !o->init_only && (sig == SIGTERM || sig == SIGKILL);
	g_autoptr(Container) c = container_open_known(ctl, id, error);
	g_autofree char *runtime = NULL;

	/* One that lost its monitor can be killed, too. */
	if (!c || !container_require_process(c, error))
		return -1;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	if (!runtime)
		return -1;
	/* Some runtimes find all processes by a cgroup alone, which an ordinary user's container may not have. */
	if (ends && send(c, runtime, sig, true, NULL))
		return 0;
	return send(c, runtime, sig, o->all, error) ? 0 : -1;
}

static int kill_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int sig = SIGTERM;

	if (!options_parse(
		    cmd_kill.args, cmd_kill.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc < 2 || argc > 3) {
		fail(error, "kill: a container id is needed, and at most one signal");
		return -1;
	}
	if (o.all && o.init_only) {
		fail(error, "kill: --all and --init-only exclude each other");
		return -1;
	}
	if (argc == 3 && !signal_parse(argv[2], &sig, error))
		return -1;
	return kill_container(ctl, argv[1], sig, &o, error);
}

const struct command cmd_kill = {
	.name = "kill",
	.args = "ID [SIGNAL]",
	.help = "Send a signal to a container: TERM (the default) and KILL to all its processes, others to the first",
	.run = kill_run,
};
