/* tallyctl exec: a further command in a running container, under a monitor of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
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
#include "ctl/users.h"
#include "ctl/wait.h"

#define MONITOR_SECONDS 10

struct options {
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include "ctl/exec.def"
#undef OPTION
};

static const struct option_spec specs[] = {
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct options, field, type, name, short_name, value, help)
#include "ctl/exec.def"
#undef OPTION
};

/* One exec, from the command line to the end. */
struct exec {
	const struct ctl *ctl;
	struct options options;
	const char *id;
	const char *const *args;
	char **env;
	char *monitor;
	char *runtime;
	struct detach_keys keys;
	int signal_fd;
	Container *container;
	char session[17]; /* name of the session's directory */
	char *path;
	int dir_fd;
	struct record record; /* the session's */
	struct engine_running running;
};

static void exec_clear(struct exec *x)
{
	options_clear(specs, G_N_ELEMENTS(specs), &x->options);
	g_strfreev(x->env);
	g_free(x->monitor);
	g_free(x->runtime);
	fd_close(&x->signal_fd);
	container_free(x->container);
	g_free(x->path);
	fd_close(&x->dir_fd);
	record_clear(&x->record);
	engine_running_clear(&x->running);
}

/* KEY=VALUE as it is; KEY alone with our own value, or not at all when we have none. */
static bool parse_env(struct exec *x, GError **error)
{
	g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);

	for (char **e = x->options.env; e && *e; e++) {
		if (**e == '\0' || **e == '=')
			return fail(error, "exec: --env \"%s\" has no name", *e);
		if (strchr(*e, '='))
			g_ptr_array_add(env, g_strdup(*e));
		else if (g_getenv(*e))
			g_ptr_array_add(env, g_strdup_printf("%s=%s", *e, g_getenv(*e)));
	}
	g_ptr_array_add(env, NULL);
	x->env = (char **)g_ptr_array_free(g_steal_pointer(&env), FALSE);
	return true;
}

static bool parse(struct exec *x, int argc, char **argv, GError **error)
{
	struct options *o = &x->options;

	if (!options_parse(cmd_exec.args, cmd_exec.help, specs, G_N_ELEMENTS(specs), o, OPTIONS_STOP_AT_POSITIONAL,
		    &argc, &argv, error))
		return false;
	if (argc < 2)
		return fail(error, "exec: no container id given");
	x->id = argv[1];
	x->args = (const char *const *)argv + 2;
	if (argc > 2 && strcmp(argv[2], "--") == 0)
		x->args++;
	if (!*x->args)
		return fail(error, "exec: no command given");
	if (o->cwd && o->workdir)
		return fail(error, "exec: --cwd and --workdir are the same: give one");
	if (!o->cwd)
		o->cwd = g_steal_pointer(&o->workdir);
	if (o->cwd && !g_path_is_absolute(o->cwd))
		return fail(error, "exec: --cwd %s is not absolute", o->cwd);
	if (x->ctl->json && !o->detach)
		return fail(error, "exec: --json is for -d: in the foreground, standard output is the command's");
	return detach_keys_parse(&x->keys, o->detach_keys ?: DETACH_KEYS_DEFAULT, error) && parse_env(x, error);
}

static char *process_text(struct exec *x, GError **error)
{
	g_autoptr(JsonValue) config = config_load(x->container->path, error);
	struct exec_user user = { 0 };
	struct exec_options o = {
		.args = x->args,
		.env = (const char *const *)x->env,
		.cwd = x->options.cwd,
		.terminal = x->options.terminal,
	};
	char *text;

	if (!config)
		return NULL;
	if (x->options.user) {
		if (!users_resolve_in(x->options.user, x->container->record.process.pid, &user, error))
			return NULL;
		o.user = &user;
	}
	text = config_exec_process(config, &o);
	g_free(user.additional_gids);
	return text;
}

/* A directory of a name that nobody has yet. */
static bool make_directory(struct exec *x, GError **error)
{
	auto_fd parent = openat(x->container->dir_fd, STORE_SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t number;

	if (parent < 0)
		return fail_errno(error, "open %s/%s", x->container->path, STORE_SESSIONS);
	do {
		if (getrandom(&number, sizeof number, 0) != sizeof number)
			return fail_errno(error, "get a random number");
		g_snprintf(x->session, sizeof x->session, "%016" G_GINT64_MODIFIER "x", number);
		g_free(x->path);
		x->path = g_build_filename(x->container->path, STORE_SESSIONS, x->session, NULL);
	} while (mkdirat(parent, x->session, 0700) < 0 && errno == EEXIST);
	x->dir_fd = openat(parent, x->session, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir_fd < 0 || mkdirat(x->dir_fd, STORE_EXIT_DIR, 0700) < 0)
		return fail_errno(error, "create %s", x->path);
	return true;
}

static bool prepare(struct exec *x, GError **error)
{
	g_autofree char *text = NULL;

	x->container = container_open_known(x->ctl, x->id, error);
	if (!x->container || !container_require_live(x->container, error))
		return false;
	x->monitor = ctl_monitor(x->ctl, x->container->record.monitor, error);
	x->runtime = x->monitor ? ctl_runtime(x->ctl, x->container->record.runtime, error) : NULL;
	text = x->runtime ? process_text(x, error) : NULL;
	if (!text || !make_directory(x, error) || !statefile_write(x->dir_fd, "process.json", text, 0600, error))
		return false;
	x->record = (struct record){
		.id = g_strdup(x->session),
		.stage = RECORD_CREATING,
		.bundle = g_strdup(x->path),
		.command = g_strjoinv(" ", (char **)x->args),
		.monitor = g_strdup(x->monitor),
		.runtime = g_strdup(x->runtime),
		.boot_id = g_strdup(x->container->record.boot_id),
		.terminal = x->options.terminal,
		.stdin_open = x->options.interactive,
		.created_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME),
	};
	return record_save(x->dir_fd, &x->record, error);
}

/* The socket is there and the command does not run yet. */
static bool connect_client(void *user, int *ret_fd, GError **error)
{
	struct exec *x = user;

	*ret_fd = attach_connect(x->dir_fd, error);
	if (*ret_fd >= 0 && x->options.terminal)
		(void)terminal_send_size(x->dir_fd); /* ours is none: the command's stays as it is */
	return *ret_fd >= 0;
}

static void note_processes(struct exec *x)
{
	g_autoptr(GError) error = NULL;

	/* Either may have ended by now; then there is nobody to wait for. */
	(void)process_id_read(x->running.monitor_pid, &x->record.monitor_process, NULL);
	(void)process_id_read(x->running.pid, &x->record.process, NULL);
	x->record.stage = RECORD_STARTED;
	x->record.started_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	/* A session that has ended is removed by its monitor. */
	if (!record_save(x->dir_fd, &x->record, &error) && !g_error_matches(error, TALLY_ERROR, ENOENT))
		diag_warning("%s", error->message);
}

static bool launch(struct exec *x, GError **error)
{
	g_autofree char *spec = g_build_filename(x->path, "process.json", NULL);
	g_autofree char *exit_dir = g_build_filename(x->path, STORE_EXIT_DIR, NULL), *self = ctl_self(error);
	const char *const cleanup[] = { self, "--root", x->ctl->root, "cleanup", "--exec", x->session, x->container->id,
		NULL };
	const struct engine_launch l = {
		.monitor = x->monitor,
		.runtime = x->runtime,
		.runtime_root = x->container->runtime_root,
		.id = x->container->id,
		.uuid = x->session,
		.dir = x->path,
		.dir_fd = x->dir_fd,
		.process_spec = spec,
		.log = "none",
		.exit_dir = exit_dir,
		.exit_command = cleanup,
		.terminal = x->options.terminal,
		.stdin_open = x->options.interactive,
		.signal_fd = x->signal_fd,
	};
	bool ok = self && engine_launch(&l, x->options.detach ? NULL : connect_client, x, &x->running, error);

	if (ok)
		note_processes(x);
	return ok;
}

static void discard(struct exec *x)
{
	g_autoptr(GError) error = NULL;
	auto_fd parent = -1;

	if (x->dir_fd < 0)
		return;
	if (x->running.monitor_pid) {
		struct process_id monitor;

		if (process_id_read(x->running.monitor_pid, &monitor, NULL))
			x->record.monitor_process = monitor;
		(void)record_save(x->dir_fd, &x->record, NULL); /* removed already: the monitor has ended */
	}
	if (!record_await_monitor(&x->record, MONITOR_SECONDS, true, &error)) {
		diag_warning("%s", error->message);
		return;
	}
	parent = openat(x->container->dir_fd, STORE_SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0 && !store_remove_tree(parent, x->session, &error))
		diag_warning("%s", error->message);
}

static int report_detached(const struct exec *x)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	if (!x->ctl->json) {
		printf("%s\n", x->session);
		return 0;
	}
	json_object_open(w, NULL);
	json_put_string(w, "id", x->id);
	json_put_string(w, "session", x->session);
	json_put_int(w, "pid", x->running.pid);
	json_put_int(w, "monitor_pid", x->running.monitor_pid);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
	return 0;
}

static int run_foreground(struct exec *x, GError **error)
{
	g_autofree char *what = g_strdup_printf("the command in container %s", x->id);
	auto_fd process_fd = process_id_open(&x->record.process, x->record.boot_id);
	struct foreground f = { .what = what, .pidfd = process_fd, .terminal = x->options.terminal };
	struct attach_client client = {
		.sock_fd = x->running.attach_fd,
		.dir_fd = x->dir_fd,
		.stdin_fd = x->options.interactive ? STDIN_FILENO : -1,
		.terminal = x->options.terminal,
		.keys = x->keys,
		.signal_fd = x->signal_fd,
	};
	int status;

	if (!foreground_attach(&f, &client, &status, error) ||
		!foreground_wait(&f, x->running.sync_fd, x->signal_fd, &status, error))
		return status;
	if (!engine_read_exit_code(x->running.sync_fd, &status, error)) {
		fail_prefix(error, "exec in container %s", x->id);
		return -1;
	}
	/* When we return, the session's files are gone; a monitor that takes longer is not waited for for ever. */
	(void)record_await_monitor(&x->record, MONITOR_SECONDS, false, NULL);
	return status;
}

static int exec(struct exec *x, int argc, char **argv, GError **error)
{
	if (!parse(x, argc, argv, error))
		return -1;
	x->signal_fd = wait_signals_open(error);
	if (x->signal_fd < 0)
		return -1;
	if (!prepare(x, error) || !launch(x, error)) {
		discard(x);
		return -1;
	}
	return x->options.detach ? report_detached(x) : run_foreground(x, error);
}

static int exec_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct exec x = { .ctl = ctl, .signal_fd = -1, .dir_fd = -1, .running = ENGINE_RUNNING_NONE };
	int status = exec(&x, argc, argv, error);

	exec_clear(&x);
	return status;
}

const struct command cmd_exec = {
	.name = "exec",
	.args = "ID -- COMMAND [ARG...]",
	.help = "Run a command in a running container; in the foreground, end with its exit status",
	.has_json = true,
	.run = exec_run,
};
