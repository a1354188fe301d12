/* tallyctl inspect: all that is known about one container, as JSON. */
#include <stdio.h>

#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/monitor_state.h"
#include "ctl/report.h"
#include "ctl/session.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"

#define MONITOR_PATIENCE_S 10

#define OPTIONS_FILE "ctl/inspect.def"
#include "common/options_table.h"

static void put_session(JsonWriter *w, Session *s)
{
	g_autofree char *command = s->config.command ? g_strjoinv(" ", s->config.command) : NULL;
	g_autofree char *started = NULL;

	if (!session_refresh(s, NULL))
		return; /* gone meanwhile */
	started = s->started_ns ? time_format(s->started_ns) : NULL;
	json_object_open(w, NULL);
	json_put_string(w, "id", s->id);
	json_put_string(w, "state", session_state_name(s->state));
	json_put_string(w, "command", command);
	json_put_int(w, "pid", s->process.pid);
	json_put_int(w, "monitor_pid", s->monitor_process.pid);
	json_put_bool(w, "terminal", s->config.terminal);
	json_put_string(w, "started", started);
	json_object_close(w);
}

static void put_sessions(JsonWriter *w, const Container *c)
{
	g_autoptr(GPtrArray) sessions = session_list(c, NULL); /* none: removed meanwhile */

	json_array_open(w, "sessions");
	for (guint i = 0; sessions && i < sessions->len; i++)
		put_session(w, sessions->pdata[i]);
	json_array_close(w);
}

static void inspect(const struct ctl *ctl, const Container *c)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	struct ending ending;
	enum container_status status = container_status(c, &ending);
	bool asks = status == STATUS_CREATED || status == STATUS_RUNNING || status == STATUS_PAUSED ||
		    status == STATUS_ORPHANED;
	g_autofree char *runtime = asks ? ctl_runtime(ctl, c->record.runtime, NULL) : NULL;
	/* It may end just now: then there is no state any more. */
	g_autofree char *state = runtime ? container_runtime_state(c, runtime, NULL) : NULL;
	g_autoptr(JsonValue) parsed = state ? json_parse(state, NULL) : NULL;
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	report_put(w, c, status, &ending);
	if (parsed)
		json_put_value(w, "state", parsed);
	else
		json_put_null(w, "state");
	put_sessions(w, c);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
	ending_clear(&ending);
}

static int inspect_monitor(const Container *c, GError **error)
{
	g_autofree char *state = monitor_state(c, MONITOR_PATIENCE_S, error);

	if (!state)
		return -1;
	fputs(state, stdout);
	return 0;
}

static int inspect_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	struct options o = { 0 };

	if (!options_parse(cmd_inspect.args, cmd_inspect.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv,
		    error))
		return -1;
	if (argc != 2) {
		fail(error, "inspect: one container id is needed");
		return -1;
	}
	c = container_open(ctl, argv[1], error);
	if (!c)
		return -1;
	if (o.monitor_state)
		return inspect_monitor(c, error);
	inspect(ctl, c);
	return 0;
}

const struct command cmd_inspect = {
	.name = "inspect",
	.args = "ID",
	.help = "Show all that is known about a container, as JSON",
	.run = inspect_run,
};
