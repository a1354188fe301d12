/* tallyctl exec: a session made, started, attended and removed in one go. */
#include <stdio.h>

#include "base/fd.h"
#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/session_run.h"
#include "ctl/session_words.h"
#include "ctl/wait.h"

#define MONITOR_SECONDS 10

#define OPTIONS_FILE "ctl/exec.def"
#include "common/options_table.h"

/* One exec, from the command line to the end. */
struct exec {
	const struct ctl *ctl;
	struct options options;
	const char *id;
	struct session_config config;
	struct detach_keys keys;
	struct stdio stdio;
	int signal_fd;
	Container *container;
	Session *session;
	struct engine_running running;
};

static void exec_clear(struct exec *x)
{
	options_clear(specs, G_N_ELEMENTS(specs), &x->options);
	session_config_clear(&x->config);
	stdio_close(&x->stdio);
	fd_close(&x->signal_fd);
	session_free(x->session);
	container_free(x->container);
	engine_running_clear(&x->running);
}

static bool parse(struct exec *x, int argc, char **argv, GError **error)
{
	const struct options *o = &x->options;
	struct session_words words;

	if (!options_parse(cmd_exec.args, cmd_exec.help, specs, G_N_ELEMENTS(specs), &x->options,
		    OPTIONS_STOP_AT_POSITIONAL, &argc, &argv, error))
		return false;
	words = SESSION_WORDS(o);
	if (!session_words_parse(&words, argc, argv, &x->id, &x->config, error))
		return false;
	x->config.open_stdin = (o->interactive || o->stdin_socket) && o->terminal;
	x->config.attach_stdin = (o->interactive || o->stdin_socket) && !o->terminal;
	x->config.attach_stdout = x->config.attach_stderr = !o->terminal;
	if (x->ctl->json && !o->detach)
		return fail_status(error, CTL_BAD_ARGUMENT,
			"--json is for -d: in the foreground, standard output is the command's");
	if (STDIO_NAMED(o) && o->detach)
		return fail_status(error, CTL_BAD_ARGUMENT,
			"sockets for the streams are not for -d: nobody would be there to fill them");
	return session_config_check(&x->config, error) && STDIO_OPEN(&x->stdio, o, error) &&
	       detach_keys_parse(&x->keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error);
}

static bool prepare(struct exec *x, GError **error)
{
	g_autofree char *monitor = NULL, *runtime = NULL;

	x->container = container_open_known(x->ctl, x->id, error);
	if (!x->container || !session_require_container(x->container, error))
		return false;
	monitor = ctl_monitor(x->ctl, x->container->record.monitor, error);
	runtime = monitor ? ctl_runtime(x->ctl, x->container->record.runtime, error) : NULL;
	x->session = runtime ? session_new(x->container, &x->config, monitor, runtime, true, error) : NULL;
	return x->session;
}

static int report_detached(const struct exec *x)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	if (!x->ctl->json) {
		printf("%s\n", x->session->id);
		return 0;
	}
	json_object_open(w, NULL);
	json_put_string(w, "id", x->id);
	json_put_string(w, "session", x->session->id);
	json_put_int(w, "pid", x->running.pid);
	json_put_int(w, "monitor_pid", x->running.monitor_pid);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
	return 0;
}

static int run_foreground(struct exec *x, GError **error)
{
	Session *s = x->session;
	g_autofree char *what = g_strdup_printf("the command in container %s", x->id);
	auto_fd process_fd = -1, bundle_fd = session_open_bundle(s, NULL);
	struct foreground f = { .what = what, .pidfd = -1, .terminal = x->config.terminal };
	struct attach_client client = {
		.sock_fd = x->running.attach_fd,
		.dir_fd = bundle_fd, /* gone already: nobody is there to be told a size */
		.stdin_fd = x->stdio.in_fd >= 0      ? x->stdio.in_fd
			    : x->options.interactive ? STDIN_FILENO
						     : -1,
		.stdio = &x->stdio,
		.terminal = x->config.terminal,
		.keys = x->keys,
		.signal_fd = x->signal_fd,
	};
	int status;

	if (!process_open(&s->process, s->boot_id, "its process", &f.pidfd, error)) {
		fail_prefix(error, "%s", what);
		return -1;
	}
	process_fd = f.pidfd;
	if (!foreground_attach(&f, &client, &status, error))
		return status;
	stdio_close(&x->stdio); /* before the status is told */
	if (!foreground_wait(&f, x->running.sync_fd, x->signal_fd, &status, error))
		return status;
	if (!engine_read_exit_code(x->running.sync_fd, &status, error)) {
		fail_prefix(error, "exec in container %s", x->id);
		status = -1;
	}
	/* When we return, the session's files are gone; a monitor that takes longer is not waited for for ever, and what a
	 * dead one left is seen to by looking. */
	(void)process_await_end(&s->monitor_process, s->boot_id, "the session's monitor", MONITOR_SECONDS, false, NULL);
	(void)session_refresh(s, NULL);
	return status;
}

static int exec(struct exec *x, int argc, char **argv, GError **error)
{
	g_autoptr(GError) wrong = NULL;

	if (!parse(x, argc, argv, &wrong)) {
		fail(error, "exec: %s", wrong->message);
		return -1;
	}
	x->signal_fd = wait_signals_open(error);
	if (x->signal_fd < 0)
		return -1;
	if (!prepare(x, &wrong) ||
		!session_start(x->ctl, x->session, x->signal_fd, x->options.detach ? NULL : session_connect, x->session,
			&x->running, &wrong)) {
		/* The statuses below 124 are session's: here they would look like the command's own. */
		if (ctl_error_status(wrong) < CTL_UNKNOWN_END)
			fail(error, "%s", wrong->message);
		else
			g_propagate_error(error, g_steal_pointer(&wrong));
		return -1;
	}
	return x->options.detach ? report_detached(x) : run_foreground(x, error);
}

static int exec_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct exec x = { .ctl = ctl, .stdio = STDIO_OURS, .signal_fd = -1, .running = ENGINE_RUNNING_NONE };
	int status = exec(&x, argc, argv, error);

	exec_clear(&x);
	return status;
}

const struct command cmd_exec = {
	.name = "exec",
	.args = "ID -- COMMAND [ARG...]",
	.help = "Run a command in a running container; in the foreground, end with its exit status",
	.run = exec_run,
};
