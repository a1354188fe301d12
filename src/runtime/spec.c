/* Loads config.json: text to tree (yajl), tree to structs (spec_read, spec_fields), then the checks of spec_check. */
#include "runtime/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"
#include "runtime/spec_table.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

const char *const spec_hook_names[N_HOOK_KINDS] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
	[HOOK_PRECHROOT] = "prechroot",
};

const struct spec_namespace_info spec_namespace_infos[N_NS_TYPES] = {
	[NS_PID] = { "pid", "pid", "NEWPID", CLONE_NEWPID },
	[NS_NETWORK] = { "network", "net", "NEWNET", CLONE_NEWNET },
	[NS_MOUNT] = { "mount", "mnt", "NEWNS", CLONE_NEWNS },
	[NS_IPC] = { "ipc", "ipc", "NEWIPC", CLONE_NEWIPC },
	[NS_UTS] = { "uts", "uts", "NEWUTS", CLONE_NEWUTS },
	[NS_USER] = { "user", "user", "NEWUSER", CLONE_NEWUSER },
	[NS_CGROUP] = { "cgroup", "cgroup", "NEWCGROUP", CLONE_NEWCGROUP },
	[NS_TIME] = { "time", "time", "NEWTIME", CLONE_NEWTIME },
};

/* yajl's strings end at a NUL: one written as \u0000 would silently cut a path short. */
static bool has_escaped_nul(const char *text)
{
	for (const char *p = strchr(text, '\\'); p; p = strchr(p, '\\')) {
		if (strncmp(p + 1, "u0000", 5) == 0)
			return true;
		p += p[1] ? 2 : 1;
	}
	return false;
}

static struct spec *parse(const char *text, const char *name, GError **error)
{
	g_autoptr(Spec) spec = g_new0(struct spec, 1);

	if (has_escaped_nul(text)) {
		fail(error, "%s: a string contains a NUL character", name);
		return NULL;
	}
	spec->json = json_parse(text, error);
	if (!spec->json) {
		fail_prefix(error, "%s", name);
		return NULL;
	}
	spec->pool = spec_pool_new();
	return g_steal_pointer(&spec);
}

/* The type and the path of one element of linux.namespaces. */
static bool read_namespace(struct spec_namespace *namespaces, yajl_val v, size_t i, GError **error)
{
	const char *type = json_get_string(v, "type");
	const char *path = json_get_string(v, "path");

	if (!YAJL_IS_OBJECT(v) || !type)
		return fail(error, "linux.namespaces[%zu].type is required", i);
	if (json_get(v, "path") && !path)
		return fail(error, "linux.namespaces[%zu].path: expected a string", i);
	for (int t = 0; t < N_NS_TYPES; t++) {
		if (strcmp(type, spec_namespace_infos[t].name) != 0)
			continue;
		if (namespaces[t].wanted)
			return fail(error, "malformed spec file: duplicated ns {\"%s\" \"%s\"} (linux.namespaces[%zu])",
				type, path ?: "", i);
		namespaces[t] = (struct spec_namespace){ .wanted = true, .path = path && *path ? path : NULL };
		return true;
	}
	return fail(error, "namespace {\"%s\" \"%s\"} does not exist (linux.namespaces[%zu])", type, path ?: "", i);
}

static bool read_namespaces(struct spec_linux *l, GError **error)
{
	yajl_val list = l->namespaces_json;

	if (!list)
		return true;
	if (!YAJL_IS_ARRAY(list))
		return fail(error, "linux.namespaces: expected an array");
	for (size_t i = 0; i < list->u.array.len; i++)
		if (!read_namespace(l->namespaces, list->u.array.values[i], i, error))
			return false;
	return true;
}

/* "name" is what the specification had before 1.0 instead of "names". */
static bool name_syscalls(struct spec *spec, GError **error)
{
	struct spec_seccomp *s = spec->linux_.seccomp;

	for (size_t i = 0; s && i < s->n_syscalls; i++) {
		struct spec_syscall *call = &s->syscalls[i];

		if (!call->names && !call->name)
			return fail(error, "linux.seccomp.syscalls[%zu].names is required", i);
		if (call->names)
			continue;
		call->names = spec_pool_zalloc(spec->pool, 2 * sizeof *call->names);
		call->names[0] = call->name;
	}
	return true;
}

/* Whether an option of a mount is about the id of a user or group that is not root. */
static bool names_other_id(const char *option)
{
	return (g_str_has_prefix(option, "uid=") || g_str_has_prefix(option, "gid=")) && strcmp(option + 4, "0") != 0;
}

static bool needs_other_ids(const struct spec *spec)
{
	const struct spec_process *p = spec->process;

	if (p && (p->uid || p->gid || p->n_additional_gids))
		return true;
	for (size_t i = 0; i < spec->linux_.n_devices; i++)
		if (spec->linux_.devices[i].uid.value || spec->linux_.devices[i].gid.value)
			return true;
	for (size_t i = 0; i < spec->n_mounts; i++)
		for (const char **o = spec->mounts[i].options; o && *o; o++)
			if (names_other_id(*o))
				return true;
	return false;
}

static struct spec_id_map *map_root_to(SpecPool *pool, uint32_t id)
{
	struct spec_id_map *map = spec_pool_zalloc(pool, sizeof *map);

	*map = (struct spec_id_map){ .container_id = 0, .host_id = id, .size = 1 };
	return map;
}

/* A new user namespace without mappings: as with crun its root is the caller, if that is all that the document needs. */
static void map_own_ids(struct spec *spec)
{
	struct spec_linux *l = &spec->linux_;
	const struct spec_namespace *user = &l->namespaces[NS_USER];

	if (!user->wanted || user->path || l->n_uid_mappings || l->n_gid_mappings || needs_other_ids(spec))
		return;
	l->uid_mappings = map_root_to(spec->pool, geteuid());
	l->gid_mappings = map_root_to(spec->pool, getegid());
	l->n_uid_mappings = l->n_gid_mappings = 1;
	l->own_ids_only = true;
}

void spec_resources_no_pids_zero(struct spec_resources *r)
{
	if (r->pids_limit.set && r->pids_limit.value == 0)
		r->pids_limit.value = -1;
}

/* Of a version that has been checked: 1.MINOR.PATCH. */
static bool is_before(const struct spec *spec, guint64 minor)
{
	return g_str_has_prefix(spec->oci_version, "1.") && g_ascii_strtoull(spec->oci_version + 2, NULL, 10) < minor;
}

struct spec *spec_parse(const char *text, const char *name, GError **error)
{
	g_autoptr(Spec) spec = parse(text, name, error);

	if (!spec)
		return NULL;
	if (!spec_read_object(spec->pool, &spec_table_top, spec->json, "", spec, error) ||
		!read_namespaces(&spec->linux_, error) || !name_syscalls(spec, error))
		return NULL;
	if (spec->linux_.seccomp && !spec->linux_.seccomp->default_action && spec->linux_.seccomp->n_syscalls == 0)
		spec->linux_.seccomp = NULL;
	map_own_ids(spec);
	if (!spec_check(spec, error))
		return NULL;
	if (spec->linux_.resources && is_before(spec, 3))
		spec_resources_no_pids_zero(spec->linux_.resources);
	return g_steal_pointer(&spec);
}

/* Reads a descriptor to its end. */
static char *read_all(int fd, const char *name, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char buf[16384];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		g_string_append_len(text, buf, n);
	if (n < 0) {
		fail_errno(error, "read %s", name);
		return NULL;
	}
	if (strlen(text->str) != text->len) {
		fail(error, "%s: contains a NUL byte", name);
		return NULL;
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *read_file(const char *path, GError **error)
{
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		fail_errno(error, "open %s", path);
		return NULL;
	}
	return read_all(fd, path, error);
}

struct spec *spec_load(const char *path, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autofree char *text = read_file(path, &local);

	if (text)
		return spec_parse(text, path, error);
	if (local->code == ENOENT)
		fail(error, "JSON specification file %s not found", path);
	else
		g_propagate_error(error, g_steal_pointer(&local));
	return NULL;
}

struct spec *spec_load_process(const char *path, GError **error)
{
	g_autofree char *text = read_file(path, error);
	g_autoptr(Spec) spec = text ? parse(text, path, error) : NULL;

	if (!spec)
		return NULL;
	spec->process = spec_pool_zalloc(spec->pool, sizeof *spec->process);
	if (!spec_read_object(spec->pool, &spec_table_process, spec->json, "process", spec->process, error) ||
		!spec_check_process(spec->process, error))
		return NULL;
	return g_steal_pointer(&spec);
}

struct spec *spec_load_resources(const char *path, GError **error)
{
	g_autofree char *text =
		strcmp(path, "-") == 0 ? read_all(STDIN_FILENO, "standard input", error) : read_file(path, error);
	g_autoptr(Spec) spec = text ? parse(text, path, error) : NULL;

	if (!spec)
		return NULL;
	spec->linux_.resources = spec_pool_zalloc(spec->pool, sizeof *spec->linux_.resources);
	if (!spec_read_object(spec->pool, &spec_table_resources, spec->json, "", spec->linux_.resources, error))
		return NULL;
	spec_resources_no_pids_zero(spec->linux_.resources);
	return g_steal_pointer(&spec);
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	spec_pool_free(spec->pool);
	yajl_tree_free(spec->json);
	g_free(spec);
}

const char *spec_map_get(const struct spec_map *map, const char *key)
{
	for (size_t i = 0; i < map->n_pairs; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return map->pairs[i].value;
	return NULL;
}
