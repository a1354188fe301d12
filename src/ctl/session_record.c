/* The record of an exec session, as JSON. */
#include "ctl/session_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rw.h"
#include "base/sys.h"
#include "common/statefile.h"

#define RECORD_MAX (4 << 20) /* a command and an environment can be long */
#define NS_PER_S   INT64_C(1000000000)

static const char *const state_names[] = {
	[SESSION_CREATED] = "created",
	[SESSION_RUNNING] = "running",
	[SESSION_STOPPED] = "stopped",
};

const char *session_state_name(enum session_state state)
{
	return state_names[state];
}

char *session_record_name(const char *id)
{
	return g_strconcat(id, SESSION_SUFFIX, NULL);
}

static void put_process(JsonWriter *w, const char *pid_key, const char *start_key, const struct process_id *p)
{
	if (p->pid == 0)
		return;
	json_put_int(w, pid_key, p->pid);
	json_put_uint(w, start_key, p->start_ticks);
}

static void put_end(JsonWriter *w, const Session *s)
{
	if (s->state != SESSION_STOPPED)
		return;
	if (!s->exit_known) {
		json_put_null(w, "exitCode");
		json_put_string(w, "unknownBecause", s->unknown_because);
	} else if (s->exit_code != 0) {
		json_put_int(w, "exitCode", s->exit_code);
	}
	if (s->failure)
		json_put_string(w, "error", s->failure);
}

void session_put(JsonWriter *w, const char *key, const Session *s)
{
	json_object_open(w, key);
	json_put_string(w, "id", s->id);
	json_put_string(w, "containerId", s->container->id);
	json_put_string(w, "state", state_names[s->state]);
	put_process(w, "pid", "pidStart", &s->process);
	put_end(w, s);
	json_object_open(w, "config");
	session_config_put(w, &s->config);
	json_object_close(w);
	put_process(w, "monitorPid", "monitorStart", &s->monitor_process);
	put_process(w, "starterPid", "starterStart", &s->starter);
	json_put_string(w, "bootId", s->boot_id);
	json_put_string(w, "monitor", s->monitor);
	json_put_string(w, "runtime", s->runtime);
	json_put_int(w, "createdNs", s->created_ns);
	if (s->started_ns)
		json_put_int(w, "startedNs", s->started_ns);
	if (s->ended_ns)
		json_put_int(w, "endedNs", s->ended_ns);
	if (s->remove)
		json_put_bool(w, "remove", true);
	json_object_close(w);
}

bool session_save(Session *s, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *name = session_record_name(s->id), *text = NULL;

	session_put(w, NULL, s);
	text = json_writer_text(w);
	return statefile_write(s->dir_fd, name, text, 0600, error) || fail_prefix(error, "session %s", s->id);
}

static bool read_process(yajl_val root, const char *pid_key, const char *start_key, struct process_id *ret, GError **error)
{
	int64_t pid, start = 0;

	*ret = (struct process_id){ 0 };
	if (!json_get(root, pid_key))
		return true;
	if (!json_get_int64(root, pid_key, &pid) || pid < 2 || pid > INT32_MAX)
		return fail(error, "%s is no process", pid_key);
	(void)json_get_int64(root, start_key, &start);
	*ret = (struct process_id){ (pid_t)pid, (uint64_t)start };
	return true;
}

bool session_process_is_younger(const struct process_id *p, const struct timespec *written)
{
	int64_t written_ns = (int64_t)written->tv_sec * NS_PER_S + written->tv_nsec;
	int64_t age_ns = (int64_t)sys_clock_ns(CLOCK_REALTIME) - written_ns;
	int64_t start_ns = (int64_t)p->start_ticks * (NS_PER_S / sysconf(_SC_CLK_TCK));

	return start_ns > (int64_t)sys_clock_ns(CLOCK_BOOTTIME) - age_ns + NS_PER_S;
}

/* Engines once kept no more than id, command and pid: it runs, or did. */
static bool read_legacy(Session *s, yajl_val root, const struct stat *st, GError **error)
{
	s->legacy = true;
	s->state = SESSION_RUNNING;
	if (!read_process(root, "pid", "", &s->process, error) || s->process.pid == 0)
		return fail(error, "neither state nor pid");
	s->boot_id = boot_id_read(error);
	if (!s->boot_id)
		return false;
	if (process_id_read(s->process.pid, &s->process, NULL) && session_process_is_younger(&s->process, &st->st_mtim))
		s->process.start_ticks = 0; /* nobody's */
	return true;
}

static bool read_state(yajl_val root, enum session_state *ret_state, GError **error)
{
	const char *name = json_get_string(root, "state");

	for (size_t i = 0; i < G_N_ELEMENTS(state_names); i++)
		if (g_strcmp0(name, state_names[i]) == 0) {
			*ret_state = (enum session_state)i;
			return true;
		}
	return fail(error, "state \"%s\" is unknown", name ?: "");
}

static bool read_record(Session *s, yajl_val root, GError **error)
{
	int64_t code = 0;

	if (!read_state(root, &s->state, error) || !session_config_read(json_get(root, "config"), &s->config, error) ||
		!read_process(root, "pid", "pidStart", &s->process, error) ||
		!read_process(root, "monitorPid", "monitorStart", &s->monitor_process, error) ||
		!read_process(root, "starterPid", "starterStart", &s->starter, error))
		return false;
	s->unknown_because = g_strdup(json_get_string(root, "unknownBecause"));
	s->exit_known = !s->unknown_because;
	if (json_get_int64(root, "exitCode", &code) && (code < -1 || code > 255))
		return fail(error, "exitCode is none");
	s->exit_code = (int)code;
	s->failure = g_strdup(json_get_string(root, "error"));
	s->boot_id = g_strdup(json_get_string(root, "bootId"));
	s->monitor = g_strdup(json_get_string(root, "monitor"));
	s->runtime = g_strdup(json_get_string(root, "runtime"));
	s->remove = YAJL_IS_TRUE(json_get(root, "remove"));
	(void)json_get_int64(root, "createdNs", &s->created_ns);
	(void)json_get_int64(root, "startedNs", &s->started_ns);
	(void)json_get_int64(root, "endedNs", &s->ended_ns);
	if (s->state == SESSION_CREATED && (!s->monitor || !s->runtime || !*s->config.command))
		return fail(error, "monitor, runtime or command is missing");
	return true;
}

void session_record_clear(Session *s)
{
	session_config_clear(&s->config);
	g_clear_pointer(&s->monitor, g_free);
	g_clear_pointer(&s->runtime, g_free);
	g_clear_pointer(&s->boot_id, g_free);
	g_clear_pointer(&s->unknown_because, g_free);
	g_clear_pointer(&s->failure, g_free);
	s->created_ns = s->started_ns = s->ended_ns = 0;
	s->legacy = false;
}

bool session_fail_no_such(GError **error, const char *container, const char *id)
{
	if (container)
		return fail_status(error, CTL_NO_SUCH, "container %s has no exec session %s", container, id);
	return fail_status(error, CTL_NO_SUCH, "no such exec session: %s", id);
}

bool session_load(Session *s, GError **error)
{
	g_autofree char *name = session_record_name(s->id), *text = g_malloc(RECORD_MAX);
	ssize_t n = rw_read_file(s->dir_fd, name, text, RECORD_MAX);
	g_autoptr(JsonValue) root = n < 0 ? NULL : json_parse(text, error);
	struct stat st;
	bool ok;

	if (n == -ENOENT)
		return session_fail_no_such(error, s->container->id, s->id);
	if (n < 0 || fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_with(error, n < 0 ? (int)n : errno, "read the record of session %s", s->id);
	session_record_clear(s);
	ok = root && (json_get(root, "state") || !json_get(root, "pid") ? read_record(s, root, error)
									  : read_legacy(s, root, &st, error));
	return ok || fail_prefix(error, "record of session %s", s->id);
}
