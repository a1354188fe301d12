/* What becomes of containers, by inotify on the files that monitors, runtimes and tools write anyway: an event tells where
 * to look, and what the files say then is what is told. What was there at the start is not. */
#include "ctl/store_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "common/error.h"
#include "common/json.h"
#include "common/statefile.h"
#include "ctl/ending.h"
#include "ctl/session.h"
#include "ctl/store.h"

#define OOM_FILE     "oom"
#define WATCHED_MASK (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR | IN_DONT_FOLLOW)
#define OUTCOME_MAX  (4 << 20)
#define BUFFER_SIZE  65536
#define WHY_REMOVED  "it was removed before its end could be read"

/* A session and what was told of it. */
struct seen_session {
	char *command;
	int outcome_fd; /* held while its files go */
	bool exec, die;
};

/* A container and what was told of it. Its directory is held: what was in it can still be read when it has gone. */
struct watched {
	Container *c;
	EndWatch *end;
	GHashTable *sessions; /* id -> struct seen_session */
	int process_fd;       /* of an orphan */
	bool create, start, oom, orphan, die;
	bool dirty;
};

struct StoreWatch {
	const struct ctl *ctl;
	event_fn tell;
	void *user;
	int store_fd;
	int inotify_fd;
	int store_wd;
	GHashTable *containers; /* id -> struct watched */
	GHashTable *wds;        /* watch descriptor -> struct watched, borrowed */
	bool quiet;
	int unwatched; /* -errno: a directory that could not be watched, and what happens there would not be told */
};

const char *event_type_name(enum event_type type)
{
	static const char *const names[] = {
		[EVENT_READY] = "ready",
		[EVENT_GAP] = "gap",
		[EVENT_CREATE] = "create",
		[EVENT_START] = "start",
		[EVENT_EXEC] = "exec",
		[EVENT_EXEC_DIE] = "exec-die",
		[EVENT_OOM] = "oom",
		[EVENT_ORPHAN] = "orphan",
		[EVENT_DIE] = "die",
		[EVENT_REMOVE] = "remove",
	};

	return names[type];
}

static void seen_session_free(gpointer data)
{
	struct seen_session *s = data;

	g_free(s->command);
	fd_close(&s->outcome_fd);
	g_free(s);
}

static void watched_free(gpointer data)
{
	struct watched *w = data;

	container_free(w->c);
	end_watch_free(w->end);
	g_hash_table_unref(w->sessions);
	fd_close(&w->process_fd);
	g_free(w);
}

static void tell(const StoreWatch *sw, const struct event *e)
{
	if (!sw->quiet)
		sw->tell(e, sw->user);
}

/* The time a file was last written, when it exists; else 0. */
static int64_t file_time(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* A directory below the container's; one that is not there yet is seen when it is made. */
static void watch_dir(StoreWatch *sw, struct watched *w, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/%s", w->c->dir_fd, name);
	int wd = inotify_add_watch(sw->inotify_fd, path, WATCHED_MASK);

	if (wd >= 0)
		g_hash_table_insert(sw->wds, GINT_TO_POINTER(wd), w);
	else if (errno != ENOENT && errno != ENOTDIR)
		sw->unwatched = -errno;
}

static bool all_watched(const StoreWatch *sw, GError **error)
{
	return sw->unwatched == 0 || fail_with(error, sw->unwatched, "watch the directories of containers%s",
					     sw->unwatched == -ENOSPC ? " (fs.inotify.max_user_watches)" : "");
}

/* --- sessions -------------------------------------------------------------------------------------------------------- */

static void tell_exec(
	const StoreWatch *sw, const struct watched *w, const char *id, struct seen_session *seen, int64_t time)
{
	if (!seen->exec)
		tell(sw, &(struct event){ EVENT_EXEC, .id = w->c->id, .session = id, .command = seen->command,
				 .time_ns = time });
	seen->exec = true;
}

static void tell_exec_die(
	const StoreWatch *sw, const struct watched *w, struct seen_session *seen, const struct event *end)
{
	struct event e = *end;

	e.type = EVENT_EXEC_DIE;
	e.id = w->c->id;
	e.command = seen->command;
	if (!seen->die)
		tell(sw, &e);
	seen->die = true;
}

static bool read_code(int dir_fd, const char *name, int *ret_code)
{
	char text[NUM_MAX];
	int64_t code;

	if (rw_read_file(dir_fd, name, text, sizeof text) <= 0 || num_parse_i64(text, -1, 255, &code) < 0)
		return false;
	*ret_code = (int)code;
	return true;
}

/* Its bundle tells first, and goes soon after its end; its record stays, or goes as well. */
static void look_at_bundle(const StoreWatch *sw, const struct watched *w, const char *id, struct seen_session *seen)
{
	int dir_fd = w->c->dir_fd, code;
	g_autofree char *pid_file = g_build_filename(STORE_SESSIONS, id, SESSION_PID_FILE, NULL);
	g_autofree char *exit_file = g_build_filename(STORE_SESSIONS, id, SESSION_EXIT_DIR, w->c->id, NULL);
	pid_t pid;

	if (statefile_read_pid(dir_fd, pid_file, &pid, NULL))
		tell_exec(sw, w, id, seen, file_time(dir_fd, pid_file));
	if (!seen->exec || !read_code(dir_fd, exit_file, &code))
		return;
	tell_exec_die(sw, w, seen,
		&(struct event){ .session = id,
			.time_ns = file_time(dir_fd, exit_file),
			.code_known = code >= 0,
			.code = code,
			.why = code < 0 ? "the session's monitor could not observe it" : NULL });
}

static void look_at_record(const StoreWatch *sw, const struct watched *w, const Session *s, struct seen_session *seen)
{
	if (!seen->command)
		seen->command = g_strjoinv(" ", s->config.command);
	if (s->state == SESSION_RUNNING || (s->state == SESSION_STOPPED && s->started_ns))
		tell_exec(sw, w, s->id, seen, s->started_ns);
	if (seen->exec && s->state == SESSION_STOPPED)
		tell_exec_die(sw, w, seen,
			&(struct event){ .session = s->id,
				.time_ns = s->ended_ns,
				.code_known = s->exit_known,
				.code = s->exit_code,
				.why = s->unknown_because });
}

static void look_at_session(StoreWatch *sw, struct watched *w, const char *id)
{
	g_autofree char *bundle = g_build_filename(STORE_SESSIONS, id, NULL);
	g_autofree char *exits = g_build_filename(bundle, SESSION_EXIT_DIR, NULL);
	struct seen_session *seen = g_hash_table_lookup(w->sessions, id);
	g_autoptr(Session) s = NULL;

	if (!seen) {
		seen = g_new0(struct seen_session, 1);
		seen->outcome_fd = -1;
		g_hash_table_insert(w->sessions, g_strdup(id), seen);
	}
	if (seen->die)
		return;
	watch_dir(sw, w, bundle);
	watch_dir(sw, w, exits);
	if (seen->outcome_fd < 0) {
		g_autofree char *outcome = g_build_filename(bundle, SESSION_OUTCOME, NULL);

		seen->outcome_fd = openat(w->c->dir_fd, outcome, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	}
	s = session_open(w->c, id, NULL); /* gone meanwhile, or not readable */
	if (s && !seen->command && s->config.command)
		seen->command = g_strjoinv(" ", s->config.command);
	look_at_bundle(sw, w, id, seen);
	if (s && s->config.command)
		look_at_record(sw, w, s, seen);
}

/* Its record has gone. */
static void look_at_outcome(const StoreWatch *sw, const struct watched *w, const char *id, struct seen_session *seen)
{
	g_autofree char *text = g_malloc0(OUTCOME_MAX);
	ssize_t n = seen->outcome_fd < 0 ? 0 : pread(seen->outcome_fd, text, OUTCOME_MAX - 1, 0);
	g_autoptr(JsonValue) v = n > 0 ? json_parse(text, NULL) : NULL;
	struct event e = { .session = id, .code_known = v && !json_get(v, "unknownBecause") };
	int64_t started, code = 0;

	if (v && json_get_int64(v, "startedNs", &started))
		tell_exec(sw, w, id, seen, started);
	if (!seen->exec)
		return;
	(void)json_get_int64(v, "exitCode", &code); /* absent: 0 */
	(void)json_get_int64(v, "endedNs", &e.time_ns);
	e.code = (int)code;
	e.why = e.code_known ? NULL : json_get_string(v, "unknownBecause") ?: WHY_REMOVED;
	tell_exec_die(sw, w, seen, &e);
}

static void look_at_sessions(StoreWatch *sw, struct watched *w)
{
	g_autoptr(GPtrArray) ids = session_ids(w->c, NULL);
	GHashTableIter i;
	gpointer id, seen;

	if (!ids) {
		w->dirty = true; /* for want of descriptors, perhaps: they have not gone for that */
		return;
	}
	for (guint n = 0; n < ids->len; n++)
		look_at_session(sw, w, ids->pdata[n]);
	g_hash_table_iter_init(&i, w->sessions);
	while (g_hash_table_iter_next(&i, &id, &seen)) {
		if (g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL))
			continue;
		look_at_outcome(sw, w, id, seen);
		g_hash_table_iter_remove(&i);
	}
}

/* --- containers ------------------------------------------------------------------------------------------------------ */

static void read_record(struct watched *w)
{
	struct record r;

	if (!record_load(w->c->dir_fd, &r, NULL))
		return; /* not there yet, or no more: what was last known counts */
	record_clear(&w->c->record);
	w->c->record = r;
	w->c->has_record = true;
}

static void look_at_end(const StoreWatch *sw, struct watched *w)
{
	const struct record *r = &w->c->record;
	struct ending end;

	if (!w->end)
		w->end = end_look_new(w->c, NULL);
	if (!w->end || w->die || !end_watch_check(w->end, &end))
		return;
	fd_close(&w->process_fd);
	w->process_fd = end.known ? -1 : process_id_open(&r->process, r->boot_id);
	if (w->process_fd < 0) {
		tell(sw, &(struct event){ EVENT_DIE, .id = w->c->id, .time_ns = end.ended_ns, .code_known = end.known,
				 .code = end.code, .why = end.why });
		w->die = true;
	} else if (!w->orphan) {
		tell(sw, &(struct event){ EVENT_ORPHAN, .id = w->c->id });
		w->orphan = true;
	}
	ending_clear(&end);
}

/* Brings what was told up to what the files say. Watches come first, so that nothing falls between. */
static void look(StoreWatch *sw, struct watched *w)
{
	const struct record *r = &w->c->record;
	bool created;

	w->dirty = false;
	watch_dir(sw, w, ".");
	watch_dir(sw, w, STORE_EXIT_DIR);
	watch_dir(sw, w, STORE_SESSIONS);
	read_record(w);
	created = w->c->has_record &&
		  (r->stage == RECORD_CREATED || r->stage == RECORD_STARTED || r->stage == RECORD_ENDED);
	if (!created)
		return;
	if (!w->create)
		tell(sw, &(struct event){
				 EVENT_CREATE, .id = w->c->id, .command = r->command, .time_ns = r->created_ns });
	w->create = true;
	if (!w->start && r->started_ns) {
		tell(sw, &(struct event){
				 EVENT_START, .id = w->c->id, .command = r->command, .time_ns = r->started_ns });
		w->start = true;
	}
	look_at_sessions(sw, w);
	if (!w->oom && faccessat(w->c->dir_fd, OOM_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		tell(sw, &(struct event){ EVENT_OOM, .id = w->c->id, .time_ns = file_time(w->c->dir_fd, OOM_FILE) });
		w->oom = true;
	}
	look_at_end(sw, w);
}

static bool is_gone(const struct watched *w)
{
	struct stat st;

	return fstat(w->c->dir_fd, &st) < 0 || st.st_nlink == 0;
}

static gboolean is_of(gpointer wd, gpointer of, gpointer w)
{
	(void)wd;
	return of == w;
}

static void on_made(StoreWatch *sw, const char *id)
{
	struct watched *w = g_hash_table_lookup(sw->containers, id);
	Container *c;

	if (w)
		return; /* it was seen before its event was read */
	c = container_open(sw->ctl, id, NULL);
	if (!c)
		return; /* has gone already, which is told next; or no container's name */
	w = g_new0(struct watched, 1);
	*w = (struct watched){ .c = c, .process_fd = -1 };
	w->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, seen_session_free);
	g_hash_table_insert(sw->containers, c->id, w);
	look(sw, w);
}

static void on_removed(StoreWatch *sw, const char *id)
{
	struct watched *w = g_hash_table_lookup(sw->containers, id);

	if (w && is_gone(w)) {
		look(sw, w);
		g_hash_table_foreach_remove(sw->wds, is_of, w);
		tell(sw, &(struct event){ EVENT_REMOVE, .id = id });
		g_hash_table_remove(sw->containers, id);
	} else {
		tell(sw, &(struct event){ EVENT_REMOVE, .id = id }); /* an earlier one of this id */
	}
}

/* --- the store ------------------------------------------------------------------------------------------------------- */

static void look_at_dirty(StoreWatch *sw, bool all)
{
	GHashTableIter i;
	gpointer w;

	g_hash_table_iter_init(&i, sw->containers);
	while (g_hash_table_iter_next(&i, NULL, &w))
		if (all || ((struct watched *)w)->dirty)
			look(sw, w);
}

static bool look_at_all(StoreWatch *sw, GError **error)
{
	g_autoptr(GPtrArray) ids = store_list(sw->ctl, error), gone = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter i;
	gpointer id, w;

	if (!ids)
		return false;
	g_hash_table_iter_init(&i, sw->containers);
	while (g_hash_table_iter_next(&i, &id, &w))
		if (is_gone(w))
			g_ptr_array_add(gone, g_strdup(id));
	for (guint n = 0; n < gone->len; n++)
		on_removed(sw, gone->pdata[n]);
	look_at_dirty(sw, true);
	for (guint n = 0; n < ids->len; n++)
		on_made(sw, ids->pdata[n]);
	return true;
}

StoreWatch *store_watch_new(const struct ctl *ctl, event_fn on_event, void *user, GError **error)
{
	g_autoptr(StoreWatch) sw = g_new0(StoreWatch, 1);
	g_autofree char *path = NULL;

	*sw = (StoreWatch){ .ctl = ctl, .tell = on_event, .user = user, .quiet = true };
	sw->containers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watched_free);
	sw->wds = g_hash_table_new(NULL, NULL);
	sw->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	sw->store_fd = store_open(ctl, true, error);
	if (sw->store_fd < 0)
		return NULL;
	path = g_strdup_printf("/proc/self/fd/%d", sw->store_fd);
	sw->store_wd =
		sw->inotify_fd < 0 ? -1 : inotify_add_watch(sw->inotify_fd, path, IN_CREATE | IN_DELETE | IN_ONLYDIR);
	if (sw->store_wd < 0) {
		fail_errno(error, "watch %s/containers", ctl->root);
		return NULL;
	}
	if (!look_at_all(sw, error) || !all_watched(sw, error))
		return NULL;
	sw->quiet = false;
	tell(sw, &(struct event){ EVENT_READY });
	return g_steal_pointer(&sw);
}

void store_watch_free(StoreWatch *sw)
{
	if (!sw)
		return;
	g_hash_table_unref(sw->wds);
	g_hash_table_unref(sw->containers);
	fd_close(&sw->store_fd);
	fd_close(&sw->inotify_fd);
	g_free(sw);
}

void store_watch_poll(const StoreWatch *sw, GArray *fds)
{
	struct pollfd p = { .fd = sw->inotify_fd, .events = POLLIN };
	GHashTableIter i;
	gpointer value;
	int end_fds[2];

	g_array_append_val(fds, p);
	g_hash_table_iter_init(&i, sw->containers);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		const struct watched *w = value;

		if (w->die || !w->end)
			continue;
		end_watch_fds(w->end, end_fds);
		p.fd = w->orphan ? w->process_fd : end_fds[1]; /* a monitor that was killed writes no file */
		if (p.fd >= 0)
			g_array_append_val(fds, p);
	}
}

/* False when events were lost. */
static bool take_event(StoreWatch *sw, const struct inotify_event *e)
{
	struct watched *w;

	if (e->mask & IN_Q_OVERFLOW)
		return false;
	if (e->wd == sw->store_wd) {
		if (e->len > 0 && (e->mask & IN_CREATE))
			on_made(sw, e->name);
		else if (e->len > 0 && (e->mask & IN_DELETE))
			on_removed(sw, e->name);
		return true;
	}
	w = g_hash_table_lookup(sw->wds, GINT_TO_POINTER(e->wd));
	if (w)
		w->dirty = true;
	if (e->mask & IN_IGNORED)
		g_hash_table_remove(sw->wds, GINT_TO_POINTER(e->wd));
	return true;
}

/* Ends of monitors and orphans, of which no file tells. */
static void look_at_dead(StoreWatch *sw)
{
	GHashTableIter i;
	gpointer value;
	int fds[2];

	g_hash_table_iter_init(&i, sw->containers);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		struct watched *w = value;
		struct pollfd p = { .events = POLLIN };

		if (w->die || !w->end)
			continue;
		end_watch_fds(w->end, fds);
		p.fd = w->orphan ? w->process_fd : fds[1];
		if (p.fd < 0 || poll(&p, 1, 0) > 0)
			look(sw, w);
	}
}

bool store_watch_take(StoreWatch *sw, GError **error)
{
	g_autofree char *buf = g_malloc(BUFFER_SIZE);
	bool complete = true;
	ssize_t n;

	while ((n = rw_read(sw->inotify_fd, buf, BUFFER_SIZE)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buf + at);

			complete = take_event(sw, e) && complete;
			at += (ssize_t)(sizeof *e + e->len);
		}
		look_at_dirty(sw, false);
	}
	look_at_dead(sw);
	if (!complete) {
		tell(sw, &(struct event){ EVENT_GAP });
		if (!look_at_all(sw, error))
			return false;
	}
	return all_watched(sw, error);
}
