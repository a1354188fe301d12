/* The processes of a container. The runtime says which run; of zombies it knows nothing, for they are in no cgroup's list:
 * those are the first process and the sessions' while they are not waited for, and the children of any of the others. */
#include "ctl/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "base/proc.h"
#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/json.h"
#include "ctl/engine.h"
#include "ctl/session.h"

#define NAME_MAX_BYTES 64

static void process_clear(gpointer data)
{
	struct process *p = data;

	g_free(p->session);
	g_strfreev(p->command);
	g_free(p->name);
}

bool process_is_ours(const struct process *p)
{
	return p->init || p->session;
}

static struct process *find(const GArray *list, pid_t pid)
{
	for (guint i = 0; i < list->len; i++)
		if (g_array_index(list, struct process, i).pid == pid)
			return &g_array_index(list, struct process, i);
	return NULL;
}

static char **read_command(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid), *text = NULL;
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	gsize size = 0;

	if (g_file_get_contents(path, &text, &size, NULL))
		for (const char *arg = text; arg < text + size; arg += strlen(arg) + 1)
			g_ptr_array_add(words, g_strdup(arg));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* Adds a process unless it is listed, or gone. With zombie_only: if it is one. */
static void add(GArray *list, pid_t pid, bool zombie_only)
{
	g_autofree char *dir = g_strdup_printf("/proc/%d", pid), *comm = g_strconcat(dir, "/comm", NULL);
	char name[NAME_MAX_BYTES];
	struct proc_stat stat;
	struct stat st;
	struct process p;

	if (find(list, pid) || proc_read_stat(pid, &stat) < 0 || (zombie_only && !proc_stat_has_ended(&stat)) ||
		fstatat(AT_FDCWD, dir, &st, 0) < 0)
		return;
	if (rw_read_file(AT_FDCWD, comm, name, sizeof name) <= 0)
		name[0] = '\0';
	p = (struct process){
		.pid = pid,
		.ppid = stat.ppid,
		.uid = st.st_uid,
		.state = stat.state,
		.zombie = proc_stat_has_ended(&stat),
		.command = read_command(pid),
		.name = g_strdup(g_strchomp(name)),
	};
	g_array_append_val(list, p);
}

/* Calls visit with every process there is. */
static bool for_all_processes(void (*visit)(pid_t pid, void *user), void *user, GError **error)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	uint64_t pid;

	if (!dir)
		return fail_errno(error, "open /proc");
	while ((e = readdir(dir)))
		if (num_parse_u64(e->d_name, INT_MAX, &pid) == 0)
			visit((pid_t)pid, user);
	closedir(dir);
	return true;
}

static bool pid_namespace(pid_t pid, char *text, size_t size)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/ns/pid", pid);
	ssize_t n = readlink(path, text, size - 1);

	text[MAX(n, 0)] = '\0';
	return n > 0;
}

/* What for_all_processes passes on. */
struct search {
	GArray *list;
	char namespace[NAME_MAX_BYTES];
};

static void add_of_namespace(pid_t pid, void *user)
{
	struct search *search = user;
	char namespace[NAME_MAX_BYTES];

	if (pid_namespace(pid, namespace, sizeof namespace) && g_str_equal(namespace, search->namespace))
		add(search->list, pid, false);
}

static void add_zombie_child(pid_t pid, void *user)
{
	struct search *search = user;
	struct proc_stat stat;

	if (proc_read_stat(pid, &stat) == 0 && proc_stat_has_ended(&stat) && find(search->list, stat.ppid))
		add(search->list, pid, true);
}

static bool add_running(const Container *c, const char *runtime, GArray *list, GError **error)
{
	const char *const args[] = { "ps", "--format", "json", c->id, NULL };
	struct search search = { .list = list };
	g_autoptr(GError) refused = NULL;
	g_autoptr(JsonValue) pids = NULL;
	g_autofree char *text = NULL;
	char own[NAME_MAX_BYTES];
	int64_t pid;

	if (!engine_runtime(runtime, c->runtime_root, c->path, -1, args, &text, &refused)) {
		if (pid_namespace(getpid(), own, sizeof own) &&
			pid_namespace(c->record.process.pid, search.namespace, sizeof search.namespace) &&
			!g_str_equal(own, search.namespace))
			return for_all_processes(add_of_namespace, &search, error);
		g_propagate_error(error, g_steal_pointer(&refused));
		return false;
	}
	pids = json_parse(text, error);
	if (!pids)
		return fail_prefix(error, "%s ps", runtime);
	for (size_t i = 0; YAJL_IS_ARRAY(pids) && i < pids->u.array.len; i++)
		if (json_int64(pids->u.array.values[i], &pid) && pid > 0 && pid <= INT_MAX)
			add(list, (pid_t)pid, false);
	return true;
}

/* The process under this number, if it is this very one. */
static struct process *listed(GArray *list, const struct process_id *id)
{
	struct proc_stat stat;

	if (id->pid < 2 || proc_read_stat(id->pid, &stat) < 0 || stat.start_ticks != id->start_ticks)
		return NULL;
	add(list, id->pid, false);
	return find(list, id->pid);
}

static void add_ours(const Container *c, GArray *list)
{
	g_autoptr(GPtrArray) sessions = session_list(c, NULL); /* none: removed meanwhile */
	struct process *p = listed(list, &c->record.process);

	if (p)
		p->init = true;
	for (guint i = 0; sessions && i < sessions->len; i++) {
		Session *s = sessions->pdata[i];
		g_autoptr(GError) local = NULL;

		/* Being started, or its tool has died. */
		if (s->state == SESSION_CREATED && !session_read_processes(s, NULL, &local))
			diag_warning("%s", local->message);
		p = listed(list, &s->process);
		if (p && !p->session)
			p->session = g_strdup(s->id);
	}
}

static int by_pid(const void *a, const void *b)
{
	return ((const struct process *)a)->pid - ((const struct process *)b)->pid;
}

GArray *processes_list(const Container *c, const char *runtime, GError **error)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct process));
	struct search search = { .list = list };

	g_array_set_clear_func(list, process_clear);
	if (!add_running(c, runtime, list, error))
		return NULL;
	add_ours(c, list);
	if (!for_all_processes(add_zombie_child, &search, error))
		return NULL;
	g_array_sort(list, by_pid);
	return g_steal_pointer(&list);
}
