/* What the verbs share: exit statuses, and where the programs are found. */
#include "ctl/command.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

G_DEFINE_QUARK(ctl - status - error - quark, ctl_status_error)

bool fail_status(GError **error, enum ctl_status status, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, CTL_STATUS_ERROR, (int)status, text);
	return false;
}

int ctl_error_status(const GError *error)
{
	return error && error->domain == CTL_STATUS_ERROR ? error->code : CTL_ERROR;
}

const char *ctl_status_kind(int status)
{
	static const char *const kinds[] = {
		[CTL_BAD_ARGUMENT] = "bad-argument",
		[CTL_NO_SUCH] = "no-such",
		[CTL_WRONG_STATE] = "wrong-state",
		[CTL_TIMEOUT] = "timeout",
		[CTL_UNKNOWN_END] = "unknown-end",
		[CTL_ERROR] = "failed",
		[CTL_NOT_EXECUTABLE] = "not-executable",
		[CTL_NOT_FOUND] = "not-found",
	};

	return status >= 0 && status < (int)G_N_ELEMENTS(kinds) && kinds[status] ? kinds[status] : "failed";
}

enum ctl_status ctl_status_of_runtime_text(const char *text)
{
	g_autofree char *lower = g_ascii_strdown(text, -1);

	if (strstr(lower, "permission denied") || strstr(lower, "operation not permitted") ||
		strstr(lower, "is a directory"))
		return CTL_NOT_EXECUTABLE;
	if (strstr(lower, "executable file not found in") || strstr(lower, "no such file or directory"))
		return CTL_NOT_FOUND;
	return CTL_ERROR;
}

char *ctl_self(GError **error)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);

	if (n < 0 || (size_t)n == sizeof path) {
		if (n >= 0)
			errno = ENAMETOOLONG;
		fail_errno(error, "read link /proc/self/exe");
		return NULL;
	}
	path[n] = '\0';
	/* What the kernel says of a program that was replaced by a newer one: that one is meant. */
	if (g_str_has_suffix(path, " (deleted)"))
		path[n - (ssize_t)strlen(" (deleted)")] = '\0';
	return g_strdup(path);
}

static char *find_given(const char *what, const char *given, GError **error)
{
	char *path = strchr(given, '/') ? g_canonicalize_filename(given, NULL) : g_find_program_in_path(given);

	if (!path) {
		fail(error, "%s %s: not found in $PATH", what, given);
		return NULL;
	}
	if (access(path, X_OK) < 0) {
		fail_errno(error, "%s %s", what, path);
		g_free(path);
		return NULL;
	}
	return path;
}

static char *find_program(const char *what, const char *name, const char *given, const char *recorded, GError **error)
{
	g_autofree char *self = NULL, *dir = NULL, *beside = NULL;
	char *path;

	if (given)
		return find_given(what, given, error);
	if (recorded)
		return g_strdup(recorded);
	self = ctl_self(error);
	if (!self)
		return NULL;
	dir = g_path_get_dirname(self);
	beside = g_build_filename(dir, name, NULL);
	if (access(beside, X_OK) == 0)
		return g_steal_pointer(&beside);
	path = g_find_program_in_path(name);
	if (!path)
		fail(error, "%s %s: found neither in %s nor in $PATH (use --%s)", what, name, dir, what);
	return path;
}

char *ctl_monitor(const struct ctl *ctl, const char *recorded, GError **error)
{
	return find_program("monitor", "tallyman", ctl->monitor, recorded, error);
}

char *ctl_runtime(const struct ctl *ctl, const char *recorded, GError **error)
{
	return find_program("runtime", "tallyrun", ctl->runtime, recorded, error);
}

char *ctl_root_default(GError **error)
{
	const char *dir = g_getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return g_strdup("/run/tallyctl");
	if (!dir || !g_path_is_absolute(dir)) {
		fail(error, "XDG_RUNTIME_DIR is not set: use --root DIR");
		return NULL;
	}
	return g_build_filename(dir, "tallyctl", NULL);
}
