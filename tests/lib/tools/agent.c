/*
 * agent - a seccomp agent: answers system calls that a profile hands over with SCMP_ACT_NOTIFY.
 *
 *   agent SOCKET READY DIR ERRNO
 *   agent SOCKET READY DIR close
 *
 * Listens on SOCKET, creates the file READY, and takes container process states: the Nth goes to DIR/state.N, made whole,
 * and the calls of its listener are answered with ERRNO (0: the call goes on) and noted in DIR/calls, one number a line.
 * With "close" listeners are closed at once.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MAX_LISTENERS 30

static int receive(int conn, char *text, size_t size)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(8 * sizeof(int))];
	} control;
	size_t have = 0;
	int fd = -1;

	for (;;) {
		struct iovec iov = { text + have, size - 1 - have };
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof control.buf
		};
		ssize_t n = recvmsg(conn, &m, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

		if (n <= 0)
			break;
		have += (size_t)n;
		if (c && c->cmsg_type == SCM_RIGHTS && have == (size_t)n)
			memcpy(&fd, CMSG_DATA(c), sizeof fd);
		/* The end of the document: runc 1.1.5 keeps the connection. */
		if (text[have - 1] == '}')
			break;
	}
	text[have] = '\0';
	return fd;
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[4096], part[4096 + 8];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	snprintf(part, sizeof part, "%s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || close(fd) < 0 || rename(part, path) < 0)
		die("write %s", path);
}

/* Waits until the listener has a call; -1 when its processes have gone. */
static int answer(int listener, const char *dir, int error)
{
	struct seccomp_notif call = { 0 };
	struct seccomp_notif_resp reply = { 0 };
	char line[64];
	int fd;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -1;
	snprintf(line, sizeof line, "%s/calls", dir);
	fd = openat(AT_FDCWD, line, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	snprintf(line, sizeof line, "%d\n", call.data.nr);
	if (fd < 0 || write_all(fd, line, strlen(line)) < 0)
		die("note a call");
	close(fd);
	reply.id = call.id;
	reply.error = -error;
	reply.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply); /* the process may have gone */
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 1, taken = 0;
	struct pollfd fds[1 + MAX_LISTENERS] = { { .fd = s, .events = POLLIN } };
	static char text[65536];

	if (argc != 5)
		die("usage: agent SOCKET READY DIR ERRNO|close");
	if (strlen(argv[1]) >= sizeof a.sun_path)
		die("%s: too long for a socket", argv[1]);
	strcpy(a.sun_path, argv[1]);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 8) < 0)
		die("listen on %s", argv[1]);
	close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	for (;;) {
		if (poll(fds, (nfds_t)n, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 1; i < n; i++)
			if (fds[i].revents && ((fds[i].revents & POLLHUP) || answer(fds[i].fd, argv[3], atoi(argv[4])) < 0)) {
				close(fds[i].fd);
				fds[i--] = fds[--n];
			}
		if (fds[0].revents && n <= MAX_LISTENERS) {
			int conn = accept4(s, NULL, NULL, SOCK_CLOEXEC);
			int listener = conn < 0 ? -1 : receive(conn, text, sizeof text);
			char name[32];

			close(conn);
			if (strcmp(argv[4], "close") == 0)
				close(listener);
			else if (listener >= 0)
				fds[n++] = (struct pollfd){ .fd = listener, .events = POLLIN };
			snprintf(name, sizeof name, "state.%d", ++taken);
			put_file(argv[3], name, text);
		}
	}
}
