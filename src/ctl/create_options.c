/* What the options of create and run mean for one container. */
#include "ctl/create_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define INIT      "tallyctl-init"
#define INIT_COPY "init"

static char *bind_of(const char *given, GError **error)
{
	const char *colon = strrchr(given, ':');
	g_autofree char *source = NULL, *path = NULL, *destination = NULL;

	if (!colon || colon == given || !colon[1]) {
		fail(error, "bind mount \"%s\": this is not OUT:IN", given);
		return NULL;
	}
	source = g_strndup(given, (gsize)(colon - given));
	path = realpath(source, NULL);
	if (!path) {
		fail_errno(error, "bind mount \"%s\": %s", given, source);
		return NULL;
	}
	destination = g_canonicalize_filename(colon + 1, "/");
	return g_strdup_printf("%s:%s", path, destination);
}

char **create_binds(char *const *given, GError **error)
{
	g_auto(GStrv) binds = g_new0(char *, g_strv_length((char **)given) + 1);

	for (size_t i = 0; given[i]; i++) {
		binds[i] = bind_of(given[i], error);
		if (!binds[i])
			return NULL;
	}
	return g_steal_pointer(&binds);
}

char *create_cgroup(const struct create_options *o)
{
	g_autofree char *parent = o->more.cgroup_parent ? g_canonicalize_filename(o->more.cgroup_parent, "/") : NULL;

	if (!parent || o->oci)
		return g_steal_pointer(&parent); /* run_oci: the container's own */
	return g_build_filename(parent, o->id, NULL);
}

char *create_log_path(const char *given, const char *id, GError **error)
{
	g_autofree char *dir = g_canonicalize_filename(given, NULL);
	const time_t now = (time_t)(sys_clock_ns(CLOCK_REALTIME) / 1000000000);
	char stamp[32];
	struct tm tm;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		fail_errno(error, "create the log directory %s", dir);
		return NULL;
	}
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	return g_strdup_printf("%s/%s.%s", dir, id, stamp);
}

/* Beside us, as in a build tree, else where it is installed. */
static char *find_init(GError **error)
{
	g_autofree char *self = ctl_self(error), *dir = NULL, *beside = NULL;
	const char *installed = PKGLIBEXECDIR "/" INIT;

	if (!self)
		return NULL;
	dir = g_path_get_dirname(self);
	beside = g_build_filename(dir, INIT, NULL);
	if (access(beside, X_OK) == 0)
		return g_steal_pointer(&beside);
	if (access(installed, X_OK) == 0)
		return g_strdup(installed);
	fail_errno(error, "%s", installed);
	return NULL;
}

static bool copy(int from_fd, int to_fd)
{
	struct stat st;
	ssize_t n = fstat(from_fd, &st);

	for (off_t left = st.st_size; n >= 0 && left > 0; left -= n) {
		n = sendfile(to_fd, from_fd, NULL, (size_t)left);
		if (n == 0) { /* it is being replaced by a shorter one */
			errno = EIO;
			n = -1;
		}
	}
	return n >= 0 && fchmod(to_fd, 0555) == 0;
}

char *create_init(const Container *c, bool user_namespace, GError **error)
{
	g_autofree char *path = find_init(error);
	auto_fd from_fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1, to_fd = -1;

	if (!path || user_namespace)
		return g_steal_pointer(&path);
	to_fd = from_fd < 0 ? -1 : openat(c->dir_fd, INIT_COPY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
	if (to_fd < 0 || !copy(from_fd, to_fd)) {
		fail_errno(error, "copy %s to %s/%s", path, c->path, INIT_COPY);
		return NULL;
	}
	return g_build_filename(c->path, INIT_COPY, NULL);
}
