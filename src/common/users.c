/* Users by name. The files belong to the container: they are opened inside its root and nowhere else, and what is in
 * them is only believed about the container itself. */
#include "common/users.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/inroot.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/rw.h"
#include "common/error.h"

#define FILE_MAX_BYTES (1 << 20)
#define ID_MAX_VALUE   (UINT32_MAX - 1) /* (uid_t)-1 means none */

static bool parse_id(const char *text, uint32_t *ret_id)
{
	uint64_t id;

	if (!text || num_parse_u64(text, ID_MAX_VALUE, &id) < 0)
		return false;
	*ret_id = (uint32_t)id;
	return true;
}

/* The fields of the first line whose field column is key; NULL when there is none. Free with g_strfreev. */
static char **find_line(const char *text, guint column, const char *key)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		char **fields = g_strsplit(*line, ":", -1);

		if (g_strv_length(fields) > 2 && strcmp(fields[column], key) == 0)
			return fields;
		g_strfreev(fields);
	}
	return NULL;
}

static void add_groups_of(const char *name, const char *group, struct exec_user *user)
{
	g_auto(GStrv) lines = g_strsplit(group, "\n", -1);
	GArray *gids = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, ":", -1);
		g_auto(GStrv) members = g_strv_length(fields) > 3 ? g_strsplit(fields[3], ",", -1) : NULL;
		uint32_t gid;

		if (members && g_strv_contains((const char *const *)members, name) && parse_id(fields[2], &gid) &&
			gid != user->gid)
			g_array_append_val(gids, gid);
	}
	user->n_additional_gids = gids->len;
	user->additional_gids = (uint32_t *)(void *)g_array_free(gids, FALSE);
}

static bool resolve_group(const char *name, const char *group, uint32_t *ret_gid, GError **error)
{
	g_auto(GStrv) fields = find_line(group, 0, name);

	if ((fields && parse_id(fields[2], ret_gid)) || parse_id(name, ret_gid))
		return true;
	return fail(error, "no group %s in the container", name);
}

bool users_resolve(const char *spec, const char *passwd, const char *group, struct exec_user *ret_user, GError **error)
{
	const char *colon = strchr(spec, ':');
	g_autofree char *name = colon ? g_strndup(spec, (gsize)(colon - spec)) : g_strdup(spec);
	g_auto(GStrv) entry = find_line(passwd, 0, name);
	struct exec_user user = { 0 };

	if (!entry && parse_id(name, &user.uid))
		entry = find_line(passwd, 2, name);
	else if (!entry || !parse_id(entry[2], &user.uid))
		return fail(error, "no user \"%s\" in the container", name);
	if (colon && !resolve_group(colon + 1, group, &user.gid, error))
		return false;
	if (!colon && entry && g_strv_length(entry) > 3 && !parse_id(entry[3], &user.gid))
		return fail(error, "the group of user %s in the container's /etc/passwd is no number", name);
	if (!colon && entry)
		add_groups_of(entry[0], group, &user);
	*ret_user = user;
	return true;
}

/* Text of a file inside the container; "" when there is none. */
static char *read_inside(int root_fd, const char *path, GError **error)
{
	/* Looked at first: an image may have a device there, and to open some is to act (a watchdog, a tape). */
	auto_fd place = inroot_open(&(struct inroot){ .fd = root_fd }, path, 0);
	g_autofree char *link = NULL, *text = NULL;
	auto_fd fd = -1;
	struct stat st;
	ssize_t n;

	if (place == -ENOENT)
		return g_strdup("");
	if (place < 0) {
		fail_with(error, place, "open the container's %s", path);
		return NULL;
	}
	if (fstat(place, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size >= FILE_MAX_BYTES) {
		fail(error, "the container's %s is no regular file below 1 MiB", path);
		return NULL;
	}
	link = g_strdup_printf("/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(error, "open the container's %s", path);
		return NULL;
	}
	text = g_malloc(FILE_MAX_BYTES);
	n = rw_read_full(fd, text, FILE_MAX_BYTES - 1);
	if (n < 0) {
		fail_with(error, (int)n, "read the container's %s", path);
		return NULL;
	}
	text[n] = '\0';
	return g_steal_pointer(&text);
}

bool users_resolve_in(const char *spec, pid_t pid, uint64_t start_ticks, struct exec_user *ret_user, GError **error)
{
	auto_fd process = proc_open(pid, start_ticks), root_fd = -1;
	g_autofree char *passwd = NULL, *group = NULL;

	if (process < 0)
		return fail_with(error, process, "look at the container's process %d", pid);
	root_fd = openat(process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return fail_errno(error, "open /proc/%d/root", pid);
	passwd = read_inside(root_fd, "/etc/passwd", error);
	group = passwd ? read_inside(root_fd, "/etc/group", error) : NULL;
	return group && users_resolve(spec, passwd, group, ret_user, error);
}
