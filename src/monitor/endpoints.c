/* What the relay works with. */
#include "monitor/endpoints.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"

/* A pipe whose first end is ours (non-blocking) when reading is true, else its second. */
static bool make_pipe(bool we_read, int *ret_ours, int *ret_theirs, GError **error)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_errno(error, "create a pipe for the container's stdio");
	*ret_ours = ends[we_read ? 0 : 1];
	*ret_theirs = ends[we_read ? 1 : 0];
	r = fd_set_nonblock(*ret_ours, true);
	return r == 0 || fail_with(error, r, "make a pipe non-blocking");
}

bool endpoints_pipes(struct relay_setup *set, bool with_stdin, int null_fd, GError **error)
{
	int *stdio = set->runtime.stdio, *close_later = set->runtime_fds;

	for (int i = 0; i < 3; i++) {
		stdio[i] = null_fd;
		close_later[i] = -1;
	}
	if (with_stdin && !set->terminal) {
		if (!make_pipe(false, &set->stdin_fd, &stdio[0], error))
			return false;
		close_later[0] = stdio[0];
	}
	if (!set->terminal) {
		if (!make_pipe(true, &set->stdout_fd, &stdio[1], error))
			return false;
		close_later[1] = stdio[1];
	}
	if (!make_pipe(true, &set->stderr_fd, &stdio[2], error))
		return false;
	close_later[2] = stdio[2];
	set->runtime.open_pipes = true;
	return true;
}

/* Binds a socket (mode 0777 but for hidden) in dir by way of its descriptor, so that the length of dir does not matter. */
static bool bind_in(int sock, const char *dir, const char *name, mode_t hidden, GError **error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mode_t mask;
	int r;

	if (dir_fd < 0)
		return fail_errno(error, "open directory %s", dir);
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return fail_errno(error, "remove old socket %s/%s", dir, name);
	g_snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
	mask = umask(hidden);
	r = bind(sock, (struct sockaddr *)&addr, sizeof addr);
	(void)umask(mask);
	return r == 0 || fail_errno(error, "bind socket %s/%s", dir, name);
}

bool endpoints_console(struct relay_setup *set, GError **error)
{
	static const char name[] = "console.sock";
	const char *base = g_getenv("TMPDIR");
	g_autofree char *dir = NULL;
	auto_fd sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (sock < 0)
		return fail_errno(error, "create the console socket");
	/* The runtime gets the path and has to fit it into a socket address. */
	if (!base || !*base || strlen(base) + sizeof "/conmon-term.XXXXXX/" + sizeof name > sizeof addr.sun_path)
		base = "/tmp";
	dir = g_build_filename(base, "conmon-term.XXXXXX", NULL);
	if (!g_mkdtemp_full(dir, 0700))
		return fail_errno(error, "create directory %s for the console socket", dir);
	set->console_dir = g_steal_pointer(&dir);
	set->console_path = g_build_filename(set->console_dir, name, NULL);
	if (!bind_in(sock, set->console_dir, name, 0077, error))
		return false;
	if (listen(sock, 4) < 0)
		return fail_errno(error, "listen on console socket %s", set->console_path);
	set->console_fd = steal_fd(&sock);
	return true;
}

static bool make_link(struct relay_setup *set, const char *bundle, const char *link_dir, const char *uuid, GError **error)
{
	g_autofree char *link = g_build_filename(link_dir, uuid, NULL);

	if (unlink(link) < 0 && errno != ENOENT)
		return fail_errno(error, "remove old link %s", link);
	if (symlink(bundle, link) < 0)
		return fail_errno(error, "create link %s to the attach socket's directory", link);
	set->socket_link = g_steal_pointer(&link);
	return true;
}

bool endpoints_attach(struct relay_setup *set, const char *bundle, const char *link_dir, const char *uuid, GError **error)
{
	auto_fd sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0)
		return fail_errno(error, "create the attach socket");
	if (link_dir && !make_link(set, bundle, link_dir, uuid, error))
		return false;
	if (!bind_in(sock, bundle, "attach", 0077, error))
		return false;
	if (listen(sock, 128) < 0)
		return fail_errno(error, "listen on attach socket in %s", bundle);
	set->attach_path = g_build_filename(bundle, "attach", NULL);
	set->attach_fd = steal_fd(&sock);
	return true;
}

bool endpoints_notify(struct relay_setup *set, const char *bundle, const char *host, GError **error)
{
	g_autofree char *dir = bundle ? g_build_filename(bundle, "notify", NULL) : NULL;
	auto_fd sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un *addr;

	if (!dir)
		return fail(error, "--sdnotify-socket needs --bundle");
	if (sock < 0)
		return fail_errno(error, "create the notify socket");
	addr = g_new0(struct sockaddr_un, 1);
	set->notify_host = addr;
	set->notify_host_len = notify_address(host, addr);
	if (!set->notify_host_len)
		return fail(error, "--sdnotify-socket %s: not a socket address", host);
	/* Any user of the container may report. */
	if (!bind_in(sock, dir, "notify.sock", 0, error))
		return false;
	set->notify_fd = steal_fd(&sock);
	return true;
}

/* Open for reading and writing: a writer may come and go without the FIFO ending. */
static bool open_fifo(const char *bundle, const char *name, int *ret_fd, GError **error)
{
	g_autofree char *path = g_build_filename(bundle, name, NULL);

	if (unlink(path) < 0 && errno != ENOENT)
		return fail_errno(error, "remove old FIFO %s", path);
	if (mkfifo(path, 0660) < 0)
		return fail_errno(error, "create FIFO %s", path);
	*ret_fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd >= 0 || fail_errno(error, "open FIFO %s", path);
}

bool endpoints_fifos(struct relay_setup *set, const char *bundle, GError **error)
{
	return open_fifo(bundle, "ctl", &set->ctl_fd, error) && open_fifo(bundle, "winsz", &set->winsz_fd, error);
}
