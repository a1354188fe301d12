/*
 * brief - a runtime whose containers are short: what one says and how it ends follows from the number in its id, ID-N.
 *
 *   brief [ARGS] --pid-file FILE [ARGS] ID-N
 *
 * Container N writes brief_lines(N) lines "out N I" to stdout and "err N I" to stderr by turns, the last one without its
 * newline if N is odd; then it dies of SIGKILL if 13 divides N, of SIGABRT if 17 does, or leaves with N mod 256. Every
 * 50th writes a hundred times as much. tests/lib/soak knows the same rules.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <signal.h>
#include <sys/resource.h>

static unsigned int lines_of(unsigned int n)
{
	return n * 7919u % 150u * (n % 50 ? 1 : 100);
}

static void say(FILE *to, const char *name, unsigned int n, unsigned int i, int end)
{
	fprintf(to, "%s %u %u%s", name, n, i, end ? "" : "\n");
}

static int container(unsigned int n)
{
	const struct rlimit none = { 0, 0 };
	unsigned int lines = lines_of(n);

	for (unsigned int i = 0; i < lines; i++) {
		int end = n % 2 && i == lines - 1;

		say(stdout, "out", n, i, end);
		say(stderr, "err", n, i, end);
		if (n % 3 == 0) {
			fflush(stdout);
			fflush(stderr);
		}
	}
	fflush(stdout);
	fflush(stderr);
	setrlimit(RLIMIT_CORE, &none);
	signal(SIGABRT, SIG_DFL);
	if (n % 13 == 0)
		kill(getpid(), SIGKILL);
	if (n % 17 == 0)
		abort();
	_exit((int)(n % 256));
}

int main(int argc, char **argv)
{
	const char *pid_file = NULL, *id = argv[argc - 1], *dash = strrchr(id, '-');
	static char buffer[2][65536];
	FILE *f;
	pid_t pid;

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--pid-file") == 0)
			pid_file = argv[i + 1];
	if (!pid_file || !dash)
		die("no pid file or no number in the id");
	setvbuf(stdout, buffer[0], _IOFBF, sizeof buffer[0]);
	setvbuf(stderr, buffer[1], _IOFBF, sizeof buffer[1]);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		container((unsigned int)strtoul(dash + 1, NULL, 10));
	f = fopen(pid_file, "we");
	if (!f || fprintf(f, "%d", pid) < 0 || fclose(f) != 0)
		die("write %s", pid_file);
	_exit(0);
}
