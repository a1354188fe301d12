/* What connects the monitor to whoever started it. */
#include "monitor/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/statefile.h"

#define PID_FILE_DEADLINE_MS 30000

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

/* In the new process, before anything else: the pid file. An empty message is success. */
static void write_pid_file(const char *pid_file, int verdict_fd)
{
	g_autoptr(GError) error = NULL;
	bool written = statefile_write_pid(pid_file, getpid(), &error);
	const char *text = written ? "" : error->message;

	(void)rw_write(verdict_fd, text, MIN(strlen(text) + 1, PIPE_BUF)); /* nobody there: nobody to tell */
	if (!written)
		_exit(EXIT_FAILURE);
}

/* What the new process says of its pid file: it goes on only if that was written. */
static bool await_verdict(pid_t pid, int fd, GError **error)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[PIPE_BUF + 1];
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, PID_FILE_DEADLINE_MS);
	while (r < 0 && errno == EINTR);
	n = r > 0 ? rw_read(fd, text, PIPE_BUF) : 0;
	if (n > 0) {
		text[n] = '\0';
		return !*text || fail(error, "Failed to write conmon pidfile: %s", text);
	}
	(void)sys_kill_process(pid, SIGKILL); /* if it is not dead, it must not go on alone */
	return fail(error, "Failed to write conmon pidfile: %s", r == 0 ? "not within the deadline" : "the monitor has ended");
}

bool parent_detach(const char *pid_file, GError **error)
{
	int verdict[2] = { -1, -1 };
	pid_t pid;

	if (pid_file && pipe2(verdict, O_CLOEXEC) < 0)
		return fail_errno(error, "make a pipe to the monitor");
	pid = fork();
	if (pid < 0)
		return fail_errno(error, "fork the monitor");
	if (pid > 0) {
		fd_close(&verdict[1]);
		if (pid_file && !await_verdict(pid, verdict[0], error))
			return false;
		_exit(EXIT_SUCCESS);
	}
	fd_close(&verdict[0]);
	if (pid_file)
		write_pid_file(pid_file, verdict[1]);
	fd_close(&verdict[1]);
	return true;
}
