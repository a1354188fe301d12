/* tallyctl wait: for the end of a container, and how it ended. */
#include <stdio.h>

#include "ctl/command.h"
#include "ctl/ending.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"
#include "common/diag.h"

/* As long as creating may take. */
#define CREATE_SECONDS 500

/* A container that is just being created has no monitor yet: the one who creates it holds the lock. */
static bool await_created(Container *c, GError **error)
{
	if (c->has_record && c->record.stage != RECORD_CREATING)
		return true;
	if (!container_lock(c, CREATE_SECONDS, error))
		return false;
	container_unlock(c);
	return true;
}

static void print_json(const Container *c, const struct ending *e)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL, *started = time_format(c->record.started_ns);

	json_object_open(w, NULL);
	json_put_string(w, "id", c->id);
	json_put_string(w, "started", started);
	if (e->ended_ns)
		json_put_int(w, "duration_ms", MAX(e->ended_ns - c->record.started_ns, 0) / 1000000);
	else
		json_put_null(w, "duration_ms");
	ending_put(w, e);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}

static int wait_for(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = container_open(ctl, id, error);
	g_autoptr(EndWatch) w = NULL;
	struct ending e;

	if (!c || !await_created(c, error))
		return -1;
	if (!c->has_record || c->record.stage == RECORD_CREATING || c->record.stage == RECORD_FAILED) {
		fail(error, "container %s was never started", id);
		return -1;
	}
	w = end_watch_new(c, error);
	if (!w || !end_watch_wait(w, -1, NULL, NULL, &e, error))
		return -1;
	if (ctl->json)
		print_json(c, &e);
	else if (e.known)
		printf("%d\n", e.code);
	else
		printf("unknown\n");
	if (!e.known)
		diag_error("container %s: exit status unknown: %s", id, e.why);
	ending_clear(&e);
	return e.known ? 0 : CTL_UNKNOWN_END;
}

static int wait_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	if (!options_parse(cmd_wait.args, cmd_wait.help, NULL, 0, NULL, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc != 2) {
		fail(error, "wait: one container id is needed");
		return -1;
	}
	return wait_for(ctl, argv[1], error);
}

const struct command cmd_wait = {
	.name = "wait",
	.args = "ID",
	.help = "Wait for a container's end and print its exit status",
	.has_json = true,
	.run = wait_run,
};
