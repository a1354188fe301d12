/* What connects the monitor to whoever started it. */
#include "monitor/parent.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/statefile.h"

bool parent_pipe(const char *variable, int *ret_fd, GError **error)
{
	const char *text = getenv(variable);
	int64_t fd;
	int r;

	*ret_fd = -1;
	if (!text)
		return true;
	if (num_parse_i64(text, INT32_MIN, INT32_MAX, &fd) < 0)
		return fail(error, "unable to parse %s: \"%s\" is not a number", variable, text);
	r = fd_set_cloexec((int)fd, true);
	if (r < 0)
		return fail_with(error, r, "unable to make %s CLOEXEC", variable);
	*ret_fd = (int)fd;
	return true;
}

bool parent_wait_start(int fd, GError **error)
{
	char bytes[8192];
	ssize_t n = rw_read(fd, bytes, sizeof bytes);

	return n >= 0 || fail_with(error, (int)n, "start-pipe read failed");
}

static void add_descriptor(int dir_fd, const char *name, void *user)
{
	int64_t fd;

	if (num_parse_i64(name, 3, INT32_MAX, &fd) == 0 && fd != dir_fd) {
		int value = (int)fd;

		g_array_append_val((GArray *)user, value);
	}
}

GArray *parent_inherited(void)
{
	GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
	auto_fd dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		(void)dir_list(dir, add_descriptor, fds); /* a /proc that cannot be read lists nothing */
	return fds;
}

void parent_not_inherited(GArray *fds, int fd)
{
	for (guint i = fds->len; i-- > 0;)
		if (g_array_index(fds, int, i) == fd)
			g_array_remove_index_fast(fds, i);
}

bool parent_detach(const char *pid_file, GError **error)
{
	pid_t pid = fork();

	if (pid < 0)
		return fail_errno(error, "fork the monitor");
	if (pid > 0) {
		g_autoptr(GError) local = NULL;

		if (pid_file && !statefile_write_pid(pid_file, pid, &local)) {
			diag_error("Failed to write conmon pidfile: %s", local->message);
			_exit(EXIT_FAILURE);
		}
		_exit(EXIT_SUCCESS);
	}
	return true;
}
