/*
 * await - wait until something is so, woken by the kernel's events, never by a clock alone.
 *
 *   await [-t SECONDS] exists PATH | gone PATH | match FILE REGEX | lines FILE N | size FILE BYTES | replaced FILE INODE
 *                      | process-gone PID | reaped PID | no-children PID [EXCEPT-PID]
 *
 * Status 0 when it is so, 1 at the deadline (default AWAIT_SECONDS, else 60; one line on stderr says
 * what was awaited).
 * Files are watched through their directory with inotify, and the mount table with poll, as what is mounted over a
 * directory makes no event in it; a process through a pidfd.  `no-children` has no event of
 * its own for somebody else's children: it holds a pidfd of each child in turn.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <regex.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct condition {
	const char *verb, *path, *arg;
	regex_t re;
};

static char *slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	size_t cap = 1 << 16, len = 0, n;
	char *buf;

	if (!f)
		return NULL;
	buf = malloc(cap + 1);
	while (buf && (n = fread(buf + len, 1, cap - len, f)) > 0) {
		len += n;
		if (len == cap)
			buf = realloc(buf, (cap *= 2) + 1);
	}
	fclose(f);
	if (!buf)
		die("out of memory");
	buf[len] = '\0';
	*ret_len = len;
	return buf;
}

/* Any line matches; NUL bytes in the file are no obstacle. */
static bool matches(struct condition *c)
{
	size_t len;
	char *buf = slurp(c->path, &len), *p = buf;
	bool found = false;

	while (buf && !found && p < buf + len) {
		char *nl = memchr(p, '\n', (size_t)(buf + len - p));
		char *end = nl ? nl : buf + len;

		*end = '\0';
		for (char *q = p; q < end; q++)
			if (*q == '\0')
				*q = ' ';
		found = regexec(&c->re, p, 0, NULL, 0) == 0;
		p = end + 1;
	}
	free(buf);
	return found;
}

static bool holds(struct condition *c)
{
	struct stat st;
	bool there = lstat(c->path, &st) == 0;

	if (strcmp(c->verb, "exists") == 0)
		return there;
	if (strcmp(c->verb, "gone") == 0)
		return !there;
	if (strcmp(c->verb, "replaced") == 0) /* by another file of the same name */
		return there && st.st_ino != strtoull(c->arg, NULL, 10);
	if (strcmp(c->verb, "match") == 0)
		return matches(c);
	if (strcmp(c->verb, "size") == 0)
		return stat(c->path, &st) == 0 && st.st_size >= atoll(c->arg);
	if (strcmp(c->verb, "lines") == 0) {
		size_t len;
		char *buf = slurp(c->path, &len);
		long n = 0;

		for (size_t i = 0; buf && i < len; i++)
			n += buf[i] == '\n';
		free(buf);
		return n >= atol(c->arg);
	}
	die("unknown condition %s", c->verb);
}

static void watch(int in, const char *path)
{
	char *copy = strdup(path), *dir = dirname(copy);
	struct stat st;

	/* Where even the directory is missing, its nearest ancestor tells when it comes. */
	while (stat(dir, &st) < 0 && strcmp(dir, "/") != 0)
		dir = dirname(dir);
	if (inotify_add_watch(in, dir, IN_CREATE | IN_MOVE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB) < 0)
		die("watch %s", dir);
	free(copy);
}

/* The machine's users share a hundred of them: when there is none, somebody is to give one back. */
static int inotify_patiently(struct condition *c, int64_t deadline)
{
	const struct timespec rest = { .tv_nsec = 20000000 };
	int in;

	while ((in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) < 0 && errno == EMFILE && !holds(c) && now_ms() < deadline)
		nanosleep(&rest, NULL);
	return in;
}

static int await_file(struct condition *c, int64_t deadline)
{
	struct pollfd p[] = { { .events = POLLIN }, { .events = POLLPRI } };
	char buf[65536];
	int in;

	if (strcmp(c->verb, "match") == 0 && regcomp(&c->re, c->arg, REG_EXTENDED | REG_NOSUB) != 0)
		die("bad expression %s", c->arg);
	in = inotify_patiently(c, deadline);
	if (in < 0 && holds(c))
		return 0;
	if (in < 0)
		die("inotify");
	p[0].fd = in;
	p[1].fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC); /* proc_pid_mountinfo(5): a change is POLLPRI, once */
	for (;;) {
		int64_t left = deadline - now_ms();

		watch(in, c->path);
		if (holds(c))
			return 0;
		if (left <= 0)
			return 1;
		poll(p, 2, (int)left);
		while (read(in, buf, sizeof buf) > 0)
			;
	}
}

/* Returns false at the deadline.  A zombie counts as gone: its end has happened. */
static bool await_end(pid_t pid, int64_t deadline)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	bool ended = true;

	if (fd < 0)
		return true;
	while (!p.revents) {
		int64_t left = deadline - now_ms();

		if (left <= 0) {
			ended = false;
			break;
		}
		poll(&p, 1, (int)left);
	}
	close(fd);
	return ended;
}

static pid_t a_child_of(pid_t parent, pid_t except)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	pid_t found = 0;

	while (proc && !found && (d = readdir(proc))) {
		char path[300], stat[512], state;
		int ppid = 0, pid = atoi(d->d_name);
		FILE *f;

		snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
		if (pid < 2 || pid == except || !(f = fopen(path, "re")))
			continue;
		if (fgets(stat, sizeof stat, f) && strrchr(stat, ')'))
			sscanf(strrchr(stat, ')') + 1, " %c %d", &state, &ppid);
		if (ppid == parent)
			found = pid;
		fclose(f);
	}
	if (proc)
		closedir(proc);
	return found;
}

static int await_process(struct condition *c, int64_t deadline)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	pid_t pid = atoi(c->path), child;

	if (pid < 2)
		die("%s is no process", c->path);

	if (strcmp(c->verb, "process-gone") == 0)
		return await_end(pid, deadline) ? 0 : 1;
	if (strcmp(c->verb, "reaped") == 0) {
		if (!await_end(pid, deadline))
			return 1;
		while (syscall(SYS_kill, pid, 0) == 0 && now_ms() < deadline)
			nanosleep(&ms, NULL);
		return now_ms() < deadline ? 0 : 1;
	}
	while ((child = a_child_of(pid, c->arg ? atoi(c->arg) : 0)) > 0) {
		if (!await_end(child, deadline))
			return 1;
		/* It has ended; its parent is about to reap it, which nobody else is told. */
		nanosleep(&ms, NULL);
		if (now_ms() > deadline)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int64_t seconds = getenv("AWAIT_SECONDS") ? atoll(getenv("AWAIT_SECONDS")) : 60;
	int i = 1, rc;

	if (argc > 3 && strcmp(argv[1], "-t") == 0) {
		seconds = atoll(argv[2]);
		i = 3;
	}
	if (argc < i + 2)
		die("usage: await [-t SECONDS] CONDITION OBJECT [ARG]");
	struct condition c = { .verb = argv[i], .path = argv[i + 1], .arg = argc > i + 2 ? argv[i + 2] : NULL };
	int64_t deadline = now_ms() + seconds * 1000;
	bool process = strcmp(c.verb, "process-gone") == 0 || strcmp(c.verb, "reaped") == 0 ||
		       strcmp(c.verb, "no-children") == 0;

	rc = process ? await_process(&c, deadline) : await_file(&c, deadline);
	if (rc != 0)
		fprintf(stderr, "await: not within %d s: %s %s %s\n", (int)seconds, c.verb, c.path, c.arg ? c.arg : "");
	return rc;
}
