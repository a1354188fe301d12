/* What a container's monitor is doing right now. The request goes into its control FIFO; the answer is a file that appears
 * whole, and tells when it was made. */
#include "ctl/monitor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/json.h"
#include "ctl/wait.h"

#define REQUEST	   "\ndump\n" /* the first newline ends what somebody else may have begun */
#define ANSWER	   "state-dump.json"
#define ANSWER_MAX (1024 * 1024)

static bool ask(const Container *c, GError **error)
{
	auto_fd fd = openat(c->dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENXIO))
		return fail(error, "container %s has no monitor that could be asked", c->id);
	if (fd < 0)
		return fail_errno(error, "open %s/ctl", c->path);
	if (rw_write(fd, REQUEST, strlen(REQUEST)) != (ssize_t)strlen(REQUEST)) /* so few bytes go whole or not at all */
		return fail_errno(error, "write to %s/ctl", c->path);
	return true;
}

/* The answer, if it is not older than the request. */
static char *read_answer(const Container *c, uint64_t asked_ns)
{
	g_autofree char *text = g_malloc(ANSWER_MAX);
	g_autoptr(JsonValue) v = NULL;
	int64_t at = 0;

	if (rw_read_file(c->dir_fd, ANSWER, text, ANSWER_MAX) <= 0)
		return NULL;
	v = json_parse(text, NULL);
	if (!v || !json_get_int64(json_get(v, "time"), "boottime_ns", &at) || (uint64_t)at < asked_ns)
		return NULL;
	return g_strdup(text);
}

static bool drain(int fd)
{
	char buf[4096];

	while (rw_read(fd, buf, sizeof buf) > 0)
		;
	return true;
}

char *monitor_state(const Container *c, int seconds, GError **error)
{
	g_autofree char *what = g_strdup_printf("the monitor of container %s to tell its state", c->id);
	auto_fd fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	uint64_t asked_ns = sys_clock_ns(CLOCK_BOOTTIME);
	deadline_t deadline = deadline_in(seconds);
	char path[NUM_MAX + 16];

	g_snprintf(path, sizeof path, "/proc/self/fd/%d", c->dir_fd);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MOVED_TO | IN_ONLYDIR) < 0) {
		fail_errno(error, "watch %s", c->path);
		return NULL;
	}
	if (!ask(c, error))
		return NULL;
	do {
		char *answer = read_answer(c, asked_ns);

		if (answer)
			return answer;
	} while (wait_readable(fd, -1, deadline, what, error) && drain(fd));
	return NULL;
}
