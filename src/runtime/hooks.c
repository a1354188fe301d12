/* Hooks that run in the runtime's own namespaces. */
#include "runtime/hooks.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "child/plan.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/spawn.h"

static const char *const keys[] = { "run.oci.hooks.stdout", "run.oci.hooks.stderr" };

static int open_output(const char *path)
{
	/* A FIFO that nobody reads is an error, not something to wait for. */
	auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_set_nonblock(fd, false);

	return r < 0 ? r : steal_fd(&fd);
}

void hooks_kept_outputs(const struct container *c, bool ret_kept[2])
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		ret_kept[i] = !spec_map_get(&c->annotations, keys[i]);
}

bool hooks_open_output(const struct container *c, int ret_fds[2], GError **error)
{
	ret_fds[0] = ret_fds[1] = -1;
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *value = spec_map_get(&c->annotations, keys[i]);
		g_autofree char *path = value ? g_canonicalize_filename(value, c->bundle) : NULL;

		if (!path)
			continue;
		ret_fds[i] = open_output(path);
		if (ret_fds[i] < 0) {
			fail_with(error, ret_fds[i], "annotations[\"%s\"]: open %s", keys[i], path);
			fd_close(&ret_fds[0]);
			ret_fds[i] = -1;
			return false;
		}
	}
	return true;
}

bool hooks_make_files(const struct container *c, int ret_fds[2], GError **error)
{
	static const char *const names[] = { STATE_HOOK_OUT, STATE_HOOK_ERR };

	if (!hooks_open_output(c, ret_fds, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (ret_fds[i] < 0)
			ret_fds[i] = openat(
				c->dir_fd, names[i], O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (ret_fds[i] < 0)
			return fail_errno(error, "create %s/%s", c->path, names[i]);
	}
	return true;
}

/* fds: of hooks_open_output. */
static bool run_hook(const struct spec_hook *hook, const int fds[2], const char *state, const char *cwd, GError **error)
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
		.max_output = HOOK_OUTPUT_MAX,
		.output_fd = MAX(fds[0], 0),
		.errors_fd = MAX(fds[1], 0),
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

bool hooks_run(const struct container *c, const struct spec_hook_list *list, enum spec_hook_kind kind,
	const char *state, const char *cwd, GError **error)
{
	int fds[2] = { -1, -1 };
	bool ok = list->n_hooks == 0 || hooks_open_output(c, fds, error);

	for (size_t i = 0; i < list->n_hooks && ok; i++)
		ok = run_hook(&list->hooks[i], fds, state, cwd, error) ||
		     fail_prefix(error, "error running %s hook #%zu", spec_hook_names[kind], i);
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return ok;
}

void hooks_run_poststop(const struct container *c, const char *state)
{
	const struct spec_hook_list *list = &c->poststop;
	g_autoptr(GError) unopened = NULL;
	int fds[2] = { -1, -1 };

	/* They run all the same. */
	if (list->n_hooks > 0 && !hooks_open_output(c, fds, &unopened))
		diag_warning("%s", unopened->message);
	for (size_t i = 0; i < list->n_hooks; i++) {
		g_autoptr(GError) error = NULL;

		if (!run_hook(&list->hooks[i], fds, state, NULL, &error))
			diag_warning(
				"error running %s hook #%zu: %s", spec_hook_names[HOOK_POSTSTOP], i, error->message);
	}
	fd_close(&fds[0]);
	fd_close(&fds[1]);
}
