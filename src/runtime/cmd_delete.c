/* delete: the end of a container's cgroups and state. */
#include "runtime/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/destroy.h"
#include "runtime/device_mapper.h"
#include "runtime/matching.h"
#include "runtime/state.h"

/* How long a killed process may take to die. */
#define KILL_TIMEOUT_MS 10000

#define MAX_TRIES 100

#define OPTIONS_FILE "runtime/delete_options.def"
#include "common/options_table.h"

static bool kill_and_wait(const Container *c, GError **error)
{
	int err = sys_pidfd_send_signal(c->pid_fd, SIGKILL), n;

	if (err < 0 && err != -ESRCH)
		return fail_with(error, err, "unable to signal init");
	if (c->cgroup && (c->shared_pid_namespace || cgroup_frozen(c->cgroup)) &&
		!cgroup_kill(c->cgroup, SIGKILL, error))
		return false;
	n = sys_pidfd_wait(c->pid_fd, KILL_TIMEOUT_MS);
	if (n < 0)
		return fail_with(error, n, "wait for the container's init");
	return n > 0 || fail(error, "container init still running");
}

/* Ends and removes the cgroups, RDT groups and devices of a create that was killed, or is still going on: that one fails
 * then, for want of its process. Nothing is done when its state has been written meanwhile. */
static bool remove_noted(const char *root, const char *id, GError **error)
{
	g_auto(ContainerLeft) left = container_left_over(root, id);
	g_autoptr(Container) c = container_open(root, id, NULL); /* only after its state is there a note goes away */

	if (c)
		return true;
	if (left.cgroup && !(cgroup_kill(left.cgroup, SIGKILL, error) && cgroup_destroy(left.cgroup, true, error)))
		return fail_prefix(error, "unable to remove container's cgroup");
	for (char **name = left.devices; name && *name; name++)
		if (!device_mapper_remove(*name, error))
			return false;
	return !left.rdt || rdt_remove(left.rdt, error);
}

struct request {
	const struct globals *globals;
	bool force;
};

static bool delete_container(const struct request *r, const Container *c, GError **error)
{
	enum status status = container_status(c);

	if (!r->force && (status == STATUS_RUNNING || status == STATUS_PAUSED))
		return fail(error, "cannot delete container %s that is not stopped: %s", c->id, status_name(status));
	if (status != STATUS_STOPPED && c->pid_fd >= 0 && !kill_and_wait(c, error))
		return false;
	return destroy_container(r->globals, c, error);
}

static bool is_missing(const GError *error)
{
	return g_error_matches(error, TALLY_ERROR, ENOENT);
}

/* ret_filled: the directory was emptied, and has something in it again. */
static bool try_delete(const char *id, const struct request *r, bool *ret_filled, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Container) c = NULL;

	if (!container_check_id(id, error))
		return r->force ? (g_clear_error(error), true) : false;
	c = container_open(r->globals->root, id, &local);
	if (!c && is_missing(local)) {
		if (!remove_noted(r->globals->root, id, error))
			return false;
		g_clear_error(&local);
		c = container_open(r->globals->root, id, &local); /* a create may have come so far meanwhile */
	}
	if (c)
		return delete_container(r, c, error);
	/* If it is not missing there is one, and it may be running: what is known of it is all there is to end it by. */
	if (is_missing(local) && !container_remove_dir(r->globals->root, id, error)) {
		*ret_filled = g_error_matches(*error, TALLY_ERROR, ENOTEMPTY);
		return false;
	}
	if (is_missing(local) && r->force)
		return true;
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* A create that is at work may put a file into the directory that was just emptied: then there is more to be found. It ends
 * for want of the directory, after some files. */
static bool delete_one(const char *id, void *user, GError **error)
{
	GError *local = NULL;
	bool filled = true, ok = false;

	for (int i = 0; i < MAX_TRIES && !ok && filled; i++) {
		g_clear_error(&local);
		filled = false;
		ok = try_delete(id, user, &filled, &local);
	}
	if (!ok)
		g_propagate_error(error, local);
	return ok;
}

static int delete_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	struct request r = { globals, o->force };

	(void)n_args; /* exactly one */
	if (o->regex)
		return matching_each(globals->root, args[0], delete_one, &r, error) ? 0 : 1;
	return delete_one(args[0], &r, error) ? 0 : 1;
}

const struct command cmd_delete = {
	.name = "delete",
	.args = "CONTAINER",
	.help = "Remove a container that has stopped or was never started",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = delete_run,
};
