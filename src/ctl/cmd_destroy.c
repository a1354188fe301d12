/* tallyctl destroy: the end of containers that have ended, with their hooks and mounts if they have a directory for them. */
#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/oci.h"
#include "ctl/oci_dir.h"
#include "ctl/store.h"

#define LOCK_SECONDS 30

struct options {
	char *state_dir;
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, state_dir, STRING, "state-dir", 0, "DIR",
	"Where containers started with --container-path have their directories (default: /run/containers, or "
	"$XDG_RUNTIME_DIR/containers for users)") };

/* One that has no directory but its own in the store. */
static bool destroy_plain(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = container_open(ctl, id, error);
	g_autofree char *runtime = NULL;
	enum container_status status;
	struct ending e;

	if (!c || !container_lock(c, LOCK_SECONDS, error))
		return false;
	status = container_status(c, &e);
	ending_clear(&e);
	if (status != STATUS_EXITED && status != STATUS_LOST && status != STATUS_BROKEN)
		return fail(error, "container %s cannot be destroyed: it is %s", id, container_status_name(status));
	runtime = ctl_runtime(ctl, c->has_record ? c->record.runtime : NULL, error);
	return runtime && container_destroy(c, runtime, error);
}

/* Whether DIR/ID is this container's, and not that of one in another --root. */
static bool has_dir(const struct ctl *ctl, const char *parent, const char *id)
{
	g_autofree char *store = g_build_filename(ctl->root, "containers", id, NULL), *target = NULL;
	g_autoptr(OciDir) d = oci_dir_open(parent, id, NULL);

	target = d ? oci_dir_target(d, "store", NULL) : NULL;
	return g_strcmp0(store, target) == 0;
}

static bool destroy(const struct ctl *ctl, const char *state_dir, const char *id, GError **error)
{
	g_autofree char *parent = oci_dir_parent(state_dir, NULL);

	return parent && has_dir(ctl, parent, id) ? oci_destroy(ctl, parent, id, error) : destroy_plain(ctl, id, error);
}

static int destroy_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };
	int status = 0;

	if (!options_parse(cmd_destroy.args, cmd_destroy.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		return -1;
	if (argc < 2) {
		fail(error, "destroy: no container id given");
		status = -1;
	}
	for (int i = 1; i < argc && status == 0; i++)
		if (!destroy(ctl, o.state_dir, argv[i], error))
			status = -1;
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_destroy = {
	.name = "destroy",
	.args = "ID...",
	.help = "Remove containers that have ended, with the hooks and mounts of their directories",
	.run = destroy_run,
};
