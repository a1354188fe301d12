/* Passes the container's readiness on. */
#include "relay/notify.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/fd.h"
#include "base/sys.h"

#define LAST_WORDS  1000 /* more than a queue holds, and not for ever */
#define PATIENCE_MS 2000

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
	static const char *const heads[] = { "STATUS=", "ERRNO=", "BUSERROR=", "MONOTONIC_USEC=", "EXTEND_TIMEOUT_USEC=",
		"VARLINKERROR=", "WATCHDOG_USEC=" };

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

static void let_go(struct notify *n)
{
	loop_watch_stop(n->loop, &n->host_watch);
	fd_close(&n->host_fd);
	n->held = 0;
	(void)loop_watch_set(n->loop, &n->watch, EPOLLIN); /* cannot fail for a started watch on a socket */
}

static void on_host_ready(struct loop_watch *w, uint32_t events, void *user)
{
	struct notify *n = user;

	(void)events;
	/* A service manager that has gone is its own affair. */
	if (sendto(w->fd, n->buf, n->held, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0) >= 0 || errno != EAGAIN)
		let_go(n);
}

/* Waits for room at the host. Only a connected socket can tell when there is some. */
static void hold(struct notify *n, uint32_t len)
{
	n->host_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	n->held = len;
	if (n->host_fd < 0 || connect(n->host_fd, (struct sockaddr *)&n->host, n->host_len) < 0 ||
		loop_watch_start(n->loop, &n->host_watch, n->host_fd, EPOLLOUT, on_host_ready, n) < 0) {
		let_go(n); /* without a descriptor it cannot be waited for */
		return;
	}
	(void)loop_watch_set(n->loop, &n->watch, 0); /* parked */
}

/* Passes one datagram on. Whether there was one. */
static bool forward(struct notify *n)
{
	ssize_t got = recv(n->fd, n->buf, NOTIFY_MAX, MSG_DONTWAIT | MSG_TRUNC), sent = 0;
	/* What is longer is cut, and a line that is cut may mean something else. */
	size_t len = got > 0 && got <= (ssize_t)NOTIFY_MAX ? notify_filter(n->buf, (size_t)got) : 0;

	if (len > 0)
		sent = sendto(n->fd, n->buf, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&n->host, n->host_len);
	if (sent < 0 && errno == EAGAIN)
		hold(n, (uint32_t)len);
	return got >= 0;
}

static void on_datagram(struct loop_watch *w, uint32_t events, void *user)
{
	(void)w;
	(void)events;
	(void)forward(user);
}

int notify_start(struct notify *n, struct loop *loop, int fd)
{
	n->loop = loop;
	n->fd = fd;
	n->watch.fd = n->host_watch.fd = n->host_fd = -1;
	if (fd < 0)
		return 0;
	n->buf = sys_map(NOTIFY_MAX);
	if (!n->buf)
		return -ENOMEM;
	return loop_watch_start(loop, &n->watch, fd, EPOLLIN, on_datagram, n);
}

/* What was said at last goes out too, unless the host takes nothing for too long. */
static void last_words(struct notify *n)
{
	uint64_t deadline = sys_clock_ns(CLOCK_BOOTTIME) + PATIENCE_MS * 1000000ull, now;

	for (int i = 0; i < LAST_WORDS && (n->held || forward(n)) && (now = sys_clock_ns(CLOCK_BOOTTIME)) < deadline; i++) {
		struct pollfd p = { .fd = n->host_fd, .events = POLLOUT };

		if (n->held && poll(&p, 1, (int)((deadline - now) / 1000000u)) == 1)
			on_host_ready(&n->host_watch, 0, n);
	}
}

void notify_stop(struct notify *n)
{
	if (n->fd < 0)
		return;
	if (n->buf)
		last_words(n);
	loop_watch_stop(n->loop, &n->host_watch);
	fd_close(&n->host_fd);
	loop_watch_stop(n->loop, &n->watch);
	fd_close(&n->fd);
}
