/* tallyctl cleanup: what monitors run when their process has ended. Not for people. */
#include <errno.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/session_run.h"
#include "ctl/store.h"

/* The creating tool may hold the lock for as long as create and start may take. */
#define LOCK_SECONDS 600

struct options {
	char *session;
};

static const struct option_spec specs[] = { OPTION_SPEC(
	struct options, session, STRING, "exec", 0, "SESSION", "An exec session has ended, not the container") };

static bool end_session(const Container *c, const char *id, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Session) s = session_open(c, id, &local);

	if (s && session_ended(s, &local))
		return true;
	if (ctl_error_status(local) == CTL_NO_SUCH)
		return true; /* removed meanwhile */
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static bool settle(Container *c, const struct ctl *ctl, GError **error)
{
	g_autoptr(GError) unreadable = NULL;
	g_autofree char *runtime = NULL;

	if (!container_lock(c, LOCK_SECONDS, error))
		return access(c->path, F_OK) < 0 && errno == ENOENT; /* removed meanwhile: nothing is left to do */
	if (!container_require_record(c, &unreadable)) {
		if (g_error_matches(unreadable, TALLY_ERROR, ENOENT))
			return true; /* there is nothing that we could have run */
		g_propagate_error(error, g_steal_pointer(&unreadable));
		return false;
	}
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	return runtime && container_settle(c, runtime, error);
}

static bool is_removed(const struct ctl *ctl, const char *id)
{
	g_autofree char *path = g_build_filename(ctl->root, "containers", id, NULL);

	return store_check_id(id, NULL) && access(path, F_OK) < 0 && errno == ENOENT;
}

static int cleanup_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	g_autoptr(Container) c = NULL;
	bool ok = false;

	if (!options_parse(
		    cmd_cleanup.args, NULL, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc != 2) {
		fail(error, "cleanup: one container id is needed");
	} else {
		c = container_open(ctl, argv[1], error);
		ok = c && (o.session ? end_session(c, o.session, error) : settle(c, ctl, error));
		if (!c && is_removed(ctl, argv[1])) {
			g_clear_error(error);
			ok = true;
		}
	}
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return ok ? 0 : -1;
}

const struct command cmd_cleanup = {
	.name = "cleanup",
	.args = "ID",
	.run = cleanup_run,
};
