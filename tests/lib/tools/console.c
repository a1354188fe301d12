/*
 * console - the receiving end of a runtime's --console-socket.
 *
 *   console SOCKET READY [--info FILE]
 *   console SOCKET READY --full
 *
 * Listens on SOCKET, creates the file READY, takes one connection and one descriptor from it, then copies the terminal
 * to stdout and stdin to the terminal until the terminal ends.  --info gets the payload, the number of descriptors and
 * the window size ("name NAME", "fds N", "size ROWS COLS").  --full accepts nothing, and has no room for connections.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

static int receive_fd(int conn, char *name, size_t size, int *ret_count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { name, size - 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof control.buf
	};
	ssize_t n = recvmsg(conn, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	int fd;

	errno = 0;
	if (n <= 0 || !c || c->cmsg_type != SCM_RIGHTS)
		die("no descriptor came (%zd bytes)", n);
	name[n] = '\0';
	*ret_count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

static void copy(int tty)
{
	bool sending = true;

	for (;;) {
		char buf[8192];
		struct pollfd p[2] = { { .fd = tty, .events = POLLIN }, { .fd = sending ? 0 : -1, .events = POLLIN } };
		ssize_t n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			die("poll");
		if (p[1].revents) {
			n = read(0, buf, sizeof buf);
			sending = n > 0 && write_all(tty, buf, (size_t)n) == 0;
		}
		if (p[0].revents) {
			n = read(tty, buf, sizeof buf);
			if (n <= 0)
				return; /* EIO: the last slave was closed */
			if (write_all(1, buf, (size_t)n) < 0)
				die("write");
		}
	}
}

/* The one connection that fits is our own. */
static void be_full(const struct sockaddr_un *a, const char *ready)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(s, (const struct sockaddr *)a, sizeof *a) < 0)
		die("connect to %s", a->sun_path);
	close(open(ready, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	pause();
	exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), conn, tty, count = 0;
	struct winsize w = { 0 };
	char name[4096];

	if (argc < 3)
		die("usage: console SOCKET READY [--info FILE]");
	if (strlen(argv[1]) >= sizeof a.sun_path)
		die("%s: too long for a socket", argv[1]);
	strcpy(a.sun_path, argv[1]);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, argc > 3 && strcmp(argv[3], "--full") == 0 ? 0 : 1) < 0)
		die("listen on %s", argv[1]);
	if (argc > 3 && strcmp(argv[3], "--full") == 0)
		be_full(&a, argv[2]);
	close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	conn = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0)
		die("accept");
	tty = receive_fd(conn, name, sizeof name, &count);
	ioctl(tty, TIOCGWINSZ, &w);
	if (argc > 4 && strcmp(argv[3], "--info") == 0) {
		FILE *f = fopen(argv[4], "we");
		if (!f)
			die("create %s", argv[4]);
		fprintf(f, "name %s\nfds %d\nsize %d %d\n", name, count, w.ws_row, w.ws_col);
		fclose(f);
	}
	copy(tty);
	return 0;
}
