/* tallyctl run: a container from a bundle, monitored from its first byte on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/statefile.h"
#include "ctl/attach_client.h"
#include "ctl/command.h"
#include "ctl/config.h"
#include "ctl/engine.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"
#include "ctl/terminal.h"
#include "ctl/wait.h"

#define MONITOR_SECONDS 10

struct options {
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include "ctl/run.def"
#undef OPTION
};

static const struct option_spec specs[] = {
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct options, field, type, name, short_name, value, help)
#include "ctl/run.def"
#undef OPTION
};

/* One run, from the command line to the end. */
struct run {
	const struct ctl *ctl;
	struct options options;
	const char *id;
	const char *const *args; /* NULL: the bundle's */
	char *monitor;
	char *runtime;
	struct detach_keys keys;
	int signal_fd;
	Container *container;
	EndWatch *end;
	int sock_fd;
};

static void run_clear(struct run *r)
{
	options_clear(specs, G_N_ELEMENTS(specs), &r->options);
	g_free(r->monitor);
	g_free(r->runtime);
	fd_close(&r->signal_fd);
	fd_close(&r->sock_fd);
	container_free(r->container);
	end_watch_free(r->end);
}

static bool parse(struct run *r, int argc, char **argv, GError **error)
{
	if (!options_parse(cmd_run.args, cmd_run.help, specs, G_N_ELEMENTS(specs), &r->options,
		    OPTIONS_STOP_AT_POSITIONAL, &argc, &argv, error))
		return false;
	if (argc < 2)
		return fail(error, "run: no container id given");
	r->id = argv[1];
	if (argc > 2 && g_strcmp0(argv[2], "--") != 0)
		return fail(
			error, "run: unexpected \"%s\": options come before the id, the command after \"--\"", argv[2]);
	if (argc == 3)
		return fail(error, "run: no command after \"--\"");
	if (argc > 3)
		r->args = (const char *const *)argv + 3;
	if (r->ctl->json && !r->options.detach)
		return fail(error, "run: --json is for -d: in the foreground, standard output is the container's");
	return detach_keys_parse(&r->keys, r->options.detach_keys ?: DETACH_KEYS_DEFAULT, error);
}

static bool fill_record(struct run *r, const char *bundle, yajl_val config, GError **error)
{
	char *boot_id = boot_id_read(error);

	if (!boot_id)
		return false;
	r->container->record = (struct record){
		.id = g_strdup(r->id),
		.stage = RECORD_CREATING,
		.bundle = g_strdup(bundle),
		.command = r->args ? g_strjoinv(" ", (char **)r->args) : config_command(config),
		.monitor = g_strdup(r->monitor),
		.runtime = g_strdup(r->runtime),
		.boot_id = boot_id,
		.terminal = r->options.terminal,
		.stdin_open = r->options.interactive,
		.remove = r->options.remove,
		.created_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME),
	};
	return container_save(r->container, error);
}

/* The container's directory with all that monitor and runtime need, locked. */
static bool prepare(struct run *r, GError **error)
{
	g_autofree char *bundle = g_canonicalize_filename(r->options.bundle ?: ".", NULL), *text = NULL;
	g_autoptr(JsonValue) config = config_load(bundle, error);

	if (!config)
		return false;
	r->container = container_new(r->ctl, r->id, error);
	if (!r->container || !fill_record(r, bundle, config, error) || !container_populate(r->container, error))
		return false;
	text = config_private_copy(config, bundle, r->args, r->options.terminal);
	if (!statefile_write(r->container->dir_fd, "config.json", text, 0600, error))
		return false;
	if (!r->options.detach)
		r->end = end_watch_new(r->container, error);
	return r->options.detach || r->end;
}

/* From here on the container is what its monitor and its process are, also should we be killed. */
static bool note_started(struct run *r, const struct engine_running *running, GError **error)
{
	struct record *rec = &r->container->record;

	rec->stage = RECORD_STARTED;
	rec->started_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	return process_id_read(running->monitor_pid, &rec->monitor_process, error) &&
	       process_id_read(running->pid, &rec->process, error) && container_save(r->container, error);
}

static bool create(struct run *r, GError **error)
{
	Container *c = r->container;
	g_autofree char *log = g_strdup_printf("k8s-file:%s/%s", c->path, STORE_LOG);
	g_autofree char *exit_dir = g_build_filename(c->path, STORE_EXIT_DIR, NULL), *self = ctl_self(error);
	const char *const cleanup[] = { self, "--root", r->ctl->root, "cleanup", c->id, NULL };
	const struct engine_launch launch = {
		.monitor = r->monitor,
		.runtime = r->runtime,
		.runtime_root = c->runtime_root,
		.id = c->id,
		.uuid = c->id,
		.dir = c->path,
		.dir_fd = c->dir_fd,
		.log = log,
		.exit_dir = exit_dir,
		.exit_command = cleanup,
		.terminal = r->options.terminal,
		.stdin_open = r->options.interactive,
		.signal_fd = r->signal_fd,
	};
	struct engine_running running = ENGINE_RUNNING_NONE;
	bool ok = self && engine_launch(&launch, NULL, NULL, &running, error);

	if (ok)
		ok = note_started(r, &running, error);
	else if (running.monitor_pid)
		(void)process_id_read(
			running.monitor_pid, &c->record.monitor_process, NULL); /* has ended: so much the better */
	engine_running_clear(&running);
	return ok;
}

/* The client is connected before the process runs, so that it sees every byte. */
static bool start(struct run *r, GError **error)
{
	Container *c = r->container;
	const char *const args[] = { "start", c->id, NULL };

	if (!r->options.detach) {
		end_watch_set_monitor(r->end, c);
		r->sock_fd = attach_connect(c->dir_fd, error);
		if (r->sock_fd < 0)
			return false;
		if (r->options.terminal)
			(void)terminal_send_size(c->dir_fd); /* ours is none: the container's stays as it is */
	}
	return engine_runtime(r->runtime, c->runtime_root, c->path, r->signal_fd, args, error);
}

/* What could not be started leaves nothing behind. */
static void discard(struct run *r)
{
	g_autoptr(GError) error = NULL;

	if (!r->container)
		return;
	r->container->record.stage = RECORD_FAILED;
	if (r->container->has_record && !container_save(r->container, &error)) {
		diag_warning("%s", error->message);
		g_clear_error(&error);
	}
	if (!container_destroy(r->container, r->runtime, &error))
		diag_warning("%s", error->message);
}

static int report_detached(const struct run *r)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	if (!r->ctl->json) {
		printf("%s\n", r->id);
		return 0;
	}
	json_object_open(w, NULL);
	json_put_string(w, "id", r->id);
	json_put_int(w, "pid", r->container->record.process.pid);
	json_put_int(w, "monitor_pid", r->container->record.monitor_process.pid);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
	return 0;
}

static int run_foreground(struct run *r, GError **error)
{
	const Container *c = r->container;
	g_autofree char *what = g_strdup_printf("container %s", c->id);
	auto_fd process_fd = process_id_open(&c->record.process, c->record.boot_id);
	struct foreground f = { .what = what, .pidfd = process_fd, .terminal = r->options.terminal };
	struct attach_client client = {
		.sock_fd = r->sock_fd,
		.dir_fd = c->dir_fd,
		.stdin_fd = r->options.interactive ? STDIN_FILENO : -1,
		.terminal = r->options.terminal,
		.keys = r->keys,
		.signal_fd = r->signal_fd,
	};
	struct ending ending;
	int status;

	if (!foreground_attach(&f, &client, &status, error))
		return status;
	if (!end_watch_wait(r->end, r->signal_fd, foreground_on_signal, &f, &ending, error))
		return f.left_by ? foreground_left(&f) : -1;
	status = ending_status(&ending);
	if (!ending.known)
		diag_error("container %s: exit status unknown: %s", c->id, ending.why);
	ending_clear(&ending);
	/* When we return, --rm has been obeyed; a monitor that takes longer is not waited for for ever. */
	if (r->options.remove)
		(void)record_await_monitor(&c->record, MONITOR_SECONDS, false, NULL);
	return status;
}

static int run(struct run *r, int argc, char **argv, GError **error)
{
	if (!parse(r, argc, argv, error))
		return -1;
	r->monitor = ctl_monitor(r->ctl, NULL, error);
	r->runtime = r->monitor ? ctl_runtime(r->ctl, NULL, error) : NULL;
	if (!r->runtime)
		return -1;
	r->signal_fd = wait_signals_open(error);
	if (r->signal_fd < 0)
		return -1;
	if (!prepare(r, error) || !create(r, error) || !start(r, error)) {
		discard(r);
		return -1;
	}
	container_unlock(r->container);
	return r->options.detach ? report_detached(r) : run_foreground(r, error);
}

static int run_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct run r = { .ctl = ctl, .signal_fd = -1, .sock_fd = -1 };
	int status = run(&r, argc, argv, error);

	run_clear(&r);
	return status;
}

const struct command cmd_run = {
	.name = "run",
	.args = "ID [-- COMMAND [ARG...]]",
	.help = "Create and start a container; in the foreground, end with its exit status",
	.has_json = true,
	.run = run_run,
};
