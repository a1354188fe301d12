/* tallyctl top: the processes of a container. */
#include <stdio.h>

#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/processes.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"

#define SESSION_WIDTH 12 /* of an id's 64 digits: enough to tell which */

struct options {
	gboolean running;
};

static const struct option_spec specs[] = { OPTION_SPEC(
	struct options, running, FLAG, "running", 'r', NULL, "Leave zombies out") };

static void put_process(JsonWriter *w, const struct process *p)
{
	const char state[] = { p->state, '\0' };

	json_object_open(w, NULL);
	json_put_int(w, "pid", p->pid);
	json_put_int(w, "ppid", p->ppid);
	json_put_int(w, "uid", p->uid);
	json_put_string(w, "name", p->name);
	json_array_open(w, "command");
	for (char **arg = p->command; *arg; arg++)
		json_put_string(w, NULL, *arg);
	json_array_close(w);
	json_put_string(w, "state", state);
	json_put_bool(w, "zombie", p->zombie);
	json_put_bool(w, "created_by_runtime", process_is_ours(p));
	json_put_bool(w, "init", p->init);
	json_put_string(w, "session", p->session);
	json_object_close(w);
}

static void print_json(const Container *c, const GArray *list, bool zombies)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "id", c->id);
	json_array_open(w, "processes");
	for (guint i = 0; i < list->len; i++)
		if (zombies || !g_array_index(list, struct process, i).zombie)
			put_process(w, &g_array_index(list, struct process, i));
	json_array_close(w);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}

static void print_table(const GArray *list, bool zombies)
{
	printf("%-8s  %-8s  %-8s  S  %-*s  COMMAND\n", "PID", "PPID", "UID", SESSION_WIDTH, "STARTED AS");
	for (guint i = 0; i < list->len; i++) {
		const struct process *p = &g_array_index(list, struct process, i);
		g_autofree char *command = *p->command ? g_strjoinv(" ", p->command) : g_strdup_printf("[%s]", p->name);
		g_autofree char *shown = text_printable(command, 0);

		if (!p->zombie || zombies)
			printf("%-8d  %-8d  %-8u  %c  %-*.*s  %s\n", p->pid, p->ppid, p->uid, p->state, SESSION_WIDTH,
				SESSION_WIDTH, p->init ? "init" : p->session ?: "-", shown);
	}
}

static int top(const struct ctl *ctl, const char *id, bool zombies, GError **error)
{
	g_autoptr(Container) c = container_open_known(ctl, id, error);
	g_autofree char *runtime = NULL;
	g_autoptr(GArray) list = NULL;

	if (!c || !container_require_process(c, error))
		return -1;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	list = runtime ? processes_list(c, runtime, error) : NULL;
	if (!list) {
		fail_prefix(error, "container %s", id);
		return -1;
	}
	if (ctl->json)
		print_json(c, list, zombies);
	else
		print_table(list, zombies);
	return 0;
}

static int top_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { 0 };

	if (!options_parse(
		    cmd_top.args, cmd_top.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc != 2) {
		fail(error, "top: one container id is needed");
		return -1;
	}
	return top(ctl, argv[1], !o.running, error);
}

const struct command cmd_top = {
	.name = "top",
	.args = "ID",
	.help = "List the processes of a container, zombies too, and which of them were started by us",
	.run = top_run,
};
