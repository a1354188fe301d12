/*
 * takefd - the receiving end of a runtime's --pidfd-socket.
 *
 *   takefd SOCKET READY OUT
 *
 * Listens on SOCKET, creates the file READY, takes one descriptor, and writes "WORD PID" to OUT, whole: what came with it,
 * and whose pidfd it is (its fdinfo).
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), conn, fd = -1, pid = -1;
	char word[64] = "", path[4096], line[256];
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { word, sizeof word - 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof control.buf };
	struct cmsghdr *c;
	FILE *f;

	if (argc != 4)
		die("usage: takefd SOCKET READY OUT");
	if (strlen(argv[1]) >= sizeof a.sun_path)
		die("%s: too long for a socket", argv[1]);
	strcpy(a.sun_path, argv[1]);
	if (bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 1) < 0)
		die("listen on %s", argv[1]);
	close(open(argv[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	conn = accept4(s, NULL, NULL, SOCK_CLOEXEC);
	if (conn < 0 || recvmsg(conn, &m, MSG_CMSG_CLOEXEC) <= 0)
		die("receive");
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		die("no descriptor came");
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Pid: %d", &pid) == 1)
			break;
	snprintf(path, sizeof path, "%s.part", argv[3]);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%s %d\n", word, pid) < 0 || fclose(f) != 0 || rename(path, argv[3]) < 0)
		die("write %s", argv[3]);
	return 0;
}
