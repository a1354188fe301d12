/* Id maps: written directly where we may, by the set-user-ID helpers of the host where we may not. */
#include "runtime/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/rw.h"
#include "child/holder.h"
#include "common/error.h"
#include "common/spawn.h"

#define HELPER_TIMEOUT_MS 30000

/* One of the two maps. */
struct kind {
	const char *file, *helper, *where, *field;
	int cap;
	uint32_t own_id;
	const struct spec_id_map *maps;
	size_t n;
};

static bool is_own_id_alone(const struct kind *k)
{
	return k->n == 1 && k->maps[0].size == 1 && k->maps[0].host_id == k->own_id;
}

static bool write_file(pid_t pid, const char *name, const char *text, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
	int r = rw_write_control(AT_FDCWD, path, text);

	return r == 0 || fail_with(error, r, "write %s", path);
}

static bool write_directly(pid_t pid, const struct kind *k, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (size_t i = 0; i < k->n; i++)
		g_string_append_printf(
			text, "%u %u %u\n", k->maps[i].container_id, k->maps[i].host_id, k->maps[i].size);
	return write_file(pid, k->file, text->str, error) || fail_prefix(error, "%s.%s", k->where, k->field);
}

/* newuidmap PID inside outside count [...] */
static bool write_by_helper(pid_t pid, const struct kind *k, GError **error)
{
	g_autofree char *path = g_find_program_in_path(k->helper);
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	struct spawn_request request = {
		.path = path, .timeout_ms = HELPER_TIMEOUT_MS, .max_output = 1024, .merge_output = true
	};
	struct spawn_result result;
	bool ok;

	if (!path)
		return fail(error,
			"%s.%s: an ordinary user may map nothing but the own id without %s, which is not in $PATH",
			k->where, k->field, k->helper);
	g_ptr_array_add(argv, g_strdup(k->helper));
	g_ptr_array_add(argv, g_strdup_printf("%d", pid));
	for (size_t i = 0; i < k->n; i++) {
		g_ptr_array_add(argv, g_strdup_printf("%u", k->maps[i].container_id));
		g_ptr_array_add(argv, g_strdup_printf("%u", k->maps[i].host_id));
		g_ptr_array_add(argv, g_strdup_printf("%u", k->maps[i].size));
	}
	g_ptr_array_add(argv, NULL);
	request.argv = (const char *const *)argv->pdata;
	if (!spawn_run(&request, &result, error))
		return fail_prefix(error, "%s.%s", k->where, k->field);
	ok = !result.timed_out && result.status == 0;
	if (!ok) {
		g_autofree char *how = spawn_status_text(result.status);

		for (char *p = result.output; p && *p; p++)
			if (*p == '\n')
				*p = ' ';
		fail(error, "%s.%s: %s: %s%s%s", k->where, k->field, path, how,
			result.output && *result.output ? ": " : "", result.output ?: "");
	}
	spawn_result_clear(&result);
	return ok;
}

static bool write_map(pid_t pid, const struct kind *k, const struct self *self, GError **error)
{
	if (self_has_cap(self, k->cap) || is_own_id_alone(k))
		return write_directly(pid, k, error);
	return write_by_helper(pid, k, error);
}

static struct kind gid_kind(const struct idmap *map)
{
	return (struct kind){ "gid_map", "newgidmap", map->where, "gidMappings", CAP_SETGID, getegid(), map->gids,
		map->n_gids };
}

bool idmap_denies_groups(const struct idmap *map, const struct self *self)
{
	const struct kind gids = gid_kind(map);

	return !self_has_cap(self, CAP_SETGID) && is_own_id_alone(&gids);
}

struct idmap idmap_of_container(const struct spec_linux *spec)
{
	return (struct idmap){ "linux", spec->uid_mappings, spec->gid_mappings, spec->n_uid_mappings,
		spec->n_gid_mappings };
}

bool idmap_write(pid_t pid, const struct idmap *map, const struct self *self, GError **error)
{
	const struct kind gids = gid_kind(map);
	const struct kind uids = { "uid_map", "newuidmap", map->where, "uidMappings", CAP_SETUID, geteuid(), map->uids,
		map->n_uids };

	/* Dropping a group could give access that the group was denied: the kernel wants that ruled out first. */
	if (idmap_denies_groups(map, self) && !write_file(pid, "setgroups", "deny", error))
		return false;
	return write_map(pid, &gids, self, error) && write_map(pid, &uids, self, error);
}

bool idmap_open_namespace(const struct idmap *map, const struct self *self, int *ret_fd, GError **error)
{
	g_autofree char *path = NULL;
	struct holder holder;
	int r = holder_start(-1, &holder), fd = -1;
	bool ok;

	if (r < 0)
		return fail_with(error, r, "%s: create a user namespace", map->where);
	ok = idmap_write(holder.pid, map, self, error);
	if (ok) {
		path = g_strdup_printf("/proc/%d/ns/user", holder.pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ok = fd >= 0 || fail_errno(error, "%s: open %s", map->where, path);
	}
	holder_end(&holder);
	if (ok)
		*ret_fd = fd;
	return ok;
}

static bool read_map(pid_t pid, const char *name, char *text, size_t size, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, name);
	ssize_t n = rw_read_file(AT_FDCWD, path, text, size);

	return n >= 0 || fail_with(error, (int)n, "read %s", path);
}

bool idmap_check_namespace(int fd, const struct idmap *map, bool *ret_same, GError **error)
{
	char uids[16384], gids[16384]; /* 340 lines at most */
	struct holder holder;
	int r = holder_start(fd, &holder);
	bool ok;

	if (r < 0)
		return fail_with(error, r, "enter the user namespace to read its maps");
	ok = read_map(holder.pid, "uid_map", uids, sizeof uids, error) &&
	     read_map(holder.pid, "gid_map", gids, sizeof gids, error);
	holder_end(&holder);
	if (ok)
		*ret_same = idmap_same(uids, map->uids, map->n_uids) && idmap_same(gids, map->gids, map->n_gids);
	return ok;
}

bool idmap_to_host(const struct spec_id_map *maps, size_t n, uint32_t id, uint32_t *ret_host_id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size) {
			*ret_host_id = maps[i].host_id + (id - maps[i].container_id);
			return true;
		}
	return false;
}

bool idmap_same(const char *text, const struct spec_id_map *maps, size_t n)
{
	size_t lines = 0;

	for (const char *line = text; *line; line += *line == '\n') {
		struct spec_id_map m;
		bool found = false;

		if (sscanf(line, "%u %u %u", &m.container_id, &m.host_id, &m.size) != 3)
			return false;
		for (size_t i = 0; i < n && !found; i++)
			found = maps[i].container_id == m.container_id && maps[i].host_id == m.host_id &&
				maps[i].size == m.size;
		if (!found)
			return false;
		lines++;
		line += strcspn(line, "\n");
	}
	return lines == n;
}

/* One list of "C-H-S", the parts divided by '#'. */
static bool parse_list(const char *text, const struct spec_id_map **ret_maps, size_t *ret_n)
{
	g_auto(GStrv) parts = g_strsplit(text, "#", -1);
	size_t n = g_strv_length(parts);
	g_autofree struct spec_id_map *maps = g_new0(struct spec_id_map, n + 1);

	for (size_t i = 0; i < n; i++) {
		uint32_t *const numbers[] = { &maps[i].container_id, &maps[i].host_id, &maps[i].size };
		g_auto(GStrv) words = g_strsplit(parts[i], "-", -1);
		uint64_t value;

		if (g_strv_length(words) != 3)
			return false;
		for (int k = 0; k < 3; k++) {
			if (num_parse_u64(words[k], UINT32_MAX, &value) < 0)
				return false;
			*numbers[k] = (uint32_t)value;
		}
	}
	*ret_n = n;
	*ret_maps = g_steal_pointer(&maps);
	return n > 0;
}

bool idmap_parse_option(const char *text, struct idmap *ret_map)
{
	g_auto(GStrv) parts = g_strsplit(text, ";", -1);
	bool ok = g_strv_length(parts) == 2;
	struct idmap m = { 0 };

	for (char **part = parts; ok && *part; part++) {
		if (g_str_has_prefix(*part, "uids=") && !m.uids)
			ok = parse_list(*part + 5, &m.uids, &m.n_uids);
		else if (g_str_has_prefix(*part, "gids=") && !m.gids)
			ok = parse_list(*part + 5, &m.gids, &m.n_gids);
		else
			ok = false;
	}
	if (ok) {
		*ret_map = m;
		return true;
	}
	g_free((void *)m.uids);
	g_free((void *)m.gids);
	return false;
}
