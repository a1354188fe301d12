/* drv: drives a conmon-compatible monitor and an OCI runtime the way podman and CRI-O do, and takes the times.
 *
 *   drv [OPTIONS] cycle           create, start, wait for, delete one container
 *   drv [OPTIONS] up              create and start one, leave it running
 *   drv [OPTIONS] exec SPEC       one "monitor --exec" of the process file SPEC in a running container
 *   drv cmd COMMAND [ARG...]      run a command to its end
 *   drv stamp FILE                write the time to FILE (the exit command of cycle)
 *
 *   -m MONITOR -r RUNTIME -R RUNTIME_ROOT -b BUNDLE -w WORK_DIR -c ID -l LOG_FILE
 *   -t terminal   -i stdin   -a ARG one more argument for the monitor (repeatable)
 *
 * Each prints one line of JSON: milliseconds, and CPU, faults, context switches and the largest RSS of all processes
 * that were reaped. drv gives up after a minute. */
#include "clock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_S 60
#define MAX_ARGS   96

static struct {
	char *monitor, *runtime, *runtime_root, *bundle, *work, *id, *log, *spec;
	char *extra[16];
	int extras;
	bool terminal, open_stdin;
	char self[PATH_MAX];
} opt = { .id = "bench" };

static struct {
	double user, sys; /* ms */
	long faults, switches, rss_kb;
} used;

static int container_fd = -1; /* pidfd of the container, which must not outlive a failed run */

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "drv: %s: %s\n", what, strerror(errno));
	if (container_fd >= 0)
		syscall(SYS_pidfd_send_signal, container_fd, SIGKILL, NULL, 0);
	exit(1);
}

/* The result lives as long as the process. */
static char *concat(const char *a, const char *b)
{
	char *s;

	if (asprintf(&s, "%s%s", a, b) < 0)
		die("allocate");
	return s;
}

static double ms(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) / 1e6 : 0;
}

/* ---- processes */

static void add_usage(const struct rusage *u)
{
	used.user += (double)u->ru_utime.tv_sec * 1e3 + (double)u->ru_utime.tv_usec / 1e3;
	used.sys += (double)u->ru_stime.tv_sec * 1e3 + (double)u->ru_stime.tv_usec / 1e3;
	used.faults += u->ru_minflt + u->ru_majflt;
	used.switches += u->ru_nvcsw + u->ru_nivcsw;
	if (u->ru_maxrss > used.rss_kb)
		used.rss_kb = u->ru_maxrss;
}

static void print_usage(void)
{
	printf("\"user_ms\":%.3f,\"sys_ms\":%.3f,\"cpu_ms\":%.3f,\"faults\":%ld,\"csw\":%ld,\"maxrss_kb\":%ld}\n",
		used.user, used.sys, used.user + used.sys, used.faults, used.switches, used.rss_kb);
}

static pid_t spawn(char **argv)
{
	pid_t pid;

	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (errno)
		die(argv[0]);
	return pid;
}

static int reap(pid_t pid)
{
	struct rusage u;
	int status;

	while (wait4(pid, &status, 0, &u) < 0)
		if (errno != EINTR)
			die("wait for a child");
	add_usage(&u);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Waits for everything that was re-parented to us. */
static void reap_rest(void)
{
	struct rusage u;
	int status;

	while (wait4(-1, &status, 0, &u) > 0 || errno == EINTR)
		add_usage(&u);
}

static void run_runtime(char *verb)
{
	char *argv[] = { opt.runtime, "--root", opt.runtime_root, verb, opt.id, NULL };

	if (reap(spawn(argv)) != 0) {
		errno = ECANCELED;
		die(verb);
	}
}

/* ---- the monitor */

struct argv {
	char *v[MAX_ARGS];
	int n;
};

static void push(struct argv *a, const char *arg)
{
	if (a->n + 1 >= MAX_ARGS) {
		errno = E2BIG;
		die("monitor arguments");
	}
	a->v[a->n++] = (char *)arg;
}

static void push_option(struct argv *a, const char *name, const char *value)
{
	push(a, name);
	push(a, value);
}

static void monitor_args(struct argv *a)
{
	push(a, opt.monitor);
	push_option(a, "--api-version", "1");
	push_option(a, "-c", opt.id);
	push_option(a, "-u", opt.id);
	push_option(a, "-n", opt.id);
	push_option(a, "-r", opt.runtime);
	push(a, concat("--runtime-arg=--root=", opt.runtime_root));
	push_option(a, "--socket-dir-path", concat(opt.work, "/sock"));
	push_option(a, "-p", concat(opt.work, opt.spec ? "/exec.pid" : "/pid"));
	push_option(a, "-P", concat(opt.work, opt.spec ? "/exec.monitor.pid" : "/monitor.pid"));
	if (opt.spec) {
		push_option(a, "-b", concat(opt.work, "/session"));
		push(a, "--exec");
		push_option(a, "--exec-process-spec", opt.spec);
		push_option(a, "-l", "k8s-file:/dev/null");
	} else {
		push_option(a, "-b", opt.bundle);
		push_option(a, "-l", concat("k8s-file:", opt.log));
		push_option(a, "--exit-dir", concat(opt.work, "/exit"));
	}
	if (opt.terminal)
		push(a, "-t");
	if (opt.open_stdin)
		push(a, "-i");
	for (int i = 0; i < opt.extras; i++)
		push(a, opt.extra[i]);
}

static void set_fd_variable(const char *name, int fd)
{
	char number[16];

	snprintf(number, sizeof number, "%d", fd);
	setenv(name, number, 1);
}

/* Starts the monitor and lets it go on at once; ret_sync is the read end of its sync pipe. */
static pid_t start_monitor(struct argv *a, int *ret_sync)
{
	int sync[2], start[2];
	pid_t pid;

	if (pipe2(sync, O_CLOEXEC) < 0 || pipe2(start, O_CLOEXEC) < 0)
		die("pipe");
	fcntl(sync[1], F_SETFD, 0);
	fcntl(start[0], F_SETFD, 0);
	set_fd_variable("_OCI_SYNCPIPE", sync[1]);
	set_fd_variable("_OCI_STARTPIPE", start[0]);
	pid = spawn(a->v);
	close(sync[1]);
	close(start[0]);
	if (write(start[1], "", 1) != 1)
		die("start pipe");
	close(start[1]);
	*ret_sync = sync[0];
	return pid;
}

static int read_sync(int fd)
{
	char line[2048];
	size_t n = 0;
	int data;

	while (n < sizeof line - 1 && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	if (sscanf(line, "{\"data\":%d", &data) != 1 || data < 0) {
		fprintf(stderr, "drv: the sync pipe said: %s\n", line);
		errno = EPROTO;
		die(opt.monitor);
	}
	return data;
}

/* ---- what the container and the monitor leave in files */

/* Returns the time after "STAMP " in a file, 0 if there is none yet. */
static uint64_t read_stamp(const char *path)
{
	char b[4096], *s;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, b, sizeof b - 1);
	close(fd);
	if (n <= 0)
		return 0;
	b[n] = '\0';
	s = strstr(b, "STAMP ");
	return s && strchr(s, '\n') ? strtoull(s + 6, NULL, 10) : 0;
}

static int write_stamp(const char *path)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	return fd < 0 || dprintf(fd, "STAMP %llu\n", (unsigned long long)clock_ns()) < 0;
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
}

struct watch {
	int fd; /* inotify on the exit directory and the log */
	char *exit_file;
	uint64_t stamp, seen_in_log, exit_file_at;
};

static void watch_open(struct watch *w)
{
	int log = open(opt.log, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (log < 0 || w->fd < 0 ||
		inotify_add_watch(w->fd, concat(opt.work, "/exit"), IN_MOVED_TO | IN_CLOSE_WRITE) < 0 ||
		inotify_add_watch(w->fd, opt.log, IN_MODIFY) < 0)
		die("watch the log and the exit directory");
	close(log);
	w->exit_file = concat(concat(opt.work, "/exit/"), opt.id);
}

static void watch_until_exit(struct watch *w)
{
	char events[4096];
	struct stat st;

	for (;;) {
		struct pollfd p = { w->fd, POLLIN, 0 };

		if (!w->stamp && (w->stamp = read_stamp(opt.log)))
			w->seen_in_log = clock_ns();
		if (stat(w->exit_file, &st) == 0 && st.st_size > 0) {
			w->exit_file_at = clock_ns();
			break;
		}
		if (poll(&p, 1, -1) < 0 || (read(w->fd, events, sizeof events) < 0 && errno != EAGAIN))
			die("wait for the exit file");
	}
	if (!w->stamp && (w->stamp = read_stamp(opt.log)))
		w->seen_in_log = clock_ns();
}

/* ---- verbs */

static pid_t create(uint64_t *ret_sync_at)
{
	struct argv a = { 0 };
	pid_t monitor, pid;
	int sync;

	monitor_args(&a);
	monitor = start_monitor(&a, &sync);
	pid = read_sync(sync);
	*ret_sync_at = clock_ns();
	reap(monitor);
	if (pid < 2)
		die("pid on the sync pipe");
	container_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid;
}

static void make_work_dirs(void)
{
	make_dir(opt.work);
	make_dir(concat(opt.work, "/exit"));
	make_dir(concat(opt.work, "/sock"));
}

static int up(void)
{
	uint64_t begin, synced, start;
	pid_t pid;

	make_work_dirs();
	begin = clock_ns();
	pid = create(&synced);
	start = clock_ns();
	run_runtime("start");
	printf("{\"pid\":%d,\"create_ms\":%.3f,\"start_ms\":%.3f}\n", pid, ms(begin, synced), ms(start, clock_ns()));
	return 0;
}

static int cycle(void)
{
	const char *stamp_file = concat(opt.work, "/exit-command");
	uint64_t begin, synced, start, started, gone, deleted, from;
	struct watch w = { 0 };

	make_work_dirs();
	watch_open(&w);
	opt.extra[opt.extras++] = "--exit-command";
	opt.extra[opt.extras++] = opt.self;
	opt.extra[opt.extras++] = "--exit-command-arg=stamp";
	opt.extra[opt.extras++] = concat("--exit-command-arg=", stamp_file);
	prctl(PR_SET_CHILD_SUBREAPER, 1);

	begin = clock_ns();
	create(&synced);
	start = clock_ns();
	run_runtime("start");
	started = clock_ns();
	watch_until_exit(&w);
	reap_rest();
	gone = clock_ns();
	run_runtime("delete");
	deleted = clock_ns();
	from = w.stamp ? w.stamp : started;
	printf("{\"create_ms\":%.3f,\"start_ms\":%.3f,\"start_to_main_ms\":%.3f,\"relay_ms\":%.3f,\"exit_to_file_ms\":%"
	       ".3f,"
	       "\"exit_to_command_ms\":%.3f,\"exit_to_gone_ms\":%.3f,\"delete_ms\":%.3f,\"total_ms\":%.3f,",
		ms(begin, synced), ms(start, started), ms(start, w.stamp), ms(w.stamp, w.seen_in_log),
		ms(from, w.exit_file_at), ms(from, read_stamp(stamp_file)), ms(from, gone), ms(gone, deleted),
		ms(begin, deleted));
	print_usage();
	return 0;
}

static int exec_session(void)
{
	struct argv a = { 0 };
	uint64_t begin, pid_at, code_at;
	pid_t monitor;
	int sync, code;

	make_dir(concat(opt.work, "/session"));
	monitor_args(&a);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	begin = clock_ns();
	monitor = start_monitor(&a, &sync);
	read_sync(sync);
	pid_at = clock_ns();
	code = read_sync(sync);
	code_at = clock_ns();
	reap(monitor);
	reap_rest();
	printf("{\"pid_ms\":%.3f,\"code_ms\":%.3f,\"gone_ms\":%.3f,\"code\":%d,", ms(begin, pid_at), ms(begin, code_at),
		ms(begin, clock_ns()), code);
	print_usage();
	return code != 0;
}

static int command(char **argv)
{
	uint64_t begin, end;
	int status;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	begin = clock_ns();
	status = reap(spawn(argv));
	end = clock_ns();
	reap_rest();
	printf("{\"wall_ms\":%.3f,\"status\":%d,", ms(begin, end), status);
	print_usage();
	return status != 0;
}

static bool parse(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "+m:r:R:b:w:c:l:a:ti")) > 0) {
		switch (o) {
		case 'm':
			opt.monitor = optarg;
			break;
		case 'r':
			opt.runtime = optarg;
			break;
		case 'R':
			opt.runtime_root = optarg;
			break;
		case 'b':
			opt.bundle = optarg;
			break;
		case 'w':
			opt.work = optarg;
			break;
		case 'c':
			opt.id = optarg;
			break;
		case 'l':
			opt.log = optarg;
			break;
		case 'a':
			if (opt.extras > 10)
				return false;
			opt.extra[opt.extras++] = optarg;
			break;
		case 't':
			opt.terminal = true;
			break;
		case 'i':
			opt.open_stdin = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *verb;
	ssize_t n;

	if (!parse(argc, argv) || optind >= argc)
		return 2;
	verb = argv[optind++];
	argv += optind;
	argc -= optind;
	if (strcmp(verb, "stamp") == 0 && argc == 1)
		return write_stamp(argv[0]);
	alarm(DEADLINE_S);
	if (strcmp(verb, "cmd") == 0 && argc > 0)
		return command(argv);
	n = readlink("/proc/self/exe", opt.self, sizeof opt.self - 1);
	if (n < 0 || !opt.monitor || !opt.runtime || !opt.runtime_root || !opt.bundle || !opt.work || !opt.log)
		return 2;
	if (strcmp(verb, "up") == 0)
		return up();
	if (strcmp(verb, "cycle") == 0)
		return cycle();
	opt.spec = argc == 1 ? argv[0] : NULL;
	if (strcmp(verb, "exec") == 0 && opt.spec)
		return exec_session();
	return 2;
}
