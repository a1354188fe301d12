/* Exec sessions: how they are made and found, and what is true when a record and the world differ. */
#include "ctl/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/statefile.h"
#include "ctl/session_record.h"
#include "ctl/wait.h"

#define ID_BYTES     32
#define LOCK_SECONDS 60
#define END_SECONDS  10

void session_free(Session *s)
{
	if (!s)
		return;
	container_free(s->owned);
	g_free(s->id);
	g_free(s->path);
	fd_close(&s->dir_fd);
	fd_close(&s->lock_fd);
	session_record_clear(s);
	g_free(s);
}

static Session *session_at(const Container *c, const char *id, GError **error)
{
	g_autoptr(Session) s = g_new0(Session, 1);

	s->container = c;
	s->id = g_strdup(id);
	s->path = g_build_filename(c->path, STORE_SESSIONS, id, NULL);
	s->lock_fd = -1;
	s->dir_fd = openat(c->dir_fd, STORE_SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		fail_errno(error, "open %s/%s", c->path, STORE_SESSIONS);
		return NULL;
	}
	return g_steal_pointer(&s);
}

/* --- making and finding --------------------------------------------------------------------------------------------- */

static void copy_config(struct session_config *to, const struct session_config *from)
{
	*to = *from;
	to->command = g_strdupv(from->command);
	to->environment = g_strdupv(from->environment);
	to->user = g_strdup(from->user);
	to->work_dir = g_strdup(from->work_dir);
	to->detach_keys = g_strdup(from->detach_keys);
}

static bool random_id(char *text, GError **error)
{
	unsigned char bytes[ID_BYTES];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		return fail_errno(error, "get random numbers");
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

Session *session_new(const Container *c, const struct session_config *config, const char *monitor, const char *runtime,
	bool remove, GError **error)
{
	char id[2 * ID_BYTES + 1]; /* of so many random digits that no two are the same */
	g_autoptr(Session) s = random_id(id, error) ? session_at(c, id, error) : NULL;

	if (!s)
		return NULL;
	copy_config(&s->config, config);
	s->monitor = g_strdup(monitor);
	s->runtime = g_strdup(runtime);
	s->boot_id = g_strdup(c->record.boot_id);
	s->remove = remove;
	s->created_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	return session_save(s, error) ? g_steal_pointer(&s) : NULL;
}

Session *session_open(const Container *c, const char *id, GError **error)
{
	g_autoptr(Session) s = NULL;

	if (!*id || strchr(id, '/') || *id == '.' || strlen(id) > 200) {
		session_fail_no_such(error, c->id, id);
		return NULL;
	}
	s = session_at(c, id, error);
	return s && session_load(s, error) ? g_steal_pointer(&s) : NULL;
}

Session *session_open_unread(const Container *c, const char *id, GError **error)
{
	g_autoptr(Session) s = session_at(c, id, error);

	if (!s)
		return NULL;
	s->boot_id = boot_id_read(error);
	if (!s->boot_id || !session_read_processes(s, NULL, error))
		return NULL;
	return g_steal_pointer(&s);
}

Container *session_find_container(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(GPtrArray) ids = store_list(ctl, error);
	g_autofree char *name = g_strconcat(STORE_SESSIONS "/", id, SESSION_SUFFIX, NULL);

	if (!ids)
		return NULL;
	for (guint i = 0; *id && *id != '.' && !strchr(id, '/') && i < ids->len; i++) {
		g_autoptr(Container) c = container_open(ctl, ids->pdata[i], NULL); /* gone meanwhile: not there */

		if (c && faccessat(c->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return g_steal_pointer(&c);
	}
	session_fail_no_such(error, NULL, id);
	return NULL;
}

Session *session_find(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = session_find_container(ctl, id, error);
	g_autoptr(Session) s = c ? session_open(c, id, error) : NULL;

	if (s)
		s->owned = g_steal_pointer(&c);
	return g_steal_pointer(&s);
}

static int by_id(const void *a, const void *b)
{
	return strcmp((*(const Session *const *)a)->id, (*(const Session *const *)b)->id);
}

GPtrArray *session_ids(const Container *c, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	int fd = openat(c->dir_fd, STORE_SESSIONS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		fd_close(&fd);
		if (errno == ENOENT)
			return g_steal_pointer(&ids); /* never populated, or removed meanwhile */
		fail_errno(error, "open %s/%s", c->path, STORE_SESSIONS);
		return NULL;
	}
	while ((e = readdir(dir)))
		if (g_str_has_suffix(e->d_name, SESSION_SUFFIX))
			g_ptr_array_add(ids, g_strndup(e->d_name, strlen(e->d_name) - strlen(SESSION_SUFFIX)));
	closedir(dir);
	return g_steal_pointer(&ids);
}

GPtrArray *session_list(const Container *c, GError **error)
{
	g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func((GDestroyNotify)session_free);
	g_autoptr(GPtrArray) ids = session_ids(c, error);

	if (!ids)
		return NULL;
	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(GError) local = NULL;
		Session *s = session_open(c, ids->pdata[i], &local);

		if (s)
			g_ptr_array_add(sessions, s);
		else if (ctl_error_status(local) != CTL_NO_SUCH)
			diag_warning("%s", local->message);
	}
	g_ptr_array_sort(sessions, by_id);
	return g_steal_pointer(&sessions);
}

/* --- what is true --------------------------------------------------------------------------------------------------- */

/* What cannot be looked at is neither alive nor dead: the session stays as it is, and that is an error. */
static bool look(const Session *s, const struct process_id *p, const char *what, bool *ret_alive, GError **error)
{
	return process_look(p, s->boot_id, what, ret_alive, error) || fail_prefix(error, "session %s", s->id);
}

static bool look_at_monitor(const Session *s, bool *ret_alive, GError **error)
{
	return look(s, &s->monitor_process, "its monitor", ret_alive, error);
}

static bool look_at_process(const Session *s, bool *ret_alive, GError **error)
{
	return look(s, &s->process, "its process", ret_alive, error);
}

int session_open_bundle(const Session *s, GError **error)
{
	int fd = openat(s->dir_fd, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		fail_errno(error, "open %s", s->path);
	return fd;
}

/* The monitor's exit file appears whole, when all is over; -1 in it says that the monitor does not know either. *ret_there:
 * whether there is one. */
static bool read_exit_file(const Session *s, bool *ret_there, int *ret_code, GError **error)
{
	g_autofree char *name = g_build_filename(s->id, SESSION_EXIT_DIR, s->container->id, NULL);
	char text[NUM_MAX];
	ssize_t n = rw_read_file(s->dir_fd, name, text, sizeof text);
	int64_t code;

	if (n < 0 && n != -ENOENT)
		return fail_with(error, (int)n, "session %s: read its exit file", s->id);
	*ret_there = n > 0 && num_parse_i64(text, -1, 255, &code) == 0;
	if (*ret_there)
		*ret_code = (int)code;
	return true;
}

bool session_remove_bundle(const Session *s, GError **error)
{
	return store_remove_tree(s->dir_fd, s->id, error) || fail_prefix(error, "session %s", s->id);
}

/* What a tool that was killed while it wrote the record has left beside it (rw_replace_file). */
static bool remove_temporaries(const Session *s, const char *record, GError **error)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	size_t length = strlen(record);
	struct dirent *e;
	bool ok = true;

	if (!dir) {
		fail_errno(error, "open %s", s->path);
		fd_close(&fd);
		return false;
	}
	while (ok && (e = readdir(dir)))
		if (strncmp(e->d_name, record, length) == 0 && e->d_name[length] == '.')
			ok = store_remove_tree(s->dir_fd, e->d_name, error);
	closedir(dir);
	return ok;
}

bool session_forget(Session *s, GError **error)
{
	g_autofree char *name = session_record_name(s->id);

	return (remove_temporaries(s, name, error) && store_remove_tree(s->dir_fd, name, error)) ||
	       fail_prefix(error, "session %s", s->id);
}

static void set_unknown(Session *s, const char *why)
{
	g_free(s->unknown_because);
	s->unknown_because = g_strdup(why);
	s->exit_known = false;
}

/* For those who watch, before anything is removed. A session of an older tool has no such file. */
static void leave_outcome(const Session *s)
{
	g_autofree char *name = g_build_filename(s->id, SESSION_OUTCOME, NULL), *text = NULL;
	auto_fd fd = openat(s->dir_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	g_autoptr(JsonWriter) w = json_writer_new(NULL);

	session_put(w, NULL, s);
	text = json_writer_text(w);
	if (fd >= 0)
		(void)rw_write_all(fd, text, strlen(text)); /* half a document is none, and the record counts */
}

bool session_settle(Session *s, GError **error)
{
	bool is_there = false;
	int code = -1;

	if (s->state == SESSION_STOPPED)
		return true;
	if (!read_exit_file(s, &is_there, &code, error))
		return false;
	s->state = SESSION_STOPPED;
	s->ended_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME);
	s->process = s->starter = (struct process_id){ 0 };
	if (!is_there)
		set_unknown(s, "the session's monitor ended without recording it");
	else if (code < 0)
		set_unknown(s, "the session's monitor could not observe it");
	else
		s->exit_known = true;
	s->exit_code = code;
	leave_outcome(s);
	return session_save(s, error);
}

/* 0: there is none, or it is none of ours. */
static bool read_pid_file(const Session *s, const char *name, pid_t *ret_pid, GError **error)
{
	g_autofree char *path = g_build_filename(s->id, name, NULL);
	g_autoptr(GError) local = NULL;

	*ret_pid = 0;
	if (statefile_read_pid(s->dir_fd, path, ret_pid, &local) || local->code == 0 || local->code == ENOENT)
		return true;
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

/* The process of the pid file, unless somebody else has its number by now. */
static bool read_process_of(Session *s, pid_t pid, GError **error)
{
	g_autofree char *path = g_build_filename(s->id, SESSION_PID_FILE, NULL);
	g_autoptr(GError) local = NULL;
	struct process_id p;
	struct stat st;

	if (fstatat(s->dir_fd, path, &st, 0) < 0)
		return fail_errno(error, "stat %s", path);
	if (process_id_read(pid, &p, &local)) {
		if (!session_process_is_younger(&p, &st.st_mtim))
			s->process = p;
		return true;
	}
	if (local->code == ESRCH)
		return true;
	g_propagate_error(error, g_steal_pointer(&local));
	return false;
}

bool session_read_processes(Session *s, bool *ret_started, GError **error)
{
	pid_t pid, monitor_pid;

	if (!read_pid_file(s, STORE_MONITOR_PID, &monitor_pid, error) ||
		(s->monitor_process.pid == 0 && monitor_pid != 0 &&
			!process_id_of_monitor(monitor_pid, s->path, &s->monitor_process, error)) ||
		!read_pid_file(s, SESSION_PID_FILE, &pid, error) ||
		(s->process.pid == 0 && pid != 0 && !read_process_of(s, pid, error)))
		return fail_prefix(error, "session %s", s->id);
	if (ret_started)
		*ret_started = pid != 0;
	return true;
}

/* The tool that was at starting it has died. What came of it is in the bundle. */
static bool recover_start(Session *s, GError **error)
{
	bool was_started = false, is_over = false, process_lives = false, monitor_lives = false;
	int code = -1;

	if (!session_read_processes(s, &was_started, error) || !read_exit_file(s, &is_over, &code, error) ||
		!look_at_process(s, &process_lives, error) || !look_at_monitor(s, &monitor_lives, error))
		return false;
	if (is_over)
		return session_settle(s, error);
	if (process_lives) {
		s->state = SESSION_RUNNING;
		s->starter = (struct process_id){ 0 };
		return session_save(s, error);
	}
	if (monitor_lives)
		return true; /* it may call the runtime yet, or write the end, or end: the next look tells */
	if (was_started)
		return session_settle(s, error);
	s->starter = s->monitor_process = (struct process_id){ 0 };
	return session_remove_bundle(s, error) && session_save(s, error);
}

static bool bring_up_to_date(Session *s, GError **error)
{
	bool lives = false, is_over = false, monitor_lives = false;
	int code;

	if (s->state == SESSION_CREATED && s->starter.pid != 0 &&
		(!look(s, &s->starter, "the tool that starts it", &lives, error) || (!lives && !recover_start(s, error))))
		return false;
	if (s->state == SESSION_RUNNING) {
		/* The exit file last: who dies between has written it. */
		if (!look_at_monitor(s, &monitor_lives, error) || !look_at_process(s, &lives, error) ||
			!read_exit_file(s, &is_over, &code, error))
			return false;
		is_over = is_over || (!monitor_lives && !lives);
	}
	if (is_over && s->legacy)
		return session_forget(s, error) && session_fail_no_such(error, s->container->id, s->id);
	if (is_over && !session_settle(s, error))
		return false;
	if (s->state != SESSION_STOPPED)
		return true;
	if (!look_at_monitor(s, &monitor_lives, error))
		return false;
	if (monitor_lives)
		return true; /* its last act is to see to what is left */
	if (!session_remove_bundle(s, error))
		return false;
	return !s->remove || (session_forget(s, error) && session_fail_no_such(error, s->container->id, s->id));
}

bool session_lock(Session *s, GError **error)
{
	auto_fd fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : store_flock(fd, LOCK_SECONDS);

	if (r == -EINTR)
		return fail(error, "session %s is busy: another tallyctl has worked on it for %d seconds", s->id,
			LOCK_SECONDS);
	if (r == -ENOENT)
		return session_fail_no_such(error, s->container->id, s->id);
	if (r < 0)
		return fail_with(error, r, "lock %s/%s", s->container->path, STORE_SESSIONS);
	s->lock_fd = steal_fd(&fd);
	if (session_load(s, error) && bring_up_to_date(s, error))
		return true;
	session_unlock(s);
	return false;
}

void session_unlock(Session *s)
{
	fd_close(&s->lock_fd);
}

bool session_refresh(Session *s, GError **error)
{
	bool ok = session_lock(s, error);

	session_unlock(s);
	return ok;
}

bool session_await_monitors(const Container *c, GError **error)
{
	g_autoptr(GPtrArray) sessions = session_list(c, error);

	if (!sessions)
		return false;
	for (guint i = 0; i < sessions->len; i++) {
		Session *s = sessions->pdata[i];

		/* A tool that died while it started the session has not noted the monitor. */
		if (!session_read_processes(s, NULL, error))
			return false;
		if (!process_await_end(&s->monitor_process, s->boot_id, "a session's monitor", END_SECONDS, true, error))
			return fail_prefix(error, "session %s", s->id);
	}
	return true;
}
