/* Making a container out of a bundle. */
#include "ctl/create.h"

#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/statefile.h"
#include "ctl/create_options.h"
#include "ctl/engine.h"
#include "ctl/fifos.h"
#include "ctl/lifecycle.h"

bool create_parse_words(int argc, char **argv, struct create_options *o, GError **error)
{
	if (argc < 2)
		return fail(error, "no container id given");
	o->id = argv[1];
	if (argc > 2 && strcmp(argv[2], "--") != 0)
		return fail(error, "unexpected \"%s\": options come before the id, the command after \"--\"", argv[2]);
	if (argc == 3)
		return fail(error, "no command after \"--\"");
	o->args = argc > 3 ? (const char *const *)argv + 3 : NULL;
	return true;
}

/* Takes monitor and runtime over. */
static bool fill_record(Container *c, const struct create_options *o, const char *bundle, yajl_val config,
	const char *monitor, const char *runtime, GError **error)
{
	char *boot_id = boot_id_read(error);

	if (!boot_id)
		return false;
	c->record = (struct record){
		.id = g_strdup(o->id),
		.stage = RECORD_CREATING,
		.bundle = g_strdup(bundle),
		.command = o->args ? g_strjoinv(" ", (char **)o->args) : config_command(config),
		.monitor = g_strdup(monitor),
		.runtime = g_strdup(runtime),
		.boot_id = boot_id,
		.terminal = o->terminal,
		.stdin_open = o->stdin_open,
		.remove = o->remove,
		.created_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME),
	};
	return container_save(c, error);
}

/* The container's directory with all that monitor and runtime need. */
static bool fill_directory(
	Container *c, const struct create_options *o, yajl_val config, const char *bundle, GError **error)
{
	g_auto(GStrv) binds = o->more.bind_mounts ? create_binds(o->more.bind_mounts, error) : NULL;
	g_autofree char *cgroup = create_cgroup(o), *init = NULL;
	struct config_changes changes = {
		.args = o->args,
		.append_args = o->oci,
		.terminal = o->terminal,
		.binds = (const char *const *)binds,
		.cgroup = cgroup,
		.current_user = o->more.current_user,
		.oci = o->oci ? &o->oci->config : NULL,
	};
	g_autofree char *text = NULL;

	if (o->more.bind_mounts && !binds)
		return false;
	if (o->more.init) {
		init = create_init(c, o->more.current_user || config_has_user_namespace(config), error);
		if (!init)
			return false;
	}
	changes.init = init;
	text = config_private_copy(config, bundle, &changes);
	return container_populate(c, error) && statefile_write(c->dir_fd, "config.json", text, 0600, error);
}

/* From here on the container is what its monitor and its process are, also should we be killed. */
static bool note_created(Container *c, const struct engine_running *running, GError **error)
{
	struct record *rec = &c->record;

	rec->stage = RECORD_CREATED;
	return process_id_read(running->monitor_pid, &rec->monitor_process, error) &&
	       process_id_read(running->pid, &rec->process, error) && container_save(c, error);
}

/* What the monitor is told with -l. A log in a directory of the user's is linked to from where ours would be. */
static char *log_argument(const Container *c, const struct create_options *o, GError **error)
{
	g_autofree char *path = NULL;

	if (o->oci && o->oci->stdio)
		return g_strdup("passthrough");
	if (!o->more.log_dir || o->oci)
		return g_strdup_printf("k8s-file:%s/%s", c->path, STORE_LOG);
	path = create_log_path(o->more.log_dir, c->id, error);
	if (!path)
		return NULL;
	if (symlinkat(path, c->dir_fd, STORE_LOG) < 0) {
		fail_errno(error, "create the link %s/%s", c->path, STORE_LOG);
		return NULL;
	}
	return g_strconcat("k8s-file:", path, NULL);
}

/* fifos: from fifos_prepare. */
static bool launch(
	const struct ctl *ctl, Container *c, const struct create_options *o, char *const *fifos, GError **error)
{
	g_autofree char *log = log_argument(c, o, error), *self = log ? ctl_self(error) : NULL;
	g_autofree char *exit_dir = g_build_filename(c->path, STORE_EXIT_DIR, NULL);
	const char *const cleanup[] = { self, "--root", ctl->root, "cleanup", c->id, NULL };
	const struct engine_launch l = {
		.monitor = c->record.monitor,
		.runtime = fifos ? self : c->record.runtime,
		.runtime_args = (const char *const *)fifos,
		.runtime_root = c->runtime_root,
		.id = c->id,
		.uuid = c->id,
		.dir = c->path,
		.dir_fd = c->dir_fd,
		.log = log,
		.exit_dir = exit_dir,
		.exit_command = cleanup,
		.terminal = o->terminal,
		.stdin_open = o->stdin_open,
		.stdio = o->oci ? o->oci->stdio : NULL,
		.preserve_fds = o->oci ? o->oci->preserve_fds : 0,
		.signal_fd = o->signal_fd,
	};
	struct engine_running running = ENGINE_RUNNING_NONE;
	bool ok = self && engine_launch(&l, NULL, NULL, &running, error);

	if (ok)
		ok = note_created(c, &running, error);
	else if (running.monitor_pid) /* fails when it has ended: so much the better */
		(void)process_id_read(running.monitor_pid, &c->record.monitor_process, NULL);
	engine_running_clear(&running);
	return ok;
}

static bool check_text(const char *text, const char *what, GError **error)
{
	return !text || g_utf8_validate(text, -1, NULL) ||
	       fail(error, "%s is not UTF-8: it cannot be passed on as it is", what);
}

/* config.json takes nothing else. */
static bool check_texts(const struct create_options *o, GError **error)
{
	for (const char *const *a = o->args; a && *a; a++)
		if (!check_text(*a, "an argument of the command", error))
			return false;
	for (char *const *b = o->more.bind_mounts; b && *b; b++)
		if (!check_text(*b, "a bind mount", error))
			return false;
	return check_text(o->more.cgroup_parent, "--cgroup-parent", error) &&
	       check_text(o->bundle, "the bundle's path", error);
}

Container *create_container(const struct ctl *ctl, const struct create_options *o, GError **error)
{
	g_autofree char *bundle = g_canonicalize_filename(o->bundle ?: ".", NULL);
	g_autofree char *monitor = check_texts(o, error) ? ctl_monitor(ctl, NULL, error) : NULL;
	g_autofree char *runtime = monitor ? ctl_runtime(ctl, NULL, error) : NULL;
	g_autoptr(JsonValue) config = runtime ? config_load(bundle, error) : NULL;
	g_autoptr(GError) wrong = NULL;
	g_auto(GStrv) fifos = config ? fifos_prepare(ctl, config, o->terminal, runtime, &wrong) : NULL;
	g_autoptr(Container) c = NULL;

	if (fifos && o->oci && (o->oci->preserve_fds > 0 || o->oci->stdio))
		fail(&wrong,
			"named pipes by annotation go neither with --log-dir nor with descriptors that are passed on");
	if (wrong)
		g_propagate_error(error, g_steal_pointer(&wrong));
	else if (config)
		c = container_new(ctl, o->id, error);
	if (!c)
		return NULL;
	if (!fill_record(c, o, bundle, config, monitor, runtime, error) ||
		!fill_directory(c, o, config, bundle, error) || !launch(ctl, c, o, fifos, error)) {
		create_discard(c, runtime);
		return NULL;
	}
	return g_steal_pointer(&c);
}

bool create_start(Container *c, const char *runtime, int signal_fd, GError **error)
{
	const char *const args[] = { "start", c->id, NULL };

	/* Before the call: the process may have ended when it returns. */
	c->record.stage = RECORD_STARTED;
	c->record.started_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	return container_save(c, error) &&
	       engine_runtime(runtime, c->runtime_root, c->path, signal_fd, args, NULL, error);
}

void create_discard(Container *c, const char *runtime)
{
	g_autoptr(GError) error = NULL;

	c->record.stage = RECORD_FAILED;
	if (c->has_record && !container_save(c, &error)) {
		diag_warning("%s", error->message);
		g_clear_error(&error);
	}
	if (!container_destroy(c, runtime, &error))
		diag_warning("%s", error->message);
}

void create_report(const Container *c, bool json)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	if (!json) {
		printf("%s\n", c->id);
		return;
	}
	json_object_open(w, NULL);
	json_put_string(w, "id", c->id);
	json_put_int(w, "pid", c->record.process.pid);
	json_put_int(w, "monitor_pid", c->record.monitor_process.pid);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}
