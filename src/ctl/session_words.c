/* The words of a session's command line. */
#include "ctl/session_words.h"

#include <fcntl.h>
#include <string.h>

#include "ctl/command.h"

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* They are looked at before anything of ours is opened: main has seen to it that no other descriptor is open. */
static bool check_descriptors(int n, GError **error)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return fail_status(
				error, CTL_BAD_ARGUMENT, "--preserve-fds %d: descriptor %d is not open", n, fd);
	return true;
}

bool session_words_parse(const struct session_words *w, int argc, char **argv, const char **ret_id,
	struct session_config *ret_config, GError **error)
{
	struct session_config c = {
		.terminal = w->terminal,
		.open_stdin = w->interactive && w->terminal,
		.privileged = w->privileged,
		.preserve_fds = w->preserve_fds,
	};
	char *const *command;

	if (argc < 2)
		return fail_status(error, CTL_BAD_ARGUMENT, "no container id given");
	if (w->cwd && w->workdir)
		return fail_status(error, CTL_BAD_ARGUMENT, "--cwd and --workdir are the same: give one");
	command = (char *const *)argv + 2;
	if (argc > 2 && strcmp(argv[2], "--") == 0)
		command++;
	c.environment = session_config_environment(w->env, error);
	if (!c.environment || !check_descriptors(w->preserve_fds, error)) {
		g_strfreev(c.environment);
		return false;
	}
	c.command = g_strdupv((char **)command);
	c.work_dir = g_strdup(or_null(w->cwd ?: w->workdir)); /* empty: the container's */
	c.user = g_strdup(or_null(w->user));
	c.detach_keys = g_strdup(w->detach_keys);
	*ret_id = argv[1];
	*ret_config = c;
	return true;
}
