/*
 * notify-host - stands where a service manager's notify socket stands.
 *
 *   notify-host NAME FILE [--slow MS]
 *
 * Binds a datagram socket to the path NAME (a leading '@': an abstract name), creates FILE, and appends each datagram
 * to it as it came, with a line "--" behind it.  --slow waits so long before each.  Ends by SIGTERM.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), file;
	struct timespec rest = { 0 };
	static char buf[1 << 20];
	socklen_t len = sizeof a;

	if (argc < 3 || strlen(argv[1]) >= sizeof a.sun_path)
		die("usage: notify-host NAME FILE [--slow MS]");
	strcpy(a.sun_path, argv[1]);
	if (a.sun_path[0] == '@') {
		a.sun_path[0] = '\0';
		len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(argv[1]));
	}
	for (int i = 3; i < argc; i++)
		if (strcmp(argv[i], "--slow") == 0)
			rest.tv_nsec = atol(need(argv, &i)) * 1000000;
	if (sock < 0 || bind(sock, (struct sockaddr *)&a, len) < 0)
		die("bind %s", argv[1]);
	file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (file < 0)
		die("open %s", argv[2]);
	for (;;) {
		ssize_t n = recv(sock, buf, sizeof buf - 4, 0);

		if (n < 0)
			die("receive");
		memcpy(buf + n, "\n--\n", 4);
		if (write_all(file, buf, (size_t)n + 4) < 0)
			die("write %s", argv[2]);
		nanosleep(&rest, NULL);
	}
}
