/* The three streams of a foreground command over sockets, each its own connection: what a virtual machine's host, or a
 * service, has listened on. */
#include "ctl/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* after sys/socket.h */
#include <linux/vm_sockets.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/error.h"

#define TIMEOUT_S 10
#define DRAIN_MAX 256

static int connect_to(int family, const void *address, socklen_t size, const char *name, GError **error)
{
	/* Of connecting to a full backlog; vsock has its own 2 s. */
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	auto_fd fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
		connect(fd, address, size) < 0) {
		fail_errno(error, "connect to %s", name);
		return -1;
	}
	return steal_fd(&fd);
}

/* Through the directory's descriptor: a path may be longer than an address can hold. */
static int connect_unix(const char *path, const char *name, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_autofree char *dir = g_path_get_dirname(path), *base = g_path_get_basename(path);
	auto_fd dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0) {
		fail_errno(error, "connect to %s", name);
		return -1;
	}
	if (snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir_fd, base) >=
		(int)sizeof address.sun_path) {
		fail_with(error, ENAMETOOLONG, "connect to %s", name);
		return -1;
	}
	return connect_to(AF_UNIX, &address, sizeof address, name, error);
}

static bool parse_vsock(const char *text, struct sockaddr_vm *ret_address)
{
	g_auto(GStrv) words = g_strsplit(text, ":", -1);
	uint64_t cid, port;

	if (g_strv_length(words) != 2 || num_parse_u64(words[0], UINT32_MAX, &cid) < 0 ||
		num_parse_u64(words[1], UINT32_MAX, &port) < 0)
		return false;
	*ret_address =
		(struct sockaddr_vm){ .svm_family = AF_VSOCK, .svm_cid = (uint32_t)cid, .svm_port = (uint32_t)port };
	return true;
}

static bool open_one(int *ret_fd, const char *name, GError **error)
{
	struct sockaddr_vm vsock;

	if (!name)
		return true;
	if (g_str_has_prefix(name, "unix:") && name[strlen("unix:")])
		*ret_fd = connect_unix(name + strlen("unix:"), name, error);
	else if (g_str_has_prefix(name, "vsock:") && parse_vsock(name + strlen("vsock:"), &vsock))
		*ret_fd = connect_to(AF_VSOCK, &vsock, sizeof vsock, name, error);
	else
		fail(error, "\"%s\" is neither unix:PATH nor vsock:CID:PORT", name);
	return *ret_fd >= 0;
}

bool stdio_open(struct stdio *ret_stdio, const char *in, const char *out, const char *err, GError **error)
{
	struct stdio io = STDIO_OURS;

	if (!open_one(&io.in_fd, in, error) || !open_one(&io.out_fd, out, error) || !open_one(&io.err_fd, err, error)) {
		stdio_close(&io);
		return false;
	}
	*ret_stdio = io;
	return true;
}

/* What the other side has sent and we have not read would make a reset of the close. One that never stops is reset. */
static void drain(int fd)
{
	char buf[4096];

	for (int i = 0; i < DRAIN_MAX && recv(fd, buf, sizeof buf, MSG_DONTWAIT) > 0; i++)
		;
}

void stdio_close(struct stdio *io)
{
	int *const fds[] = { &io->in_fd, &io->out_fd, &io->err_fd };

	for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
		if (*fds[i] < 0)
			continue;
		drain(*fds[i]);
		(void)shutdown(*fds[i], SHUT_RDWR); /* the other side may have been first */
		fd_close(fds[i]);
	}
}
