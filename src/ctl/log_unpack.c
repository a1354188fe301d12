/* Old log files that the monitor has compressed: unpacked by the installed programs, into memory. */
#include "ctl/log_unpack.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/spawn.h"
#include "ctl/wait.h"

#define UNPACK_SECONDS 600

/* Ends it when it takes too long. */
static bool wait_for_end(pid_t pid, const char *program, int *ret_status, GError **error)
{
	auto_fd pidfd = sys_pidfd_open(pid, 0);
	bool ended = pidfd < 0 ? fail_with(error, pidfd, "open a pidfd of %s", program)
			       : wait_readable(pidfd, -1, deadline_in(UNPACK_SECONDS), program, error);

	if (!ended)
		(void)sys_kill_process(pid, SIGKILL); /* ours and not reaped */
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
	return ended;
}

static bool run(const char *program, int from_fd, int to_fd, GError **error)
{
	const char *argv[] = { program, "-dcq", NULL };
	int status;
	GPid pid;

	if (!g_spawn_async_with_pipes_and_fds(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
		    NULL, NULL, from_fd, to_fd, -1, NULL, NULL, 0, &pid, NULL, NULL, NULL, error) ||
		!wait_for_end(pid, program, &status, error))
		return false;
	if (status != 0) {
		g_autofree char *text = spawn_status_text(status);

		return fail(error, "%s: %s", program, text);
	}
	return true;
}

int log_unpack(int fd, const char *suffix, const char *name)
{
	const char *wanted = strcmp(suffix, ".gz") == 0 ? "gzip" : "zstd";
	g_autofree char *program = g_find_program_in_path(wanted);
	g_autoptr(GError) error = NULL;
	auto_fd content = sys_scratch_file("log");

	if (content < 0)
		return content;
	if (!program)
		fail(&error, "there is no program %s in PATH", wanted);
	if (!program || !run(program, fd, content, &error))
		diag_warning("unpack log %s: %s", name, error->message);
	return steal_fd(&content);
}
