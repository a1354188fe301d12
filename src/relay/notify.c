/* Passes the container's readiness on. */
#include "relay/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/sys.h"

socklen_t notify_address(const char *name, struct sockaddr_un *addr)
{
	size_t len = strlen(name);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len == 0 || len >= sizeof addr->sun_path)
		return 0;
	memcpy(addr->sun_path, name, len);
	if (name[0] != '@')
		return (socklen_t)sizeof *addr;
	addr->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static bool may_pass(const char *line, size_t len)
{
	static const char *const whole[] = { "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger" };
	static const char *const heads[] = { "STATUS=", "ERRNO=", "BUSERROR=", "MONOTONIC_USEC=", "EXTEND_TIMEOUT_USEC=" };

	if (memchr(line, '\0', len))
		return false;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (len == strlen(whole[i]) && memcmp(line, whole[i], len) == 0)
			return true;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (len >= strlen(heads[i]) && memcmp(line, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

size_t notify_filter(char *text, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0, end; at < len; at = end + 1) {
		for (end = at; end < len && text[end] != '\n' && text[end] != '\r'; end++)
			;
		if (end == at || !may_pass(text + at, end - at))
			continue;
		if (kept > 0)
			text[kept++] = '\n';
		memmove(text + kept, text + at, end - at);
		kept += end - at;
	}
	return kept;
}

static void on_datagram(struct loop_watch *w, uint32_t events, void *user)
{
	struct notify *n = user;
	ssize_t got = recv(w->fd, n->buf, NOTIFY_MAX, MSG_DONTWAIT);
	size_t len = got > 0 ? notify_filter(n->buf, (size_t)got) : 0;

	(void)events;
	/* A service manager that does not listen is its own affair; we never wait for it. */
	if (len > 0)
		(void)sendto(n->fd, n->buf, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&n->host, n->host_len);
}

int notify_start(struct notify *n, struct loop *loop, int fd)
{
	n->loop = loop;
	n->fd = fd;
	n->watch.fd = -1;
	if (fd < 0)
		return 0;
	n->buf = sys_map(NOTIFY_MAX);
	if (!n->buf)
		return -ENOMEM;
	return loop_watch_start(loop, &n->watch, fd, EPOLLIN, on_datagram, n);
}

void notify_stop(struct notify *n)
{
	loop_watch_stop(n->loop, &n->watch);
	fd_close(&n->fd);
}
