/* Id maps: written directly where we may, by the set-user-ID helpers of the host where we may not. */
#include "runtime/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "base/rw.h"
#include "common/error.h"
#include "common/spawn.h"

#define HELPER_TIMEOUT_MS 30000

/* One of the two maps. */
struct kind {
	const char *file, *helper, *field;
	int cap;
	uint32_t own_id;
	const struct spec_id_map *maps;
	size_t n;
};

bool idmap_has(const struct spec_id_map *maps, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
			return true;
	return false;
}

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
	return write_file(pid, k->file, text->str, error) || fail_prefix(error, "linux.%s", k->field);
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
			"linux.%s: an ordinary user may map nothing but the own id without %s, which is not in $PATH",
			k->field, k->helper);
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
		return fail_prefix(error, "linux.%s", k->field);
	ok = !result.timed_out && result.status == 0;
	if (!ok) {
		g_autofree char *how = spawn_status_text(result.status);

		for (char *p = result.output; p && *p; p++)
			if (*p == '\n')
				*p = ' ';
		fail(error, "linux.%s: %s: %s%s%s", k->field, path, how, result.output && *result.output ? ": " : "",
			result.output ?: "");
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

static struct kind gid_kind(const struct spec_linux *spec)
{
	return (struct kind){ "gid_map", "newgidmap", "gidMappings", CAP_SETGID, getegid(), spec->gid_mappings,
		spec->n_gid_mappings };
}

bool idmap_denies_groups(const struct spec_linux *spec, const struct self *self)
{
	const struct kind gids = gid_kind(spec);

	return !self_has_cap(self, CAP_SETGID) && is_own_id_alone(&gids);
}

bool idmap_write(pid_t pid, const struct spec_linux *spec, const struct self *self, GError **error)
{
	const struct kind gids = gid_kind(spec);
	const struct kind uids = { "uid_map", "newuidmap", "uidMappings", CAP_SETUID, geteuid(), spec->uid_mappings,
		spec->n_uid_mappings };

	/* Dropping a group could give access that the group was denied: the kernel wants that ruled out first. */
	if (idmap_denies_groups(spec, self) && !write_file(pid, "setgroups", "deny", error))
		return false;
	return write_map(pid, &gids, self, error) && write_map(pid, &uids, self, error);
}
