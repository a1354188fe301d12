/* Hooks that run in the runtime's own namespaces. */
#include "runtime/hooks.h"

#include "common/diag.h"
#include "common/error.h"
#include "common/spawn.h"

/* Of what a failing hook has said, as much as fits an error message. */
#define MAX_OUTPUT 16384

static bool run_hook(const struct spec_hook *hook, const char *state, const char *cwd, GError **error)
{
	const char *const just_path[] = { hook->path, NULL };
	const struct spawn_request request = {
		.path = hook->path,
		.argv = hook->args && *hook->args ? (const char *const *)hook->args : just_path,
		.env = (const char *const *)hook->env, /* without one it has ours, $PATH among it, as with the peers */
		.cwd = cwd,
		.input = state,
		/* 0 and less kill at once, as with runc: a bundle that says so has no use for the hook. */
		.timeout_ms = hook->timeout.set ? CLAMP(hook->timeout.value, 0, G_MAXINT) * 1000 : -1,
		.max_output = MAX_OUTPUT,
	};
	struct spawn_result result;
	g_autofree char *how = NULL;

	if (!spawn_run(&request, &result, error))
		return false;
	if (result.timed_out) {
		fail(error, "hook ran past specified timeout of %" G_GINT64_FORMAT ".0s", hook->timeout.value);
	} else if (result.status != 0) {
		how = spawn_status_text(result.status);
		fail(error, "%s, stdout: %s, stderr: %s", how, result.output, result.errors);
	}
	spawn_result_clear(&result);
	return !result.timed_out && result.status == 0;
}

bool hooks_run(
	const struct spec_hook_list *list, enum spec_hook_kind kind, const char *state, const char *cwd, GError **error)
{
	for (size_t i = 0; i < list->n_hooks; i++)
		if (!run_hook(&list->hooks[i], state, cwd, error))
			return fail_prefix(error, "error running %s hook #%zu", spec_hook_names[kind], i);
	return true;
}

void hooks_run_poststop(const struct spec_hook_list *list, const char *state, const char *cwd)
{
	for (size_t i = 0; i < list->n_hooks; i++) {
		g_autoptr(GError) error = NULL;

		if (!run_hook(&list->hooks[i], state, cwd, &error))
			diag_warning(
				"error running %s hook #%zu: %s", spec_hook_names[HOOK_POSTSTOP], i, error->message);
	}
}
