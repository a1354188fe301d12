/*
 * launch - what a runtime does at its end: it leaves a process behind.
 *
 *   launch PID-FILE SOCKET|- COMMAND ARG...
 *
 * Starts COMMAND as the leader of a session of its own, writes its pid to PID-FILE and does not wait for it: its status is
 * left to whoever inherits it.  With SOCKET it gets a new terminal, whose master is sent there as --console-socket wants.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

static void send_fd(const char *path, const char *name, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct iovec iov = { (void *)name, strlen(name) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof control.buf
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof addr) < 0)
		die("connect to %s", path);
	if (sendmsg(sock, &m, 0) < 0)
		die("send the terminal to %s", path);
	close(sock);
}

static int make_terminal(char *name, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, size) != 0)
		die("make a terminal");
	return master;
}

static void become(char **argv, const char *terminal)
{
	setsid();
	if (terminal) {
		int slave = open(terminal, O_RDWR | O_CLOEXEC); /* a session leader's first terminal controls it */

		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
	}
	execvp(argv[0], argv);
	die("exec %s", argv[0]);
}

int main(int argc, char **argv)
{
	char name[64];
	int master = -1;
	FILE *pid_file;
	pid_t pid;

	if (argc < 4)
		die("usage: launch PID-FILE SOCKET|- COMMAND ARG...");
	if (strcmp(argv[2], "-") != 0)
		master = make_terminal(name, sizeof name);
	pid_file = fopen(argv[1], "we");
	if (!pid_file)
		die("open %s", argv[1]);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		become(argv + 3, master >= 0 ? name : NULL);
	if (master >= 0)
		send_fd(argv[2], name, master);
	fprintf(pid_file, "%d", pid);
	if (fclose(pid_file) != 0)
		die("write %s", argv[1]);
	return 0;
}
