/* What an exec session goes through. Nobody holds the lock while a monitor works: its last act needs it. */
#include "ctl/session_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/statefile.h"
#include "common/users.h"
#include "ctl/attach_client.h"
#include "ctl/config.h"
#include "ctl/lifecycle.h"
#include "ctl/terminal.h"
#include "ctl/wait.h"

#define KILL_SECONDS    5
#define MONITOR_SECONDS 10
#define FAILED_SECONDS  2 /* a monitor whose runtime failed has nothing to write */

static bool fail_state(GError **error, const Session *s, const char *what)
{
	bool starting = s->state == SESSION_CREATED && s->starter.pid != 0;

	return fail_status(error, CTL_WRONG_STATE, "exec session %s of container %s is %s: it cannot be %s", s->id,
		s->container->id, starting ? "being started" : session_state_name(s->state), what);
}

/* --- start ---------------------------------------------------------------------------------------------------------- */

static char *process_text(const Session *s, GError **error)
{
	g_autoptr(JsonValue) config = config_load(s->container->path, error);
	const struct process_id *process = &s->container->record.process;
	const struct session_config *c = &s->config;
	struct exec_user user = { 0 };
	struct exec_options o = {
		.args = (const char *const *)c->command,
		.env = (const char *const *)c->environment,
		.cwd = c->work_dir,
		.terminal = c->terminal,
		.privileged = c->privileged,
	};
	char *text;

	if (!config)
		return NULL;
	if (c->user) {
		if (!users_resolve_in(c->user, process->pid, process->start_ticks, &user, error))
			return NULL;
		o.user = &user;
	}
	text = config_exec_process(config, &o);
	g_free(user.additional_gids);
	return text;
}

/* The bundle with the process in it; *ret_spec is the process's path. */
static int make_bundle(const Session *s, char **ret_spec, GError **error)
{
	g_autofree char *text = process_text(s, error), *name = NULL;
	auto_fd fd = -1;

	if (!text)
		return -1;
	if (mkdirat(s->dir_fd, s->id, 0755) < 0) {
		fail_errno(error, "create %s", s->path);
		return -1;
	}
	fd = session_open_bundle(s, error);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0755) < 0 || mkdirat(fd, SESSION_EXIT_DIR, 0755) < 0 || fchmodat(fd, SESSION_EXIT_DIR, 0755, 0) < 0) {
		fail_errno(error, "create %s/%s", s->path, SESSION_EXIT_DIR);
		return -1;
	}
	name = g_strdup_printf("exec-process-%.8s", s->id);
	if (!statefile_write(fd, SESSION_OUTCOME, "", 0600, error) || !statefile_write(fd, name, text, 0600, error))
		return -1;
	*ret_spec = g_build_filename(s->path, name, NULL);
	return steal_fd(&fd);
}

static bool launch(const struct ctl *ctl, const Session *s, int signal_fd, engine_ready_fn on_ready, void *user,
	struct engine_running *ret_running, GError **error)
{
	g_autofree char *spec = NULL, *self = ctl_self(error);
	g_autofree char *exit_dir = g_build_filename(s->path, SESSION_EXIT_DIR, NULL);
	g_autofree char *log = g_strdup_printf("k8s-file:%s/%s", s->path, SESSION_LOG);
	const char *const ended[] = { self, "--root", ctl->root, "cleanup", "--exec", s->id, s->container->id, NULL };
	auto_fd bundle_fd = self ? make_bundle(s, &spec, error) : -1;
	const struct engine_launch l = {
		.monitor = s->monitor,
		.runtime = s->runtime,
		.runtime_root = s->container->runtime_root,
		.id = s->container->id,
		.uuid = s->id,
		.dir = s->path,
		.dir_fd = bundle_fd,
		.process_spec = spec,
		.pid_file = SESSION_PID_FILE,
		/* A client that is there from the start is the reader; without one the output is kept for a while. */
		.log = on_ready ? "none" : log,
		.exit_dir = exit_dir,
		.exit_command = ended,
		.terminal = s->config.terminal,
		.stdin_open = s->config.open_stdin || s->config.attach_stdin,
		.preserve_fds = s->config.preserve_fds,
		.signal_fd = signal_fd,
	};

	return bundle_fd >= 0 && engine_launch(&l, on_ready, user, ret_running, error);
}

static bool fail_paused(GError **error, const Container *c)
{
	return fail_status(error, CTL_WRONG_STATE, "container %s is paused: nothing can be started in it", c->id);
}

bool session_require_container(const Container *c, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!container_require_live(c, &local))
		return fail_status(error, CTL_WRONG_STATE, "%s", local->message);
	return !(c->record.paused && container_is_paused(c)) || fail_paused(error, c);
}

/* Says that we are at it: nobody else will start it, and whoever looks later knows whether we have died. */
static bool claim(Session *s, GError **error)
{
	bool ok;

	if (!session_lock(s, error))
		return false;
	if (s->state != SESSION_CREATED || s->starter.pid != 0)
		ok = fail_state(error, s, "started");
	else
		ok = session_require_container(s->container, error) && process_id_read(getpid(), &s->starter, error) &&
		     session_save(s, error);
	session_unlock(s);
	return ok;
}

/* A session that is over by now has been settled by its monitor, and may be gone. */
static bool note_running(Session *s, const struct engine_running *r, GError **error)
{
	g_autoptr(GError) local = NULL;
	bool ok = true;

	if (!session_lock(s, &local)) {
		if (ctl_error_status(local) == CTL_NO_SUCH)
			return true;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (s->state == SESSION_CREATED) {
		/* Either may have ended by now; then there is nobody to wait for. */
		(void)process_id_read(r->monitor_pid, &s->monitor_process, NULL);
		(void)process_id_read(r->pid, &s->process, NULL);
		s->starter = (struct process_id){ 0 };
		s->state = SESSION_RUNNING;
		s->started_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
		ok = session_save(s, error);
	}
	session_unlock(s);
	return ok;
}

static bool await_end(int process_fd, int seconds)
{
	return wait_readable(process_fd, -1, deadline_in(seconds), "the session's process", NULL);
}

/* Only the session's process is signalled, not the container. */
static bool end_process(const Session *s, int seconds, GError **error)
{
	auto_fd fd = -1;
	int opened = -1;

	if (!process_open(&s->process, s->boot_id, "its process", &opened, error))
		return fail_prefix(error, "exec session %s", s->id);
	fd = opened;
	if (fd < 0)
		return true;
	if (seconds > 0) {
		(void)sys_pidfd_send_signal(fd, SIGTERM); /* ESRCH: it has just ended */
		if (await_end(fd, seconds))
			return true;
	}
	(void)sys_pidfd_send_signal(fd, SIGKILL);
	return await_end(fd, KILL_SECONDS) || fail_status(error, CTL_TIMEOUT,
						      "exec session %s: process %d has not ended %d seconds after KILL",
						      s->id, s->process.pid, KILL_SECONDS);
}

/* What a start that failed has left running ends. */
static void end_failed(Session *s, const struct engine_running *r)
{
	struct process_id monitor = { 0 };
	g_autoptr(GError) error = NULL;

	/* When it was we who gave up, the command may run by now; nobody would know of it. */
	if ((r->pid <= 0 || !process_id_read(r->pid, &s->process, NULL)) && !session_read_processes(s, NULL, &error))
		diag_warning("%s", error->message);
	g_clear_error(&error);
	if (!end_process(s, 0, &error))
		diag_warning("%s", error->message);
	g_clear_error(&error);
	if (r->monitor_pid > 0 &&
		(!process_id_of_monitor(r->monitor_pid, s->path, &monitor, &error) ||
			!process_await_end(&monitor, s->boot_id, "the session's monitor", FAILED_SECONDS, true, &error)))
		diag_warning("%s", error->message);
}

static bool lock_failed(Session *s)
{
	g_autoptr(GError) error = NULL;
	bool ok = session_lock(s, &error);

	if (!ok && ctl_error_status(error) != CTL_NO_SUCH)
		diag_warning("%s", error->message);
	return ok;
}

/* Its end is noted, or it is gone where that was wanted; locked. */
static void put_away(Session *s)
{
	g_autoptr(GError) error = NULL;

	if (!session_remove_bundle(s, &error) || !(s->remove ? session_forget(s, &error) : session_save(s, &error)))
		diag_warning("%s", error->message);
}

/* What could not be started is over: its exit code is the one a shell would give. */
static void note_failure(Session *s, const GError *failure)
{
	if (!lock_failed(s))
		return;
	if (s->state == SESSION_CREATED || !s->exit_known) {
		s->state = SESSION_STOPPED;
		s->starter = s->process = s->monitor_process = (struct process_id){ 0 };
		g_clear_pointer(&s->unknown_because, g_free);
		g_free(s->failure);
		s->failure = g_strdup(failure->message);
		s->exit_known = true;
		s->exit_code = ctl_error_status(failure);
		s->ended_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
		put_away(s);
	}
	session_unlock(s);
}

/* It can be started later. */
static void note_refusal(Session *s)
{
	if (!lock_failed(s))
		return;
	/* The monitor's last act, which knows of no runtime that refuses, may have been quicker. */
	s->state = SESSION_CREATED;
	s->starter = s->process = s->monitor_process = (struct process_id){ 0 };
	g_clear_pointer(&s->unknown_because, g_free);
	s->exit_known = false;
	s->exit_code = 0;
	s->ended_ns = 0;
	put_away(s);
	session_unlock(s);
}

bool session_start(const struct ctl *ctl, Session *s, int signal_fd, engine_ready_fn on_ready, void *user,
	struct engine_running *ret_running, GError **error)
{
	g_autoptr(GError) failure = NULL;

	*ret_running = ENGINE_RUNNING_NONE;
	if (!claim(s, error))
		return false;
	if (launch(ctl, s, signal_fd, on_ready, user, ret_running, &failure))
		return note_running(s, ret_running, error);
	end_failed(s, ret_running);
	/* Paused since the look, or not by us: the runtime has refused, and that uses no session up. */
	if (s->process.pid == 0 && container_is_paused(s->container)) {
		note_refusal(s);
		return fail_paused(error, s->container);
	}
	note_failure(s, failure);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool session_connect(void *user, int *ret_fd, GError **error)
{
	Session *s = user;
	auto_fd bundle_fd = session_open_bundle(s, error);

	*ret_fd = bundle_fd < 0 ? -1 : attach_connect(bundle_fd, error);
	if (*ret_fd >= 0 && s->config.terminal)
		(void)terminal_send_size(bundle_fd); /* ours is none: the command's stays as it is */
	return *ret_fd >= 0;
}

/* --- stop ----------------------------------------------------------------------------------------------------------- */

bool session_await_record(Session *s, GError **error)
{
	g_autoptr(GError) late = NULL;

	/* Its last act is the record. One that takes longer, or died, leaves the looking to us. */
	if (!process_await_end(&s->monitor_process, s->boot_id, "the session's monitor", MONITOR_SECONDS, false, &late))
		diag_warning("session %s: %s", s->id, late->message);
	return session_refresh(s, error);
}

bool session_stop(Session *s, int seconds, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!session_refresh(s, error))
		return false;
	if (s->state != SESSION_RUNNING)
		return fail_state(error, s, "stopped");
	if (!end_process(s, seconds, error))
		return false;
	if (!session_await_record(s, &local)) {
		if (ctl_error_status(local) == CTL_NO_SUCH)
			return true; /* it was to be removed with its end */
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	return s->state == SESSION_STOPPED ||
	       fail_status(error, CTL_TIMEOUT, "exec session %s: its end was not recorded in %d seconds", s->id,
		       MONITOR_SECONDS);
}

/* --- removal -------------------------------------------------------------------------------------------------------- */

/* A session that does not run any more, its monitor ended; locked. */
static bool settle_idle(Session *s, const char *what, GError **error)
{
	const struct process_id monitor = s->monitor_process;

	if (s->state == SESSION_RUNNING || s->starter.pid != 0)
		return fail_state(error, s, what);
	session_unlock(s);
	return process_await_end(&monitor, s->boot_id, "the session's monitor", MONITOR_SECONDS, true, error) &&
	       session_lock(s, error);
}

/* A tool that died while it started the session may have left a monitor that waits for it. */
static bool end_abandoned_start(Session *s, GError **error)
{
	bool lives = true;

	if (s->starter.pid != 0 &&
		!process_look(&s->starter, s->boot_id, "the tool that starts it", &lives, error))
		return fail_prefix(error, "exec session %s", s->id);
	if (lives)
		return true;
	session_unlock(s);
	return process_await_end(&s->monitor_process, s->boot_id, "the session's monitor", FAILED_SECONDS, true, error) &&
	       session_lock(s, error);
}

bool session_remove(Session *s, bool force, int seconds, GError **error)
{
	g_autoptr(GError) local = NULL;
	bool ok;

	if (!session_lock(s, error))
		return false;
	if (force && s->state == SESSION_RUNNING) {
		session_unlock(s);
		ok = session_stop(s, seconds, &local);
		/* It may have ended, or gone, between the look and the stop. */
		if (!ok && ctl_error_status(local) != CTL_NO_SUCH && ctl_error_status(local) != CTL_WRONG_STATE) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		g_clear_error(&local);
		if (!session_lock(s, &local)) {
			if (ctl_error_status(local) == CTL_NO_SUCH)
				return true;
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
	}
	ok = end_abandoned_start(s, error) && settle_idle(s, "removed", error) && session_remove_bundle(s, error) &&
	     session_forget(s, error);
	session_unlock(s);
	return ok;
}

bool session_discard(const Container *c, const char *id, GError **error)
{
	g_autoptr(Session) s = session_open_unread(c, id, error);

	return s && end_process(s, 0, error) &&
	       process_await_end(&s->monitor_process, s->boot_id, "the session's monitor", MONITOR_SECONDS, true, error) &&
	       session_remove_bundle(s, error) && session_forget(s, error);
}

bool session_cleanup(Session *s, GError **error)
{
	bool ok = session_lock(s, error) && settle_idle(s, "cleaned up", error) && session_remove_bundle(s, error);

	session_unlock(s);
	return ok;
}

bool session_ended(Session *s, GError **error)
{
	bool ok;

	if (!session_lock(s, error))
		return false;
	/* A start that was refused is over, too: that session may be started again. */
	ok = (s->state == SESSION_CREATED && s->starter.pid == 0) ||
	     (session_settle(s, error) && session_remove_bundle(s, error) && (!s->remove || session_forget(s, error)));
	session_unlock(s);
	return ok;
}
