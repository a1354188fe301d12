/* floor-run: the least an OCI runtime has to do for the bundles of this kit: the same namespaces, mounts, devices,
 * masks, capabilities, limits and cgroups in the fewest system calls. Of the JSON it reads only "args" and "terminal";
 * the rest is what kit.py writes into every bundle. Not for use: any error just ends it.
 *
 *   floor-run [--root DIR] create --bundle B --pid-file P [--console-socket S] ID
 *   floor-run [--root DIR] start|delete ID
 *   floor-run [--root DIR] exec --pid-file P --process FILE --detach ID
 *   floor-run [--root DIR] run --bundle B ID */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a)    (sizeof(a) / sizeof *(a))
#define MAX_CGROUPS 16
#define SECURE	    (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if ((x) < 0) {                                                                                         \
			dprintf(2, "floor-run:%d: %s: %s\n", __LINE__, #x, strerror(errno));                           \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static const char *root = "/run/floor-run", *bundle, *pid_file, *console, *process, *id;
static char dir[PATH_MAX]; /* the container's state: the files pid and fifo */
static char arg_text[8192], *arg[64];
static bool terminal;
static char cgroup[MAX_CGROUPS][PATH_MAX]; /* one, or one for each v1 hierarchy */
static size_t cgroups;
static bool v2;
static int cgroup_fd = -1;

static void load(const char *path)
{
	static char json[1 << 18];
	char *p, *out = arg_text;
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t len;

	MUST(fd);
	MUST(len = read(fd, json, sizeof json - 1));
	close(fd);
	json[len] = '\0';
	p = strstr(json, "\"terminal\": ");
	terminal = p && p[12] == 't';
	p = strchr(strstr(json, "\"args\""), '[') + 1;
	for (p += strspn(p, " ,"); *p == '"'; p += strspn(p, " ,")) {
		arg[n++] = out;
		for (p++; *p != '"'; p++)
			*out++ = *p == '\\' ? *++p : *p;
		*out++ = '\0';
		p++;
	}
}

/* ---- cgroups */

/* A new v1 cpuset is empty, and takes no process so. */
static void copy_cpuset(const char *group, const char *what)
{
	char p[PATH_MAX + 32], value[256];
	ssize_t n;
	int fd;

	snprintf(p, sizeof p, "%s/../cpuset.%s", group, what);
	MUST(fd = open(p, O_RDONLY | O_CLOEXEC));
	MUST(n = read(fd, value, sizeof value));
	close(fd);
	snprintf(p, sizeof p, "%s/cpuset.%s", group, what);
	MUST(fd = open(p, O_WRONLY | O_CLOEXEC));
	MUST(write(fd, value, (size_t)n));
	close(fd);
}

static void find_v1_cgroups(void)
{
	char text[4096], *line, *save, *controllers, *path;
	int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	MUST(fd);
	MUST(n = read(fd, text, sizeof text - 1));
	close(fd);
	text[n] = '\0';
	for (line = strtok_r(text, "\n", &save); line && cgroups < MAX_CGROUPS; line = strtok_r(NULL, "\n", &save)) {
		controllers = strchr(line, ':') + 1;
		path = strchr(controllers, ':');
		*path++ = '\0';
		if (strncmp(controllers, "name=", 5) == 0)
			controllers += 5;
		snprintf(cgroup[cgroups++], PATH_MAX, "/sys/fs/cgroup/%s%s/%s", *controllers ? controllers : "unified",
			path[1] ? path : "", id);
	}
}

static void find_cgroups(void)
{
	struct statfs s;

	MUST(statfs("/sys/fs/cgroup", &s));
	v2 = s.f_type == CGROUP2_SUPER_MAGIC;
	if (v2)
		snprintf(cgroup[cgroups++], PATH_MAX, "/sys/fs/cgroup/%s", id);
	else
		find_v1_cgroups();
}

static void make_cgroups(void)
{
	for (size_t i = 0; i < cgroups; i++) {
		MUST(mkdir(cgroup[i], 0755));
		if (strstr(cgroup[i], "/cpuset/")) {
			copy_cpuset(cgroup[i], "cpus");
			copy_cpuset(cgroup[i], "mems");
		}
	}
}

static void open_cgroups(int *procs)
{
	char p[PATH_MAX + 16];

	if (v2) {
		MUST(cgroup_fd = open(cgroup[0], O_DIRECTORY | O_RDONLY | O_CLOEXEC));
		return;
	}
	for (size_t i = 0; i < cgroups; i++) {
		snprintf(p, sizeof p, "%s/cgroup.procs", cgroup[i]);
		MUST(procs[i] = open(p, O_WRONLY | O_CLOEXEC));
	}
}

static void join_cgroups(const int *procs, pid_t pid)
{
	if (v2)
		return; /* clone3 did it */
	for (size_t i = 0; i < cgroups; i++)
		MUST(dprintf(procs[i], "%d", pid));
}

/* ---- the root file system */

static void mnt(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
	if (mount(source, target, type, flags, data) < 0) {
		dprintf(2, "floor-run: mount %s: %s\n", target, strerror(errno));
		_exit(1);
	}
}

static void mount_cgroups(void)
{
	char p[PATH_MAX];

	if (v2) {
		mnt("cgroup", "sys/fs/cgroup", "cgroup2", SECURE | MS_RDONLY | MS_RELATIME, NULL);
		return;
	}
	mnt("tmpfs", "sys/fs/cgroup", "tmpfs", SECURE, "mode=755");
	for (size_t i = 0; i < cgroups; i++) {
		const char *name = cgroup[i] + strlen("/sys/fs/cgroup/");

		snprintf(p, sizeof p, "sys/fs/cgroup/%.*s", (int)strcspn(name, "/"), name);
		MUST(mkdir(p, 0755));
		mnt(cgroup[i], p, NULL, MS_BIND | MS_REC, NULL);
		mnt(NULL, p, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | SECURE, NULL);
	}
	mnt(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | SECURE, NULL);
}

static void mount_all(void)
{
	mnt("proc", "proc", "proc", 0, NULL);
	mnt("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
	MUST(mkdir("dev/pts", 0755));
	MUST(mkdir("dev/shm", 0755));
	MUST(mkdir("dev/mqueue", 0755));
	mnt("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mnt("shm", "dev/shm", "tmpfs", SECURE, "mode=1777,size=65536k");
	mnt("mqueue", "dev/mqueue", "mqueue", SECURE, NULL);
	mnt("sysfs", "sys", "sysfs", SECURE | MS_RDONLY, NULL);
	mount_cgroups();
}

static void make_devices(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} device[] = {
		{ "dev/null", 1, 3 },
		{ "dev/zero", 1, 5 },
		{ "dev/full", 1, 7 },
		{ "dev/random", 1, 8 },
		{ "dev/urandom", 1, 9 },
		{ "dev/tty", 5, 0 },
	};
	static const char *const link[][2] = {
		{ "/proc/self/fd", "dev/fd" },
		{ "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" },
		{ "/proc/self/fd/2", "dev/stderr" },
		{ "pts/ptmx", "dev/ptmx" },
	};

	umask(0);
	for (size_t i = 0; i < COUNT(device); i++)
		MUST(mknod(device[i].name, S_IFCHR | 0666, makedev(device[i].major, device[i].minor)));
	umask(022);
	for (size_t i = 0; i < COUNT(link); i++)
		MUST(symlink(link[i][0], link[i][1]));
}

static void hide_paths(void)
{
	static const char *const mask[] = { "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
		"/proc/scsi" };
	static const char *const read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
		"/proc/sysrq-trigger" };

	for (size_t i = 0; i < COUNT(mask); i++)
		if (mount("/dev/null", mask[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
			mnt("tmpfs", mask[i], "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1");
	for (size_t i = 0; i < COUNT(read_only); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			mnt(NULL, read_only[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | SECURE, NULL);
}

static void enter_rootfs(void)
{
	char p[PATH_MAX];

	snprintf(p, sizeof p, "%s/rootfs", bundle);
	mnt("", "/", NULL, MS_REC | MS_SLAVE, NULL);
	mnt(p, p, NULL, MS_BIND | MS_REC, NULL);
	MUST(chdir(p));
	mount_all();
	snprintf(p, sizeof p, "%s/share", bundle);
	if (access(p, F_OK) == 0)
		mnt(p, "bench", NULL, MS_BIND | MS_REC, NULL);
	make_devices();
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	mnt(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
	hide_paths();
	MUST(sethostname("bench", 5));
}

/* ---- the process */

static void drop_privileges(void)
{
	const uint32_t keep = 1u << CAP_AUDIT_WRITE | 1u << CAP_KILL | 1u << CAP_NET_BIND_SERVICE;
	const struct rlimit nofile = { 1024, 1024 };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { keep, keep, keep }, { 0, 0, 0 } };

	MUST(setrlimit(RLIMIT_NOFILE, &nofile));
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (i > 31 || !(keep >> i & 1))
			MUST(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	MUST(syscall(SYS_capset, &head, data));
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* Makes a terminal in the container and sends its master to the monitor's socket. */
static void take_terminal(int s)
{
	char p[32], control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { p, 1 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int master, slave, zero = 0, n;

	MUST(master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
	MUST(ioctl(master, TIOCSPTLCK, &zero));
	MUST(ioctl(master, TIOCGPTN, &n));
	snprintf(p, sizeof p, "/dev/pts/%d", n);
	MUST(slave = open(p, O_RDWR | O_NOCTTY | O_CLOEXEC));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof master);
	memcpy(CMSG_DATA(c), &master, sizeof master);
	MUST(sendmsg(s, &h, 0));
	MUST(setsid());
	MUST(ioctl(slave, TIOCSCTTY, 0));
	for (int i = 0; i < 3; i++)
		MUST(dup2(slave, i));
}

_Noreturn static void execute(void)
{
	static char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
		NULL };

	execve(arg[0], arg, env);
	_exit(127);
}

static pid_t clone_into_cgroup(uint64_t flags)
{
	struct clone_args a = { .flags = flags, .exit_signal = SIGCHLD };

	if (cgroup_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &a, sizeof a);
}

/* On cgroup v2 a cgroup namespace too, as podman has it; without one, mounting cgroup2 waits for an RCU grace period.
 */
static uint64_t namespaces(void)
{
	return (v2 ? CLONE_NEWCGROUP : 0) | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
}

static void put_pid(int fd, pid_t pid)
{
	MUST(fd);
	MUST(dprintf(fd, "%d", pid));
	close(fd);
}

static int open_pid_file(const char *path)
{
	return open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
}

static pid_t get_pid(void)
{
	char p[PATH_MAX + 16], t[16] = "";
	int fd;

	snprintf(p, sizeof p, "%s/pid", dir);
	MUST(fd = open(p, O_RDONLY | O_CLOEXEC));
	MUST(read(fd, t, sizeof t - 1));
	close(fd);
	return atoi(t);
}

static int dial_console(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s;

	if (!console)
		return -1;
	strncpy(a.sun_path, console, sizeof a.sun_path - 1);
	MUST(s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(connect(s, (struct sockaddr *)&a, sizeof a));
	return s;
}

/* The first process: waits at the fifo, if there is one, for "start". */
_Noreturn static void child(int ready, int fifo, int console_fd)
{
	char p[32];
	int fd;

	enter_rootfs();
	if (console_fd >= 0)
		take_terminal(console_fd);
	else
		MUST(setsid());
	drop_privileges();
	MUST(write(ready, "", 1));
	if (fifo >= 0) {
		snprintf(p, sizeof p, "/proc/self/fd/%d", fifo);
		MUST(fd = open(p, O_WRONLY | O_CLOEXEC));
		MUST(write(fd, "", 1));
	}
	execute();
}

static pid_t create(bool wait_for_start)
{
	char p[PATH_MAX + 16], ok;
	int ready[2], fifo = -1, console_fd, procs[MAX_CGROUPS];
	pid_t pid;

	snprintf(p, sizeof p, "%s/config.json", bundle);
	load(p);
	if (mkdir(root, 0711) < 0 && errno != EEXIST)
		_exit(1);
	MUST(mkdir(dir, 0711));
	find_cgroups();
	make_cgroups();
	open_cgroups(procs);
	if (wait_for_start) {
		snprintf(p, sizeof p, "%s/fifo", dir);
		MUST(mkfifo(p, 0600));
		MUST(fifo = open(p, O_PATH | O_CLOEXEC));
	}
	console_fd = dial_console();
	MUST(pipe2(ready, O_CLOEXEC));
	MUST(pid = clone_into_cgroup(namespaces()));
	if (pid == 0)
		child(ready[1], fifo, console_fd);
	close(ready[1]);
	join_cgroups(procs, pid);
	if (read(ready[0], &ok, 1) != 1)
		_exit(1);
	snprintf(p, sizeof p, "%s/pid", dir);
	put_pid(open_pid_file(p), pid);
	if (pid_file)
		put_pid(open_pid_file(pid_file), pid);
	return pid;
}

static int start(void)
{
	char p[PATH_MAX + 16], b;
	int fd;

	snprintf(p, sizeof p, "%s/fifo", dir);
	MUST(fd = open(p, O_RDONLY | O_CLOEXEC));
	return read(fd, &b, 1) != 1;
}

static int del(void)
{
	char p[PATH_MAX + 16];

	/* A process that was reaped leaves its cgroup a moment later, and v1 tells nobody. */
	for (size_t i = 0; i < cgroups; i++)
		for (int tries = 0; rmdir(cgroup[i]) < 0 && errno == EBUSY && tries < 100; tries++)
			usleep(500);
	snprintf(p, sizeof p, "%s/pid", dir);
	unlink(p);
	snprintf(p, sizeof p, "%s/fifo", dir);
	unlink(p);
	return rmdir(dir) != 0;
}

static int exec(void)
{
	int procs[MAX_CGROUPS], fd, pid_fd;
	pid_t pid;

	load(process);
	find_cgroups();
	open_cgroups(procs);
	MUST(pid_fd = open_pid_file(pid_file)); /* before the mount namespace is the container's */
	MUST(fd = (int)syscall(SYS_pidfd_open, get_pid(), 0));
	MUST(setns(fd, (int)namespaces()));
	MUST(pid = clone_into_cgroup(0));
	if (pid == 0) {
		MUST(chdir("/"));
		MUST(setsid());
		drop_privileges();
		execute();
	}
	join_cgroups(procs, pid);
	put_pid(pid_fd, pid);
	return 0;
}

static int run(void)
{
	pid_t pid = create(false);
	int status;

	MUST(waitpid(pid, &status, 0));
	return del() ? 1 : WEXITSTATUS(status);
}

static bool parse(int argc, char **argv, const char **ret_verb)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "bundle", required_argument, NULL, 'b' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "console-socket", required_argument, NULL, 'c' },
		{ "process", required_argument, NULL, 'P' },
		{ "detach", no_argument, NULL, 'd' },
		{ 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'r':
			root = optarg;
			break;
		case 'b':
			bundle = optarg;
			break;
		case 'p':
			pid_file = optarg;
			break;
		case 'c':
			console = optarg;
			break;
		case 'P':
			process = optarg;
			break;
		case 'd':
			break;
		default:
			return false;
		}
	}
	if (optind + 2 != argc)
		return false;
	*ret_verb = argv[optind];
	id = argv[optind + 1];
	snprintf(dir, sizeof dir, "%s/%s", root, id);
	return true;
}

int main(int argc, char **argv)
{
	const char *verb;

	if (!parse(argc, argv, &verb))
		return 2;
	if (strcmp(verb, "start") == 0)
		return start();
	if (strcmp(verb, "delete") == 0) {
		find_cgroups();
		return del();
	}
	if (strcmp(verb, "exec") == 0 && process && pid_file)
		return exec();
	if (!bundle)
		return 2;
	if (strcmp(verb, "run") == 0)
		return run();
	if (strcmp(verb, "create") == 0) {
		create(true);
		return 0;
	}
	return 2;
}
