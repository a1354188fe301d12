/* tallyctl events: what becomes of all containers, from now on. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/store_watch.h"
#include "ctl/timefmt.h"
#include "ctl/wait.h"

static bool is_end(const struct event *e)
{
	return e->type == EVENT_DIE || e->type == EVENT_EXEC_DIE;
}

static void print_json(const struct event *e, const char *time, const char *seen)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "type", event_type_name(e->type));
	json_put_string(w, "time", time);
	json_put_string(w, "seen", seen);
	if (e->id)
		json_put_string(w, "id", e->id);
	if (e->session)
		json_put_string(w, "session", e->session);
	if (e->command)
		json_put_string(w, "command", e->command);
	if (is_end(e) && e->code_known)
		json_put_int(w, "exit_code", e->code);
	if (is_end(e) && !e->code_known) {
		json_put_null(w, "exit_code");
		json_put_string(w, "unknown_because", e->why);
	}
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}

static void print_text(const struct event *e, const char *time)
{
	g_autofree char *command = e->command ? text_printable(e->command, 0) : NULL;

	printf("%-30s  %s", time ?: "-", event_type_name(e->type));
	if (e->id)
		printf(" %s", e->id);
	if (e->session)
		printf(" %s", e->session);
	if (is_end(e) && e->code_known)
		printf(" (%d)", e->code);
	else if (is_end(e))
		printf(" (unknown: %s)", e->why);
	else if (command)
		printf(" %s", command);
	putchar('\n');
}

/* user: the struct ctl. */
static void print_event(const struct event *e, void *user)
{
	g_autofree char *seen = time_format((int64_t)sys_clock_ns(CLOCK_REALTIME));
	g_autofree char *time = e->time_ns ? time_format(e->time_ns) : NULL;

	if (((const struct ctl *)user)->json)
		print_json(e, time, seen);
	else
		print_text(e, time);
}

/* Until we are told to end, or nobody reads. */
static bool follow(const struct ctl *ctl, GError **error)
{
	auto_fd signal_fd = wait_signals_open(error);
	g_autoptr(StoreWatch) sw = signal_fd < 0 ? NULL : store_watch_new(ctl, print_event, (void *)ctl, error);
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));

	while (sw) {
		const struct pollfd own[] = { { .fd = signal_fd, .events = POLLIN }, { .fd = STDOUT_FILENO } };
		const struct pollfd *p;

		if (fflush(stdout) != 0 || ferror(stdout))
			return fail_errno(error, "write to standard output");
		g_array_set_size(fds, 0);
		g_array_append_vals(fds, own, G_N_ELEMENTS(own));
		store_watch_poll(sw, fds);
		p = (const struct pollfd *)(void *)fds->data;
		if (poll((struct pollfd *)(void *)fds->data, fds->len, -1) < 0 && errno != EINTR)
			return fail_errno(error, "wait for events");
		if (p[0].revents && !wait_readable(-1, signal_fd, deadline_in(0), "events", error)) {
			if (!g_error_matches(*error, TALLY_ERROR, ETIMEDOUT))
				return false;
			g_clear_error(error); /* a signal that does not end us */
		}
		if (p[1].revents) /* the reader has gone */
			return true;
		if (!store_watch_take(sw, error))
			return false;
	}
	return false;
}

static int events_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	if (!options_parse(cmd_events.args, cmd_events.help, NULL, 0, NULL, OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc > 1) {
		fail(error, "events: unexpected \"%s\"", argv[1]);
		return -1;
	}
	return follow(ctl, error) ? 0 : -1;
}

const struct command cmd_events = {
	.name = "events",
	.args = "",
	.help = "Tell what becomes of all containers and sessions from now on",
	.run = events_run,
};
