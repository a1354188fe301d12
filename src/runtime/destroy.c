/* Takes a container that has stopped away: cgroup, state, and the hooks that hear of it. */
#include "runtime/destroy.h"

#include <signal.h>

#include "common/diag.h"
#include "common/error.h"
#include "runtime/hooks.h"
#include "runtime/scope.h"

bool destroy_cgroup(const struct globals *globals, const struct container *c, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!cgroup_destroy(c->cgroup, false, error))
		return false;
	/* The container is gone whatever systemd says. */
	if (c->systemd_unit && !scope_stop_unit(globals->program, c->systemd_unit, c->systemd_user, &local))
		diag_warning("%s", local->message);
	return true;
}

/* What is left in the cgroup has no init above it any more that would end it. */
static bool remove_cgroup(const struct globals *globals, const Container *c, GError **error)
{
	g_autoptr(GArray) pids = NULL;

	if (!c->cgroup)
		return true;
	pids = cgroup_pids(c->cgroup, NULL);
	if (pids && pids->len > 0 && !cgroup_kill(c->cgroup, SIGKILL, error))
		return false;
	return destroy_cgroup(globals, c, error) || fail_prefix(error, "unable to remove container's cgroup");
}

bool destroy_container(const struct globals *globals, const struct container *c, GError **error)
{
	g_autofree char *state = NULL;

	if (!remove_cgroup(globals, c, error) || (c->rdt && !rdt_remove(c->rdt, error)) ||
		!container_remove_dir(globals->root, c->id, error))
		return fail_prefix(error, "unable to destroy container");
	/* The container is gone whatever they say: the runtime-spec wants a warning, and the rest of them to run. */
	state = container_oci_state(c, STATUS_STOPPED, 0);
	hooks_run_poststop(c, state);
	return true;
}
