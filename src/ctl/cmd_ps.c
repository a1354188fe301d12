/* tallyctl ps: all containers and how they are doing, read without any lock. */
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "ctl/command.h"
#include "ctl/ending.h"
#include "ctl/lifecycle.h"
#include "ctl/report.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"

#define COMMAND_WIDTH 40

/* One container as seen at one moment. */
struct row {
	Container *c;
	enum container_status status;
	struct ending ending;
};

static void row_free(gpointer data)
{
	struct row *r = data;

	container_free(r->c);
	ending_clear(&r->ending);
	g_free(r);
}

static GPtrArray *read_rows(const struct ctl *ctl, GError **error)
{
	g_autoptr(GPtrArray) ids = store_list(ctl, error);
	GPtrArray *rows;

	if (!ids)
		return NULL;
	rows = g_ptr_array_new_with_free_func(row_free);
	for (guint i = 0; i < ids->len; i++) {
		Container *c = container_open(ctl, ids->pdata[i], NULL);
		struct row *r;

		if (!c)
			continue; /* removed meanwhile, or no container's name */
		r = g_new0(struct row, 1);
		r->c = c;
		r->status = container_status(c, &r->ending);
		g_ptr_array_add(rows, r);
	}
	return rows;
}

/* "running 3m 2s", "exited (0) 5s ago". */
static char *describe(const struct row *r, int64_t now)
{
	int64_t since = r->status == STATUS_RUNNING ? r->c->record.started_ns : r->ending.ended_ns;
	g_autofree char *age = since ? time_format_duration(now - since) : NULL;
	const char *name = container_status_name(r->status);

	if (r->status == STATUS_EXITED)
		return g_strdup_printf("exited (%d) %s ago", r->ending.code, age);
	return age && r->status == STATUS_RUNNING ? g_strdup_printf("%s %s", name, age) : g_strdup(name);
}

static void print_table(const GPtrArray *rows)
{
	int64_t now = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	int width = 2;

	for (guint i = 0; i < rows->len; i++)
		width = MAX(width, (int)strlen(((struct row *)rows->pdata[i])->c->id));
	printf("%-*s  %-24s  %-8s  %s\n", width, "ID", "STATUS", "PID", "COMMAND");
	for (guint i = 0; i < rows->len; i++) {
		const struct row *r = rows->pdata[i];
		g_autofree char *status = describe(r, now), *command = text_printable(r->c->record.command ?: "", COMMAND_WIDTH);
		bool runs = r->status == STATUS_RUNNING || r->status == STATUS_CREATED || r->status == STATUS_PAUSED ||
			    r->status == STATUS_ORPHANED;
		g_autofree char *pid = runs ? g_strdup_printf("%d", r->c->record.process.pid) : g_strdup("-");

		printf("%-*s  %-24s  %-8s  %s\n", width, r->c->id, status, pid, command);
	}
}

static void put_row(JsonWriter *w, const struct row *r)
{
	json_object_open(w, NULL);
	report_put(w, r->c, r->status, &r->ending);
	json_object_close(w);
}

static void print_json(const GPtrArray *rows)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL;

	json_array_open(w, NULL);
	for (guint i = 0; i < rows->len; i++)
		put_row(w, rows->pdata[i]);
	json_array_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}

static int ps_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(GPtrArray) rows = NULL;
	gboolean json = ctl->json;
	const struct option_spec specs[] = {
		{ "json", 0, OPTION_FLAG, 0, NULL, "Print JSON" },
	};

	if (!options_parse(
		    cmd_ps.args, cmd_ps.help, specs, G_N_ELEMENTS(specs), &json, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc > 1) {
		fail(error, "ps: unexpected \"%s\"", argv[1]);
		return -1;
	}
	rows = read_rows(ctl, error);
	if (!rows)
		return -1;
	if (json)
		print_json(rows);
	else
		print_table(rows);
	return 0;
}

const struct command cmd_ps = {
	.name = "ps",
	.args = "",
	.help = "List containers",
	.run = ps_run,
};
