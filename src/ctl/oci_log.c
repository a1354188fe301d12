/* Where messages of the run_oci way go. */
#include "ctl/oci_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "ctl/timefmt.h"

static const char *level_name(enum diag_level level)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	return names[level];
}

static void write_to_system(enum diag_level level, const char *text, void *user)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

	(void)user;
	syslog(LOG_DAEMON | priorities[level], "%s", text);
	if (level <= DIAG_WARNING || isatty(STDERR_FILENO))
		fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
}

/* user: points to the descriptor that was standard error. */
static void write_to_file(enum diag_level level, const char *text, void *user)
{
	g_autofree char *now = time_format((int64_t)sys_clock_ns(CLOCK_REALTIME));

	dprintf(STDERR_FILENO, "%s %s %s: %s\n", now, g_get_prgname(), level_name(level), text);
	if (level == DIAG_ERROR)
		dprintf(*(const int *)user, "%s: %s\n", g_get_prgname(), text);
}

void oci_log_begin(void)
{
	diag_setup(DIAG_INFO, write_to_system, NULL);
}

bool oci_log_to_file(const char *path, GError **error)
{
	auto_fd fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	int *before = NULL;

	if (fd < 0)
		return fail_errno(error, "open the log %s", path);
	before = g_new(int, 1); /* as long as we live */
	*before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (*before < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
		fail_errno(error, "send messages to the log %s", path);
		g_free(before);
		return false;
	}
	diag_setup(DIAG_INFO, write_to_file, before);
	return true;
}
