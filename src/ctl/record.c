/* What tallyctl knows about a container: a small JSON file, versioned, and processes named by pid and start time. */
#include "ctl/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/json.h"
#include "common/statefile.h"
#include "ctl/wait.h"

#define RECORD_VERSION 1
#define RECORD_NAME    "record.json"
#define RECORD_MAX     (1 << 20)
#define KILL_SECONDS   5
#define CMDLINE_MAX    (1 << 20)
#define BOOT_ID        "/proc/sys/kernel/random/boot_id"

static const char *const stage_names[] = {
	[RECORD_CREATING] = "creating",
	[RECORD_CREATED] = "created",
	[RECORD_STARTED] = "started",
	[RECORD_FAILED] = "failed",
	[RECORD_ENDED] = "ended",
};

static const struct {
	const char *key;
	size_t offset;
} string_fields[] = {
	{ "id", offsetof(struct record, id) },
	{ "bundle", offsetof(struct record, bundle) },
	{ "command", offsetof(struct record, command) },
	{ "monitor", offsetof(struct record, monitor) },
	{ "runtime", offsetof(struct record, runtime) },
	{ "boot_id", offsetof(struct record, boot_id) },
};

static const struct {
	const char *key;
	size_t offset;
} bool_fields[] = {
	{ "terminal", offsetof(struct record, terminal) },
	{ "stdin", offsetof(struct record, stdin_open) },
	{ "remove", offsetof(struct record, remove) },
	{ "paused", offsetof(struct record, paused) },
};

#define MEMBER(record, offset, type)       ((type *)(void *)((char *)(record) + (offset)))
#define CONST_MEMBER(record, offset, type) ((const type *)(const void *)((const char *)(record) + (offset)))

static bool load_process(yajl_val root, const char *key, struct process_id *ret_process, GError **error)
{
	yajl_val v = json_get(root, key);
	int64_t pid, start;

	*ret_process = (struct process_id){ 0 };
	if (!v)
		return true;
	if (!json_get_int64(v, "pid", &pid) || pid < 2 || pid > INT32_MAX || !json_get_int64(v, "start_ticks", &start))
		return fail(error, "%s: %s is not a process", RECORD_NAME, key);
	*ret_process = (struct process_id){ (pid_t)pid, (uint64_t)start };
	return true;
}

static bool load_stage(yajl_val root, enum record_stage *ret_stage, GError **error)
{
	const char *name = json_get_string(root, "stage");

	for (size_t i = 0; i < G_N_ELEMENTS(stage_names); i++)
		if (g_strcmp0(name, stage_names[i]) == 0) {
			*ret_stage = (enum record_stage)i;
			return true;
		}
	return fail(error, "%s: stage is not one we know", RECORD_NAME);
}

static bool load_fields(yajl_val root, struct record *r, GError **error)
{
	int64_t version;

	if (!json_get_int64(root, "version", &version) || version != RECORD_VERSION)
		return fail(error, "%s: version is not %d", RECORD_NAME, RECORD_VERSION);
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++) {
		const char *text = json_get_string(root, string_fields[i].key);

		if (!text)
			return fail(error, "%s: %s is missing", RECORD_NAME, string_fields[i].key);
		*MEMBER(r, string_fields[i].offset, char *) = g_strdup(text);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bool_fields); i++)
		*MEMBER(r, bool_fields[i].offset, bool) = YAJL_IS_TRUE(json_get(root, bool_fields[i].key));
	if (!json_get_int64(root, "created_ns", &r->created_ns))
		r->created_ns = 0;
	if (!json_get_int64(root, "started_ns", &r->started_ns))
		r->started_ns = 0;
	return load_stage(root, &r->stage, error) &&
	       load_process(root, "monitor_process", &r->monitor_process, error) &&
	       load_process(root, "process", &r->process, error);
}

bool record_load(int dir_fd, struct record *ret_record, GError **error)
{
	g_autofree char *text = g_malloc(RECORD_MAX);
	ssize_t n = rw_read_file(dir_fd, RECORD_NAME, text, RECORD_MAX);
	struct record r = { 0 };
	yajl_val root;
	bool ok;

	if (n < 0)
		return fail_with(error, (int)n, "read %s", RECORD_NAME);
	root = json_parse(text, error);
	if (!root)
		return fail_prefix(error, "read %s", RECORD_NAME);
	ok = load_fields(root, &r, error);
	yajl_tree_free(root);
	if (ok)
		*ret_record = r;
	else
		record_clear(&r);
	return ok;
}

static void put_process(JsonWriter *w, const char *key, const struct process_id *p)
{
	if (p->pid == 0)
		return;
	json_object_open(w, key);
	json_put_int(w, "pid", p->pid);
	json_put_uint(w, "start_ticks", p->start_ticks);
	json_object_close(w);
}

bool record_save(int dir_fd, const struct record *r, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_int(w, "version", RECORD_VERSION);
	json_put_string(w, "stage", stage_names[r->stage]);
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++)
		json_put_string(w, string_fields[i].key, *CONST_MEMBER(r, string_fields[i].offset, char *) ?: "");
	for (size_t i = 0; i < G_N_ELEMENTS(bool_fields); i++)
		json_put_bool(w, bool_fields[i].key, *CONST_MEMBER(r, bool_fields[i].offset, bool));
	json_put_int(w, "created_ns", r->created_ns);
	json_put_int(w, "started_ns", r->started_ns);
	put_process(w, "monitor_process", &r->monitor_process);
	put_process(w, "process", &r->process);
	json_object_close(w);
	text = json_writer_text(w);
	return statefile_write(dir_fd, RECORD_NAME, text, 0600, error);
}

void record_clear(struct record *r)
{
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++)
		g_clear_pointer(MEMBER(r, string_fields[i].offset, char *), g_free);
}

bool process_id_read(pid_t pid, struct process_id *ret_process, GError **error)
{
	struct proc_stat stat;
	int r = proc_read_stat(pid, &stat);

	if (r < 0)
		return fail_with(error, r, "read /proc/%d/stat", pid);
	*ret_process = (struct process_id){ pid, stat.start_ticks };
	return true;
}

/* 0 or -errno. */
static int read_boot_id(char **ret_id)
{
	char text[64];
	ssize_t n = rw_read_file(AT_FDCWD, BOOT_ID, text, sizeof text);

	*ret_id = n < 0 ? NULL : g_strdup(g_strchomp(text));
	return n < 0 ? (int)n : 0;
}

int process_id_open(const struct process_id *p, const char *boot_id)
{
	g_autofree char *now = NULL;
	struct proc_stat stat;
	auto_fd fd = -1;
	int r;

	if (p->pid < 2)
		return -ESRCH;
	r = read_boot_id(&now);
	if (r < 0)
		return r;
	if (g_strcmp0(now, boot_id) != 0)
		return -ESRCH;
	fd = sys_pidfd_open(p->pid, 0);
	if (fd < 0)
		return fd == -EINVAL ? -ESRCH : fd;
	if (sys_pidfd_is_directory(fd))
		return -ENOSYS;
	/* Read after the pidfd was opened: if the start time is right now, the descriptor is that process's. */
	r = proc_read_stat(p->pid, &stat);
	if (r < 0)
		return r;
	if (stat.start_ticks != p->start_ticks)
		return -ESRCH;
	r = sys_pidfd_wait(fd, 0);
	return r < 0 ? r : r > 0 ? -ESRCH : steal_fd(&fd);
}

bool process_open(const struct process_id *p, const char *boot_id, const char *what, int *ret_fd, GError **error)
{
	int fd = process_id_open(p, boot_id);

	if (fd < 0 && fd != -ESRCH)
		return fail_with(error, fd, "look at %s, process %d", what, p->pid);
	*ret_fd = MAX(fd, -1);
	return true;
}

bool process_look(const struct process_id *p, const char *boot_id, const char *what, bool *ret_alive, GError **error)
{
	int fd = -1;

	if (!process_open(p, boot_id, what, &fd, error))
		return false;
	*ret_alive = fd >= 0;
	fd_close(&fd);
	return true;
}

char *boot_id_read(GError **error)
{
	char *id;
	int r = read_boot_id(&id);

	if (r < 0)
		fail_with(error, r, "read " BOOT_ID);
	return id;
}

/* Whether one of the arguments of a command line as /proc has it is this text. */
static bool has_argument(const char *line, size_t size, const char *text)
{
	for (const char *arg = line; arg < line + size; arg += strlen(arg) + 1)
		if (strcmp(arg, text) == 0)
			return true;
	return false;
}

bool process_id_of_monitor(pid_t pid, const char *dir, struct process_id *ret_process, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid), *line = g_malloc(CMDLINE_MAX);
	g_autoptr(GError) local = NULL;
	struct process_id p = { 0 };
	ssize_t n;

	if (!process_id_read(pid, &p, &local)) {
		if (local->code == ESRCH)
			return true;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	n = rw_read_file(AT_FDCWD, path, line, CMDLINE_MAX);
	if (n == -ENOENT || n == -ESRCH || n == -EFBIG) /* it has just ended; or no monitor has that many arguments */
		return true;
	if (n < 0)
		return fail_with(error, (int)n, "read %s", path);
	if (has_argument(line, (size_t)n, dir))
		*ret_process = p;
	return true;
}

bool process_await_end(const struct process_id *p, const char *boot_id, const char *what, int seconds, bool kill,
	GError **error)
{
	g_autofree char *end = g_strdup_printf("%s's end", what);
	g_autoptr(GError) late = NULL;
	auto_fd fd = -1;
	int opened = -1;

	if (!process_open(p, boot_id, what, &opened, error))
		return false;
	fd = opened;
	if (fd < 0)
		return true;
	if (wait_readable(fd, -1, deadline_in(seconds), end, &late))
		return true;
	if (!kill) {
		g_propagate_error(error, g_steal_pointer(&late));
		return false;
	}
	diag_warning("%s: killed", late->message);
	(void)sys_pidfd_send_signal(fd, SIGKILL); /* ESRCH: it has just ended */
	return wait_readable(fd, -1, deadline_in(KILL_SECONDS), end, error);
}

bool record_await_monitor(const struct record *r, int seconds, bool kill, GError **error)
{
	return process_await_end(&r->monitor_process, r->boot_id, "the monitor", seconds, kill, error);
}
