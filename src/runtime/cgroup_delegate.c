/* Whom the container's cgroup belongs to. */
#include "runtime/cgroup_delegate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/idmap.h"
#include "runtime/mount_options.h"
#include "runtime/spec.h"

#define DELEGATE "/sys/kernel/cgroup/delegate" /* Linux 4.15 */
#define PLACE    "/sys/fs/cgroup"

static bool is_cgroup(const struct spec_mount *m)
{
	return m->type && (g_str_equal(m->type, "cgroup") || g_str_equal(m->type, "cgroup2"));
}

/* Whether path is PLACE, or a directory above it. */
static bool covers(const char *path)
{
	g_autofree char *clean = g_canonicalize_filename(path + strspn(path, "/"), "/"); /* two slashes would stay two */
	size_t len = strlen(clean);

	return strncmp(PLACE, clean, len) == 0 && (PLACE[len] == '\0' || PLACE[len] == '/' || len == 1);
}

static bool is_covered(const char *const *paths)
{
	for (size_t i = 0; paths && paths[i]; i++)
		if (covers(paths[i]))
			return true;
	return false;
}

static bool is_read_only(const struct spec_mount *m)
{
	struct mount_options o;
	bool read_only;

	mount_options_parse(m->options, &o);
	read_only = (o.flags & MS_RDONLY) || (o.rec_set & MOUNT_ATTR_RDONLY);
	mount_options_clear(&o);
	return read_only;
}

/* The last mount is what is seen. */
static bool is_writable(const struct spec *spec)
{
	const struct spec_linux *l = &spec->linux_;
	bool writable = false;

	for (size_t i = 0; i < spec->n_mounts; i++)
		if (covers(spec->mounts[i].destination))
			writable = is_cgroup(&spec->mounts[i]) && !is_read_only(&spec->mounts[i]);
	return writable && !is_covered((const char *const *)l->readonly_paths) && !is_covered((const char *const *)l->masked_paths);
}

static bool is_wanted(const Cgroup *cg, const struct spec *spec)
{
	const struct spec_namespace *ns = &spec->linux_.namespaces[NS_CGROUP];

	return cg && cgroup_clone_fd(cg) >= 0 && ns->wanted && !ns->path && spec->process && is_writable(spec);
}

/* The owner is the process's user as the host knows it; nobody, where that is not mapped by us. */
static bool find_owner(const struct spec *spec, uid_t *ret_owner)
{
	const struct spec_linux *l = &spec->linux_;
	const struct spec_namespace *user = &l->namespaces[NS_USER];
	uint32_t host = spec->process->uid;

	if (user->wanted && (user->path || !idmap_to_host(l->uid_mappings, l->n_uid_mappings, host, &host)))
		return false;
	*ret_owner = host;
	return true;
}

bool cgroup_delegate(const Cgroup *cg, const struct spec *spec, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) files = NULL;
	struct stat st;
	uid_t owner;
	int dir;

	if (!is_wanted(cg, spec) || !find_owner(spec, &owner))
		return true;
	dir = cgroup_clone_fd(cg);
	if (fstat(dir, &st) == 0 && st.st_uid == owner)
		return true;
	if (!g_file_get_contents(DELEGATE, &text, NULL, NULL))
		text = g_strdup("cgroup.procs\ncgroup.threads\ncgroup.subtree_control");
	if (fchownat(dir, "", owner, (gid_t)-1, AT_EMPTY_PATH) < 0)
		return errno == EPERM /* an ordinary user's is his own */ || fail_errno(error, "give the cgroup to user %u", owner);
	files = g_strsplit(text, "\n", -1);
	for (char **file = files; *file; file++)
		/* Which of them are there depends on the controllers. */
		if (**file && fchownat(dir, *file, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return fail_errno(error, "give %s of the cgroup to user %u", *file, owner);
	return true;
}
