/* What dead containers have left: directories of tallyctl and tallyrun whose processes have gone, their cgroups, and
 * containers that live without their monitor. Nothing is locked and nothing is touched, so what is being made or removed right
 * now is looked at twice. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fd.h"
#include "base/proc.h"
#include "common/json.h"
#include "ctl/doctor.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

#define AREA    "leftovers"
#define YOUNG_S 120 /* what is not finished may still become so */

static enum container_status status_of(const Container *c)
{
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	return status;
}

static void look_at_container(struct doctor *d, const struct ctl *ctl, const char *id)
{
	g_autoptr(Container) c = container_open(ctl, id, NULL);
	g_autofree char *remedy = g_strdup_printf("tallyctl --root %s rm --force %s", ctl->root, id);
	enum container_status status = c ? status_of(c) : STATUS_EXITED;

	if (status == STATUS_ORPHANED)
		doctor_add(d, AREA, id, DOCTOR_PROBLEM, remedy,
			"the container runs, but its monitor has died: nobody takes its output or sees how it ends");
	else if (status == STATUS_LOST)
		doctor_add(d, AREA, id, DOCTOR_WARNING, remedy, "the container has ended, and nobody observed how");
	else if (status == STATUS_BROKEN)
		doctor_add(d, AREA, id, DOCTOR_WARNING, remedy, "left by a start that failed or was interrupted");
	else if (status == STATUS_UNKNOWN)
		doctor_add(d, AREA, id, DOCTOR_WARNING, NULL,
			"how the container is doing is unknown: its record or its processes cannot be looked at");
}

void doctor_left_containers(struct doctor *d, const struct ctl *ctl)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) ids = store_list(ctl, &error);

	if (!ids) {
		doctor_add(d, AREA, "tallyctl", DOCTOR_NOTE, NULL, "unknown: %s", error->message);
		return;
	}
	for (guint i = 0; i < ids->len; i++)
		look_at_container(d, ctl, ids->pdata[i]);
}

/* One directory of tallyrun's root. */
struct state {
	const char *root, *id;
	char *remedy;
	yajl_val json; /* NULL: there is no state.json */
};

static bool is_young(int dir_fd)
{
	struct stat st;

	return fstat(dir_fd, &st) < 0 || time(NULL) - st.st_mtime < YOUNG_S;
}

/* Whether the container's first process is the one of now with this number, and has not ended. */
static bool lives(const struct doctor *d, yajl_val json)
{
	g_autofree char *path = NULL, *text = NULL;
	struct proc_stat stat;
	int64_t pid = 0, start = 0;

	if (!json_get_int64(json, "init_process_pid", &pid) || !json_get_int64(json, "init_process_start", &start) ||
		pid < 1)
		return false;
	path = g_strdup_printf("proc/%d/stat", (int)pid);
	text = doctor_read(d, path);
	return text && proc_parse_stat(text, &stat) == 0 && stat.start_ticks == (uint64_t)start &&
	       !proc_stat_has_ended(&stat);
}

/* How many of its cgroups there are, and one of them in *ret_one (borrowed). */
static guint count_cgroups(const struct doctor *d, yajl_val json, const char **ret_one)
{
	yajl_val paths = json_get(json, "cgroup_paths");
	guint n = 0;

	for (size_t i = 0; YAJL_IS_OBJECT(paths) && i < YAJL_GET_OBJECT(paths)->len; i++) {
		const char *path = YAJL_GET_STRING(YAJL_GET_OBJECT(paths)->values[i]);

		if (!path || *path != '/' || !path[1] || !doctor_exists(d, path + 1))
			continue;
		*ret_one = path;
		n++;
	}
	return n;
}

/* The bundle that runc's states name among their labels. */
static const char *bundle_of(yajl_val json)
{
	yajl_val labels = json_get(json_get(json, "config"), "labels");

	for (size_t i = 0; YAJL_IS_ARRAY(labels) && i < YAJL_GET_ARRAY(labels)->len; i++) {
		const char *label = YAJL_GET_STRING(YAJL_GET_ARRAY(labels)->values[i]);

		if (label && g_str_has_prefix(label, "bundle=/"))
			return label + strlen("bundle=");
	}
	return NULL;
}

/* A monitor has its control FIFO open as long as it lives; a container that never had one has none. */
static bool has_lost_monitor(const struct doctor *d, const char *bundle)
{
	g_autofree char *path = bundle ? g_build_filename(bundle + 1, "ctl", NULL) : NULL;
	struct stat st;
	auto_fd fd = -1;

	if (!path || fstatat(d->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISFIFO(st.st_mode))
		return false;
	fd = openat(d->root_fd, path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 && errno == ENXIO;
}

static void judge_state(struct doctor *d, const struct state *s)
{
	g_autofree char *name = g_strdup_printf("%s/%s", s->root, s->id);
	const char *group = NULL, *bundle = bundle_of(s->json);
	guint groups = count_cgroups(d, s->json, &group);

	if (lives(d, s->json)) {
		if (has_lost_monitor(d, bundle))
			doctor_add(d, AREA, name, DOCTOR_PROBLEM, s->remedy,
				"the container runs, but the monitor of %s has died: nobody takes its output or sees "
				"how it ends",
				bundle);
	} else if (groups) {
		doctor_add(d, AREA, name, DOCTOR_WARNING, s->remedy,
			"the state of a process that has gone, and its cgroups are still there: %u, among them %s",
			groups, group);
	} else {
		doctor_add(d, AREA, name, DOCTOR_WARNING, s->remedy, "the state of a process that has gone");
	}
}

static void look_at_state(struct doctor *d, int root_fd, const struct state *s)
{
	auto_fd dir_fd = openat(root_fd, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	g_autofree char *path = g_strdup_printf("%s/%s/state.json", s->root + 1, s->id), *text = NULL;
	g_autofree char *name = g_strdup_printf("%s/%s", s->root, s->id);
	g_autoptr(JsonValue) json = NULL;
	struct state full = *s;

	if (dir_fd < 0)
		return; /* gone meanwhile, or no container's */
	text = doctor_read(d, path);
	json = text ? json_parse(text, NULL) : NULL;
	full.json = json;
	if (json)
		judge_state(d, &full);
	else if (text)
		doctor_add(d, AREA, name, DOCTOR_WARNING, s->remedy, "a state that cannot be read");
	else if (!is_young(dir_fd))
		doctor_add(d, AREA, name, DOCTOR_WARNING, s->remedy, "left by a create that was interrupted");
}

static void add_name(int dir_fd, const char *name, void *user)
{
	(void)dir_fd;
	if (*name != '.') /* what tallyrun keeps for all containers */
		g_ptr_array_add(user, g_strdup(name));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void doctor_left_states(
	struct doctor *d, const char *root, bool (*skip)(const char *id, const void *user), const void *user)
{
	auto_fd fd = openat(d->root_fd, root + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	int r;

	if (fd < 0 && errno == ENOENT)
		return;
	r = fd < 0 ? -errno : dir_list(fd, add_name, names);
	if (r < 0) {
		doctor_add(d, AREA, root, DOCTOR_NOTE, NULL, "unknown: %s", errno_text(-r));
		return;
	}
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		struct state s = { .root = root, .id = names->pdata[i] };
		g_autofree char *remedy = g_strdup_printf("tallyrun --root %s delete --force %s", root, s.id);

		s.remedy = remedy;
		if (!skip || !skip(s.id, user))
			look_at_state(d, fd, &s);
	}
}
