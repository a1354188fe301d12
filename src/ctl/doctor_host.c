/* Security modules and filters, namespaces, limits: what files of /proc and /sys tell of the host. */
#include <string.h>

#include "common/caps.h"
#include "ctl/doctor.h"

#define INOTIFY_INSTANCES 128 /* the kernel's own default: less is not enough for a node */
#define INOTIFY_WATCHES   8192

static const char SECURITY[] = "security", NAMESPACES[] = "namespaces", LIMITS[] = "limits";

static void add_modules(struct doctor *d)
{
	g_autofree char *all = doctor_read(d, "sys/kernel/security/lsm");
	g_autofree char *apparmor = doctor_read(d, "sys/module/apparmor/parameters/enabled");
	g_autofree char *selinux = doctor_read(d, "sys/fs/selinux/enforce");
	g_autofree char *label = doctor_read(d, "proc/self/attr/current");

	if (all)
		doctor_add(d, SECURITY, "modules", DOCTOR_OK, NULL, "%s", *all ? all : "none");
	else
		doctor_add(d, SECURITY, "modules", DOCTOR_NOTE, "mount -t securityfs securityfs /sys/kernel/security",
			"unknown: securityfs is not mounted");
	if (apparmor && *apparmor == 'Y')
		doctor_add(d, SECURITY, "AppArmor", DOCTOR_OK, NULL, "enabled");
	else
		doctor_add(
			d, SECURITY, "AppArmor", DOCTOR_NOTE, NULL, "not enabled: process.apparmorProfile is refused");
	if (selinux && g_strcmp0(label, "kernel") == 0)
		doctor_add(d, SECURITY, "SELinux", DOCTOR_NOTE, "load a policy, or boot with selinux=0",
			"no policy is loaded: process.selinuxLabel and linux.mountLabel are refused");
	else if (selinux)
		doctor_add(d, SECURITY, "SELinux", DOCTOR_OK, NULL, *selinux == '1' ? "enforcing" : "permissive");
	else
		doctor_add(d, SECURITY, "SELinux", DOCTOR_NOTE, NULL,
			"not enabled: process.selinuxLabel and linux.mountLabel are refused");
}

static void add_seccomp(struct doctor *d)
{
	static const char *const wanted[] = { "kill_process", "kill_thread", "trap", "errno", "user_notif", "trace",
		"log", "allow" };
	g_autofree char *actions = doctor_read(d, "proc/sys/kernel/seccomp/actions_avail");
	g_auto(GStrv) have = g_strsplit(actions ?: "", " ", -1);
	g_autoptr(GString) missing = g_string_new(NULL);

	if (!actions) {
		doctor_add(d, SECURITY, "seccomp", DOCTOR_PROBLEM,
			"run a kernel with CONFIG_SECCOMP_FILTER, Linux 4.14 or later",
			"not there: the filters of containers cannot be set");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
		if (!g_strv_contains((const char *const *)have, wanted[i]))
			g_string_append_printf(missing, " %s", wanted[i]);
	if (missing->len)
		doctor_add(d, SECURITY, "seccomp", DOCTOR_NOTE, "run a later kernel", "without the actions%s",
			missing->str);
	else
		doctor_add(d, SECURITY, "seccomp", DOCTOR_OK, NULL, "%s", actions);
}

/* Root of a container has its name alone. */
static void add_rights(struct doctor *d)
{
	g_autofree char *status = doctor_read(d, "proc/self/status");
	const char *line = status ? strstr(status, "\nCapEff:\t") : NULL;
	guint64 caps = line ? g_ascii_strtoull(line + strlen("\nCapEff:\t"), NULL, 16) : 0;
	int admin = caps_number("CAP_SYS_ADMIN");

	if (d->uid != 0)
		return;
	if (!line || admin < 0)
		doctor_add(d, SECURITY, "rights of root", DOCTOR_NOTE, NULL, "unknown");
	else if (caps >> admin & 1)
		doctor_add(d, SECURITY, "rights of root", DOCTOR_OK, NULL, "CAP_SYS_ADMIN");
	else
		doctor_add(d, SECURITY, "rights of root", DOCTOR_PROBLEM,
			"run with CAP_SYS_ADMIN, or as an ordinary user",
			"no CAP_SYS_ADMIN: no namespaces and mounts can be made");
}

void doctor_security(struct doctor *d)
{
	add_modules(d);
	add_seccomp(d);
	add_rights(d);
}

void doctor_namespaces(struct doctor *d)
{
	static const struct {
		const char *name;
		enum doctor_level level; /* without it */
		const char *option;      /* of the kernel's configuration */
	} kinds[] = {
		{ "cgroup", DOCTOR_WARNING, "CONFIG_CGROUPS, Linux 4.6 or later" },
		{ "ipc", DOCTOR_PROBLEM, "CONFIG_IPC_NS" },
		{ "mnt", DOCTOR_PROBLEM, "CONFIG_NAMESPACES" },
		{ "net", DOCTOR_PROBLEM, "CONFIG_NET_NS" },
		{ "pid", DOCTOR_PROBLEM, "CONFIG_PID_NS" },
		{ "time", DOCTOR_NOTE, "CONFIG_TIME_NS, Linux 5.6 or later" },
		{ "user", DOCTOR_WARNING, "CONFIG_USER_NS" },
		{ "uts", DOCTOR_PROBLEM, "CONFIG_UTS_NS" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *link = g_strdup_printf("proc/self/ns/%s", kinds[i].name);
		g_autofree char *limit = g_strdup_printf("proc/sys/user/max_%s_namespaces", kinds[i].name);
		g_autofree char *max = doctor_read(d, limit), *remedy = NULL;

		if (!doctor_exists(d, link)) {
			remedy = g_strdup_printf("run a kernel with %s", kinds[i].option);
			doctor_add(d, NAMESPACES, kinds[i].name, kinds[i].level, remedy, "not there");
		} else if (max && strcmp(max, "0") == 0) {
			remedy = g_strdup_printf("sysctl -w user.max_%s_namespaces=10000", kinds[i].name);
			doctor_add(d, NAMESPACES, kinds[i].name, kinds[i].level, remedy,
				"forbidden: max_%s_namespaces is 0", kinds[i].name);
		} else {
			doctor_add(d, NAMESPACES, kinds[i].name, DOCTOR_OK, NULL, "there");
		}
	}
}

static void add_inotify(struct doctor *d, const char *name, guint64 least)
{
	g_autofree char *path = g_strdup_printf("proc/sys/fs/inotify/%s", name);
	g_autofree char *value = doctor_read(d, path), *title = g_strdup_printf("inotify %s", name);
	g_autofree char *remedy = g_strdup_printf("sysctl -w fs.inotify.%s=%" G_GUINT64_FORMAT, name, least * 8);

	if (!value)
		doctor_add(d, LIMITS, title, DOCTOR_NOTE, NULL, "unknown");
	else if (g_ascii_strtoull(value, NULL, 10) < least)
		doctor_add(d, LIMITS, title, DOCTOR_WARNING, remedy, "%s for each user, which is little", value);
	else
		doctor_add(d, LIMITS, title, DOCTOR_OK, NULL, "%s for each user", value);
}

static void add_core_pattern(struct doctor *d)
{
	g_autofree char *pattern = doctor_read(d, "proc/sys/kernel/core_pattern");
	g_autofree char *program = NULL;

	if (!pattern) {
		doctor_add(d, LIMITS, "core dumps", DOCTOR_NOTE, NULL, "unknown");
	} else if (*pattern == '|') {
		program = g_strndup(pattern + 1, strcspn(pattern + 1, " "));
		if (*program == '/' && doctor_exists(d, program + 1))
			doctor_add(d, LIMITS, "core dumps", DOCTOR_OK, NULL, "go to %s of the host", program);
		else
			doctor_add(d, LIMITS, "core dumps", DOCTOR_WARNING,
				"sysctl -w kernel.core_pattern=core, or install the program",
				"are lost: there is no %s", program);
	} else {
		doctor_add(d, LIMITS, "core dumps", DOCTOR_OK, NULL, "go to files of the container: %s",
			*pattern ? pattern : "core");
	}
}

void doctor_limits(struct doctor *d)
{
	g_autofree char *criu = doctor_find_program(d, "criu");

	add_inotify(d, "max_user_instances", INOTIFY_INSTANCES);
	add_inotify(d, "max_user_watches", INOTIFY_WATCHES);
	add_core_pattern(d);
	if (criu)
		doctor_add(d, "programs", "criu", DOCTOR_OK, NULL, "/%s", criu);
	else
		doctor_add(d, "programs", "criu", DOCTOR_NOTE, "install criu", "not there: no checkpoint and restore");
}
