/* events: what a container uses, again and again, and when the kernel has killed in it for want of memory. */
#include "runtime/command.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/error.h"
#include "runtime/oom_watch.h"
#include "runtime/state.h"
#include "runtime/stats.h"
#include "runtime/units.h"

/* How often to look for the end of a container of which nothing tells (before Linux 5.3). */
#define LOOK_MS          1000
#define DEFAULT_INTERVAL "5s"

#define OPTIONS_FILE "runtime/events_options.def"
#include "common/options_table.h"

/* One line; with stats, the figures. */
static bool print_event(const Container *c, const char *type, bool stats, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "type", type);
	json_put_string(w, "id", c->id);
	if (stats)
		stats_put(c->cgroup, w);
	json_object_close(w);
	text = json_writer_text(w);
	return (puts(text) >= 0 && fflush(stdout) == 0) || fail_errno(error, "write to standard output");
}

/* Until the container ends. */
static bool follow(const Container *c, uint64_t interval_ns, GError **error)
{
	g_autoptr(OomWatch) oom = oom_watch_new(c->cgroup);
	uint64_t due = sys_clock_ns(CLOCK_MONOTONIC) + interval_ns;

	for (;;) {
		struct pollfd p[] = { { .fd = c->pid_fd, .events = POLLIN }, oom_watch_poll(oom) };
		uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
		int wait_ms = now < due ? (int)MIN((due - now) / 1000000 + 1, G_MAXINT) : 0;

		if (sys_pidfd_is_directory(c->pid_fd)) {
			p[0].fd = -1;
			wait_ms = MIN(wait_ms, LOOK_MS);
		}
		if (poll(p, G_N_ELEMENTS(p), wait_ms) < 0 && errno != EINTR)
			return fail_errno(error, "wait for events");
		if (p[1].revents && oom_watch_fired(oom) && !print_event(c, "oom", false, error))
			return false;
		if (p[0].revents || (p[0].fd < 0 && sys_pidfd_wait(c->pid_fd, 0) > 0))
			return true;
		if (sys_clock_ns(CLOCK_MONOTONIC) < due)
			continue;
		if (!print_event(c, "stats", true, error))
			return false;
		due += interval_ns;
	}
}

static int events_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	g_autoptr(Container) c = NULL;
	int64_t interval_ns;

	(void)n_args;
	if (!units_parse_duration(o->interval ?: DEFAULT_INTERVAL, &interval_ns))
		return fail(error, "invalid value \"%s\" for flag -interval", o->interval), 1;
	if (interval_ns <= 0)
		return fail(error, "duration interval must be greater than 0"), 1;
	c = container_open(globals->root, args[0], error);
	if (!c)
		return 1;
	if (container_status(c) == STATUS_STOPPED)
		return fail(error, "container not running"), 1;
	if (!c->cgroup)
		return fail(error, "a container without cgroups has no figures"), 1;
	if (o->stats)
		return print_event(c, "stats", true, error) ? 0 : 1;
	return follow(c, (uint64_t)interval_ns, error) ? 0 : 1;
}

const struct command cmd_events = {
	.name = "events",
	.args = "CONTAINER",
	.help = "Show what a container uses, and when it runs out of memory",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = events_run,
};
