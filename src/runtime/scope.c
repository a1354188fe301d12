/* The systemd cgroup driver, our side: names, and the helper's life. */
#include "runtime/scope.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/spawn.h"

#define HELPER        "tallyrun-scope"
#define PROPERTY      "org.systemd.property."
#define START_MS      90000 /* more than the helper's own deadlines together */
#define LEAVE_MS      10000
#define ANSWER_MAX    8192
#define DEFAULT_SLICE "system.slice"

struct Scope {
	char *unit;
	char *path;
	pid_t pid;
	int pidfd;
	int in, out, err; /* of the helper, our ends */
};

/* --- names ---------------------------------------------------------------------------------------------------------- */

/* What systemd takes for a name, and does not read as a path. */
static bool is_name(const char *text)
{
	return *text && !strchr(text, '/') && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && strlen(text) < 256;
}

/* systemd.slice(5): "-.slice" is the root; else names of one slice and those above it with dashes in between. */
static bool is_slice(const char *name)
{
	if (g_str_equal(name, "-.slice"))
		return true;
	return is_name(name) && g_str_has_suffix(name, ".slice") && *name != '.' && *name != '-' && !strstr(name, "--") &&
	       !g_str_has_suffix(name, "-.slice");
}

bool scope_names(const char *cgroups_path, const char *id, bool user, char **ret_slice, char **ret_unit, GError **error)
{
	const char *given = cgroups_path && *cgroups_path ? cgroups_path : "::";
	g_auto(GStrv) parts = g_strsplit(given, ":", -1);
	const char *slice, *prefix, *name;

	if (g_strv_length(parts) != 3)
		return fail(error,
			"linux.cgroupsPath: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, "
			"got \"%s\" instead",
			given);
	slice = *parts[0] ? parts[0] : user ? "user.slice" : DEFAULT_SLICE;
	name = *parts[2] ? parts[2] : id;
	prefix = given[0] == ':' && given[1] == ':' && !*parts[2] ? "runc" : parts[1];
	if (!is_name(name) || strchr(prefix, '/') || g_str_has_suffix(name, ".slice"))
		return fail(error, "linux.cgroupsPath: \"%s\" names no scope", given);
	if (!is_slice(slice))
		return fail(error, "linux.cgroupsPath: invalid slice name: %s", slice);
	*ret_slice = g_strdup(slice);
	*ret_unit = *prefix ? g_strdup_printf("%s-%s.scope", prefix, name) : g_strdup_printf("%s.scope", name);
	return true;
}

/* --- the helper ----------------------------------------------------------------------------------------------------- */

/* Beside us, as in a build tree, else where it is installed. */
static char *find_helper(const char *program)
{
	g_autofree char *dir = g_path_get_dirname(program), *beside = g_build_filename(dir, HELPER, NULL);

	if (strchr(program, '/') && access(beside, X_OK) == 0)
		return g_steal_pointer(&beside);
	return g_strdup(PKGLIBEXECDIR "/" HELPER);
}

bool scope_available(const char *program)
{
	g_autofree char *helper = find_helper(program);

	return access(helper, X_OK) == 0;
}

/* One line of an answer; its end of file is the helper's. */
static char *read_line(int fd, uint64_t deadline)
{
	g_autofree char *line = g_malloc0(ANSWER_MAX);
	size_t n = 0;

	while (n < ANSWER_MAX - 1) {
		uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, now < deadline ? (int)((deadline - now) / 1000000) + 1 : 0);

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return NULL;
		if (rw_read(fd, line + n, 1) != 1)
			break;
		if (line[n] == '\n') {
			line[n] = '\0';
			return g_steal_pointer(&line);
		}
		n++;
	}
	return NULL;
}

static bool fail_helper(const Scope *s, const char *what, GError **error)
{
	uint64_t soon = sys_clock_ns(CLOCK_MONOTONIC) + 1000000000;
	g_autofree char *said = read_line(s->err, soon);

	return fail(error, "%s: %s", what, said ?: HELPER " does not answer");
}

static bool expect(Scope *s, const char *start, char **ret_rest, const char *what, GError **error)
{
	g_autofree char *line = read_line(s->out, sys_clock_ns(CLOCK_MONOTONIC) + START_MS * UINT64_C(1000000));

	if (!line || !g_str_has_prefix(line, start))
		return fail_helper(s, what, error);
	if (ret_rest)
		*ret_rest = g_strdup(line + strlen(start));
	return true;
}

static char **helper_argv(const char *program, const char *slice, const char *unit, const char *id, bool user,
	const char *devices, const struct spec_map *annotations)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, find_helper(program));
	if (user)
		g_ptr_array_add(argv, g_strdup("--user"));
	g_ptr_array_add(argv, g_strdup("start"));
	g_ptr_array_add(argv, g_strdup(unit));
	g_ptr_array_add(argv, g_strdup(slice));
	g_ptr_array_add(argv, g_strdup_printf("tallyrun container %s", id));
	if (devices) {
		g_ptr_array_add(argv, g_strdup("DevicePolicy='strict'"));
		g_ptr_array_add(argv, g_strdup_printf("DeviceAllow=%s", devices));
	}
	for (size_t i = 0; i < annotations->n_pairs; i++)
		if (g_str_has_prefix(annotations->pairs[i].key, PROPERTY))
			g_ptr_array_add(argv, g_strdup_printf("%s=%s", annotations->pairs[i].key + strlen(PROPERTY),
						      annotations->pairs[i].value));
	g_ptr_array_add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static bool start_helper(Scope *s, char **argv, GError **error)
{
	g_autoptr(GError) local = NULL;

	if (!g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CLOEXEC_PIPES, NULL, NULL,
		    &s->pid, &s->in, &s->out, &s->err, &local))
		return fail(error, "execute %s: %s", argv[0], local->message);
	s->pidfd = sys_pidfd_open(s->pid, 0);
	return s->pidfd >= 0 || fail_with(error, s->pidfd, "open a pidfd of %s", argv[0]);
}

Scope *scope_start(const char *program, const char *cgroups_path, const char *id, bool user,
	const char *devices, const struct spec_map *annotations, GError **error)
{
	g_autoptr(Scope) s = g_new0(Scope, 1);
	g_autofree char *slice = NULL;
	g_auto(GStrv) argv = NULL;

	*s = (Scope){ .pidfd = -1, .in = -1, .out = -1, .err = -1 };
	if (!scope_names(cgroups_path, id, user, &slice, &s->unit, error))
		return NULL;
	argv = helper_argv(program, slice, s->unit, id, user, devices, annotations);
	if (!start_helper(s, argv, error) || !expect(s, "cgroup ", &s->path, s->unit, error))
		return NULL;
	return g_steal_pointer(&s);
}

const char *scope_path(const Scope *s)
{
	return s->path;
}

const char *scope_unit(const Scope *s)
{
	return s->unit;
}

bool scope_sync(Scope *s, GError **error)
{
	/* It may have gone: the container's limits are its own as well. */
	if (rw_write_pipe(s->in, "s", 1) != 1)
		return fail_helper(s, s->unit, error);
	return expect(s, "done", NULL, s->unit, error);
}

void scope_leave(Scope *s)
{
	struct pollfd p = { .fd = s ? s->pidfd : -1, .events = POLLIN };

	if (!s)
		return;
	fd_close(&s->in);
	if (s->pidfd >= 0) {
		if (poll(&p, 1, LEAVE_MS) == 0)
			(void)sys_pidfd_send_signal(s->pidfd, SIGKILL);
		while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_close(&s->pidfd);
	fd_close(&s->out);
	fd_close(&s->err);
	g_free(s->unit);
	g_free(s->path);
	g_free(s);
}

/* VERB UNIT [ARG] */
static bool run_helper(const char *program, const char *verb, const char *unit, const char *arg, bool user, GError **error)
{
	g_autofree char *helper = find_helper(program);
	const char *words[6] = { helper };
	size_t n = 1;
	const struct spawn_request request = { .path = helper, .argv = words, .timeout_ms = START_MS, .max_output = ANSWER_MAX };
	struct spawn_result result = { 0 };
	bool ok;

	if (user)
		words[n++] = "--user";
	words[n++] = verb;
	words[n++] = unit;
	words[n] = arg;
	if (!spawn_run(&request, &result, error))
		return false;
	ok = WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0;
	if (!ok)
		fail(error, "%s: %s", unit, result.errors && *result.errors ? result.errors : "systemd does not answer");
	spawn_result_clear(&result);
	return ok;
}

bool scope_move(pid_t pid, void *ref, GError **error)
{
	const struct scope_ref *r = ref;
	char number[NUM_MAX];

	num_format_i64(number, pid);
	return run_helper(r->program, "attach", r->unit, number, r->user, error);
}

bool scope_sync_unit(const char *program, const char *unit, const char *path, bool user, GError **error)
{
	return run_helper(program, "sync", unit, path, user, error);
}

bool scope_stop_unit(const char *program, const char *unit, bool user, GError **error)
{
	return run_helper(program, "stop", unit, NULL, user, error);
}
