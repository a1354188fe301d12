/*
 * attach - a client of a monitor's attach socket.
 *
 *   attach SOCKET [--ready FILE] [--packets FILE] [--chunk N] [--no-stdin] [--keep-open]
 *          [--stall] [--first] [--flood]
 *
 * Packets of type 2 go to stdout, of type 3 to stderr; others end the client with status 4.  Stdin is sent in packets
 * of at most --chunk bytes (8192) and then half-closed (--keep-open: not).  --no-stdin sends nothing and does not
 * half-close.  --flood sends lines from the start on as fast as they are taken.  --stall connects and never reads, until it is ended.  --first sends a zero-length packet at once.
 * --ready is created once connected; --packets gets "TYPE LENGTH" lines.  Long socket paths are reached as podman does.
 *
 *   attach SOCKET --times N
 *
 * connects and leaves N times, in turn at once, after a half-close, after sending a line, and after sending a line and
 * receiving a packet, or without receiving it (the container is a cat).
 *
 * Status 0 at EOF, 3 when the connection was reset.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

struct client {
	int sock;
	FILE *packets;
	size_t chunk;
	bool no_stdin, keep_open, stall, flood;
};

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int dir = open(path, O_PATH | O_CLOEXEC);
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (dir < 0)
		die("open %s", path);
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d", dir);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) < 0)
		die("connect to %s", path);
	close(dir);
	return s;
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		die("create %s", path);
	close(fd);
}

/* Returns the status to end with, or -1 to go on. */
static int receive(struct client *c)
{
	static char buf[65536];
	ssize_t n = recv(c->sock, buf, sizeof buf, 0);

	if (n < 0 && errno == ECONNRESET)
		return 3;
	if (n < 0)
		die("receive");
	if (n == 0)
		return 0;
	if (c->packets) {
		fprintf(c->packets, "%d %zd\n", buf[0], n - 1);
		fflush(c->packets);
	}
	if (buf[0] != 2 && buf[0] != 3)
		return 4;
	if (write_all(buf[0] == 2 ? 1 : 2, buf + 1, (size_t)n - 1) < 0)
		die("write");
	return -1;
}

/* Returns false at the end of stdin. */
static bool send_stdin(struct client *c)
{
	static char buf[1 << 20];
	ssize_t n = read(0, buf, c->chunk);

	if (n > 0) {
		if (send(c->sock, buf, (size_t)n, MSG_NOSIGNAL) < 0 && errno != EPIPE)
			die("send");
		return true;
	}
	if (!c->keep_open)
		shutdown(c->sock, SHUT_WR);
	return false;
}

/* As many lines as the socket takes. Returns false when nobody takes any more. */
static bool send_flood(struct client *c)
{
	while (send(c->sock, "flood\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	if (errno != EAGAIN && errno != EPIPE)
		die("send");
	return errno == EAGAIN;
}

static int serve(struct client *c)
{
	bool sending = !c->no_stdin && !c->flood;
	int rc = -1;

	while (rc < 0) {
		struct pollfd p[2] = { { .fd = c->stall ? -1 : c->sock, .events = c->flood ? POLLIN | POLLOUT : POLLIN },
			{ .fd = sending ? 0 : -1, .events = POLLIN } };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (p[1].revents)
			sending = send_stdin(c);
		if (p[0].revents & POLLOUT)
			c->flood = send_flood(c);
		if (p[0].revents & ~POLLOUT)
			rc = receive(c);
	}
	return rc;
}

static void come_and_go(const char *path, long times)
{
	char buf[65536];

	for (long i = 0; i < times; i++) {
		int s = connect_to(path);

		if (i % 4 == 1)
			shutdown(s, SHUT_WR);
		if (i % 4 >= 2 && send(s, "line\n", 5, MSG_NOSIGNAL) < 0)
			die("send");
		if (i % 4 == 3 && i % 8 == 3 && recv(s, buf, sizeof buf, 0) < 0)
			die("receive");
		close(s);
	}
}

int main(int argc, char **argv)
{
	struct client c = { .chunk = 8192 };
	const char *ready = NULL;
	bool first = false;
	int size = 1 << 20;

	if (argc < 2)
		die("usage: attach SOCKET [OPTIONS]");
	if (argc == 4 && strcmp(argv[2], "--times") == 0) {
		come_and_go(argv[1], atol(argv[3]));
		return 0;
	}
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--ready") == 0)
			ready = need(argv, &i);
		else if (strcmp(argv[i], "--packets") == 0)
			c.packets = fopen(need(argv, &i), "we");
		else if (strcmp(argv[i], "--chunk") == 0)
			c.chunk = strtoul(need(argv, &i), NULL, 10);
		else if (strcmp(argv[i], "--no-stdin") == 0)
			c.no_stdin = true;
		else if (strcmp(argv[i], "--keep-open") == 0)
			c.keep_open = true;
		else if (strcmp(argv[i], "--stall") == 0)
			c.stall = true;
		else if (strcmp(argv[i], "--flood") == 0)
			c.flood = true;
		else if (strcmp(argv[i], "--first") == 0)
			first = true;
		else
			die("unknown option %s", argv[i]);
	}
	c.sock = connect_to(argv[1]);
	if (c.chunk > 8192)
		setsockopt(c.sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (first)
		send(c.sock, "", 0, MSG_NOSIGNAL);
	if (ready)
		touch(ready);
	return serve(&c);
}
