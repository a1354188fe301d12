/* tallyctl session: exec sessions step by step. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/session_run.h"
#include "ctl/session_words.h"
#include "ctl/terminal.h"
#include "ctl/timefmt.h"
#include "ctl/wait.h"

#define SECONDS_MAX (INT_MAX / 1000)
#define SIZE_MAX_16 65535

/* Prints a document and frees it. */
static void print_json(JsonWriter *w)
{
	g_autofree char *text = json_writer_text(w);

	printf("%s\n", text);
	json_writer_free(w);
}

/* The one word of a command line that is a session's id. */
static Session *find_only(const struct ctl *ctl, const char *verb, int argc, char **argv, GError **error)
{
	if (argc == 2)
		return session_find(ctl, argv[1], error);
	fail_status(error, CTL_BAD_ARGUMENT, "session %s: one session id is needed", verb);
	return NULL;
}

/* --- create --------------------------------------------------------------------------------------------------------- */

struct create_options_session {
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include "ctl/session-create.def"
#undef OPTION
};

static const struct option_spec create_specs[] = {
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct create_options_session, field, type, name, short_name, value, help)
#include "ctl/session-create.def"
#undef OPTION
};

static bool create_config(const struct create_options_session *o, int argc, char **argv, const char **ret_id,
	struct session_config *ret_config, GError **error)
{
	const struct session_words words = SESSION_WORDS(o);
	bool neither = !o->attach_stdout && !o->attach_stderr;

	if (!session_words_parse(&words, argc, argv, ret_id, ret_config, error))
		return false;
	ret_config->attach_stdin = o->attach_stdin || (o->interactive && !o->terminal);
	ret_config->attach_stdout = o->attach_stdout || (neither && !o->terminal);
	ret_config->attach_stderr = o->attach_stderr || (neither && !o->terminal);
	return session_config_check(ret_config, error);
}

static int create(const struct ctl *ctl, const struct session_config *config, const char *id, GError **error)
{
	g_autoptr(Container) c = container_open_known(ctl, id, error);
	g_autofree char *monitor = NULL, *runtime = NULL;
	g_autoptr(Session) s = NULL;

	if (!c || !session_require_container(c, error))
		return -1;
	monitor = ctl_monitor(ctl, c->record.monitor, error);
	runtime = monitor ? ctl_runtime(ctl, c->record.runtime, error) : NULL;
	s = runtime ? session_new(c, config, monitor, runtime, false, error) : NULL;
	if (!s)
		return -1;
	if (ctl->json) {
		JsonWriter *w = json_writer_new(NULL);

		json_object_open(w, NULL);
		json_put_string(w, "id", s->id);
		json_object_close(w);
		print_json(w);
	} else {
		printf("%s\n", s->id);
	}
	return 0;
}

static int create_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct create_options_session o = { 0 };
	struct session_config config = { 0 };
	const char *id;
	int status = -1;

	if (options_parse("create ID -- COMMAND [ARG...]", "Make an exec session; nothing is started yet", create_specs,
		    G_N_ELEMENTS(create_specs), &o, OPTIONS_STOP_AT_POSITIONAL, &argc, &argv, error) &&
		create_config(&o, argc, argv, &id, &config, error))
		status = create(ctl, &config, id, error);
	session_config_clear(&config);
	options_clear(create_specs, G_N_ELEMENTS(create_specs), &o);
	return status;
}

/* --- start and attach ----------------------------------------------------------------------------------------------- */

/* Stays with a session until it ends or we leave it: the client's side of start --attach and attach. */
static bool stay(Session *s, int sock_fd, int signal_fd, int *ret_status, GError **error)
{
	const struct session_config *c = &s->config;
	g_autofree char *what = g_strdup_printf("session %s", s->id);
	auto_fd process_fd = -1, monitor_fd = -1, bundle_fd = session_open_bundle(s, NULL);
	struct foreground f = { .what = what, .pidfd = -1, .terminal = c->terminal };
	struct attach_client client = {
		.sock_fd = sock_fd,
		.dir_fd = bundle_fd, /* gone already: nobody is there to be told a size */
		.stdin_fd = c->attach_stdin || c->open_stdin ? STDIN_FILENO : -1,
		.terminal = c->terminal,
		.no_stdout = !c->terminal && !c->attach_stdout,
		.no_stderr = !c->terminal && !c->attach_stderr,
		.signal_fd = signal_fd,
	};
	int opened = -1, monitor = -1;

	if (!process_open(&s->process, s->boot_id, "its process", &opened, error) ||
		!process_open(&s->monitor_process, s->boot_id, "its monitor", &monitor, error)) {
		fd_close(&opened);
		return fail_prefix(error, "%s", what);
	}
	process_fd = f.pidfd = opened;
	monitor_fd = monitor;
	/* Checked when the session was made. */
	return detach_keys_parse(&client.keys, c->detach_keys ?: DETACH_KEYS_DEFAULT, error) &&
	       foreground_attach(&f, &client, ret_status, error) &&
	       (monitor_fd < 0 || foreground_wait(&f, monitor_fd, signal_fd, ret_status, error));
}

/* What we end with for a session that has ended. One that was removed meanwhile was no error of its own. */
static int ended_status(Session *s, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!session_await_record(s, &local)) {
		if (ctl_error_status(local) == CTL_NO_SUCH) {
			diag_warning("session %s was removed meanwhile: its exit status is not known any more", s->id);
			return 0;
		}
		g_propagate_error(error, g_steal_pointer(&local));
		return -1;
	}
	if (s->state == SESSION_STOPPED && s->exit_known)
		return s->exit_code;
	if (s->state != SESSION_STOPPED)
		fail_status(error, CTL_UNKNOWN_END, "session %s: its monitor has died, and its command goes on", s->id);
	else
		fail_status(error, CTL_UNKNOWN_END, "session %s: exit status unknown: %s", s->id,
			s->unknown_because);
	return -1;
}

static int start_session(const struct ctl *ctl, Session *s, bool attach, GError **error)
{
	auto_fd signal_fd = wait_signals_open(error);
	struct engine_running r = ENGINE_RUNNING_NONE;
	int status = -1;

	if (signal_fd >= 0 && session_start(ctl, s, signal_fd, attach ? session_connect : NULL, s, &r, error)) {
		if (!attach)
			status = 0;
		else if (stay(s, r.attach_fd, signal_fd, &status, error))
			status = ended_status(s, error);
	}
	engine_running_clear(&r);
	return status;
}

static int start_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	gboolean attach = FALSE;
	const struct option_spec specs[] = { { "attach", 'a', OPTION_FLAG, 0, NULL,
		"Connect before the command runs, and end with its exit status" } };
	g_autoptr(Session) s = NULL;

	if (!options_parse("start SESSION", "Start a session", specs, G_N_ELEMENTS(specs), &attach, OPTIONS_DEFAULT,
		    &argc, &argv, error))
		return -1;
	s = find_only(ctl, "start", argc, argv, error);
	return s ? start_session(ctl, s, attach, error) : -1;
}

static int attach_session(Session *s, GError **error)
{
	auto_fd signal_fd = wait_signals_open(error);
	auto_fd sock_fd = -1;
	int status = -1, connected = -1;

	if (signal_fd < 0 || !session_refresh(s, error))
		return -1;
	if (s->state != SESSION_RUNNING) {
		fail_status(error, CTL_WRONG_STATE, "exec session %s of container %s is %s: there is nothing to attach to",
			s->id, s->container->id, session_state_name(s->state));
		return -1;
	}
	if (!session_connect(s, &connected, error))
		return -1;
	sock_fd = connected;
	return stay(s, sock_fd, signal_fd, &status, error) ? ended_status(s, error) : status;
}

static int attach_run_session(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(Session) s = NULL;

	if (!options_parse("attach SESSION", "Connect to a running session; end with its exit status", NULL, 0, NULL,
		    OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	s = find_only(ctl, "attach", argc, argv, error);
	return s ? attach_session(s, error) : -1;
}

/* --- looking -------------------------------------------------------------------------------------------------------- */

static int inspect_run_session(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(Session) s = NULL;
	JsonWriter *w;

	if (!options_parse("inspect SESSION", "Show a session's record, as JSON", NULL, 0, NULL, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		return -1;
	s = find_only(ctl, "inspect", argc, argv, error);
	if (!s || !session_refresh(s, error))
		return -1;
	w = json_writer_new("  ");
	session_put(w, NULL, s);
	print_json(w);
	return 0;
}

static void print_row(const Session *s)
{
	g_autofree char *command = g_strjoinv(" ", s->config.command ?: (char *[]){ NULL });
	char pid[NUM_MAX] = "-", code[NUM_MAX] = "-";

	if (s->process.pid)
		num_format_i64(pid, s->process.pid);
	if (s->state == SESSION_STOPPED && s->exit_known)
		num_format_i64(code, s->exit_code);
	printf("%-64s  %-8s  %7s  %4s  %s\n", s->id, session_state_name(s->state), pid,
		s->state == SESSION_STOPPED && !s->exit_known ? "?" : code, command);
}

/* Brings the sessions of one container up to date and shows them: rows, or objects of the open array w. */
static bool list_container(const Container *c, bool active, JsonWriter *w, GError **error)
{
	g_autoptr(GPtrArray) sessions = session_list(c, error);

	if (!sessions)
		return false;
	for (guint i = 0; i < sessions->len; i++) {
		Session *s = sessions->pdata[i];
		g_autoptr(GError) local = NULL;

		if (!session_refresh(s, &local)) {
			/* One that is gone or broken does not hide the others. */
			if (ctl_error_status(local) != CTL_NO_SUCH)
				diag_warning("%s", local->message);
			continue;
		}
		if (active && s->state != SESSION_RUNNING)
			continue;
		if (w)
			session_put(w, NULL, s);
		else
			print_row(s);
	}
	return true;
}

static bool list_all(const struct ctl *ctl, bool active, JsonWriter *w, GError **error)
{
	g_autoptr(GPtrArray) ids = store_list(ctl, error);

	for (guint i = 0; ids && i < ids->len; i++) {
		g_autoptr(Container) c = container_open(ctl, ids->pdata[i], NULL); /* gone meanwhile: not there */

		if (c && !list_container(c, active, w, error))
			return false;
	}
	return ids;
}

static int ls_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	gboolean active = FALSE;
	const struct option_spec specs[] = { { "active", 0, OPTION_FLAG, 0, NULL, "Only those that run" } };
	g_autoptr(Container) c = NULL;
	JsonWriter *w = NULL;
	bool ok;

	if (!options_parse("ls [ID]", "List the sessions of a container, or of all", specs, G_N_ELEMENTS(specs), &active,
		    OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc > 2) {
		fail_status(error, CTL_BAD_ARGUMENT, "session ls: at most one container id");
		return -1;
	}
	c = argc == 2 ? container_open(ctl, argv[1], error) : NULL;
	if (argc == 2 && !c)
		return -1;
	if (ctl->json) {
		w = json_writer_new("  ");
		json_array_open(w, NULL);
	} else {
		printf("%-64s  %-8s  %7s  %4s  %s\n", "SESSION", "STATE", "PID", "EXIT", "COMMAND");
	}
	ok = c ? list_container(c, active, w, error) : list_all(ctl, active, w, error);
	if (w) {
		json_array_close(w);
		print_json(w);
	}
	return ok ? 0 : -1;
}

/* --- resize, stop, rm, cleanup -------------------------------------------------------------------------------------- */

static bool parse_size(const char *text, int *ret_value, GError **error)
{
	uint64_t value;

	if (num_parse_u64(text, SIZE_MAX_16, &value) < 0 || value == 0)
		return fail_status(error, CTL_BAD_ARGUMENT, "session resize: %s is no size (1 to %d)", text, SIZE_MAX_16);
	*ret_value = (int)value;
	return true;
}

static int resize(Session *s, int rows, int cols, GError **error)
{
	auto_fd bundle_fd = -1;

	if (!session_refresh(s, error))
		return -1;
	if (s->state != SESSION_RUNNING || !s->config.terminal) {
		fail_status(error, CTL_WRONG_STATE, "exec session %s of container %s %s: it cannot be resized", s->id,
			s->container->id, s->config.terminal ? "does not run" : "has no terminal");
		return -1;
	}
	bundle_fd = session_open_bundle(s, error);
	if (bundle_fd < 0)
		return -1;
	if (terminal_send(bundle_fd, rows, cols))
		return 0;
	fail(error, "session %s: its monitor does not read its control channel", s->id);
	return -1;
}

static int resize_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(Session) s = NULL;
	int rows = 0, cols = 0;

	if (!options_parse("resize SESSION ROWS COLS", "Set the size of a session's terminal", NULL, 0, NULL,
		    OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	if (argc != 4) {
		fail_status(error, CTL_BAD_ARGUMENT, "session resize: a session id, rows and columns are needed");
		return -1;
	}
	if (!parse_size(argv[2], &rows, error) || !parse_size(argv[3], &cols, error))
		return -1;
	s = session_find(ctl, argv[1], error);
	return s ? resize(s, rows, cols, error) : -1;
}

struct stop_options {
	gint64 seconds;
	gboolean force;
	gboolean all;
};

static bool check_seconds(const char *verb, gint64 seconds, GError **error)
{
	return (seconds >= 0 && seconds <= SECONDS_MAX) ||
	       fail_status(error, CTL_BAD_ARGUMENT, "session %s: --time %" G_GINT64_FORMAT " is not in the range 0 to %d",
		       verb, seconds, SECONDS_MAX);
}

#define TIME_SPEC                                                                                                      \
	OPTION_SPEC(struct stop_options, seconds, INT64, "time", 't', "SECONDS",                                       \
		"How long it may take to end before KILL; 0: KILL at once (default: 10)")

static int stop_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct stop_options o = { .seconds = SESSION_STOP_SECONDS };
	static const struct option_spec specs[] = { TIME_SPEC };
	g_autoptr(Session) s = NULL;

	if (!options_parse("stop SESSION", "End a running session's command: TERM, then KILL", specs, G_N_ELEMENTS(specs),
		    &o, OPTIONS_DEFAULT, &argc, &argv, error) ||
		!check_seconds("stop", o.seconds, error))
		return -1;
	s = find_only(ctl, "stop", argc, argv, error);
	return s && session_stop(s, (int)o.seconds, error) ? 0 : -1;
}

static bool remove_one(const Container *c, const char *id, const struct stop_options *o, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Session) s = session_open(c, id, &local);

	if (s && session_remove(s, o->force, (int)o->seconds, &local))
		return true;
	/* A full disk takes no record, and there need be none. */
	if (o->force && (s ? g_error_matches(local, TALLY_ERROR, ENOSPC) : ctl_error_status(local) != CTL_NO_SUCH))
		return session_discard(c, id, error);
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* Goes on through errors; the last one is returned. */
static bool remove_all(const struct ctl *ctl, const char *id, const struct stop_options *o, GError **error)
{
	g_autoptr(Container) c = container_open(ctl, id, error);
	g_autoptr(GPtrArray) ids = c ? session_ids(c, error) : NULL;
	g_autoptr(GError) last = NULL;

	for (guint i = 0; ids && i < ids->len; i++) {
		g_autoptr(GError) local = NULL;

		if (remove_one(c, ids->pdata[i], o, &local) || ctl_error_status(local) == CTL_NO_SUCH)
			continue;
		if (last)
			diag_warning("%s", last->message);
		g_clear_error(&last);
		last = g_steal_pointer(&local);
	}
	if (last)
		g_propagate_error(error, g_steal_pointer(&last));
	return ids && !*error;
}

static int rm_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct stop_options o = { .seconds = SESSION_STOP_SECONDS };
	static const struct option_spec specs[] = { OPTION_SPEC(struct stop_options, force, FLAG, "force", 'f', NULL,
		"Stop it if it runs") OPTION_SPEC(struct stop_options, all, FLAG, "all", 'a', NULL,
		"All sessions of the container of this id") TIME_SPEC };
	g_autoptr(Container) c = NULL;

	if (!options_parse("rm SESSION|--all ID", "Remove a session that does not run", specs, G_N_ELEMENTS(specs), &o,
		    OPTIONS_DEFAULT, &argc, &argv, error) ||
		!check_seconds("rm", o.seconds, error))
		return -1;
	if (o.all && argc == 2)
		return remove_all(ctl, argv[1], &o, error) ? 0 : -1;
	if (argc != 2) {
		fail_status(error, CTL_BAD_ARGUMENT, "session rm: one session id is needed");
		return -1;
	}
	c = session_find_container(ctl, argv[1], error);
	return c && remove_one(c, argv[1], &o, error) ? 0 : -1;
}

static int cleanup_run_session(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(Session) s = NULL;

	if (!options_parse("cleanup SESSION", "Remove the files that a session which does not run has left", NULL, 0, NULL,
		    OPTIONS_DEFAULT, &argc, &argv, error))
		return -1;
	s = find_only(ctl, "cleanup", argc, argv, error);
	return s && session_cleanup(s, error) ? 0 : -1;
}

/* --- the verb ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *help;
	int (*run)(const struct ctl *ctl, int argc, char **argv, GError **error);
} verbs[] = {
	{ "create", "Make an exec session; nothing is started yet", create_run },
	{ "start", "Start it, in the background or with us as its client", start_run },
	{ "attach", "Connect to a running one", attach_run_session },
	{ "inspect", "Show its record, as JSON", inspect_run_session },
	{ "ls", "List the sessions of a container, or of all", ls_run },
	{ "resize", "Set the size of its terminal", resize_run },
	{ "stop", "End its command: TERM, then KILL", stop_run },
	{ "rm", "Remove one that does not run", rm_run },
	{ "cleanup", "Remove the files of one that does not run", cleanup_run_session },
};

static char *summary(void)
{
	GString *text = g_string_new("Exec sessions step by step: created, running, stopped.\n\nVerbs:\n");

	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		g_string_append_printf(text, "  %-8s%s\n", verbs[i].name, verbs[i].help);
	g_string_truncate(text, text->len - 1);
	return g_string_free(text, FALSE);
}

static int session_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autofree char *text = summary();

	if (!options_parse(cmd_session.args, text, NULL, 0, NULL, OPTIONS_STOP_AT_POSITIONAL, &argc, &argv, error))
		return -1;
	for (size_t i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, argv[1]) == 0) {
			g_set_prgname("tallyctl session");
			return verbs[i].run(ctl, argc - 1, argv + 1, error);
		}
	if (argc < 2)
		fail_status(error, CTL_BAD_ARGUMENT, "session: no verb given (see tallyctl session --help)");
	else
		fail_status(error, CTL_BAD_ARGUMENT, "session: unknown verb \"%s\" (see tallyctl session --help)", argv[1]);
	return -1;
}

const struct command cmd_session = {
	.name = "session",
	.args = "VERB [ARG...]",
	.help = "Exec sessions with a life of their own",
	.run = session_run,
};
