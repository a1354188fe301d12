/* Connections to unix sockets, with a deadline. */
#include "runtime/unix_connect.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "common/error.h"

#define TIMEOUT_S 10

bool unix_connect(const char *path, const char *what, int *ret_fd, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* Of connecting and of sending. */
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof address.sun_path)
		return fail_with(error, ENAMETOOLONG, "connect to %s %s", what, path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
		connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return fail_errno(error, "connect to %s %s", what, path);
	*ret_fd = steal_fd(&fd);
	return true;
}

bool unix_connect_datagram(const char *name, const char *what, int *ret_fd, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (size >= sizeof address)
		return fail_with(error, ENAMETOOLONG, "connect to %s %s", what, name);
	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) < 0)
		return fail_errno(error, "connect to %s %s", what, name);
	*ret_fd = steal_fd(&fd);
	return true;
}
