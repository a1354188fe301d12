/* ps: the container's processes, as the host's ps shows them. */
#include "runtime/command.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/num.h"
#include "common/error.h"
#include "common/spawn.h"
#include "runtime/ps_table.h"
#include "runtime/state.h"

#define PS_TIMEOUT_MS 30000
#define MAX_OUTPUT    (64 << 20)

#define OPTIONS_FILE "runtime/ps_options.def"
#include "common/options_table.h"

static void print_json(const GArray *pids)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_array_open(w, NULL);
	for (guint i = 0; i < pids->len; i++)
		json_put_int(w, NULL, g_array_index(pids, pid_t, i));
	json_array_close(w);
	text = json_writer_text(w);
	puts(text);
}

/* args: for the host's ps; none: -ef. */
static bool print_table(const GArray *pids, char **args, GError **error)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	struct spawn_request request = { .timeout_ms = PS_TIMEOUT_MS, .max_output = MAX_OUTPUT, .merge_output = true };
	struct spawn_result result;
	g_autofree char *table = NULL;
	bool ok;

	g_ptr_array_add(argv, (char *)"ps");
	if (!*args)
		g_ptr_array_add(argv, (char *)"-ef");
	for (; *args; args++)
		g_ptr_array_add(argv, *args);
	g_ptr_array_add(argv, NULL);
	request.argv = (const char *const *)argv->pdata;
	if (!spawn_run(&request, &result, error))
		return false;
	if (result.timed_out) {
		ok = fail(error, "ps did not end within %d s", PS_TIMEOUT_MS / 1000);
	} else if (result.status != 0) {
		g_autofree char *how = spawn_status_text(result.status);

		ok = fail(error, "ps: %s: %s", how, result.output);
	} else {
		table = ps_table_filter(result.output, pids, error);
		ok = table != NULL;
	}
	spawn_result_clear(&result);
	if (ok)
		fputs(table, stdout);
	return ok;
}

static int ps_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;
	g_autoptr(Container) c = NULL;
	g_autoptr(GArray) pids = NULL;

	(void)n_args;
	if (o->format && !json && strcmp(o->format, "table") != 0)
		return fail(error, "invalid format option"), 1;
	c = container_open(globals->root, args[0], error);
	if (!c)
		return 1;
	if (!c->cgroup)
		return fail(error, "cannot list the processes of a container without cgroups"), 1;
	pids = cgroup_pids(c->cgroup, error);
	if (!pids)
		return 1;
	if (json)
		print_json(pids);
	else if (!print_table(pids, args + 1, error))
		return 1;
	return fflush(stdout) == 0 ? 0 : (fail_errno(error, "write to standard output"), 1);
}

const struct command cmd_ps = {
	.name = "ps",
	.args = "CONTAINER [ARGUMENTS OF PS...]",
	.help = "Show the processes of a container",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = -1,
	.stops_at_positional = true,
	.run = ps_run,
};
