/*
 * criu-double - a criu that does nothing, for what is said to it and for the ways it may fail.
 *
 *   criu-double swrk FD
 *
 * DOUBLE=DIR in the environment: the request goes to DIR/request as hexadecimal digits; DIR/mode says what then happens:
 *   done      it says that all went well
 *   logged    its log gets an error, and it says that it failed
 *   printed   it prints an error and ends, before it has read anything
 *   silent    it ends without a word
 *   garbage   its answer is no message
 *   hangs     it says nothing, until its socket is closed
 *   stuck     it says nothing, whatever happens
 *   killed    it dies by SIGKILL, and leaves a child that has its socket
 *   ready     it tells that it is ready for lazy pages, and goes on when it has an answer
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

static void put_text(const char *dir, const char *name, const char *text)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, text, strlen(text)) < 0)
		die("write %s", path);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *dir = getenv("DOUBLE");
	static unsigned char request[65536], answer[] = { 0x08, 1, 0x10, 1 };
	static char hex[2 * sizeof request + 2], mode[32], path[4096];
	ssize_t n;
	int fd;

	if (argc != 3 || strcmp(argv[1], "swrk") != 0 || !dir)
		die("usage: DOUBLE=DIR criu-double swrk FD");
	snprintf(path, sizeof path, "%s/mode", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, mode, sizeof mode - 1) <= 0)
		die("read %s", path);
	mode[strcspn(mode, "\n")] = '\0';
	if (strcmp(mode, "printed") == 0) {
		fprintf(stderr, "Error (criu/double.c:1): this kernel is too new\n");
		return 1;
	}
	n = recv(atoi(argv[2]), request, sizeof request, 0);
	if (n <= 2)
		die("receive the request");
	for (ssize_t i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", request[i]);
	put_text(dir, "request", hex);
	if (strcmp(mode, "ready") == 0) {
		/* type: notify; success; notify: { script } */
		static const char notify[] = "\x08\x06\x10\x01\x2a\x0e\x0a\x0cstatus-ready";

		if (send(atoi(argv[2]), notify, sizeof notify - 1, MSG_NOSIGNAL) < 0 || recv(atoi(argv[2]), path, sizeof path, 0) <= 0)
			die("notify");
	}
	if (strcmp(mode, "stuck") == 0)
		for (;;)
			pause();
	if (strcmp(mode, "killed") == 0 && fork() > 0)
		raise(SIGKILL);
	if (strcmp(mode, "hangs") == 0 || strcmp(mode, "killed") == 0)
		return recv(atoi(argv[2]), request, sizeof request, 0) > 0;
	answer[1] = request[1]; /* the type */
	if (strcmp(mode, "silent") == 0)
		return 1;
	if (strcmp(mode, "garbage") == 0)
		answer[0] = 0xff;
	if (strcmp(mode, "logged") == 0) {
		snprintf(path, sizeof path, "%s/work", dir);
		put_text(path, "dump.log", "(00.1) Warn  (criu/a.c:1): nothing\n(00.2) Error (criu/b.c:22): sk: it is the socket\n");
		answer[3] = 0;
	}
	return send(atoi(argv[2]), answer, sizeof answer, MSG_NOSIGNAL) < 0;
}
