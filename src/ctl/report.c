/* A container as JSON shows it. */
#include "ctl/report.h"

#include "ctl/timefmt.h"

static void put_time(JsonWriter *w, const char *key, int64_t ns)
{
	g_autofree char *text = ns ? time_format(ns) : NULL;

	json_put_string(w, key, text);
}

void report_put(JsonWriter *w, const Container *c, enum container_status status, const struct ending *ending)
{
	const struct record *rec = &c->record;
	g_autofree char *log = g_build_filename(c->path, STORE_LOG, NULL);

	json_put_string(w, "id", c->id);
	json_put_string(w, "status", container_status_name(status));
	json_put_string(w, "directory", c->path);
	if (c->has_record) {
		json_put_int(w, "pid", rec->process.pid);
		json_put_int(w, "monitor_pid", rec->monitor_process.pid);
		json_put_string(w, "command", rec->command);
		json_put_string(w, "bundle", rec->bundle);
		json_put_string(w, "log", log);
		json_put_string(w, "monitor", rec->monitor);
		json_put_string(w, "runtime", rec->runtime);
		json_put_bool(w, "terminal", rec->terminal);
		json_put_bool(w, "stdin", rec->stdin_open);
		json_put_bool(w, "rm", rec->remove);
		put_time(w, "created", rec->created_ns);
		put_time(w, "started", rec->started_ns);
	}
	if (status == STATUS_EXITED || status == STATUS_LOST)
		ending_put(w, ending);
}
