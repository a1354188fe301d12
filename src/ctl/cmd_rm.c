/* tallyctl rm: what is left of a container goes: runtime state, monitors, files. */
#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

#define LOCK_SECONDS 30

struct options {
	gboolean force;
};

static const struct option_spec specs[] = { OPTION_SPEC(
	struct options, force, FLAG, "force", 'f', NULL, "Kill what still runs; one that does not exist is fine") };

static bool removable(const Container *c, GError **error)
{
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	/* We hold the lock: nobody is creating it. */
	return (status != STATUS_RUNNING && status != STATUS_PAUSED && status != STATUS_ORPHANED &&
		       status != STATUS_UNKNOWN) ||
	       fail(error, "container %s is %s: kill it first, or use --force", c->id, container_status_name(status));
}

static bool remove_container(const struct ctl *ctl, const char *id, bool force, GError **error)
{
	g_autoptr(GError) none = NULL;
	g_autoptr(Container) c = container_open(ctl, id, &none);
	g_autofree char *runtime = NULL;

	if (!c) {
		if (force && g_error_matches(none, TALLY_ERROR, 0) && g_str_has_suffix(none->message, ctl->root))
			return true;
		g_propagate_error(error, g_steal_pointer(&none));
		return false;
	}
	if (!container_lock(c, LOCK_SECONDS, error) || (!force && !removable(c, error)))
		return false;
	/* Without a record it is not known which runtime was called, if any: the one in use is asked. */
	runtime = ctl_runtime(ctl, c->has_record ? c->record.runtime : NULL, error);
	return runtime && container_destroy(c, runtime, error);
}

static int rm_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };

	if (!options_parse(
		    cmd_rm.args, cmd_rm.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc < 2) {
		fail(error, "rm: no container id given");
		return -1;
	}
	for (int i = 1; i < argc; i++)
		if (!remove_container(ctl, argv[i], o.force, error))
			return -1;
	return 0;
}

const struct command cmd_rm = {
	.name = "rm",
	.args = "[--force] ID...",
	.help = "Remove containers that have ended",
	.run = rm_run,
};
