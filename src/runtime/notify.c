/* Passes READY=1 of a container on. The datagrams of the container stay unread once it was said, so that a barrier behind
 * it (sd_notify_barrier(3)) holds until the service manager has taken notice of ours. */
#include "runtime/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/spec_table.h"
#include "runtime/unix_connect.h"

#define SOCKET_NAME "notify.sock"
#define HOST_MS     30000
#define LOOK_MS     20

/* Datagrams in one turn: more than the queue of a socket holds, so that what was said before the end is heard. */
#define MAX_HEARD 4096

enum phase { LISTENS, TELLS_READY, TELLS_PID, TELLS_BARRIER, AT_BARRIER, DONE };

struct Notify {
	enum phase phase;
	int fd;      /* the container's end */
	int host_fd; /* connected to the service manager's */
	int barrier[2];
};

static const char *host_name(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name && *name ? name : NULL;
}

static void add_mount(struct spec *spec, const struct container *c)
{
	static const char *const options[] = { "bind", "nosuid", "noexec", "nodev", "ro", NULL };
	struct spec_mount *mounts = spec_pool_zalloc(spec->pool, (spec->n_mounts + 1) * sizeof *mounts);

	if (spec->n_mounts)
		memcpy(mounts, spec->mounts, spec->n_mounts * sizeof *mounts);
	mounts[spec->n_mounts++] = (struct spec_mount){
		.destination = NOTIFY_PLACE,
		.source = spec_pool_take(spec->pool, g_build_filename(c->path, STATE_NOTIFY, NULL)),
		.type = "bind",
		.options = spec_pool_take(spec->pool, g_memdup2(options, sizeof options)),
	};
	spec->mounts = mounts;
}

/* Of entries with one name the last counts. */
static void add_variable(struct spec *spec)
{
	struct spec_process *p = spec->process;
	size_t n = p->env ? g_strv_length((char **)p->env) : 0;
	const char **env = spec_pool_zalloc(spec->pool, (n + 2) * sizeof *env);

	if (n)
		memcpy(env, p->env, n * sizeof *env);
	env[n] = "NOTIFY_SOCKET=" NOTIFY_PLACE "/" SOCKET_NAME;
	p->env = env;
}

bool notify_prepare(struct spec *spec, const struct container *c, GError **error)
{
	if (!host_name())
		return true;
	if (mkdirat(c->dir_fd, STATE_NOTIFY, 0755) < 0 || fchmodat(c->dir_fd, STATE_NOTIFY, 0755, 0) < 0)
		return fail_errno(error, "create %s/" STATE_NOTIFY, c->path);
	add_mount(spec, c);
	add_variable(spec);
	return true;
}

/* By the directory's descriptor, as state directories may have longer names than sockets. */
static int make_socket(int dir_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, dir_fd);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
		fchmodat(dir_fd, SOCKET_NAME, 0777, 0) < 0)
		return -errno;
	return steal_fd(&fd);
}

bool notify_listen(const struct container *c, Notify **ret, GError **error)
{
	g_autoptr(Notify) n = NULL;
	g_autoptr(GError) why = NULL;
	auto_fd dir = -1;

	*ret = NULL;
	if (!host_name())
		return true;
	dir = openat(c->dir_fd, STATE_NOTIFY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return true; /* made without */
	n = g_new0(Notify, 1);
	n->fd = n->host_fd = n->barrier[0] = n->barrier[1] = -1;
	if (dir < 0)
		return fail_errno(error, "open %s/" STATE_NOTIFY, c->path);
	n->fd = make_socket(dir);
	if (n->fd < 0)
		return fail_with(error, n->fd, "create %s/" STATE_NOTIFY "/" SOCKET_NAME, c->path);
	if (unix_connect_datagram(host_name(), "NOTIFY_SOCKET", &n->host_fd, &why))
		*ret = g_steal_pointer(&n);
	else
		diag_warning("nobody will hear that the container is ready: %s", why->message);
	return true;
}

/* Whether one of the lines of a datagram is this one. */
static bool has_line(const char *text, const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') && (at[strlen(line)] == '\n' || at[strlen(line)] == '\0'))
			return true;
	return false;
}

/* What is longer than the buffer is cut, and a line that is cut may mean something else. A container that does not stop
 * talking must not keep us from the signals and the terminal. */
static bool hear_ready(const Notify *n)
{
	char text[4096];

	for (int i = 0; i < MAX_HEARD; i++) {
		ssize_t got = recv(n->fd, text, sizeof text - 1, MSG_TRUNC);

		if (got < 0)
			return false;
		if (got >= (ssize_t)sizeof text || memchr(text, '\0', (size_t)got))
			continue;
		text[got] = '\0';
		if (has_line(text, "READY=1"))
			return true;
	}
	return false;
}

static int tell(const Notify *n, const char *text)
{
	return send(n->host_fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int tell_pid(const Notify *n, pid_t pid)
{
	char text[32];

	g_snprintf(text, sizeof text, "MAINPID=%d", pid);
	return tell(n, text);
}

/* The service manager closes its end when it has done what came before. */
static int tell_barrier(Notify *n)
{
	static const char text[] = "BARRIER=1";
	int r;

	if (n->barrier[0] < 0 && pipe2(n->barrier, O_CLOEXEC) < 0)
		return -errno;
	r = fdpass_send(n->host_fd, n->barrier[1], text, sizeof text - 1);
	if (r == 0)
		fd_close(&n->barrier[1]);
	return r;
}

static int tell_next(Notify *n, pid_t pid)
{
	switch (n->phase) {
	case TELLS_READY:
		return tell(n, "READY=1");
	case TELLS_PID:
		return tell_pid(n, pid);
	default:
		return tell_barrier(n);
	}
}

struct pollfd notify_pollfd(const Notify *n)
{
	switch (n->phase) {
	case LISTENS:
		return (struct pollfd){ .fd = n->fd, .events = POLLIN };
	case AT_BARRIER:
		return (struct pollfd){ .fd = n->barrier[0] };
	case DONE:
		return (struct pollfd){ .fd = -1 };
	default:
		return (struct pollfd){ .fd = n->host_fd, .events = POLLOUT };
	}
}

/* The container's further words would reach nobody: it shall see that. */
static void end(Notify *n)
{
	n->phase = DONE;
	fd_close(&n->fd);
	fd_close(&n->host_fd);
	fd_close(&n->barrier[0]);
	fd_close(&n->barrier[1]);
}

/* Whether the service manager has closed its end of the barrier. */
static bool is_let_through(const Notify *n)
{
	struct pollfd barrier = notify_pollfd(n);

	return poll(&barrier, 1, 0) > 0;
}

void notify_turn(Notify *n, pid_t pid)
{
	int r = 0;

	if (n->phase == LISTENS && hear_ready(n))
		n->phase = TELLS_READY;
	while (r == 0 && n->phase >= TELLS_READY && n->phase <= TELLS_BARRIER) {
		r = tell_next(n, pid);
		if (r == 0)
			n->phase++;
	}
	if (r < 0 && r != -EAGAIN && r != -EINTR)
		diag_warning("NOTIFY_SOCKET %s: %s", host_name(), errno_text(-r));
	if ((r < 0 && r != -EAGAIN && r != -EINTR) || (n->phase == AT_BARRIER && is_let_through(n)))
		end(n);
}

/* Until there is something to do. False when it has taken too long. */
static bool wait_for_turn(const Notify *n, int pid_fd, uint64_t deadline)
{
	bool listens = n->phase == LISTENS, directory = sys_pidfd_is_directory(pid_fd);
	struct pollfd fds[] = { { .fd = listens && !directory ? pid_fd : -1, .events = POLLIN }, notify_pollfd(n) };
	uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);

	if (!listens)
		return poll(fds, G_N_ELEMENTS(fds), (int)((MAX(deadline, now) - now) / 1000000u)) != 0;
	/* Before Linux 5.3 nothing tells of the end of somebody else's child: a look now and then. */
	(void)poll(fds, G_N_ELEMENTS(fds), directory ? LOOK_MS : -1);
	return true;
}

void notify_wait(Notify *n, pid_t pid, int pid_fd)
{
	uint64_t deadline = 0;

	while (n && n->phase != DONE) {
		/* Asked first: all that it said before its end is there then. */
		bool ended = sys_pidfd_wait(pid_fd, 0) != 0;

		notify_turn(n, pid);
		if (n->phase == DONE || (n->phase == LISTENS && ended))
			return;
		if (n->phase != LISTENS && deadline == 0)
			deadline = sys_clock_ns(CLOCK_MONOTONIC) + HOST_MS * 1000000ull;
		if (!wait_for_turn(n, pid_fd, deadline)) {
			diag_warning("NOTIFY_SOCKET %s: no answer for %d s", host_name(), HOST_MS / 1000);
			return;
		}
	}
}

void notify_free(Notify *n)
{
	if (!n)
		return;
	end(n);
	g_free(n);
}
