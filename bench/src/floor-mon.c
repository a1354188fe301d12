/* floor-mon: the least a conmon-compatible monitor has to do, so that every figure of the kit has a floor beside it.
 * Not for use: no error recovery, no rotation, no journald, no sd-notify, no OOM watch. */
#include "clock.h"
#include "logfmt.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMALL	    4096u
#define BIG	    131072u
#define BIG_OUT	    (2 * BIG + 65536)
#define SMALL_OUT   (2 * SMALL + LOGFMT_SLACK)
#define PACKET	    8192 /* attach clients take the stream byte and at most so much */
#define BATCH	    16	 /* packets in one call */
#define MAX_CLIENTS 16
#define GATHER_MAX  1000000u /* ns */
#define PATIENCE_MS 20	     /* a client whose socket stays full for so long is let go */

enum { OUT, ERR };
enum { P_SIGNAL, P_OUT, P_ERR, P_LISTEN, P_CTL, P_STDIN, P_CLIENT };

static struct {
	char *cid, *cuuid, *runtime, *bundle, *pid_file, *monitor_pid_file, *exit_dir, *socket_dir, *exit_command,
		*spec, *log;
	char *runtime_arg[32], *exit_arg[64];
	int runtime_args, exit_args;
	bool terminal, open_stdin, exec, no_sync_log;
} opt;

static int sync_fd = -1, log_fd = -1, ctl_fd = -1, listen_fd = -1, stdin_fd = -1, stream_fd[2] = { -1, -1 };
static int client[MAX_CLIENTS], clients;
static char socket_link[PATH_MAX];

_Noreturn static void die(const char *what)
{
	dprintf(2, "floor-mon: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void put_file(const char *path, long value)
{
	char temp[PATH_MAX];
	int fd;

	snprintf(temp, sizeof temp, "%s.tmp", path);
	fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%ld", value) < 0)
		die(temp);
	close(fd);
	if (rename(temp, path) < 0)
		die(path);
}

static void tell_parent(long value)
{
	if (sync_fd >= 0 && dprintf(sync_fd, "{\"data\": %ld}\n", value) < 0)
		sync_fd = -1;
}

/* ---- the data path */

static struct logfmt format[2];
static char small[SMALL], small_out[SMALL_OUT], *big; /* big: BIG bytes of input, BIG_OUT of output; in a burst only */
static size_t kept[2];				      /* bytes of an unfinished line at the start of the buffer */
static struct {
	unsigned reads; /* that came within 2 ms of each other */
	uint64_t gather_ns, last_ns;
} burst;

static void to_log(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(log_fd, p, n);
		if (w <= 0)
			break;
		p += w;
		n -= (size_t)w;
	}
}

static void drop_client(int i)
{
	close(client[i]);
	client[i] = client[--clients];
}

/* Sends a batch of packets; returns the bytes taken. */
static size_t send_batch(int fd, char stream, char *p, size_t n)
{
	struct iovec v[BATCH][2];
	struct mmsghdr m[BATCH];
	size_t taken = 0;
	unsigned count = 0;
	int sent;

	for (; count < BATCH && n > 0; count++) {
		size_t part = n < PACKET ? n : PACKET;

		v[count][0] = (struct iovec){ &stream, 1 };
		v[count][1] = (struct iovec){ p, part };
		m[count] = (struct mmsghdr){ .msg_hdr = { .msg_iov = v[count], .msg_iovlen = 2 } };
		p += part;
		n -= part;
	}
	sent = sendmmsg(fd, m, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	for (int i = 0; i < sent; i++)
		taken += v[i][1].iov_len;
	return taken;
}

static void to_clients(char stream, char *p, size_t n)
{
	for (int i = clients - 1; i >= 0; i--) {
		for (size_t done = 0; done < n;) {
			struct pollfd f = { client[i], POLLOUT, 0 };
			size_t sent = send_batch(client[i], stream, p + done, n - done);

			done += sent;
			if (sent == 0 && (poll(&f, 1, PATIENCE_MS) != 1 || f.revents != POLLOUT)) {
				drop_client(i);
				break;
			}
		}
	}
}

/* Lets the data of small writes gather: fewer wake-ups on both sides. Aims at a quarter to a half of the buffer. */
static void gather(size_t got, size_t cap)
{
	const uint64_t now = clock_ns();

	burst.reads = now - burst.last_ns < 2000000 ? burst.reads + 1 : burst.reads / 2;
	burst.last_ns = now;
	if (got < cap / 4)
		burst.gather_ns += burst.gather_ns / 2 + 10000;
	else if (got > cap / 2)
		burst.gather_ns /= 2;
	if (burst.gather_ns > GATHER_MAX)
		burst.gather_ns = GATHER_MAX;
}

static void take_big_buffers(void)
{
	if (!opt.terminal)
		fcntl(stream_fd[OUT], F_SETPIPE_SZ, 1 << 20);
	big = mmap(NULL, BIG + BIG_OUT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (big == MAP_FAILED)
		die("map buffers");
}

static void drop_big_buffers(void)
{
	if (!big || kept[OUT] > 0)
		return;
	munmap(big, BIG + BIG_OUT);
	big = NULL;
}

/* One read of a stream to everybody who wants it; returns what read did. */
static ssize_t relay(int s)
{
	const bool in_big = big && s == OUT;
	char *in = in_big ? big : small;
	const size_t cap = in_big ? BIG : SMALL;
	const struct timespec wait = { 0, (long)burst.gather_ns };
	size_t n, used;
	ssize_t r;

	if (burst.reads > 16 && !opt.terminal && burst.gather_ns > 0)
		nanosleep(&wait, NULL);
	r = read(stream_fd[s], in + kept[s], cap - kept[s]);
	if (r <= 0)
		return r;
	gather((size_t)r, cap);
	n = kept[s] + (size_t)r;
	if (clients > 0)
		to_clients(s == ERR ? 3 : 2, in + kept[s], (size_t)r);
	if (log_fd >= 0) {
		logfmt_stamp(&format[s], s == ERR);
		used = logfmt(&format[s], in, n, in_big && n == cap, in_big ? big + BIG : small_out,
			in_big ? BIG_OUT : SMALL_OUT, to_log);
		kept[s] = n - used;
		memmove(in, in + used, kept[s]);
	}
	if (s == OUT && !big && (n == SMALL || burst.reads > 16))
		take_big_buffers();
	return r;
}

static void drain(void)
{
	for (int s = OUT; s <= ERR; s++) {
		if (stream_fd[s] < 0)
			continue;
		fcntl(stream_fd[s], F_SETFL, O_NONBLOCK);
		while (relay(s) > 0)
			;
	}
}

/* ---- set-up */

static int listen_at(int type, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	unlink(path);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) < 0 || listen(s, 10) < 0)
		die(path);
	chmod(path, 0700);
	return s;
}

static int take_console(int s)
{
	char text[64], control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { text, sizeof text };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int c = accept4(s, NULL, NULL, SOCK_CLOEXEC), fd;

	if (recvmsg(c, &m, MSG_CMSG_CLOEXEC) < 0 || !CMSG_FIRSTHDR(&m))
		die("console socket");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	close(c);
	return fd;
}

static pid_t spawn(char **argv, int in, int out, int err)
{
	sigset_t none;
	pid_t pid = vfork();

	if (pid != 0)
		return pid;
	if (in >= 0)
		dup2(in, 0);
	if (out >= 0)
		dup2(out, 1);
	if (err >= 0)
		dup2(err, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	_exit(127);
}

static int take_env_fd(const char *name)
{
	const char *s = getenv(name);
	int fd = s ? atoi(s) : -1;

	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static void wait_for_start(void)
{
	int fd = take_env_fd("_OCI_STARTPIPE");
	char c;

	if (fd < 0)
		return;
	if (read(fd, &c, 1) < 0)
		die("start pipe");
	close(fd);
}

static void daemonize(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	if (pid != 0) {
		if (opt.monitor_pid_file)
			put_file(opt.monitor_pid_file, pid);
		_exit(0);
	}
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	setsid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_TIMERSLACK, 1000);
}

static int block_sigchld(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void open_channels(void)
{
	char p[PATH_MAX];

	if (!opt.bundle)
		return;
	if (opt.socket_dir && opt.cuuid) {
		snprintf(socket_link, sizeof socket_link, "%s/%s", opt.socket_dir, opt.cuuid);
		unlink(socket_link);
		if (symlink(opt.bundle, socket_link) < 0)
			socket_link[0] = '\0';
	}
	snprintf(p, sizeof p, "%s/attach", opt.bundle);
	listen_fd = listen_at(SOCK_SEQPACKET | SOCK_NONBLOCK, p);
	snprintf(p, sizeof p, "%s/ctl", opt.bundle);
	mkfifo(p, 0660);
	ctl_fd = open(p, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* Runs the runtime's create or exec with our streams; returns the container's pid, or does not return. */
static pid_t run_runtime(void)
{
	char *argv[64], console[64], text[32] = "";
	int n = 0, in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2], console_fd = -1, status = 0, fd;
	pid_t runtime;

	argv[n++] = opt.runtime;
	for (int i = 0; i < opt.runtime_args; i++)
		argv[n++] = opt.runtime_arg[i];
	argv[n++] = opt.exec ? "exec" : "create";
	argv[n++] = opt.exec ? "--process" : "--bundle";
	argv[n++] = opt.exec ? opt.spec : opt.bundle;
	if (opt.exec)
		argv[n++] = "--detach";
	argv[n++] = "--pid-file";
	argv[n++] = opt.pid_file;
	if (pipe2(err, O_CLOEXEC) < 0)
		die("pipe");
	if (opt.terminal) {
		snprintf(console, sizeof console, "/tmp/floor-mon.%d", getpid());
		console_fd = listen_at(SOCK_STREAM, console);
		argv[n++] = "--console-socket";
		argv[n++] = console;
	} else if (pipe2(out, O_CLOEXEC) < 0 || (opt.open_stdin && pipe2(in, O_CLOEXEC) < 0)) {
		die("pipe");
	}
	argv[n++] = opt.cid;
	argv[n] = NULL;
	unlink(opt.pid_file);
	runtime = spawn(argv, in[0], out[1], err[1]);
	stream_fd[OUT] = opt.terminal ? take_console(console_fd) : out[0];
	stream_fd[ERR] = err[0];
	stdin_fd = opt.terminal ? stream_fd[OUT] : in[1];
	if (opt.terminal) {
		unlink(console);
		close(console_fd);
	}
	close(err[1]);
	if (out[1] >= 0)
		close(out[1]);
	if (in[0] >= 0)
		close(in[0]);
	if (stdin_fd >= 0)
		fcntl(stdin_fd, F_SETFL, fcntl(stdin_fd, F_GETFL) | O_NONBLOCK);
	waitpid(runtime, &status, 0);
	fd = open(opt.pid_file, O_RDONLY | O_CLOEXEC);
	if ((!opt.exec && status != 0) || fd < 0 || read(fd, text, sizeof text - 1) <= 0) {
		tell_parent(-1);
		_exit(1);
	}
	close(fd);
	return atoi(text);
}

/* ---- the loop */

static char input[65536]; /* from an attach client, on its way to stdin */
static size_t input_len, input_done;

static void read_client(int i)
{
	ssize_t r = recv(client[i], input, sizeof input, MSG_DONTWAIT);

	if (r > 0) {
		input_len = (size_t)r;
		input_done = 0;
	} else if (r == 0) {
		if (stdin_fd >= 0 && !opt.terminal) {
			close(stdin_fd);
			stdin_fd = -1;
		}
		drop_client(i);
	}
}

static void write_stdin(void)
{
	ssize_t w;

	if (stdin_fd < 0) {
		input_len = 0;
		return;
	}
	w = write(stdin_fd, input + input_done, input_len - input_done);
	if (w > 0 && (input_done += (size_t)w) == input_len)
		input_len = 0;
}

static bool reap(int signal_fd, pid_t container, int *ret_status)
{
	struct signalfd_siginfo si;
	bool gone = false;
	int status;
	pid_t pid;

	while (read(signal_fd, &si, sizeof si) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == container) {
			*ret_status = status;
			gone = true;
		}
	}
	return gone;
}

static void handle(const struct pollfd *p, int polled_clients)
{
	char line[256];

	for (int s = OUT; s <= ERR; s++)
		if (p[P_OUT + s].revents && relay(s) <= 0)
			stream_fd[s] = -1;
	for (int i = polled_clients - 1; i >= 0; i--)
		if (p[P_CLIENT + i].revents && input_len == 0 && i < clients && client[i] == p[P_CLIENT + i].fd)
			read_client(i);
	if (p[P_LISTEN].revents && clients < MAX_CLIENTS) {
		int c = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (c >= 0)
			client[clients++] = c;
	}
	if (p[P_CTL].revents && read(ctl_fd, line, sizeof line) < 0)
		ctl_fd = -1;
	if (input_len > 0)
		write_stdin();
}

/* Relays until the container's end (an exec session: until its streams' end too); returns the wait status. */
static int loop(int signal_fd, pid_t container)
{
	bool gone = false;
	int status = 0;

	while (!gone || (opt.exec && (stream_fd[OUT] >= 0 || stream_fd[ERR] >= 0))) {
		struct pollfd p[P_CLIENT + MAX_CLIENTS] = {
			[P_SIGNAL] = { signal_fd, POLLIN, 0 },
			[P_OUT] = { stream_fd[OUT], POLLIN, 0 },
			[P_ERR] = { stream_fd[ERR], POLLIN, 0 },
			[P_LISTEN] = { listen_fd, POLLIN, 0 },
			[P_CTL] = { ctl_fd, POLLIN, 0 },
			[P_STDIN] = { input_len > 0 ? stdin_fd : -1, POLLOUT, 0 },
		};
		const int polled = clients;

		for (int i = 0; i < polled; i++)
			p[P_CLIENT + i] = (struct pollfd){ client[i], input_len > 0 ? 0 : POLLIN, 0 };
		if (poll(p, P_CLIENT + (nfds_t)polled, big ? 1000 : -1) == 0) {
			drop_big_buffers();
			continue;
		}
		if (p[P_SIGNAL].revents && reap(signal_fd, container, &status))
			gone = true;
		handle(p, polled);
	}
	return status;
}

static void run_exit_command(void)
{
	char *argv[66] = { opt.exit_command };

	if (!opt.exit_command)
		return;
	memcpy(argv + 1, opt.exit_arg, (size_t)opt.exit_args * sizeof *argv);
	waitpid(spawn(argv, -1, -1, -1), NULL, 0);
}

/* ---- options */

static bool parse(int argc, char **argv)
{
	enum { EXIT_DIR = 256, SOCKET_DIR, EXIT_COMMAND, EXIT_ARG, SPEC, RUNTIME_ARG, NO_SYNC_LOG, EXEC, API_VERSION };
	static const struct option options[] = {
		{ "exit-dir", 1, NULL, EXIT_DIR },
		{ "socket-dir-path", 1, NULL, SOCKET_DIR },
		{ "exit-command", 1, NULL, EXIT_COMMAND },
		{ "exit-command-arg", 1, NULL, EXIT_ARG },
		{ "exec-process-spec", 1, NULL, SPEC },
		{ "runtime-arg", 1, NULL, RUNTIME_ARG },
		{ "no-sync-log", 0, NULL, NO_SYNC_LOG },
		{ "exec", 0, NULL, EXEC },
		{ "api-version", 1, NULL, API_VERSION },
		{ 0 },
	};
	char **const text[] = {
		['c'] = &opt.cid,
		['u'] = &opt.cuuid,
		['r'] = &opt.runtime,
		['b'] = &opt.bundle,
		['p'] = &opt.pid_file,
		['P'] = &opt.monitor_pid_file,
		['l'] = &opt.log,
		[EXIT_DIR] = &opt.exit_dir,
		[SOCKET_DIR] = &opt.socket_dir,
		[EXIT_COMMAND] = &opt.exit_command,
		[SPEC] = &opt.spec,
	};
	int o;

	while ((o = getopt_long(argc, argv, "c:u:r:b:p:P:l:n:ti", options, NULL)) != -1) {
		if (o == '?')
			return false;
		else if (o == 't')
			opt.terminal = true;
		else if (o == 'i')
			opt.open_stdin = true;
		else if (o == EXEC)
			opt.exec = true;
		else if (o == NO_SYNC_LOG)
			opt.no_sync_log = true;
		else if (o == EXIT_ARG && opt.exit_args < 64)
			opt.exit_arg[opt.exit_args++] = optarg;
		else if (o == RUNTIME_ARG && opt.runtime_args < 32)
			opt.runtime_arg[opt.runtime_args++] = optarg;
		else if ((size_t)o < sizeof text / sizeof *text && text[o])
			*text[o] = optarg;
	}
	return opt.cid && opt.runtime && opt.bundle && opt.pid_file && opt.log;
}

int main(int argc, char **argv)
{
	char p[PATH_MAX];
	int signal_fd, status, code;
	pid_t container;

	if (!parse(argc, argv))
		return 2;
	opt.log = strchr(opt.log, ':') ? strchr(opt.log, ':') + 1 : opt.log;
	sync_fd = take_env_fd("_OCI_SYNCPIPE");
	log_fd = open(opt.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	wait_for_start();
	daemonize();
	signal_fd = block_sigchld();
	open_channels();
	container = run_runtime();
	tell_parent(container);
	status = loop(signal_fd, container);
	drain();
	if (!opt.no_sync_log)
		fsync(log_fd);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (opt.exit_dir) {
		snprintf(p, sizeof p, "%s/%s", opt.exit_dir, opt.cid);
		put_file(p, code);
	}
	if (opt.exec)
		tell_parent(code);
	if (socket_link[0])
		unlink(socket_link);
	run_exit_command();
	return code;
}
