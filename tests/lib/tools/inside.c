/*
 * inside - what a container's process can tell about itself.  Static, in the test rootfs as /bin/inside.
 *
 *   inside fds                 the numbers of all open descriptors, on one line
 *   inside syscall NAME [ARG]  make a harmless call of that name; print its result or the errno's name
 *   inside signals             blocked, ignored and caught masks, in hex
 *   inside securebits          the securebits, in hex
 *   inside keyring             the session keyring's description
 *   inside key-label           its SELinux label
 *   inside die-by SIG           die by that signal
 *   inside ignore-term         ignore SIGTERM, print "ready", wait for any other signal
 *   inside say-signals         print "ready", then the number of each signal that comes; ends at SIGUSR2
 *   inside window              print the terminal's size at each SIGWINCH and once at first; ends at stdin's EOF
 *   inside open PATH           open it for reading and writing, print "ok" or the errno's name
 *   inside zombies             how many zombies /proc shows
 *   inside notify TEXT...      send each TEXT (\\n: newline) to $NOTIFY_SOCKET as a datagram; "barrier": wait until what was
 *                              sent has been taken, as sd_notify_barrier(3) does
 *   inside spy FILE            until FILE is there, look at every other process: print the names of descriptors above 2 that
 *                              can be read, and programs that are not in the image's /bin; then "seen N"
 *   inside last-thread         the first thread ends; another prints "ready" once /proc says so, and waits for a signal
 */
#define _GNU_SOURCE
#include "tool.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>

static int fds(void)
{
	const char *sep = "";

	for (int fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		printf("%s%d", sep, fd);
		sep = " ";
	}
	putchar('\n');
	return 0;
}

static int report(long rc)
{
	if (rc < 0)
		puts(strerrorname_np(errno));
	else
		puts("ok");
	return 0;
}

static int do_syscall(const char *name, const char *arg)
{
	unsigned long n = arg ? strtoul(arg, NULL, 0) : 0;

	if (strcmp(name, "getppid") == 0)
		return report(syscall(SYS_getppid));
	if (strcmp(name, "mkdir") == 0)
		return report(syscall(SYS_mkdir, arg ? arg : "/tmp/inside-dir", 0755));
	if (strcmp(name, "personality") == 0)
		return report(syscall(SYS_personality, n));
	if (strcmp(name, "sethostname") == 0)
		return report(sethostname("inside", 6));
	if (strcmp(name, "mount") == 0)
		return report(mount("none", "/tmp", "tmpfs", 0, NULL));
	if (strcmp(name, "mknod") == 0)
		return report(mknod("/tmp/inside-node", S_IFCHR | 0600, n ? (dev_t)n : 0x103));
	if (strcmp(name, "unshare") == 0)
		return report(unshare((int)n));
	if (strcmp(name, "setuid") == 0)
		return report(setuid((uid_t)n));
	if (strcmp(name, "acct") == 0)
		return report(syscall(SYS_acct, NULL));
	die("no call named %s", name);
}

static int status_lines(const char *prefix)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		die("open /proc/self/status");
	while (fgets(line, sizeof line, f))
		if (strncmp(line, prefix, strlen(prefix)) == 0 && strncmp(line, "SigQ", 4) != 0)
			fputs(line, stdout);
	fclose(f);
	return 0;
}

static int say_signals(void)
{
	struct signalfd_siginfo si;
	sigset_t all;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	fd = signalfd(-1, &all, SFD_CLOEXEC);
	puts("ready");
	fflush(stdout);
	while (read(fd, &si, sizeof si) == (ssize_t)sizeof si) {
		printf("signal %u\n", si.ssi_signo);
		fflush(stdout);
		if (si.ssi_signo == SIGUSR2)
			return 0;
	}
	return 1;
}

static void say_window(void)
{
	struct winsize w = { 0 };

	if (ioctl(1, TIOCGWINSZ, &w) < 0)
		die("no terminal");
	printf("window %d %d\n", w.ws_row, w.ws_col);
	fflush(stdout);
}

static int window(void)
{
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN } };
	struct signalfd_siginfo si;
	sigset_t set;
	char buf[256];

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[1] = (struct pollfd){ .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN };
	say_window();
	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents && read(p[1].fd, &si, sizeof si) > 0)
			say_window();
		if (p[0].revents && read(0, buf, sizeof buf) <= 0)
			return 0;
	}
}

static int ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

/* what: 6 is KEYCTL_DESCRIBE, 17 KEYCTL_GET_SECURITY */
static int keyring(int what)
{
	char buf[256] = "";

	/* -3 is KEY_SPEC_SESSION_KEYRING */
	if (syscall(SYS_keyctl, what, -3, buf, sizeof buf - 1) < 0)
		return report(-1);
	puts(buf);
	return 0;
}

/* What one process lets others see of itself. */
static void spy_on(const char *pid)
{
	char path[320], link[4096];
	struct dirent *e;
	DIR *dir;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	n = readlink(path, link, sizeof link - 1);
	if (n > 0 && strncmp(link, "/bin/", 5) != 0)
		printf("exe %.*s\n", (int)n, link);
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (atoi(e->d_name) <= 2)
			continue;
		snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, e->d_name);
		n = readlink(path, link, sizeof link - 1);
		if (n > 0)
			printf("fd %s %.*s\n", e->d_name, (int)n, link);
	}
	if (dir)
		closedir(dir);
}

static int spy(const char *until)
{
	const int own = getpid();
	int highest = own;

	puts("ready");
	fflush(stdout);
	while (access(until, F_OK) < 0) {
		DIR *proc = opendir("/proc");
		struct dirent *e;

		if (!proc)
			die("/proc: %s", strerror(errno));
		while ((e = readdir(proc))) {
			int pid = atoi(e->d_name);

			if (pid > 0 && pid != own)
				spy_on(e->d_name);
			highest = pid > highest ? pid : highest;
		}
		closedir(proc);
	}
	printf("seen %d\n", highest);
	return 0;
}

static int zombies(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int n = 0;

	while (proc && (d = readdir(proc))) {
		char path[300], stat[512] = "", *state;
		FILE *f;

		snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
		if (atoi(d->d_name) < 1 || !(f = fopen(path, "re")))
			continue;
		if (fgets(stat, sizeof stat, f) && (state = strrchr(stat, ')')) && state[2] == 'Z')
			n++;
		fclose(f);
	}
	printf("%d\n", n);
	return 0;
}

static int die_by(int sig)
{
	signal(sig, SIG_DFL);
	syscall(SYS_kill, getpid(), sig);
	pause();
	return 1;
}

static void *last_thread(void *unused)
{
	char state = 'R';

	while (state != 'Z') {
		FILE *f = fopen("/proc/self/stat", "re");

		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			die("/proc/self/stat");
		fclose(f);
	}
	puts("ready");
	fflush(stdout);
	pause();
	return unused;
}

static void end_first_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, last_thread, NULL) != 0)
		die("pthread_create");
	pthread_exit(NULL);
}

/* Sends the writing end of a pipe with the words for it, and waits until the other side has closed it. */
static void notify_barrier(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)"BARRIER=1", 9 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int ends[2];

	if (pipe(ends) < 0)
		die("pipe");
	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(c), &ends[1], sizeof ends[1]);
	if (sendmsg(sock, &msg, 0) < 0)
		die("send the barrier");
	close(ends[1]);
	if (read(ends[0], control, 1) != 0)
		die("wait at the barrier");
}

static int notify(char **text)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, getenv("NOTIFY_SOCKET") ?: "", sizeof a.sun_path - 1);
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof a) < 0)
		die("connect to $NOTIFY_SOCKET");
	for (; *text; text++) {
		for (char *nl; (nl = strstr(*text, "\\n"));) {
			*nl = '\n';
			memmove(nl + 1, nl + 2, strlen(nl + 2) + 1);
		}
		if (strcmp(*text, "barrier") == 0)
			notify_barrier(sock);
		else if (send(sock, *text, strlen(*text), 0) < 0)
			die("send");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "fds") == 0)
		return fds();
	if (strcmp(verb, "syscall") == 0 && argc > 2)
		return do_syscall(argv[2], argc > 3 ? argv[3] : NULL);
	if (strcmp(verb, "signals") == 0)
		return status_lines("Sig");
	if (strcmp(verb, "securebits") == 0)
		return printf("%x\n", (unsigned int)prctl(PR_GET_SECUREBITS)) < 0;
	if (strcmp(verb, "keyring") == 0)
		return keyring(6);
	if (strcmp(verb, "key-label") == 0)
		return keyring(17);
	if (strcmp(verb, "ignore-term") == 0)
		return ignore_term();
	if (strcmp(verb, "say-signals") == 0)
		return say_signals();
	if (strcmp(verb, "window") == 0)
		return window();
	if (strcmp(verb, "spy") == 0 && argc > 2)
		return spy(argv[2]);
	if (strcmp(verb, "zombies") == 0)
		return zombies();
	if (strcmp(verb, "last-thread") == 0)
		end_first_thread();
	if (strcmp(verb, "die-by") == 0 && argc > 2)
		return die_by(atoi(argv[2]));
	if (strcmp(verb, "notify") == 0)
		return notify(argv + 2);
	if (strcmp(verb, "open") == 0 && argc > 2)
		return report(open(argv[2], O_RDWR | O_CLOEXEC));
	die("unknown verb %s", verb);
}
