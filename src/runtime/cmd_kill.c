/* kill: a signal to the container's first process, or to all. */
#include "runtime/command.h"

#include <errno.h>
#include <signal.h>

#include "base/sys.h"
#include "common/error.h"
#include "runtime/matching.h"
#include "runtime/signals.h"
#include "runtime/state.h"

#define OPTIONS_FILE "runtime/kill_options.def"
#include "common/options_table.h"

static bool kill_container(const Container *c, int sig, bool all, GError **error)
{
	int err;

	/* Without a pid namespace of its own the container's processes outlive the first one. */
	if (c->cgroup && (all || (sig == SIGKILL && c->shared_pid_namespace)))
		return cgroup_kill(c->cgroup, sig, error);
	err = sys_pidfd_send_signal(c->pid_fd, sig);
	if (err == -ESRCH)
		return fail(error, "container not running");
	if (err < 0)
		return fail_with(error, err, "unable to signal init: signal %d", sig);
	/* On v1 a frozen process cannot even die. */
	if (sig == SIGKILL && c->cgroup && cgroup_mode(c->cgroup) != CGROUP_UNIFIED && cgroup_frozen(c->cgroup))
		return cgroup_thaw(c->cgroup, error);
	return true;
}

/* Without a pid namespace of its own a container has not ended with its first process. */
static bool outlived(const Container *c)
{
	g_autoptr(GArray) pids = c->cgroup && c->shared_pid_namespace ? cgroup_pids(c->cgroup, NULL) : NULL;

	return pids && pids->len > 0;
}

struct request {
	const struct globals *globals;
	int sig;
	bool all;
};

static bool kill_one(const char *id, void *user, GError **error)
{
	const struct request *r = user;
	g_autoptr(Container) c = container_open(r->globals->root, id, error);
	enum status status;

	if (!c)
		return false;
	status = container_status(c);
	if (status == STATUS_STOPPED || status == STATUS_CREATING) {
		/* With --all what the first process has left behind is meant as well, and nothing at all is fine. */
		if (r->all || (r->sig == SIGKILL && outlived(c)))
			return !c->cgroup || cgroup_kill(c->cgroup, r->sig, error);
		return fail(error, "container not running");
	}
	return kill_container(c, r->sig, r->all, error);
}

static int kill_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	struct request r = { .globals = globals, .all = o->all };
	const char *name = n_args > 1 ? args[1] : "SIGTERM";

	if (!signal_parse(name, &r.sig))
		return fail(error, "unknown signal \"%s\"", name), 1;
	if (o->regex)
		return matching_each(globals->root, args[0], kill_one, &r, error) ? 0 : 1;
	return kill_one(args[0], &r, error) ? 0 : 1;
}

const struct command cmd_kill = {
	.name = "kill",
	.args = "CONTAINER [SIGNAL]",
	.help = "Send a signal (default: TERM) to the container's first process",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 2,
	.run = kill_run,
};
