/*
 * engine - start a monitor the way an engine does, and write down everything it says.
 *
 *   engine DIR [--sync seqpacket|stream|pipe|none] [--hold] [--attach-pipe] [--deadline S]
 *          [--preserve FILE]... -- MONITOR ARG...
 *
 * DIR/events gets one line per event, in the order in which they were seen:
 *   pid N            the process that was started
 *   attach TEXT      a message on the attach pipe      sync TEXT     a message on the sync pipe
 *   sync-len N       its length in bytes, if unusual (no newline at the end, or several lines in one)
 *   sync-eof         nobody holds the sync pipe's other end any more
 *   status N         how the foreground process ended (128 + signal)
 *   exit PID N       how an adopted process ended (we are a sub-reaper, as a service manager would be)
 *   gone             sync pipe at EOF and no process left: nothing of the monitor lives on
 *   leftover PID COMM  killed by us at the deadline, or because we were told to end
 * DIR/cmd is a FIFO for orders: start (one byte on the start pipe), start-eof, drop-sync (close our end), end.
 * DIR/stdout and DIR/stderr are the monitor's.  Each --preserve file is opened for the monitor, from descriptor 3 on;
 * the pipes follow after them, as podman does it.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct engine {
	const char *dir;
	const char *sync_kind;
	bool hold, attach_pipe;
	const char *preserve[8];
	int preserved;
	int deadline_s;
	char **argv;
	int events_fd, cmd_fd, signal_fd;
	int sync_fd, start_fd, attach_fd;
	int peer_sync, peer_start, peer_attach;
	pid_t pid;
	bool ended;
};

static void event(struct engine *e, const char *fmt, ...)
{
	char line[20000];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof line - 2)
		n = (int)sizeof line - 2;
	line[n++] = '\n';
	if (write_all(e->events_fd, line, (size_t)n) < 0)
		die("write events");
}

static int open_in(struct engine *e, const char *name, int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", e->dir, name);
	fd = open(path, flags | O_CLOEXEC, 0644);
	if (fd < 0)
		die("open %s", path);
	return fd;
}

static void make_pair(const char *kind, int *ours, int *theirs)
{
	int fd[2];

	if (strcmp(kind, "pipe") == 0) {
		if (pipe2(fd, O_CLOEXEC) < 0)
			die("pipe");
	} else if (socketpair(AF_UNIX, (strcmp(kind, "stream") ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, fd) <
		   0) {
		die("socketpair");
	}
	*ours = fd[0];
	*theirs = fd[1];
}

static void set_up(struct engine *e)
{
	char path[4096];
	sigset_t set;

	e->events_fd = open_in(e, "events", O_WRONLY | O_CREAT | O_APPEND);
	snprintf(path, sizeof path, "%s/cmd", e->dir);
	if (mkfifo(path, 0600) < 0 && errno != EEXIST)
		die("mkfifo %s", path);
	e->cmd_fd = open_in(e, "cmd", O_RDWR | O_NONBLOCK);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	e->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (e->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("signalfd, subreaper");
	e->sync_fd = e->start_fd = e->attach_fd = -1;
	e->peer_sync = e->peer_start = e->peer_attach = -1;
	if (strcmp(e->sync_kind, "none") != 0)
		make_pair(e->sync_kind, &e->sync_fd, &e->peer_sync);
	make_pair("stream", &e->start_fd, &e->peer_start);
	if (e->attach_pipe)
		make_pair("seqpacket", &e->attach_fd, &e->peer_attach);
}

static void pass_fd(const char *name, int fd, int as)
{
	char number[16];

	if (fd < 0)
		return;
	if (dup2(fd, as) < 0)
		die("dup2 %s", name);
	snprintf(number, sizeof number, "%d", as);
	setenv(name, number, 1);
}

static void become_monitor(struct engine *e)
{
	int out = open_in(e, "stdout", O_WRONLY | O_CREAT | O_APPEND);
	int err = open_in(e, "stderr", O_WRONLY | O_CREAT | O_APPEND);
	int sync_fd = fcntl(e->peer_sync, F_DUPFD_CLOEXEC, 100);
	int start_fd = fcntl(e->peer_start, F_DUPFD_CLOEXEC, 100);
	int attach_fd = fcntl(e->peer_attach, F_DUPFD_CLOEXEC, 100);
	int files[8], next = 3;
	sigset_t none;

	for (int i = 0; i < e->preserved; i++) {
		int fd = open(e->preserve[i], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			die("open %s", e->preserve[i]);
		files[i] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(out, 1);
	dup2(err, 2);
	for (int i = 0; i < e->preserved; i++)
		dup2(files[i], next++);
	pass_fd("_OCI_SYNCPIPE", sync_fd, next);
	pass_fd("_OCI_STARTPIPE", start_fd, next + 1);
	pass_fd("_OCI_ATTACHPIPE", attach_fd, next + 2);
	execvp(e->argv[0], e->argv);
	die("exec %s", e->argv[0]);
}

static void spawn(struct engine *e)
{
	e->pid = fork();
	if (e->pid < 0)
		die("fork");
	if (e->pid == 0)
		become_monitor(e);
	close(e->peer_sync);
	close(e->peer_start);
	close(e->peer_attach);
	event(e, "pid %d", e->pid);
	if (!e->hold && write(e->start_fd, "", 1) < 0)
		event(e, "start-failed %s", strerror(errno));
}

/* One packet of a message pipe: reported line by line; an odd shape is reported too. */
static void read_message(struct engine *e, int *fd, const char *name)
{
	static char buf[16384];
	char *line, *save = NULL;
	ssize_t n = read(*fd, buf, sizeof buf - 1);
	int lines = 0;

	if (n <= 0) {
		event(e, "%s-eof", name);
		close(*fd);
		*fd = -1;
		return;
	}
	buf[n] = '\0';
	bool whole = buf[n - 1] == '\n';
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save), lines++)
		event(e, "%s %s", name, line);
	if (!whole || lines != 1 || n > 4095)
		event(e, "%s-len %zd", name, n);
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void read_orders(struct engine *e)
{
	char buf[512];
	char *line, *save = NULL;
	ssize_t n = read(e->cmd_fd, buf, sizeof buf - 1);

	if (n <= 0)
		return;
	buf[n] = '\0';
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strcmp(line, "start") == 0) {
			if (write(e->start_fd, "", 1) < 0)
				event(e, "start-failed %s", strerror(errno));
		} else if (strcmp(line, "start-eof") == 0) {
			drop(&e->start_fd);
		} else if (strcmp(line, "drop-sync") == 0) {
			drop(&e->sync_fd);
		} else if (strcmp(line, "end") == 0) {
			e->ended = true;
		} else {
			event(e, "unknown-order %s", line);
		}
	}
}

static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Returns false when no child is left. */
static bool reap(struct engine *e)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == e->pid)
			event(e, "status %d", code_of(status));
		else
			event(e, "exit %d %d", pid, code_of(status));
	}
	return pid == 0;
}

/* Ends every child; their own children come to us, being the sub-reaper, and are ended in the next turn. */
static void end_children(struct engine *e)
{
	for (;;) {
		DIR *proc = opendir("/proc");
		struct dirent *d;
		int found = 0;

		while (proc && (d = readdir(proc))) {
			char path[300], stat[512], comm[64] = "", state = 'Z';
			int ppid = 0, pid = atoi(d->d_name);
			FILE *f;

			snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
			if (pid < 2 || !(f = fopen(path, "re")))
				continue;
			if (fgets(stat, sizeof stat, f) && strrchr(stat, ')'))
				sscanf(strrchr(stat, ')') + 1, " %c %d", &state, &ppid);
			sscanf(stat, "%*d (%63[^)]", comm);
			fclose(f);
			if (ppid != getpid())
				continue;
			found++;
			if (state == 'Z')
				continue;
			event(e, "leftover %d %s", pid, comm);
			kill(pid, SIGKILL); /* our own unreaped child: the number cannot have been reused */
		}
		if (proc)
			closedir(proc);
		if (found == 0)
			return;
		if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
			return;
	}
}

static void serve(struct engine *e)
{
	int64_t deadline = now_ms() + e->deadline_s * 1000LL;
	bool children = true;

	while (!e->ended && (children || e->sync_fd >= 0)) {
		struct pollfd p[4] = {
			{ .fd = e->sync_fd, .events = POLLIN },
			{ .fd = e->attach_fd, .events = POLLIN },
			{ .fd = e->cmd_fd, .events = POLLIN },
			{ .fd = e->signal_fd, .events = POLLIN },
		};
		struct signalfd_siginfo si;
		int64_t left = deadline - now_ms();

		if (left <= 0 || (poll(p, 4, (int)left) < 0 && errno != EINTR)) {
			event(e, "deadline");
			break;
		}
		if (p[0].revents && e->sync_fd >= 0)
			read_message(e, &e->sync_fd, "sync");
		if (p[1].revents && e->attach_fd >= 0)
			read_message(e, &e->attach_fd, "attach");
		if (p[2].revents)
			read_orders(e);
		while (read(e->signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
			if (si.ssi_signo == SIGTERM)
				e->ended = true;
		children = reap(e);
	}
	end_children(e);
	event(e, "gone");
}

int main(int argc, char **argv)
{
	struct engine e = { .sync_kind = "seqpacket", .deadline_s = 120 };
	int i = 2;

	if (argc < 4)
		die("usage: engine DIR [OPTIONS] -- MONITOR ARG...");
	e.dir = argv[1];
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--sync") == 0)
			e.sync_kind = need(argv, &i);
		else if (strcmp(argv[i], "--hold") == 0)
			e.hold = true;
		else if (strcmp(argv[i], "--attach-pipe") == 0)
			e.attach_pipe = true;
		else if (strcmp(argv[i], "--preserve") == 0 && e.preserved < 8)
			e.preserve[e.preserved++] = need(argv, &i);
		else if (strcmp(argv[i], "--deadline") == 0)
			e.deadline_s = atoi(need(argv, &i));
		else
			die("unknown option %s", argv[i]);
	}
	e.argv = argv + i + 1;
	signal(SIGPIPE, SIG_IGN);
	close_range(3, ~0U, 0); /* what the shell has open is not the monitor's */
	set_up(&e);
	spawn(&e);
	serve(&e);
	return 0;
}
