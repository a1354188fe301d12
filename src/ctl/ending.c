/* How a container ended. The exit file is looked for on every event and once more after the monitor's death, so that a
 * status which was written is always seen. */
#include "ctl/ending.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "ctl/timefmt.h"

#define DETAILS_MAX 65536

struct EndWatch {
	char *id;
	int dir_fd;
	int exit_fd; /* the exit directory */
	int outcome_fd;
	int inotify_fd;
	int monitor_fd; /* pidfd; -1: has ended */
};

void ending_clear(struct ending *e)
{
	g_clear_pointer(&e->details, g_free);
}

void ending_put(JsonWriter *w, const struct ending *e)
{
	g_autoptr(JsonValue) details = e->details ? json_parse(e->details, NULL) : NULL;
	g_autofree char *ended = e->ended_ns ? time_format(e->ended_ns) : NULL;

	if (e->known)
		json_put_int(w, "exit_code", e->code);
	else
		json_put_null(w, "exit_code");
	if (!e->known)
		json_put_string(w, "unknown_because", e->why);
	json_put_string(w, "ended", ended);
	if (details)
		json_put_value(w, "exit", details);
	else
		json_put_null(w, "exit");
}

int ending_status(const struct ending *e)
{
	return e->known ? e->code : CTL_UNKNOWN_END;
}

void end_watch_free(EndWatch *w)
{
	if (!w)
		return;
	g_free(w->id);
	fd_close(&w->dir_fd);
	fd_close(&w->exit_fd);
	fd_close(&w->outcome_fd);
	fd_close(&w->inotify_fd);
	fd_close(&w->monitor_fd);
	g_free(w);
}

/* A user's inotify instances are few. Without one the end is seen when the monitor is through, a little later. */
static void watch_exit_dir(EndWatch *w)
{
	char path[NUM_MAX + 16];

	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify_fd < 0)
		return;
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", w->exit_fd);
	if (inotify_add_watch(w->inotify_fd, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR) < 0)
		fd_close(&w->inotify_fd);
}

/* The monitor's own time of the end; a file's time is only as fine as the kernel's tick. 0 when it is not there. */
static int64_t recorded_end(const char *details)
{
	g_autoptr(JsonValue) v = details ? json_parse(details, NULL) : NULL;
	const char *text = json_get_string(json_get(v, "end"), "realtime");
	g_autoptr(GDateTime) t = text ? g_date_time_new_from_iso8601(text, NULL) : NULL;

	return t ? (g_date_time_to_unix(t) * 1000000 + g_date_time_get_microsecond(t)) * 1000 : 0;
}

static bool read_exit_file(const EndWatch *w, struct ending *ret_ending)
{
	auto_fd fd = openat(w->exit_fd, w->id, O_RDONLY | O_CLOEXEC);
	char text[32], *details;
	struct stat st;
	ssize_t n;
	int64_t code;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	n = rw_read_full(fd, text, sizeof text - 1);
	text[MAX(n, 0)] = '\0';
	g_strchomp(text);
	if (n <= 0 || num_parse_i64(text, -1, 255, &code) < 0)
		return false;
	details = g_malloc(DETAILS_MAX);
	if (rw_read_file(w->dir_fd, "exit.json", details, DETAILS_MAX) <= 0)
		g_clear_pointer(&details, g_free);
	*ret_ending = (struct ending){
		.known = code >= 0,
		.code = (int)code,
		.why = code >= 0 ? NULL : "the monitor could not observe the exit status",
		.ended_ns = recorded_end(details) ?: (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec,
		.details = details,
	};
	return true;
}

static bool read_outcome(const EndWatch *w, struct ending *ret_ending)
{
	g_autofree char *text = g_malloc(2 * DETAILS_MAX);
	g_autoptr(JsonValue) v = NULL;
	ssize_t n = pread(w->outcome_fd, text, 2 * DETAILS_MAX - 1, 0);
	struct ending e = { .why = "the monitor ended without recording it" };
	int64_t code;

	if (n <= 0)
		return false;
	text[n] = '\0';
	v = json_parse(text, NULL);
	if (!YAJL_IS_OBJECT(v))
		return false; /* still being written */
	if (json_get_int64(v, "exit_code", &code)) {
		e.known = true;
		e.code = (int)code;
	}
	if (!json_get_int64(v, "ended_ns", &e.ended_ns))
		e.ended_ns = 0;
	e.details = g_strdup(json_get_string(v, "details"));
	*ret_ending = e;
	return true;
}

bool ending_leave_outcome(const Container *c, const struct ending *e, GError **error)
{
	auto_fd fd = openat(c->dir_fd, STORE_OUTCOME, O_WRONLY | O_CLOEXEC);
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	if (e->known)
		json_put_int(w, "exit_code", e->code);
	json_put_int(w, "ended_ns", e->ended_ns);
	if (e->details)
		json_put_string(w, "details", e->details);
	json_object_close(w);
	text = json_writer_text(w);
	/* In place and not by rename: those who wait hold this very file. One write, and half a document is none. */
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		return fail_errno(error, "write %s/%s", c->path, STORE_OUTCOME);
	return true;
}

static bool is_recorded(const EndWatch *w, struct ending *ret_ending)
{
	return read_exit_file(w, ret_ending) || read_outcome(w, ret_ending);
}

EndWatch *end_look_new(const Container *c, GError **error)
{
	g_autoptr(EndWatch) w = g_new0(EndWatch, 1);
	g_autoptr(GError) unknown = NULL;
	struct ending e = { 0 };

	*w = (EndWatch){ .id = g_strdup(c->id), .exit_fd = -1, .outcome_fd = -1, .inotify_fd = -1, .monitor_fd = -1 };
	w->dir_fd = fcntl(c->dir_fd, F_DUPFD_CLOEXEC, 3);
	w->exit_fd = openat(c->dir_fd, STORE_EXIT_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->outcome_fd = openat(c->dir_fd, STORE_OUTCOME, O_RDONLY | O_CLOEXEC);
	if (w->dir_fd < 0 || w->exit_fd < 0 || w->outcome_fd < 0) {
		fail_errno(error, "watch the exit files of %s", c->id);
		return NULL;
	}
	/* A monitor that cannot be looked at does not matter once its work is done; before, nobody knows whether it will be. */
	if (!process_open(&c->record.monitor_process, c->record.boot_id, "the monitor", &w->monitor_fd, &unknown) &&
		!is_recorded(w, &e)) {
		g_propagate_prefixed_error(error, g_steal_pointer(&unknown), "container %s: ", c->id);
		return NULL;
	}
	ending_clear(&e);
	return g_steal_pointer(&w);
}

EndWatch *end_watch_new(const Container *c, GError **error)
{
	EndWatch *w = end_look_new(c, error);

	if (w)
		watch_exit_dir(w);
	return w;
}

bool end_watch_check(EndWatch *w, struct ending *ret_ending)
{
	/* Death is looked at first: what the monitor wrote before is then seen for certain. */
	bool dead = w->monitor_fd < 0 || sys_pidfd_wait(w->monitor_fd, 0) > 0;

	if (is_recorded(w, ret_ending))
		return true;
	if (dead)
		*ret_ending = (struct ending){
			.why = faccessat(w->exit_fd, w->id, F_OK, 0) == 0 ? "the exit file cannot be read"
									 : "the monitor ended without recording it",
		};
	return dead;
}

void end_watch_fds(const EndWatch *w, int ret_fds[2])
{
	ret_fds[0] = w->inotify_fd;
	ret_fds[1] = w->monitor_fd;
}

void end_watch_drain(EndWatch *w)
{
	char buf[4096];

	while (rw_read(w->inotify_fd, buf, sizeof buf) > 0)
		;
}

bool end_watch_wait(
	EndWatch *w, int signal_fd, end_signal_fn on_signal, void *user, struct ending *ret_ending, GError **error)
{
	struct pollfd fds[] = { { .fd = w->inotify_fd, .events = POLLIN }, { .fd = w->monitor_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (!end_watch_check(w, ret_ending)) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
			return fail_errno(error, "wait for the end of %s", w->id);
		end_watch_drain(w);
		while (signal_fd >= 0 && rw_read(signal_fd, &info, sizeof info) == sizeof info)
			if (!on_signal((int)info.ssi_signo, user))
				return false;
	}
	return true;
}
