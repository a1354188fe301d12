/* tallyctl state, exists: what the runtime and the store say of a container, for programs. */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

/* The one container id of a verb without options; NULL with *error. */
static const char *parse_id(const struct command *command, int argc, char **argv, GError **error)
{
	if (!options_parse(command->args, command->help, NULL, 0, NULL, OPTIONS_DEFAULT, &argc, &argv, error))
		return NULL;
	if (argc != 2) {
		fail(error, "%s: one container id is needed", command->name);
		return NULL;
	}
	return argv[1];
}

static int state_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	const char *id = parse_id(&cmd_state, argc, argv, error);
	g_autoptr(Container) c = id ? container_open_known(ctl, id, error) : NULL;
	g_autofree char *runtime = c ? ctl_runtime(ctl, c->record.runtime, error) : NULL;
	g_autofree char *text = runtime ? container_runtime_state(c, runtime, error) : NULL;
	g_autoptr(JsonValue) state = text ? json_parse(text, error) : NULL;

	if (!state)
		return -1;
	printf("%s\n", text);
	return 0;
}

static int exists_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	const char *id = parse_id(&cmd_exists, argc, argv, error);
	g_autoptr(GPtrArray) ids = id ? store_list(ctl, error) : NULL;

	if (!ids)
		return -1;
	return g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL) ? 0 : 1;
}

const struct command cmd_state = {
	.name = "state",
	.args = "ID",
	.help = "Print the runtime's state of a container, as JSON",
	.run = state_run,
};

const struct command cmd_exists = {
	.name = "exists",
	.args = "ID",
	.help = "Tell by the exit status whether there is such a container, however it is doing: 0, or 1",
	.run = exists_run,
};
