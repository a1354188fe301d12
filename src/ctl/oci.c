/* Containers in the way of run_oci. The runtime knows nothing of it: its hooks are left out of the container's own
 * config, and run by us before create, between create and start, after start, and at the end; those that have to be in
 * the middle of create (prechroot) are run by a hook that the runtime calls, which is ourselves again. */
#include "ctl/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "ctl/ending.h"
#include "ctl/foreground.h"
#include "ctl/lifecycle.h"
#include "ctl/oci_dir.h"
#include "ctl/oci_fds.h"
#include "ctl/oci_hooks.h"
#include "ctl/oci_log.h"
#include "ctl/wait.h"

#define LOCK_SECONDS    30
#define MONITOR_SECONDS 10
#define COPY_MAX        ((size_t)1 << 20) /* of what hooks within create print */

/* One container on its way up. */
struct oci {
	const struct ctl *ctl;
	const struct oci_request *request;
	char *bundle;
	char *log; /* NULL: none */
	JsonValue *config;
	struct oci_state state;
	int preserve_fds;
	int signal_fd;
	int output_fds[2]; /* what hooks within create print on their two streams */
};

void oci_messages_begin(void)
{
	oci_log_begin();
}

static void oci_clear(struct oci *o)
{
	g_free(o->bundle);
	g_free(o->log);
	g_clear_pointer(&o->config, yajl_tree_free);
	fd_close(&o->signal_fd);
	fd_close(&o->output_fds[0]);
	fd_close(&o->output_fds[1]);
}

static bool load(struct oci *o, GError **error)
{
	o->config = config_load(o->bundle, error);
	if (!o->config)
		return false;
	return oci_hooks_check(o->config, error) || fail_prefix(error, "%s/config.json", o->bundle);
}

/* Everything that can be wrong without a container. Descriptors come first. */
static bool prepare(struct oci *o, GError **error)
{
	const struct oci_request *r = o->request;

	o->preserve_fds = oci_fds_claim();
	o->bundle = g_canonicalize_filename(r->bundle ?: ".", NULL);
	if (!store_check_id(r->id, error))
		return false;
	if (r->options.log_dir) {
		o->log = create_log_path(r->options.log_dir, r->id, error);
		if (!o->log || !oci_log_to_file(o->log, error))
			return false;
	}
	if (!load(o, error))
		return false;
	o->state = (struct oci_state){ .config = o->config, .id = r->id, .bundle = o->bundle, .dir = o->bundle };
	o->signal_fd = wait_signals_open(error);
	return o->signal_fd >= 0;
}

/* --- within create ------------------------------------------------------------------------------------------------- */

static bool open_outputs(struct oci *o, GError **error)
{
	for (int i = 0; i < 2; i++) {
		o->output_fds[i] = sys_scratch_file("hooks");
		if (o->output_fds[i] < 0)
			return fail_with(error, o->output_fds[i], "create a file for the hooks' output");
	}
	return true;
}

static void copy_outputs(const struct oci *o)
{
	g_autofree char *text = g_malloc(COPY_MAX);

	for (int i = 0; i < 2 && o->output_fds[i] >= 0; i++) {
		ssize_t n = pread(o->output_fds[i], text, COPY_MAX, 0);

		if (n > 0)
			(void)rw_write_all(STDOUT_FILENO + i, text, (size_t)n); /* nobody listens: nothing is lost */
	}
}

/* The command that the runtime calls before the root changes; NULL with *error. */
static char **hook_command(const struct oci *o, GError **error)
{
	char *self = ctl_self(error);
	GPtrArray *argv;

	if (!self)
		return NULL;
	argv = g_ptr_array_new();
	g_ptr_array_add(argv, self);
	g_ptr_array_add(argv, g_strdup("oci-hooks"));
	g_ptr_array_add(argv, g_strdup(oci_stage_names[OCI_PRECHROOT]));
	g_ptr_array_add(argv, g_strdup(o->bundle));
	g_ptr_array_add(argv, g_strdup(o->state.dir));
	for (int i = 0; i < 2; i++)
		g_ptr_array_add(argv, g_strdup_printf("/proc/%d/fd/%d", getpid(), o->output_fds[i]));
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static Container *create(struct oci *o, bool foreground, GError **error)
{
	const struct oci_request *r = o->request;
	const int stdio[] = { foreground ? STDIN_FILENO : -1, STDOUT_FILENO, STDERR_FILENO };
	const bool hooks = oci_hooks_any(o->config, OCI_PRECHROOT);
	g_auto(GStrv) hook = hooks && open_outputs(o, error) ? hook_command(o, error) : NULL, env = g_get_environ();
	yajl_val terminal = json_get(json_get(o->config, "process"), "terminal");
	const struct create_oci oci = {
		.config = { .env = (const char *const *)env,
			.hook = (const char *const *)hook,
			.stages = oci_stage_names },
		.stdio = o->log && !YAJL_IS_TRUE(terminal) ? stdio : NULL,
		.preserve_fds = o->preserve_fds,
	};
	const struct create_options options = {
		.id = r->id,
		.bundle = o->bundle,
		.args = r->args,
		.more = r->options,
		.oci = &oci,
		.terminal = YAJL_IS_TRUE(terminal),
		.stdin_open = foreground && !oci.stdio,
		.remove = foreground,
		.signal_fd = o->signal_fd,
	};
	Container *c = hooks && !hook ? NULL : create_container(o->ctl, &options, error);

	copy_outputs(o);
	return c;
}

/* --- up and down --------------------------------------------------------------------------------------------------- */

static void run_poststop(struct oci *o)
{
	g_autoptr(GError) error = NULL;

	if (!oci_hooks_run(&o->state, OCI_POSTSTOP, &error))
		diag_error("container %s: %s", o->state.id, error->message);
}

/* A container that waits for start, with the prestart hooks behind it; NULL with *error, and nothing is left of it. */
static Container *bring_up(struct oci *o, bool foreground, GError **error)
{
	Container *c;

	diag_info("Starting container %s", o->state.id);
	if (!oci_hooks_run(&o->state, OCI_PRECREATE, error))
		return NULL;
	c = create(o, foreground, error);
	if (!c)
		return NULL;
	o->state.pid = c->record.process.pid;
	if (oci_hooks_run(&o->state, OCI_PRESTART, error))
		return c;
	create_discard(c, c->record.runtime);
	container_free(c);
	run_poststop(o);
	return NULL;
}

/* --- run ----------------------------------------------------------------------------------------------------------- */

/* One that writes to the log itself: there is no client. */
static bool connect(struct watched_container *w, bool client, GError **error)
{
	if (client)
		return watched_connect(w, error);
	w->end = end_watch_new(w->container, error);
	return w->end;
}

/* With the poststart hooks, to the end. *ret_ended: no process is left. */
static int stay(struct oci *o, Container *c, bool *ret_ended, GError **error)
{
	struct watched_container w = { .container = c, .signal_fd = o->signal_fd, .sock_fd = -1 };
	const bool client = !o->log || c->record.terminal;
	int status = -1;

	*ret_ended = true;
	if (!detach_keys_parse(&w.keys, "", error) || !connect(&w, client, error) ||
		!create_start(c, c->record.runtime, o->signal_fd, error) ||
		!oci_hooks_run(&o->state, OCI_POSTSTART, error)) {
		create_discard(c, c->record.runtime);
	} else {
		container_unlock(c);
		diag_info("Container %s is running", c->id);
		status = watched_run(&w, c->record.stdin_open, error);
		*ret_ended = w.ended;
		if (w.ended) {
			diag_info("Container %s has finished with status %d", c->id, status);
			(void)record_await_monitor(&c->record, MONITOR_SECONDS, false, NULL);
		}
	}
	watched_clear(&w);
	return status;
}

int oci_run(const struct ctl *ctl, const struct oci_request *request, GError **error)
{
	struct oci o = { .ctl = ctl, .request = request, .signal_fd = -1, .output_fds = { -1, -1 } };
	g_autoptr(Container) c = prepare(&o, error) ? bring_up(&o, true, error) : NULL;
	bool ended;
	int status = -1;

	if (c) {
		status = stay(&o, c, &ended, error);
		if (ended)
			run_poststop(&o);
	}
	oci_clear(&o);
	return status;
}

/* --- start --------------------------------------------------------------------------------------------------------- */

static OciDir *make_dir(struct oci *o, GError **error)
{
	g_autofree char *parent = oci_dir_parent(o->request->state_dir, error);
	const char *root = json_get_string(json_get(o->config, "root"), "path");
	g_autofree char *rootfs = g_canonicalize_filename(root, o->bundle);
	g_autofree char *store = g_build_filename(o->ctl->root, "containers", o->request->id, NULL);

	return parent ? oci_dir_new(parent, o->request->id, o->bundle, rootfs, store, o->log, error) : NULL;
}

/* From created to running. */
static bool start_in(struct oci *o, Container *c, const OciDir *dir, GError **error)
{
	if (create_start(c, c->record.runtime, o->signal_fd, error) &&
		oci_dir_write_pid(dir, c->record.process.pid, error) &&
		oci_hooks_run(&o->state, OCI_POSTSTART, error)) {
		container_unlock(c);
		diag_info("Container %s is running", c->id);
		return true;
	}
	create_discard(c, c->record.runtime);
	run_poststop(o);
	return false;
}

bool oci_start(const struct ctl *ctl, const struct oci_request *request, GError **error)
{
	struct oci o = { .ctl = ctl, .request = request, .signal_fd = -1, .output_fds = { -1, -1 } };
	g_autoptr(OciDir) dir = prepare(&o, error) ? make_dir(&o, error) : NULL;
	g_autoptr(Container) c = NULL;
	g_autoptr(GError) left = NULL;
	bool ok = false;

	if (dir) {
		o.state.dir = dir->path;
		c = bring_up(&o, false, error);
		ok = c && start_in(&o, c, dir, error);
		if (!ok && !oci_dir_remove(dir, &left))
			diag_error("%s", left->message);
	}
	oci_clear(&o);
	return ok;
}

/* --- kill, destroy ------------------------------------------------------------------------------------------------- */

/* Messages go where those of start went. A log that has been removed is made again. */
static void reopen_log(const OciDir *d)
{
	g_autofree char *log = oci_dir_target(d, "log", NULL);
	g_autoptr(GError) error = NULL;

	if (log && !oci_log_to_file(log, &error))
		diag_warning("%s", error->message);
}

static OciDir *open_dir(const char *state_dir, const char *id, GError **error)
{
	g_autofree char *parent = oci_dir_parent(state_dir, error);
	OciDir *d = parent ? oci_dir_open(parent, id, error) : NULL;

	if (d)
		reopen_log(d);
	return d;
}

/* The container in the store that it was made in. NULL when it has been removed from there; NULL with *error when that is
 * not known. */
static Container *open_container(const OciDir *d, const char *id, GError **error)
{
	g_autofree char *store = oci_dir_target(d, "store", error);
	g_autofree char *containers = store ? g_path_get_dirname(store) : NULL;
	g_autofree char *root = store ? g_path_get_dirname(containers) : NULL;
	const struct ctl ctl = { .root = root };

	if (!store || (access(store, F_OK) < 0 && errno == ENOENT))
		return NULL;
	return container_open(&ctl, id, error);
}

static bool send_signal(const OciDir *d, const char *id, int sig, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Container) c = open_container(d, id, &local);
	auto_fd fd = -1;
	pid_t pid;
	int r;

	if (local) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (!oci_dir_read_pid(d, &pid, error))
		return false;
	if (!pid || !c || !c->has_record)
		return fail(error, "container %s is not running", id);
	if (pid != c->record.process.pid)
		return fail(error, "%s/container.pid: %d is not the container's process", d->path, pid);
	diag_info("Sending signal %s to container %s (process %d)", sigabbrev_np(sig) ?: "of real time", id, pid);
	fd = process_id_open(&c->record.process, c->record.boot_id);
	r = fd < 0 ? fd : sys_pidfd_send_signal(fd, sig);
	return r == 0 || fail_with(error, r, "send signal %d to container %s", sig, id);
}

bool oci_kill(const char *state_dir, const char *id, int sig, GError **error)
{
	g_autoptr(OciDir) d = open_dir(state_dir, id, error);

	return d && send_signal(d, id, sig, error);
}

/* Locks what is in the store, if anything is, and sees to it that no process is left. *ret_container may be NULL. */
static bool take_ended(const OciDir *d, const char *id, Container **ret_container, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(Container) c = open_container(d, id, &local);
	enum container_status status;
	struct ending e;

	if (local || (c && !container_lock(c, LOCK_SECONDS, &local))) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (c) {
		status = container_status(c, &e);
		ending_clear(&e);
		if (status != STATUS_EXITED && status != STATUS_LOST && status != STATUS_BROKEN)
			return fail(
				error, "container %s cannot be destroyed: it is %s", id, container_status_name(status));
	}
	*ret_container = g_steal_pointer(&c);
	return true;
}

static bool remove_all(const struct ctl *ctl, OciDir *d, Container *c, GError **error)
{
	g_autofree char *runtime = NULL;

	if (c) {
		runtime = ctl_runtime(ctl, c->has_record ? c->record.runtime : NULL, error);
		if (!runtime || !container_destroy(c, runtime, error))
			return false;
	}
	return oci_dir_remove(d, error);
}

bool oci_destroy(const struct ctl *ctl, const char *state_dir, const char *id, GError **error)
{
	g_autoptr(OciDir) d = open_dir(state_dir, id, error);
	g_autofree char *config = d ? oci_dir_target(d, "config.json", error) : NULL;
	struct oci o = { .ctl = ctl, .signal_fd = -1, .output_fds = { -1, -1 } };
	g_autoptr(Container) c = NULL;
	bool ok;

	if (!config || !oci_dir_lock(d, LOCK_SECONDS, error))
		return false;
	o.bundle = g_path_get_dirname(config);
	o.state = (struct oci_state){ .id = id, .bundle = o.bundle, .dir = d->path };
	ok = load(&o, error) && oci_dir_read_pid(d, &o.state.pid, error) && take_ended(d, id, &c, error);
	if (ok) {
		diag_info("Destroying container %s", id);
		o.state.config = o.config;
		run_poststop(&o); /* a failure does not stop us any more */
		ok = remove_all(ctl, d, c, error);
	}
	if (ok)
		diag_info("Container %s is destroyed", id);
	oci_clear(&o);
	return ok;
}

/* --- for the runtime ----------------------------------------------------------------------------------------------- */

static bool take_output(const char *path, int number, GError **error)
{
	auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	return (fd >= 0 && dup2(fd, number) >= 0) || fail_errno(error, "open %s", path);
}

static yajl_val read_state(GError **error)
{
	g_autofree char *text = g_malloc(COPY_MAX);
	ssize_t n = rw_read_full(STDIN_FILENO, text, COPY_MAX - 1);

	if (n < 0) {
		fail_with(error, (int)n, "read the state");
		return NULL;
	}
	text[n] = '\0';
	return json_parse(text, error);
}

bool oci_hooks_for_runtime(
	const char *name, const char *bundle, const char *dir, const char *output, const char *errors, GError **error)
{
	g_autoptr(JsonValue) given = read_state(error), config = given ? config_load(bundle, error) : NULL;
	struct oci_state state = { .config = config, .bundle = bundle, .dir = dir };
	int64_t pid;

	if (!config)
		return false;
	state.id = json_get_string(given, "id");
	if (!state.id || !json_get_int64(given, "pid", &pid) || pid < 2 || pid > INT32_MAX)
		return fail(error, "the runtime's state has no id or no pid");
	state.pid = (pid_t)pid;
	if (!take_output(output, STDOUT_FILENO, error) || !take_output(errors, STDERR_FILENO, error))
		return false;
	if (strcmp(name, oci_stage_names[OCI_PRECHROOT]) != 0)
		return fail(error, "%s is no stage of the runtime's", name);
	return oci_hooks_check(config, error) && oci_hooks_run(&state, OCI_PRECHROOT, error);
}
