/* src/ctl/doctor*.c on hosts of our own making: directories with the files of /proc, /sys and /etc that count. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/doctor.h"
#include "ctl/store.h"

struct fixture {
	char *dir;
	int fd;
	struct doctor d;
};

static void setup(struct fixture *f, gconstpointer data)
{
	(void)data;
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(f->fd, >=, 0);
	doctor_init(&f->d, f->fd, 0);
	f->d.path = "/usr/bin";
}

static void teardown(struct fixture *f, gconstpointer data)
{
	g_autofree char *parent = g_path_get_dirname(f->dir), *name = g_path_get_basename(f->dir);
	auto_fd fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)data;
	doctor_clear(&f->d);
	fd_close(&f->fd);
	g_assert_true(store_remove_tree(fd, name, NULL));
	g_free(f->dir);
}

static void put(struct fixture *f, const char *path, const char *text)
{
	g_autofree char *full = g_build_filename(f->dir, path, NULL), *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static void make_dir(struct fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->dir, path, NULL);

	g_assert_cmpint(g_mkdir_with_parents(full, 0755), ==, 0);
}

/* "LEVEL TEXT" of a finding, or with its remedy in brackets; "-" when there is none. Free with g_free. */
static char *told(struct fixture *f, const char *name)
{
	for (guint i = 0; i < f->d.findings->len; i++) {
		const struct doctor_finding *x = f->d.findings->pdata[i];

		if (strcmp(x->name, name) == 0)
			return g_strdup_printf("%s %s%s%s%s", doctor_level_name(x->level), x->text,
				x->remedy ? " [" : "", x->remedy ?: "", x->remedy ? "]" : "");
	}
	return g_strdup("-");
}

#define assert_told(f, name, text)                                                                                     \
	do {                                                                                                           \
		g_autofree char *told_ = told(f, name);                                                                \
		g_assert_cmpstr(told_, ==, text);                                                                      \
	} while (0)

#define UNIFIED "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"

static void test_unified(struct fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "proc/self/mountinfo", "29 23 0:25 / /sys rw - sysfs sysfs rw\n" UNIFIED);
	put(f, "proc/self/cgroup", "0::/a.slice/own\n");
	put(f, "proc/pressure/memory", "some\n");
	put(f, "sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
	put(f, "sys/fs/cgroup/a.slice/own/cgroup.kill", "");
	put(f, "sys/fs/cgroup/a.slice/own/cgroup.type", "domain\n");
	doctor_cgroups(&f->d);
	assert_told(f, "mode", "ok unified");
	assert_told(f, "controllers", "ok cpu cpuset io memory pids");
	assert_told(f, "delegation", "ok not needed by root");
	assert_told(f, "cgroup.kill", "ok there");
	assert_told(f, "pressure", "ok there");
	assert_told(f, "type", "-");
	g_assert_cmpint(doctor_verdict(&f->d), ==, DOCTOR_OK);
}

static void test_unified_broken(struct fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "proc/self/mountinfo",
		"30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n31 23 0:27 / /v1 rw shared:7 - cgroup cgroup "
		"rw,pids\n");
	put(f, "proc/self/cgroup", "4:pids:/\n0::/own\n");
	put(f, "proc/cgroups",
		"#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t1\t0\nblkio\t0\t1\t1\npids\t4\t1\t1\n");
	put(f, "sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n");
	put(f, "sys/fs/cgroup/own/cgroup.type", "threaded\n");
	doctor_cgroups(&f->d);
	assert_told(f, "controllers", "ok cpu cpuset");
	assert_told(f, "memory", "warning no such controller: its limits are refused [boot with cgroup_enable=memory]");
	assert_told(f, "pids",
		"warning no such controller: its limits are refused [unmount the hierarchy of version 1 that has "
		"pids]");
	assert_told(f, "access", "problem /sys/fs/cgroup is read-only [mount -o remount,rw /sys/fs/cgroup]");
	assert_told(f, "type",
		"warning /sys/fs/cgroup/own is of type \"threaded\": no container can be below it "
		"[start containers from a cgroup of type domain]");
	assert_told(f, "cgroup.kill", "note not there (Linux 5.14 has it): processes are frozen and killed one by one");
	assert_told(f, "pressure", "note not there: statistics say nothing of pressure [boot with psi=1]");
	g_assert_cmpint(doctor_verdict(&f->d), ==, DOCTOR_PROBLEM);
}

static void test_delegation(struct fixture *f, gconstpointer data)
{
	(void)data;
	f->d.uid = 1000;
	put(f, "proc/self/mountinfo", UNIFIED);
	put(f, "proc/self/cgroup", "0::/own\n");
	put(f, "sys/fs/cgroup/own/cgroup.controllers", "cpu memory\n");
	doctor_cgroups(&f->d);
	assert_told(f, "delegation",
		"warning /sys/fs/cgroup/own is not ours: no limits for containers of this user "
		"[start containers in a scope of your own: systemd-run --user --scope -p Delegate=yes COMMAND]");
	assert_told(f, "pids",
		"warning no such controller: its limits are refused [have it delegated: Delegate=cpu cpuset io memory "
		"pids in the "
		"section [Service] of /etc/systemd/system/user@.service.d/delegate.conf, then log in anew]");
	put(f, "sys/fs/cgroup/own/cgroup.procs", "");
	put(f, "sys/fs/cgroup/own/cgroup.subtree_control", "");
	g_ptr_array_set_size(f->d.findings, 0);
	doctor_cgroups(&f->d);
	assert_told(f, "delegation", "ok /sys/fs/cgroup/own is ours");
}

static void test_older_cgroups(struct fixture *f, gconstpointer data)
{
	static const char v1[] =
		"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
		"33 31 0:30 / /sys/fs/cgroup/x rw - cgroup cgroup rw,cpuset,blkio,memory,devices,freezer\n";
	g_autofree char *hybrid =
		g_strconcat(v1, "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", NULL);

	(void)data;
	make_dir(f, "sys/fs/cgroup/cpu,cpuacct");
	make_dir(f, "sys/fs/cgroup/x");
	make_dir(f, "sys/fs/cgroup/unified");
	put(f, "proc/self/mountinfo", v1);
	doctor_cgroups(&f->d);
	assert_told(f, "mode", "ok legacy");
	assert_told(f, "controllers", "ok blkio cpu cpuset devices freezer memory");
	assert_told(f, "pids",
		"warning no such controller: its limits are refused [mount -t cgroup -o pids cgroup "
		"/sys/fs/cgroup/pids]");
	g_ptr_array_set_size(f->d.findings, 0);
	put(f, "proc/self/mountinfo", hybrid);
	doctor_cgroups(&f->d);
	assert_told(f, "mode", "ok hybrid");
	g_ptr_array_set_size(f->d.findings, 0);
	put(f, "proc/self/mountinfo",
		"32 31 0:29 / /hidden/cpu rw - cgroup cgroup rw,cpu\n33 31 0:30 / /hidden/v2 rw - cgroup2 cgroup2 "
		"rw\n");
	doctor_cgroups(&f->d);
	assert_told(f, "mode",
		"problem none: no cgroup file system is mounted at /sys/fs/cgroup [mount -t cgroup2 cgroup2 "
		"/sys/fs/cgroup]");
	g_assert_cmpuint(f->d.findings->len, ==, 1);
}

static void test_security(struct fixture *f, gconstpointer data)
{
	(void)data;
	doctor_security(&f->d);
	assert_told(f, "modules",
		"note unknown: securityfs is not mounted [mount -t securityfs securityfs /sys/kernel/security]");
	assert_told(f, "AppArmor", "note not enabled: process.apparmorProfile is refused");
	assert_told(f, "seccomp",
		"problem not there: the filters of containers cannot be set "
		"[run a kernel with CONFIG_SECCOMP_FILTER, Linux 4.14 or later]");
	assert_told(f, "rights of root", "note unknown");
	g_ptr_array_set_size(f->d.findings, 0);
	put(f, "sys/kernel/security/lsm", "capability,landlock,apparmor");
	put(f, "sys/module/apparmor/parameters/enabled", "Y\n");
	put(f, "sys/fs/selinux/enforce", "0");
	put(f, "proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno trace log allow\n");
	put(f, "proc/self/status", "Name:\tx\nCapEff:\t000000000000ffff\n");
	doctor_security(&f->d);
	assert_told(f, "modules", "ok capability,landlock,apparmor");
	assert_told(f, "AppArmor", "ok enabled");
	assert_told(f, "SELinux", "ok permissive");
	g_ptr_array_set_size(f->d.findings, 0);
	put(f, "proc/self/attr/current", "kernel\n");
	doctor_security(&f->d);
	assert_told(f, "SELinux",
		"note no policy is loaded: process.selinuxLabel and linux.mountLabel are refused "
		"[load a policy, or boot with selinux=0]");
	assert_told(f, "seccomp", "note without the actions user_notif [run a later kernel]");
	assert_told(f, "rights of root",
		"problem no CAP_SYS_ADMIN: no namespaces and mounts can be made [run with CAP_SYS_ADMIN, or as an "
		"ordinary user]");
}

static void test_namespaces(struct fixture *f, gconstpointer data)
{
	(void)data;
	for (const char *const *n = (const char *const[]){ "cgroup", "ipc", "mnt", "net", "pid", "user", NULL }; *n;
		n++) {
		g_autofree char *path = g_strdup_printf("proc/self/ns/%s", *n);

		put(f, path, "");
	}
	put(f, "proc/sys/user/max_user_namespaces", "0\n");
	put(f, "proc/sys/user/max_net_namespaces", "1000\n");
	doctor_namespaces(&f->d);
	assert_told(f, "net", "ok there");
	assert_told(f, "time", "note not there [run a kernel with CONFIG_TIME_NS, Linux 5.6 or later]");
	assert_told(f, "uts", "problem not there [run a kernel with CONFIG_UTS_NS]");
	assert_told(
		f, "user", "warning forbidden: max_user_namespaces is 0 [sysctl -w user.max_user_namespaces=10000]");
}

static void test_rootless(struct fixture *f, gconstpointer data)
{
	g_autofree char *program = g_build_filename(f->dir, "usr/bin/newuidmap", NULL);

	(void)data;
	f->d.uid = 1000;
	f->d.user = "anna";
	put(f, "proc/self/ns/user", "");
	put(f, "proc/sys/kernel/unprivileged_userns_clone", "0\n");
	put(f, "proc/self/status", "Name:\tx\nNoNewPrivs:\t1\n");
	put(f, "usr/bin/newuidmap", "");
	g_assert_cmpint(g_chmod(program, 0755), ==, 0);
	put(f, "etc/subuid", "bert:100000:65536\nanna:165536:1000\n1000:200000:64536\n");
	put(f, "etc/subgid", "bert:100000:65536\n");
	doctor_rootless(&f->d);
	assert_told(f, "user namespaces",
		"warning forbidden for ordinary users [sysctl -w kernel.unprivileged_userns_clone=1]");
	assert_told(f, "newuidmap",
		"warning /usr/bin/newuidmap has not the rights that it needs [chmod u+s /usr/bin/newuidmap]");
	assert_told(f, "newgidmap",
		"warning not there: only the own id can be mapped [install it: the package uidmap or shadow-utils]");
	assert_told(f, "subuid", "ok 65536 ids");
	assert_told(f, "subgid", "warning 0 ids: images need 65536 [usermod --add-subgids 100000-165535 anna]");
	assert_told(f, "XDG_RUNTIME_DIR",
		"warning not set: --root is needed [log in by a session (loginctl enable-linger makes one at boot), or "
		"set it]");
	assert_told(f, "no_new_privs",
		"warning set: newuidmap and newgidmap get no rights [start containers from where it is not set]");
	g_assert_cmpint(g_chmod(program, 04755), ==, 0);
	g_ptr_array_set_size(f->d.findings, 0);
	f->d.uid = 0;
	doctor_rootless(&f->d);
	assert_told(f, "newuidmap", "ok /usr/bin/newuidmap");
	assert_told(f, "subgid", "ok 65536 ids");
	g_assert_cmpint(doctor_verdict(&f->d), ==, DOCTOR_NOTE); /* root may do without */
}

/* A bus that says what it is told to, to one caller. */
struct bus {
	int fd;
	const char *says;
};

static gpointer serve(gpointer data)
{
	struct bus *b = data;
	auto_fd fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC);
	char words[64];

	g_assert_cmpint(recv(fd, words, sizeof words, 0), >, 15);
	g_assert_cmpint(memcmp(words, "\0AUTH EXTERNAL ", 15), ==, 0);
	g_assert_cmpint(send(fd, b->says, strlen(b->says), MSG_NOSIGNAL), >, 0);
	return NULL;
}

static void ask_bus_that_says(struct fixture *f, const char *says)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct bus bus = { fd, says };
	GThread *thread;

	g_snprintf(addr.sun_path, sizeof addr.sun_path, "%s/run/dbus/system_bus_socket", f->dir);
	(void)unlink(addr.sun_path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof addr), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	thread = g_thread_new("bus", serve, &bus);
	g_ptr_array_set_size(f->d.findings, 0);
	doctor_systemd(&f->d);
	g_thread_join(thread);
}

static void test_systemd(struct fixture *f, gconstpointer data)
{
	(void)data;
	doctor_systemd(&f->d);
	assert_told(f, "manager", "note not running: --systemd-cgroup cannot be used, and is not needed");
	g_ptr_array_set_size(f->d.findings, 0);
	make_dir(f, "run/systemd/system");
	make_dir(f, "run/dbus");
	doctor_systemd(&f->d);
	assert_told(f, "manager", "ok running");
	assert_told(f, "system bus",
		"warning no answer at /run/dbus/system_bus_socket (no such file or directory): --systemd-cgroup cannot "
		"be used "
		"[install dbus and start it: systemctl start dbus.socket]");
	ask_bus_that_says(f, "OK 1234deadbeef\r\n");
	assert_told(f, "system bus", "ok answers at /run/dbus/system_bus_socket");
	ask_bus_that_says(f, "REJECTED\r\n");
	assert_told(f, "system bus",
		"warning no answer at /run/dbus/system_bus_socket (protocol error): --systemd-cgroup cannot be used "
		"[install dbus and start it: systemctl start dbus.socket]");
}

static void test_limits(struct fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "proc/sys/fs/inotify/max_user_instances", "100\n");
	put(f, "proc/sys/fs/inotify/max_user_watches", "100000\n");
	put(f, "proc/sys/kernel/core_pattern", "|/usr/lib/collect %P %u\n");
	doctor_limits(&f->d);
	assert_told(f, "inotify max_user_instances",
		"warning 100 for each user, which is little [sysctl -w fs.inotify.max_user_instances=1024]");
	assert_told(f, "inotify max_user_watches", "ok 100000 for each user");
	assert_told(f, "core dumps",
		"warning are lost: there is no /usr/lib/collect [sysctl -w kernel.core_pattern=core, or install the "
		"program]");
	assert_told(f, "criu", "note not there: no checkpoint and restore [install criu]");
	put(f, "usr/lib/collect", "");
	g_ptr_array_set_size(f->d.findings, 0);
	doctor_limits(&f->d);
	assert_told(f, "core dumps", "ok go to /usr/lib/collect of the host");
}

static int all_there(enum doctor_feature feature)
{
	(void)feature;
	return 0;
}

static int some_there(enum doctor_feature feature)
{
	switch (feature) {
	case FEATURE_CLONE3:
		return -EPERM;
	case FEATURE_OPENAT2:
		return -ENOSYS;
	case FEATURE_CLOSE_RANGE:
		return -EBADE;
	case FEATURE_BPF_DEVICES:
		return -EINVAL;
	default:
		return 0;
	}
}

static void test_kernel(struct fixture *f, gconstpointer data)
{
	(void)data;
	put(f, "proc/sys/kernel/osrelease", "6.1.0\n");
	doctor_kernel(&f->d, all_there);
	assert_told(f, "release", "ok 6.1.0");
	assert_told(f, "openat2", "ok there");
	assert_told(f, "device rules by BPF", "-"); /* version 1 has files for that */
	g_assert_cmpint(doctor_verdict(&f->d), ==, DOCTOR_OK);
	put(f, "sys/fs/cgroup/cgroup.controllers", "");
	g_ptr_array_set_size(f->d.findings, 0);
	doctor_kernel(&f->d, some_there);
	assert_told(f, "clone3",
		"warning not allowed (EPERM): clone is called "
		"[allow it in the seccomp filter, the sysctl or the security module that forbids it]");
	assert_told(f, "openat2",
		"note not there (ENOSYS; Linux 5.6 has it): paths in a root file system are walked step by step");
	assert_told(f, "close_range",
		"warning whoever calls it is ended [allow it in the seccomp filter or the tracer that tallyctl runs "
		"under, or have it "
		"answer ENOSYS]");
	assert_told(f, "device rules by BPF",
		"problem not there (EINVAL; Linux 4.15 has it): no container with cgroup v2 starts "
		"[run Linux 4.15 or later, with CONFIG_CGROUP_BPF]");
}

/* A state.json of a container whose first process has this number and start. */
static void put_state(struct fixture *f, const char *id, int pid, guint64 start)
{
	g_autofree char *path = g_strdup_printf("run/tallyrun/%s/state.json", id);
	g_autofree char *text =
		g_strdup_printf("{\"id\":\"%s\",\"init_process_pid\":%d,\"init_process_start\":%" G_GUINT64_FORMAT
				",\"cgroup_paths\":{\"\":\"/sys/fs/cgroup/%s\",\"cpu\":\"\"},"
				"\"config\":{\"labels\":[\"x=y\",\"bundle=/bundles/%s\"]}}",
			id, pid, start, id, id);

	put(f, path, text);
}

static bool is_skipped(const char *id, const void *user)
{
	return strcmp(id, user) == 0;
}

static void test_states(struct fixture *f, gconstpointer data)
{
	/* proc(5): number, name, state, ..., the 22nd is the start */
	static const char stat[] = "77 (sh) %c 1 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 1000 10 0\n";
	g_autofree char *fifo = g_build_filename(f->dir, "bundles/orphan/ctl", NULL);
	g_autofree char *held = g_build_filename(f->dir, "bundles/fine/ctl", NULL);
	g_autofree char *sleeps = g_strdup_printf(stat, 'S'), *zombie = g_strdup_printf(stat, 'Z');
	auto_fd reader = -1;

	(void)data;
	doctor_left_states(&f->d, "/run/tallyrun", NULL, NULL);
	g_assert_cmpuint(f->d.findings->len, ==, 0);
	put(f, "proc/77/stat", sleeps);
	put(f, "proc/78/stat", zombie);
	make_dir(f, "bundles/orphan");
	make_dir(f, "bundles/fine");
	make_dir(f, "sys/fs/cgroup/ended");
	make_dir(f, "run/tallyrun/.seccomp-cache");
	make_dir(f, "run/tallyrun/young");
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	g_assert_cmpint(mkfifo(held, 0600), ==, 0);
	reader = open(held, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	put_state(f, "fine", 77, 4242);
	put_state(f, "orphan", 77, 4242);
	put_state(f, "ended", 76, 1);
	put_state(f, "other", 77, 4243); /* the number is another process's now */
	put_state(f, "skipped", 76, 1);
	put_state(f, "zombie", 78, 4242);
	put(f, "run/tallyrun/torn/state.json", "{");
	doctor_left_states(&f->d, "/run/tallyrun", is_skipped, "skipped");
	assert_told(f, "/run/tallyrun/fine", "-");
	assert_told(f, "/run/tallyrun/young", "-");
	assert_told(f, "/run/tallyrun/skipped", "-");
	assert_told(f, "/run/tallyrun/orphan",
		"problem the container runs, but the monitor of /bundles/orphan has died: nobody takes its output or "
		"sees how it ends "
		"[tallyrun --root /run/tallyrun delete --force orphan]");
	assert_told(f, "/run/tallyrun/ended",
		"warning the state of a process that has gone, and its cgroups are still there: 1, among them "
		"/sys/fs/cgroup/ended "
		"[tallyrun --root /run/tallyrun delete --force ended]");
	assert_told(f, "/run/tallyrun/other",
		"warning the state of a process that has gone [tallyrun --root /run/tallyrun delete --force other]");
	assert_told(f, "/run/tallyrun/zombie",
		"warning the state of a process that has gone [tallyrun --root /run/tallyrun delete --force zombie]");
	assert_told(f, "/run/tallyrun/torn",
		"warning a state that cannot be read [tallyrun --root /run/tallyrun delete --force torn]");
	g_assert_cmpuint(f->d.findings->len, ==, 5);
}

static void test_telling(struct fixture *f, gconstpointer data)
{
	g_autofree char *table = NULL, *json = NULL;

	(void)data;
	doctor_add(&f->d, "kernel", "one", DOCTOR_OK, NULL, "there");
	doctor_add(&f->d, "kernel", "two", DOCTOR_NOTE, NULL, "not there");
	table = doctor_table(&f->d);
	g_assert_cmpstr(table, ==,
		"kernel\n  ok      one                         there\n  note    two                         not "
		"there\nall good\n");
	json = doctor_json(&f->d);
	g_assert_nonnull(strstr(json, "\"status\": \"ok\""));
	doctor_add(&f->d, "cgroups", "three", DOCTOR_WARNING, "do this", "bad \"%s\"", "x");
	g_free(table);
	table = doctor_table(&f->d);
	g_assert_true(g_str_has_suffix(table, "cgroups\n  warning three                       bad \"x\"\n          "
					      "remedy: do this\nproblems: 0, warnings: 1\n"));
	g_free(json);
	json = doctor_json(&f->d);
	g_assert_nonnull(strstr(json, "\"status\": \"warning\""));
	g_assert_nonnull(strstr(json, "\"text\": \"bad \\\"x\\\"\",\n      \"remedy\": \"do this\""));
}

static void test_probes(void)
{
	/* Ordinary users may lack rights; an answer there is for everything, and no child is left. */
	for (enum doctor_feature i = 0; i < N_DOCTOR_FEATURES; i++) {
		int r = doctor_probe(i);

		g_assert_cmpint(r, <=, 0);
		g_assert_cmpint(r, !=, -EBADE);
		g_assert_cmpint(r, !=, -ETIMEDOUT);
	}
	g_assert_cmpint(doctor_probe(FEATURE_MEMFD_EXEC), ==, 0);
	g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
	g_assert_cmpint(errno, ==, ECHILD);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name, fn) g_test_add("/ctl/doctor/" name, struct fixture, NULL, setup, fn, teardown)
	TEST("cgroup-v2-with-all-it-takes-is-good", test_unified);
	TEST("cgroup-v2-that-lacks-things-says-which", test_unified_broken);
	TEST("an-ordinary-user-needs-delegated-cgroups", test_delegation);
	TEST("older-and-missing-cgroups-are-told-apart", test_older_cgroups);
	TEST("security-is-what-the-files-say-and-unknown-without", test_security);
	TEST("namespaces-that-are-missing-or-forbidden", test_namespaces);
	TEST("what-ordinary-users-need-matters-to-them-only", test_rootless);
	TEST("a-bus-is-there-when-it-answers", test_systemd);
	TEST("limits-and-core-dumps", test_limits);
	TEST("each-answer-of-the-kernel-has-its-level", test_kernel);
	TEST("states-of-dead-containers-and-dead-monitors", test_states);
	TEST("findings-as-text-and-json", test_telling);
	g_test_add_func("/ctl/doctor/asking-the-kernel-leaves-nothing", test_probes);
	return g_test_run();
}
