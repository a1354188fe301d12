/* tallyctl pause, resume: all processes of a container. */
#include "ctl/command.h"
#include "ctl/engine.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

#define LOCK_SECONDS 30

/* That it may be paused is noted before, that it is not after: a tool that dies between leaves a question, which
 * container_status has the runtime answer. */
static bool pause_or_resume(const struct ctl *ctl, Container *c, bool paused, GError **error)
{
	const char *const args[] = { paused ? "pause" : "resume", c->id, NULL };
	g_autofree char *runtime = NULL;

	if (!container_lock(c, LOCK_SECONDS, error) || !container_require_live(c, error))
		return false;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	if (!runtime)
		return false;
	if (paused) {
		c->record.paused = true;
		if (!container_save(c, error))
			return false;
	}
	if (!engine_runtime(runtime, c->runtime_root, c->path, -1, args, NULL, error))
		return false;
	c->record.paused = paused;
	return container_save(c, error);
}

static int run_either(
	const struct ctl *ctl, const struct command *command, bool paused, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;

	if (!options_parse(command->args, command->help, NULL, 0, NULL, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc != 2) {
		fail(error, "%s: one container id is needed", command->name);
		return -1;
	}
	c = container_open_known(ctl, argv[1], error);
	return c && pause_or_resume(ctl, c, paused, error) ? 0 : -1;
}

static int pause_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	return run_either(ctl, &cmd_pause, true, argc, argv, error);
}

static int resume_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	return run_either(ctl, &cmd_resume, false, argc, argv, error);
}

const struct command cmd_pause = {
	.name = "pause",
	.args = "ID",
	.help = "Freeze all processes of a container",
	.run = pause_run,
};

const struct command cmd_resume = {
	.name = "resume",
	.args = "ID",
	.help = "Let a paused container go on",
	.run = resume_run,
};
