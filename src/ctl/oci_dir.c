/* A container directory as run_oci makes it. */
#include "ctl/oci_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/statefile.h"
#include "ctl/store.h"

#define TAG         ".run_oci"
#define PID_FILE    "container.pid"
#define PID_MAX     16
#define MOUNTPOINTS "mountpoints"
#define ROOT_LINK   MOUNTPOINTS "/container-root"

void oci_dir_free(OciDir *d)
{
	if (!d)
		return;
	g_free(d->path);
	fd_close(&d->fd);
	fd_close(&d->parent_fd);
	g_free(d);
}

char *oci_dir_parent(const char *given, GError **error)
{
	const char *dir = g_getenv("XDG_RUNTIME_DIR");

	if (given)
		return g_canonicalize_filename(given, NULL);
	if (geteuid() == 0)
		return g_strdup("/run/containers");
	if (!dir || !g_path_is_absolute(dir)) {
		fail(error, "XDG_RUNTIME_DIR is not set: use --state-dir DIR");
		return NULL;
	}
	return g_build_filename(dir, "containers", NULL);
}

/* Without its descriptors of what does not exist yet. What is there says whom to signal: only we may write it. */
static OciDir *dir_in(const char *parent, const char *id, GError **error)
{
	g_autoptr(OciDir) d = g_new0(OciDir, 1);

	*d = (OciDir){ .path = g_build_filename(parent, id, NULL), .fd = -1, .parent_fd = -1 };
	if (!store_check_id(id, error))
		return NULL;
	d->parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->parent_fd < 0) {
		fail_errno(error, "open %s", parent);
		return NULL;
	}
	return store_check_owner(d->parent_fd, parent, error) ? g_steal_pointer(&d) : NULL;
}

static bool open_dir(OciDir *d, const char *id)
{
	d->fd = openat(d->parent_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->fd >= 0;
}

static bool link_to(const OciDir *d, const char *target, const char *name, GError **error)
{
	return symlinkat(target, d->fd, name) == 0 || fail_errno(error, "create the link %s/%s", d->path, name);
}

static bool fill(OciDir *d, const char *bundle, const char *rootfs, const char *store, GError **error)
{
	g_autofree char *config = g_build_filename(bundle, "config.json", NULL);
	auto_fd tag_fd = openat(d->fd, TAG, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (tag_fd < 0)
		return fail_errno(error, "create %s/%s", d->path, TAG);
	if (mkdirat(d->fd, MOUNTPOINTS, 0755) < 0)
		return fail_errno(error, "create %s/%s", d->path, MOUNTPOINTS);
	return link_to(d, config, "config.json", error) && link_to(d, rootfs, ROOT_LINK, error) &&
	       link_to(d, store, "store", error);
}

OciDir *oci_dir_new(const char *parent, const char *id, const char *bundle, const char *rootfs, const char *store,
	const char *log, GError **error)
{
	g_autoptr(OciDir) d = NULL;
	g_autoptr(GError) local = NULL;

	if (g_mkdir_with_parents(parent, 0755) < 0) {
		fail_errno(error, "create %s", parent);
		return NULL;
	}
	d = dir_in(parent, id, error);
	if (!d)
		return NULL;
	if (mkdirat(d->parent_fd, id, 0755) < 0) {
		if (errno == EEXIST)
			fail(error, "container %s already exists: there is %s", id, d->path);
		else
			fail_errno(error, "create %s", d->path);
		return NULL;
	}
	if (!open_dir(d, id)) {
		fail_errno(error, "open %s", d->path);
		return NULL;
	}
	if (!fill(d, bundle, rootfs, store, error)) {
		if (!oci_dir_remove(d, &local))
			diag_warning("%s", local->message);
		return NULL;
	}
	if (log && !link_to(d, log, "log", &local))
		diag_warning("%s", local->message); /* the container does not need it */
	return g_steal_pointer(&d);
}

OciDir *oci_dir_open(const char *parent, const char *id, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(OciDir) d = dir_in(parent, id, &local);

	if (!d && !g_error_matches(local, TALLY_ERROR, ENOENT)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	if (!d || !open_dir(d, id)) {
		if (!d || errno == ENOENT)
			fail(error, "container %s is not managed: there is no %s/%s", id, parent, id);
		else
			fail_errno(error, "open %s", d->path);
		return NULL;
	}
	if (faccessat(d->fd, TAG, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		fail(error, "container %s is not managed: there is no %s/%s", id, d->path, TAG);
		return NULL;
	}
	return g_steal_pointer(&d);
}

char *oci_dir_target(const OciDir *d, const char *name, GError **error)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(d->fd, name, target, sizeof target);

	if (n < 0 || (size_t)n == sizeof target) {
		if (n >= 0)
			errno = ENAMETOOLONG;
		fail_errno(error, "read the link %s/%s", d->path, name);
		return NULL;
	}
	return g_strndup(target, (gsize)n);
}

bool oci_dir_write_pid(const OciDir *d, pid_t pid, GError **error)
{
	g_autofree char *text = g_strdup_printf("%d\n", pid);

	return statefile_write(d->fd, PID_FILE, text, 0644, error) || fail_prefix(error, "%s", d->path);
}

bool oci_dir_read_pid(const OciDir *d, pid_t *ret_pid, GError **error)
{
	char text[PID_MAX + 2];
	ssize_t n = rw_read_file(d->fd, PID_FILE, text, sizeof text);
	uint64_t pid;

	if (n == -ENOENT) {
		*ret_pid = 0;
		return true;
	}
	if (n < 0)
		return fail_with(error, (int)n, "read %s/%s", d->path, PID_FILE);
	if (n > PID_MAX || num_parse_u64(g_strstrip(text), INT32_MAX, &pid) < 0 || pid < 2)
		return fail(error, "%s/%s: this is no pid", d->path, PID_FILE);
	*ret_pid = (pid_t)pid;
	return true;
}

bool oci_dir_lock(const OciDir *d, int seconds, GError **error)
{
	int r = store_flock(d->fd, seconds);

	if (r == -EINTR)
		return fail(error, "%s is busy: another tool has worked on it for %d seconds", d->path, seconds);
	return r == 0 || fail_with(error, r, "lock %s", d->path);
}

static int compare_reverse(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

/* Where something is mounted at or below the directory, the last name first; free with g_ptr_array_unref. */
static GPtrArray *mounts_below(const OciDir *d, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", d->fd);
	g_autofree char *real = g_file_read_link(link, error);
	g_autofree char *below = NULL, *mountinfo = NULL;
	g_auto(GStrv) lines = NULL;

	if (!real || !g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, error))
		return NULL;
	below = g_strconcat(real, "/", NULL);
	lines = g_strsplit(mountinfo, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, " ", 6);
		g_autofree char *point = g_strv_length(fields) > 5 ? g_strcompress(fields[4]) : NULL;

		if (point && g_str_has_prefix(point, below))
			g_ptr_array_add(found, g_steal_pointer(&point));
	}
	g_ptr_array_sort(found, compare_reverse);
	return g_steal_pointer(&found);
}

bool oci_dir_remove(OciDir *d, GError **error)
{
	g_autoptr(GPtrArray) mounts = mounts_below(d, error), left = NULL;
	g_autofree char *id = g_path_get_basename(d->path);

	for (guint i = 0; mounts && i < mounts->len; i++)
		if (umount2(mounts->pdata[i], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			diag_warning("unmount %s: %s", (char *)mounts->pdata[i], errno_text(errno));
	left = mounts ? mounts_below(d, error) : NULL;
	if (!left)
		return fail_prefix(error, "remove %s", d->path);
	if (left->len > 0)
		return fail(error, "remove %s: something is still mounted at %s", d->path, (char *)left->pdata[0]);
	return store_remove_tree(d->parent_fd, id, error) || fail_prefix(error, "remove %s", d->path);
}
