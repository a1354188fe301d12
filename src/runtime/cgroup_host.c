/* Which cgroup file systems this host has and where. The usual places under /sys/fs/cgroup are tried first and believed
 * only when the file system's magic says so; /proc/self/mountinfo, which grows with every mount of the host, is read
 * only where they do not do. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"

#define CGROUP_MOUNTS "/sys/fs/cgroup"

bool cgroup_host_split(char *line, char **ret_controllers, char **ret_path)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path || path[1] != '/')
		return false;
	*controllers = *path = '\0';
	*ret_controllers = controllers + 1;
	*ret_path = path + 1;
	return true;
}

static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
			return true;
	return false;
}

static bool has_hierarchy(const Cgroup *cg, const char *controllers)
{
	g_auto(GStrv) names = g_strsplit(controllers, ",", 2); /* those that are mounted together are one hierarchy */

	for (size_t i = 0; cg && i < cg->n; i++)
		if (names[0] ? list_has(cg->hierarchies[i].controllers, names[0]) : cg->nodes[i].v2)
			return true;
	return false;
}

bool cgroup_covers(const Cgroup *cg, const char *memberships)
{
	g_auto(GStrv) lines = g_strsplit(memberships, "\n", -1);

	for (char **line = lines; *line; line++) {
		char *controllers, *path;

		if (cgroup_host_split(*line, &controllers, &path) && !has_hierarchy(cg, controllers))
			return false;
	}
	return true;
}

bool cgroup_host_match_mount(const char *line, const char *controller, char **ret_mount, char **ret_root)
{
	/* id parent major:minor root mount options [optional fields] - type source super-options */
	g_auto(GStrv) f = g_strsplit(line, " ", -1);
	guint n = g_strv_length(f), dash = 6;

	while (dash < n && strcmp(f[dash], "-") != 0)
		dash++;
	if (dash + 3 >= n)
		return false;
	if (*controller ? strcmp(f[dash + 1], "cgroup") != 0 || !list_has(f[dash + 3], controller)
			: strcmp(f[dash + 1], "cgroup2") != 0)
		return false;
	*ret_mount = g_strcompress(f[4]); /* blanks are written \040 */
	*ret_root = g_strcompress(f[3]);
	return true;
}

/* Looks a hierarchy up in mountinfo; the last line that fits is the one on top. */
static bool find_mount(const char *controllers, char **ret_mount, char **ret_root)
{
	g_autofree char *first = g_strndup(controllers, strcspn(controllers, ","));
	g_autofree char *text = NULL;
	char *save = NULL;
	bool found = false;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *mount, *root;

		if (!cgroup_host_match_mount(line, first, &mount, &root))
			continue;
		if (found) {
			g_free(*ret_mount);
			g_free(*ret_root);
		}
		*ret_mount = mount;
		*ret_root = root;
		found = true;
	}
	return found;
}

/* Where our own cgroup is below the mount: what is mounted may be a part of the hierarchy only. */
static char *own_below(int root_fd, const char *controllers, const char *own)
{
	g_autofree char *mount = NULL, *root = NULL;
	auto_fd dir_fd = cgroupfs_open_dir(root_fd, own);
	size_t len;

	if (dir_fd >= 0)
		return g_strdup(own);
	if (!find_mount(controllers, &mount, &root))
		return g_strdup("/");
	len = strlen(root);
	if (g_str_has_prefix(own, root) && (own[len] == '/' || own[len] == '\0'))
		return g_strdup(own[len] ? own + len : "/");
	return g_strdup("/");
}

static void add_line(Cgroup *cg, const char *controllers, const char *own, bool want_own)
{
	bool v2 = *controllers == '\0';
	const char *name = v2 ? "unified" : g_str_has_prefix(controllers, "name=") ? controllers + 5 : controllers;
	g_autofree char *mount = g_strconcat(CGROUP_MOUNTS "/", name, NULL);
	g_autofree char *root = NULL;
	int root_fd;
	char *path;

	/* Hierarchies without controllers belong to whoever made them, but systemd's is the one others look at. */
	if (g_str_has_prefix(controllers, "name=") && strcmp(controllers, "name=systemd") != 0)
		return;
	root_fd = cgroupfs_open_root(mount, v2);
	if (root_fd < 0) {
		g_clear_pointer(&mount, g_free);
		root_fd = find_mount(controllers, &mount, &root) ? cgroupfs_open_root(mount, v2) : -ENOENT;
	}
	if (root_fd < 0)
		return; /* not mounted: a limit that needs it will say so */
	path = want_own ? own_below(root_fd, controllers, own) : g_strdup("/");
	cgroup_add(cg, g_strdup(controllers), g_steal_pointer(&mount), path, v2, root_fd);
}

static bool find_unified(Cgroup *cg, int root_fd, bool want_own, GError **error)
{
	g_autofree char *text = NULL;
	char *save = NULL, *path = g_strdup("/");

	cg->mode = CGROUP_UNIFIED;
	if (want_own && !g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL)) {
		g_free(path);
		return fail_errno(error, "read /proc/self/cgroup");
	}
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers, *own;

		if (!cgroup_host_split(line, &controllers, &own) || *controllers)
			continue;
		g_free(path);
		path = own_below(root_fd, "", own);
	}
	cgroup_add(cg, g_strdup(""), g_strdup(CGROUP_MOUNTS), path, true, root_fd);
	return true;
}

bool cgroup_host_is_unified(void)
{
	auto_fd fd = cgroupfs_open_root(CGROUP_MOUNTS, true);

	return fd >= 0;
}

bool cgroup_host_find(Cgroup *cg, bool want_own, GError **error)
{
	int root_fd = cgroupfs_open_root(CGROUP_MOUNTS, true);
	g_autofree char *text = NULL;
	char *save = NULL;

	if (root_fd >= 0)
		return find_unified(cg, root_fd, want_own, error);
	if (!g_file_get_contents("/proc/self/cgroup", &text, NULL, NULL))
		return fail_errno(error, "read /proc/self/cgroup");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *controllers, *own;

		if (cgroup_host_split(line, &controllers, &own))
			add_line(cg, controllers, own, want_own);
	}
	if (cg->n == 0)
		return fail(error, "no cgroup file system is mounted at " CGROUP_MOUNTS);
	cg->mode = cgroup_find_v2(cg) == CGROUP_NONE ? CGROUP_LEGACY : CGROUP_HYBRID;
	return true;
}
