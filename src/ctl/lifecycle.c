/* What a container goes through. The monitor's exit command (tallyctl cleanup) needs the lock while the monitor waits
 * for it: so nobody waits for a monitor with the lock in hand. */
#include "ctl/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/statefile.h"
#include "ctl/engine.h"
#include "ctl/session.h"
#include "ctl/wait.h"

#define MONITOR_SECONDS 10
#define FAILED_SECONDS  2 /* one whose create failed or was given up has nothing to write */
#define KILL_SECONDS    5
#define LOCK_SECONDS    60

const char *container_status_name(enum container_status status)
{
	static const char *const names[] = {
		[STATUS_CREATING] = "creating",
		[STATUS_CREATED] = "created",
		[STATUS_RUNNING] = "running",
		[STATUS_PAUSED] = "paused",
		[STATUS_EXITED] = "exited",
		[STATUS_ORPHANED] = "orphaned",
		[STATUS_LOST] = "lost",
		[STATUS_BROKEN] = "broken",
		[STATUS_UNKNOWN] = "unknown",
	};

	return names[status];
}

char *container_runtime_state(const Container *c, const char *runtime, GError **error)
{
	const char *const args[] = { "state", c->id, NULL };
	char *text;

	return engine_runtime(runtime, c->runtime_root, c->path, -1, args, &text, error) ? text : NULL;
}

bool container_is_paused(const Container *c)
{
	g_autofree char *text = container_runtime_state(c, c->record.runtime, NULL);
	g_autoptr(JsonValue) state = text ? json_parse(text, NULL) : NULL;

	return g_strcmp0(json_get_string(state, "status"), "paused") == 0;
}

static enum container_status unknown_status(const GError *error)
{
	diag_warning("%s", error->message);
	return STATUS_UNKNOWN;
}

/* Of one that has no record that we can read. A tool writes it whole, before anything can run: where there is none nothing
 * does, but one that cannot be read may be that of a container which runs. */
static enum container_status status_without_record(const Container *c)
{
	g_autoptr(GError) error = NULL;
	struct record now;

	if (record_load(c->dir_fd, &now, &error)) {
		record_clear(&now); /* just written */
	} else if (!g_error_matches(error, TALLY_ERROR, ENOENT)) {
		g_prefix_error(&error, "container %s: ", c->id);
		return unknown_status(error);
	}
	return container_is_locked(c) ? STATUS_CREATING : STATUS_BROKEN;
}

enum container_status container_status(const Container *c, struct ending *ret_ending)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EndWatch) w = NULL;
	bool alive;

	*ret_ending = (struct ending){ 0 };
	if (!c->has_record)
		return status_without_record(c);
	if (c->record.stage == RECORD_CREATING)
		return container_is_locked(c) ? STATUS_CREATING : STATUS_BROKEN;
	if (c->record.stage == RECORD_FAILED)
		return STATUS_BROKEN;
	w = end_look_new(c, &error);
	if (!w)
		return g_error_matches(error, TALLY_ERROR, ENOENT) ? STATUS_BROKEN : unknown_status(error);
	if (!end_watch_check(w, ret_ending)) {
		if (c->record.stage == RECORD_CREATED)
			return STATUS_CREATED;
		/* The runtime is only asked about those that we have paused: somebody else may have resumed them. */
		return c->record.paused && container_is_paused(c) ? STATUS_PAUSED : STATUS_RUNNING;
	}
	if (ret_ending->known)
		return STATUS_EXITED;
	if (!process_look(&c->record.process, c->record.boot_id, "its process", &alive, &error)) {
		g_prefix_error(&error, "container %s: ", c->id);
		return unknown_status(error);
	}
	return alive ? STATUS_ORPHANED : STATUS_LOST;
}

static bool require_status(const Container *c, bool orphaned, GError **error)
{
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	if (status == STATUS_UNKNOWN)
		return fail(error, "whether container %s runs is unknown", c->id);
	return status == STATUS_RUNNING || status == STATUS_CREATED || status == STATUS_PAUSED ||
	       (orphaned && status == STATUS_ORPHANED) ||
	       fail(error, "container %s is not running: %s", c->id, container_status_name(status));
}

bool container_require_live(const Container *c, GError **error)
{
	return require_status(c, false, error);
}

bool container_require_process(const Container *c, GError **error)
{
	return require_status(c, true, error);
}

bool container_populate(Container *c, GError **error)
{
	auto_fd fd = -1;

	if (mkdirat(c->dir_fd, STORE_EXIT_DIR, 0700) < 0 || mkdirat(c->dir_fd, STORE_SESSIONS, 0700) < 0)
		return fail_errno(error, "create a directory in %s", c->path);
	fd = openat(c->dir_fd, STORE_OUTCOME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0 || fail_errno(error, "create %s/%s", c->path, STORE_OUTCOME);
}

static bool runtime_delete(const Container *c, const char *runtime, GError **error)
{
	const char *const args[] = { "delete", "--force", c->id, NULL };

	return engine_runtime(runtime, c->runtime_root, c->path, -1, args, NULL, error);
}

static void settle_outcome(Container *c)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EndWatch) w = end_look_new(c, &error);
	struct ending e = { .why = "the monitor ended without recording it" };

	if (!w) {
		if (!g_error_matches(error, TALLY_ERROR, ENOENT)) /* never populated: nobody waits */
			diag_warning("%s", error->message);
		return;
	}
	(void)end_watch_check(w, &e); /* not ended by then: e says that it is unknown */
	if (!ending_leave_outcome(c, &e, &error))
		diag_warning("%s", error->message);
	ending_clear(&e);
}

/* Whether it came to life and its end is not settled yet. */
static bool was_created(const Container *c)
{
	return c->has_record && (c->record.stage == RECORD_CREATED || c->record.stage == RECORD_STARTED);
}

/* A tool that died while it created the container did not note the monitor, which may have written its pid file. The
 * pid may be another's by now: only a process that was told this very directory counts. */
static bool find_monitor(Container *c, GError **error)
{
	g_autoptr(GError) none = NULL;
	pid_t pid;

	if (c->record.monitor_process.pid)
		return true;
	if (!statefile_read_pid(c->dir_fd, STORE_MONITOR_PID, &pid, &none)) {
		if (none->code == 0 || none->code == ENOENT)
			return true;
		g_propagate_error(error, g_steal_pointer(&none));
		return false;
	}
	if (!process_id_of_monitor(pid, c->path, &c->record.monitor_process, error))
		return false;
	if (!c->record.boot_id)
		c->record.boot_id = boot_id_read(error);
	return c->record.boot_id;
}

bool container_destroy(Container *c, const char *runtime, GError **error)
{
	g_autofree char *again = g_strdup(runtime); /* it may be the record's, which is read again below */
	g_autoptr(GError) local = NULL;
	int seconds;

	if (!find_monitor(c, error) || (runtime && !runtime_delete(c, runtime, error)))
		return fail_prefix(error, "container %s", c->id);
	container_unlock(c);
	seconds = c->record.stage == RECORD_FAILED ? FAILED_SECONDS : MONITOR_SECONDS;
	if (!record_await_monitor(&c->record, seconds, true, error) || !session_await_monitors(c, error))
		return fail_prefix(error, "container %s", c->id);
	if (!container_lock(c, LOCK_SECONDS, &local)) {
		/* Its own exit command, obeying --rm, may have been first. */
		if (access(c->path, F_OK) < 0 && errno == ENOENT)
			return true;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (was_created(c))
		settle_outcome(c);
	else if (again)
		/* Its create may have gone on until the monitor ended; whether the runtime knows of it is unknown. */
		(void)runtime_delete(c, again, NULL);
	return container_remove(c, error);
}

bool container_settle(Container *c, const char *runtime, GError **error)
{
	if (!was_created(c))
		return true; /* who was creating it sees to it, or it has been done */
	settle_outcome(c);
	if (!runtime_delete(c, runtime, error))
		return false;
	c->record.stage = RECORD_ENDED;
	if (!container_save(c, error))
		return false;
	return !c->record.remove || (session_await_monitors(c, error) && container_remove(c, error));
}
