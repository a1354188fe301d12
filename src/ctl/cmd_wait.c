/* tallyctl wait: for the end of a container and of the sessions in it, and how it ended. */
#include <errno.h>
#include <stdio.h>

#include "ctl/command.h"
#include "ctl/ending.h"
#include "ctl/lifecycle.h"
#include "ctl/session.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"
#include "ctl/wait.h"
#include "base/fd.h"
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

/* Without a pid namespace of its own a container's sessions outlive its first process, until whoever cleans up has ended
 * them. What a session's own status is does not matter here. One that has no record any more has ended. */
static bool await_sessions(const Container *c, GError **error)
{
	g_autoptr(GPtrArray) sessions = session_list(c, NULL);

	for (guint i = 0; sessions && i < sessions->len; i++) {
		Session *s = sessions->pdata[i];
		auto_fd fd = -1;
		int opened = -1;

		if (!process_open(&s->process, s->boot_id, "a session's process", &opened, error))
			return false;
		fd = opened;
		if (fd >= 0 && !wait_readable(fd, -1, DEADLINE_NEVER, "the end of a session", error))
			return false;
	}
	return true;
}

static int wait_for(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = container_open(ctl, id, error);
	g_autoptr(GError) unreadable = NULL;
	g_autoptr(EndWatch) w = NULL;
	struct ending e;

	if (!c || !await_created(c, error))
		return -1;
	if (!container_require_record(c, &unreadable) && !g_error_matches(unreadable, TALLY_ERROR, ENOENT)) {
		g_propagate_error(error, g_steal_pointer(&unreadable));
		return -1;
	}
	if (!c->has_record || c->record.stage == RECORD_CREATING || c->record.stage == RECORD_FAILED) {
		fail(error, "container %s was never started", id);
		return -1;
	}
	w = end_watch_new(c, error);
	if (!w || !end_watch_wait(w, -1, NULL, NULL, &e, error))
		return -1;
	if (e.known && !await_sessions(c, error)) {
		ending_clear(&e);
		return -1;
	}
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
	.help = "Wait for the end of a container and its sessions, and print its exit status",
	.run = wait_run,
};
