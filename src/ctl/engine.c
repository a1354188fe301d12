/* Driving a monitor and a runtime. The order is the one engines keep: the monitor waits at the start pipe before it
 * forks; its foreground process ends when the monitor proper is on its own; an exec session's socket exists, and its
 * client is connected, before the process runs. */
#include "ctl/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/json.h"
#include "common/statefile.h"
#include "ctl/command.h"
#include "ctl/record.h"
#include "ctl/spawn.h"
#include "ctl/store.h"
#include "ctl/wait.h"

/* As engines: long enough for any image, hook or slow disk. */
#define CREATE_SECONDS 240
#define LINE_MAX_BYTES 16384
/* How long what has begun may take to come to rest when we are told to end: breaking off leaves things behind. */
#define REST_SECONDS 10
#define RUNTIME_LOG  "oci-log"

static void add(GPtrArray *argv, const char *arg)
{
	g_ptr_array_add(argv, g_strdup(arg));
}

static void add_pair(GPtrArray *argv, const char *option, const char *value)
{
	add(argv, option);
	add(argv, value);
}

static void add_runtime_args(GPtrArray *argv, const struct engine_launch *l)
{
	for (const char *const *a = l->runtime_args; a && *a; a++)
		add_pair(argv, "--runtime-arg", *a);
	add(argv, "--runtime-arg");
	g_ptr_array_add(argv, g_strdup_printf("--root=%s", l->runtime_root));
	add_pair(argv, "--runtime-arg", "--log-format=json");
	add(argv, "--runtime-arg");
	g_ptr_array_add(argv, g_strdup_printf("--log=%s/%s", l->dir, RUNTIME_LOG));
}

char **engine_monitor_argv(const struct engine_launch *l)
{
	GPtrArray *argv = g_ptr_array_new();
	g_autofree char *pid_file = g_build_filename(l->dir, l->pid_file ?: STORE_PID_FILE, NULL);
	g_autofree char *monitor_pid = g_build_filename(l->dir, STORE_MONITOR_PID, NULL);

	add(argv, l->monitor);
	add_pair(argv, "--api-version", "1");
	add_pair(argv, "-c", l->id);
	add_pair(argv, "-u", l->uuid);
	add_pair(argv, "-n", l->id);
	add_pair(argv, "-r", l->runtime);
	add_pair(argv, "-b", l->dir);
	add_pair(argv, "-p", pid_file);
	add_pair(argv, "-P", monitor_pid);
	add_pair(argv, "--exit-dir", l->exit_dir);
	add(argv, "--full-attach");
	add_pair(argv, "-l", l->log);
	add_pair(argv, "--log-level", "warning");
	add_runtime_args(argv, l);
	/* A container with a terminal has its stdin open anyway; engines never give both there. */
	if (l->terminal)
		add(argv, "-t");
	if (l->stdin_open && (l->process_spec || !l->terminal))
		add(argv, "-i");
	/* Who leaves a terminal may come back; the end of other input is the command's to see. */
	if (l->stdin_open && l->process_spec && l->terminal)
		add(argv, "--leave-stdin-open");
	if (l->process_spec) {
		add(argv, "-e");
		add(argv, "--exec-attach");
		add_pair(argv, "--exec-process-spec", l->process_spec);
	}
	if (l->preserve_fds > 0) {
		add_pair(argv, "--runtime-opt", "--preserve-fds");
		add(argv, "--runtime-opt");
		g_ptr_array_add(argv, g_strdup_printf("%d", l->preserve_fds));
	}
	for (const char *const *a = l->exit_command; a && *a; a++)
		add_pair(argv, a == l->exit_command ? "--exit-command" : "--exit-command-arg", *a);
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

void engine_running_clear(struct engine_running *r)
{
	fd_close(&r->sync_fd);
	fd_close(&r->attach_fd);
}

bool engine_parse_line(const char *line, int *ret_data, char **ret_message, GError **error)
{
	g_autoptr(JsonValue) v = json_parse(line, error);
	int64_t data;

	if (!v)
		return false;
	if (!json_get_int64(v, "data", &data) || data < INT32_MIN || data > INT32_MAX)
		return fail(error, "no \"data\" in %s", line);
	*ret_data = (int)data;
	*ret_message = g_strdup(json_get_string(v, "message"));
	return true;
}

/* Go's levels from error on. */
static bool is_error_level(const char *level)
{
	static const char *const levels[] = { "error", "fatal", "panic", NULL };

	return level && g_strv_contains(levels, level);
}

char *engine_last_error(const char *log_text)
{
	g_auto(GStrv) lines = g_strsplit(log_text, "\n", -1);

	for (guint i = g_strv_length(lines); i-- > 0;) {
		g_autoptr(JsonValue) v = *lines[i] ? json_parse(lines[i], NULL) : NULL;

		if (is_error_level(json_get_string(v, "level")) && json_get_string(v, "msg"))
			return g_strdup(json_get_string(v, "msg"));
	}
	return NULL;
}

/* The runtime's own words: from its log, else what reached us otherwise. */
static bool fail_runtime(GError **error, int dir_fd, const char *log, const char *what, const char *otherwise)
{
	g_autofree char *text = g_malloc(LINE_MAX_BYTES), *said = NULL;

	if (rw_read_file(dir_fd, log, text, LINE_MAX_BYTES) > 0)
		said = engine_last_error(text);
	if (!said)
		said = g_strdup(otherwise && *otherwise ? otherwise : "failed and did not say why");
	g_strchomp(said);
	g_strdelimit(said, "\n\r", ' ');
	return fail_status(error, ctl_status_of_runtime_text(said), "%s: %s", what, said);
}

/* Both ends of what connects us to the monitor. Index 0 is ours, 1 is the monitor's. */
struct pipes {
	int sync[2], start[2], attach[2];
};

static void pipes_clear(struct pipes *p)
{
	for (int i = 0; i < 2; i++) {
		fd_close(&p->sync[i]);
		fd_close(&p->start[i]);
		fd_close(&p->attach[i]);
	}
}

static bool pipes_open(struct pipes *p, bool exec, GError **error)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->sync) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->start) < 0 ||
		(exec && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->attach) < 0))
		return fail_errno(error, "create a socket pair");
	return true;
}

static char **set_fd(char **env, const char *name, int fd)
{
	g_autofree char *value = g_strdup_printf("%d", fd);

	return fd < 0 ? g_environ_unsetenv(env, name) : g_environ_setenv(env, name, value, TRUE);
}

/* Ours, without what speaks of descriptors and services that are ours alone. */
static char **clean_environment(void)
{
	static const char *const without[] = { "NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES" };
	char **env = g_get_environ();

	for (size_t i = 0; i < G_N_ELEMENTS(without); i++)
		env = g_environ_unsetenv(env, without[i]);
	return env;
}

static char **monitor_environment(const struct pipes *p)
{
	char **env = clean_environment();

	env = set_fd(env, "_OCI_SYNCPIPE", p->sync[1]);
	env = set_fd(env, "_OCI_STARTPIPE", p->start[1]);
	return set_fd(env, "_OCI_ATTACHPIPE", p->attach[1]);
}

static bool start_monitor(const struct engine_launch *l, struct pipes *p, struct child *ret_child, GError **error)
{
	const int pipes[] = { p->sync[1], p->start[1], p->attach[1], -1 };
	g_autofree int *keep = g_new(int, (gsize)l->preserve_fds + G_N_ELEMENTS(pipes));
	g_auto(GStrv) argv = engine_monitor_argv(l);
	g_auto(GStrv) env = monitor_environment(p);

	for (int i = 0; i < l->preserve_fds; i++)
		keep[i] = 3 + i;
	memcpy(keep + l->preserve_fds, pipes, sizeof pipes);

	if (!child_start((const char *const *)argv, env, l->dir_fd, keep, l->stdio, ret_child, error))
		return false;
	/* From now on an end of file tells that the monitor has gone. */
	fd_close(&p->sync[1]);
	fd_close(&p->start[1]);
	fd_close(&p->attach[1]);
	return true;
}

static bool fail_monitor(GError **error, const struct child *c, const char *what)
{
	g_autofree char *said = child_output(c);

	g_strdelimit(said, "\n\r", ' ');
	return fail(error, "monitor %s: %s", c->program, *said ? said : what);
}

static bool release(int start_fd, GError **error)
{
	if (send(start_fd, "", 1, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return fail_errno(error, "write to the start pipe");
	return true; /* EPIPE: the monitor has gone, which its exit status explains */
}

/* The foreground process ends as soon as the monitor proper is on its own, and has written its pid by then. */
static bool await_foreground(struct child *c, int signal_fd, GError **error)
{
	int status;

	if (!child_wait(c, signal_fd, CREATE_SECONDS, &status, error)) {
		(void)child_wait(c, -1, REST_SECONDS, &status, NULL); /* else it is killed */
		return false;
	}
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) || fail_monitor(error, c, "failed and did not say why");
}

/* Reads one line; *ret_line is NULL at the end of the pipe. */
static bool read_line(int fd, int signal_fd, deadline_t deadline, const char *what, char **ret_line, GError **error)
{
	g_autofree char *buf = g_malloc(LINE_MAX_BYTES + 1);
	ssize_t n;

	if (!wait_readable(fd, signal_fd, deadline, what, error))
		return false;
	n = rw_read(fd, buf, LINE_MAX_BYTES);
	if (n < 0 && n != -ECONNRESET)
		return fail_with(error, (int)n, "read %s", what);
	*ret_line = n > 0 ? g_strndup(buf, (gsize)n) : NULL;
	return true;
}

static bool await_attach_pipe(const struct engine_launch *l, int fd, const struct child *c, GError **error)
{
	g_autofree char *line = NULL, *message = NULL;
	int data;

	if (!read_line(fd, l->signal_fd, deadline_in(CREATE_SECONDS), "the monitor's attach socket", &line, error))
		return false;
	if (!line)
		return fail_monitor(error, c, "ended before its attach socket was ready");
	return engine_parse_line(line, &data, &message, error) ||
	       fail_prefix(error, "monitor %s: attach pipe", l->monitor);
}

/* We were told to end, or have failed: what the runtime has begun is taken back whole when it has done. Of a create,
 * what comes of breaking off can be taken back, too: being told again ends the wait. */
static void await_rest(const struct engine_launch *l, int fd, pid_t *ret_pid)
{
	int signal_fd = l->process_spec ? -1 : l->signal_fd;
	g_autofree char *line = NULL, *message = NULL;
	int data = -1;

	if (read_line(fd, signal_fd, deadline_in(REST_SECONDS), "the runtime", &line, NULL) && line &&
		engine_parse_line(line, &data, &message, NULL) && data >= 2)
		*ret_pid = data;
}

static bool await_pid(const struct engine_launch *l, int fd, const struct child *c, pid_t *ret_pid, GError **error)
{
	const char *what = l->process_spec ? "exec" : "create";
	g_autofree char *line = NULL, *message = NULL;
	int data = -1;

	if (!read_line(fd, l->signal_fd, deadline_in(CREATE_SECONDS), "the runtime", &line, error)) {
		await_rest(l, fd, ret_pid);
		return false;
	}
	if (line && !engine_parse_line(line, &data, &message, error))
		return fail_prefix(error, "monitor %s: sync pipe", l->monitor);
	if (!line && !message)
		message = child_output(c);
	if (data < 2)
		return fail_runtime(error, l->dir_fd, RUNTIME_LOG, what, message);
	*ret_pid = data;
	return true;
}

/* A monitor that waits to be released would take the end of our pipes for it. */
static void end_waiting(const struct engine_launch *l, pid_t monitor_pid)
{
	g_autofree char *boot_id = boot_id_read(NULL);
	auto_fd fd = -1;
	struct process_id p = { 0 };

	if (monitor_pid <= 0 || !process_id_of_monitor(monitor_pid, l->dir, &p, NULL))
		return; /* one that cannot be looked at finds our pipes closed, and the caller says what it left */
	fd = process_id_open(&p, boot_id);
	if (fd >= 0 && sys_pidfd_send_signal(fd, SIGKILL) == 0)
		(void)wait_readable(
			fd, -1, deadline_in(REST_SECONDS), "the monitor's end", NULL); /* the caller looks, too */
}

static bool converse(const struct engine_launch *l, struct pipes *p, struct child *c, engine_ready_fn on_ready,
	void *user, struct engine_running *r, GError **error)
{
	bool ok = release(p->start[0], error) && await_foreground(c, l->signal_fd, error);

	ok = statefile_read_pid(l->dir_fd, STORE_MONITOR_PID, &r->monitor_pid, ok ? error : NULL) && ok;
	if (l->process_spec) {
		ok = ok && await_attach_pipe(l, p->attach[0], c, error) &&
		     (!on_ready || on_ready(user, &r->attach_fd, error));
		if (!ok)
			end_waiting(l, r->monitor_pid);
		ok = ok && release(p->start[0], error);
	} else if (!ok) {
		await_rest(l, p->sync[0], &r->pid); /* it was released before */
	}
	return ok && await_pid(l, p->sync[0], c, &r->pid, error);
}

bool engine_launch(const struct engine_launch *l, engine_ready_fn on_ready, void *user,
	struct engine_running *ret_running, GError **error)
{
	struct engine_running r = ENGINE_RUNNING_NONE;
	struct child c = CHILD_NONE;
	struct pipes p;
	bool ok;

	ok = pipes_open(&p, l->process_spec, error) && start_monitor(l, &p, &c, error) &&
	     converse(l, &p, &c, on_ready, user, &r, error);
	if (ok)
		r.sync_fd = steal_fd(&p.sync[0]);
	else
		fd_close(&r.attach_fd);
	/* The pid is of use to who has to clean up, too. */
	*ret_running = r;
	child_clear(&c);
	pipes_clear(&p);
	return ok;
}

bool engine_read_exit_code(int sync_fd, int *ret_code, GError **error)
{
	g_autofree char *line = NULL, *message = NULL;

	if (!read_line(sync_fd, -1, deadline_in(CREATE_SECONDS), "the monitor's sync pipe", &line, error))
		return false;
	if (!line)
		return fail_status(error, CTL_UNKNOWN_END, "the monitor ended without telling the exit status");
	if (!engine_parse_line(line, ret_code, &message, error))
		return fail_prefix(error, "sync pipe");
	if (*ret_code < 0)
		return fail_status(
			error, CTL_UNKNOWN_END, "exit status unknown: %s", message ?: "the monitor does not say why");
	return true;
}

bool engine_runtime(const char *runtime, const char *runtime_root, const char *dir, int signal_fd,
	const char *const *args, char **ret_output, GError **error)
{
	/* A log of this call's own: others may call at the same time. */
	g_autofree char *log = g_strdup_printf("%s/runtime-%d.log", dir, getpid());
	g_autofree char *log_arg = g_strconcat("--log=", log, NULL), *said = NULL;
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_auto(GStrv) env = clean_environment();
	struct child c = CHILD_NONE;
	int status = 0;
	bool ok;

	g_ptr_array_add(argv, (char *)runtime);
	g_ptr_array_add(argv, (char *)"--root");
	g_ptr_array_add(argv, (char *)runtime_root);
	g_ptr_array_add(argv, (char *)"--log-format=json");
	g_ptr_array_add(argv, log_arg);
	for (const char *const *a = args; *a; a++)
		g_ptr_array_add(argv, (char *)*a);
	g_ptr_array_add(argv, NULL);
	ok = child_start((const char *const *)argv->pdata, env, -1, NULL, NULL, &c, error) &&
	     child_wait(&c, signal_fd, CREATE_SECONDS, &status, error);
	if (ok && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
		said = child_output(&c);
		ok = fail_runtime(error, AT_FDCWD, log, args[0], said);
	}
	if (ok && ret_output)
		*ret_output = child_output(&c);
	child_clear(&c);
	(void)unlink(log); /* absent when the runtime did not open it */
	return ok;
}
