/* tallyctl stop: asks the container's first process to end, and then insists. */
#include <limits.h>
#include <poll.h>
#include <signal.h>

#include "base/num.h"
#include "ctl/command.h"
#include "ctl/ending.h"
#include "ctl/engine.h"
#include "ctl/lifecycle.h"
#include "ctl/signals.h"
#include "ctl/store.h"
#include "ctl/wait.h"

#define DEFAULT_SECONDS 10
#define KILL_SECONDS    10
#define SECONDS_MAX     (INT_MAX / 1000)

struct options {
	gint64 seconds;
	char *signal;
};

static const struct option_spec specs[] = { OPTION_SPEC(struct options, seconds, INT64, "time", 't', "SECONDS",
	"How long it may take before KILL (default: 10)") OPTION_SPEC(struct options, signal, STRING, "signal", 's',
	"SIGNAL", "What to send first (default: TERM)") };

/* Whether it has ended. */
static bool ended_by(EndWatch *w, deadline_t deadline)
{
	struct ending e;
	int fds[2];

	for (;;) {
		struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
		int left;

		if (end_watch_check(w, &e)) {
			ending_clear(&e);
			return true;
		}
		left = deadline_poll_ms(deadline);
		if (left == 0)
			return false;
		end_watch_fds(w, fds);
		p[0].fd = fds[0];
		p[1].fd = fds[1];
		(void)poll(p, 2, left); /* an interruption or a deadline: looked at above */
		end_watch_drain(w);
	}
}

static bool send(const Container *c, const char *runtime, int sig, EndWatch *w, GError **error)
{
	char number[NUM_MAX];
	const char *const args[] = { "kill", c->id, number, NULL };
	g_autoptr(GError) local = NULL;

	num_format_i64(number, sig);
	if (engine_runtime(runtime, c->runtime_root, c->path, -1, args, NULL, &local))
		return true;
	/* It may have ended between the look and the kill: its monitor tells in a moment. */
	if (ended_by(w, deadline_in(1)))
		return true;
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

static bool stop(const Container *c, const char *runtime, int sig, int seconds, GError **error)
{
	const char *const thaw[] = { "resume", c->id, NULL };
	g_autoptr(EndWatch) w = end_watch_new(c, error);

	if (!w)
		return false;
	/* A frozen process takes no signal, on old cgroups not even KILL. Not frozen: there is nothing to be done. */
	if (c->record.paused)
		(void)engine_runtime(runtime, c->runtime_root, c->path, -1, thaw, NULL, NULL);
	if (seconds > 0) {
		if (!send(c, runtime, sig, w, error))
			return false;
		if (ended_by(w, deadline_in(seconds)))
			return true;
	}
	if (!send(c, runtime, SIGKILL, w, error))
		return false;
	return ended_by(w, deadline_in(KILL_SECONDS)) ||
	       fail(error, "container %s has not ended %d seconds after SIGKILL", c->id, KILL_SECONDS);
}

static int stop_main(const struct ctl *ctl, const struct options *o, int argc, char **argv, GError **error)
{
	g_autoptr(Container) c = NULL;
	g_autofree char *runtime = NULL;
	enum container_status status;
	int sig = SIGTERM;
	struct ending e;

	if (argc != 2) {
		fail(error, "stop: one container id is needed");
		return -1;
	}
	if (o->seconds < 0 || o->seconds > SECONDS_MAX) {
		fail(error, "stop: --time %" G_GINT64_FORMAT ": not between 0 and %d seconds", o->seconds, SECONDS_MAX);
		return -1;
	}
	if (o->signal && !signal_parse(o->signal, &sig, error))
		return -1;
	c = container_open_known(ctl, argv[1], error);
	if (!c)
		return -1;
	status = container_status(c, &e);
	ending_clear(&e);
	if (status == STATUS_EXITED || status == STATUS_LOST)
		return 0; /* that is what was wanted */
	if (!container_require_live(c, error))
		return -1;
	runtime = ctl_runtime(ctl, c->record.runtime, error);
	return runtime && stop(c, runtime, sig, (int)o->seconds, error) ? 0 : -1;
}

static int stop_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { .seconds = DEFAULT_SECONDS };
	int status = -1;

	if (options_parse(
		    cmd_stop.args, cmd_stop.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &argv, error))
		status = stop_main(ctl, &o, argc, argv, error);
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_stop = {
	.name = "stop",
	.args = "ID",
	.help = "End a container: TERM, and KILL when that does not do",
	.run = stop_run,
};
