/* spec: a config.json to start from. */
#include "runtime/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"
#include "runtime/cgroup.h"
#include "runtime/version.h"

#define OPTIONS_FILE "runtime/spec_options.def"
#include "common/options_table.h"

#define CAPABILITIES(set)                                                                                              \
	"\t\t\t\"" set "\": [\n\t\t\t\t\"CAP_AUDIT_WRITE\",\n\t\t\t\t\"CAP_KILL\",\n\t\t\t\t\"CAP_NET_BIND_SERVICE\"\n"   \
	"\t\t\t]"
#define MOUNT(destination, type, source)                                                                               \
	"\t\t{\n\t\t\t\"destination\": \"" destination "\",\n\t\t\t\"type\": \"" type "\",\n\t\t\t\"source\": \"" source    \
	"\""
#define OPTIONS(first)    ",\n\t\t\t\"options\": [\n\t\t\t\t\"" first "\""
#define MORE(text)        ",\n\t\t\t\t\"" text "\""
#define END_OPTIONS       "\n\t\t\t]\n\t\t}"
#define CGROUP_MOUNT                                                                                                   \
	MOUNT("/sys/fs/cgroup", "cgroup", "cgroup") OPTIONS("nosuid") MORE("noexec") MORE("nodev") MORE("relatime")   \
	MORE("ro") END_OPTIONS
#define NAMESPACE(type)   "\t\t\t{\n\t\t\t\t\"type\": \"" type "\"\n\t\t\t}"
#define PATH(text)        "\t\t\t\"" text "\""

static const char before_group[] =
	"{\n"
	"\t\"ociVersion\": \"" VERSION_OCI "\",\n"
	"\t\"process\": {\n"
	"\t\t\"terminal\": true,\n"
	"\t\t\"user\": {\n\t\t\t\"uid\": 0,\n\t\t\t\"gid\": 0\n\t\t},\n"
	"\t\t\"args\": [\n\t\t\t\"sh\"\n\t\t],\n"
	"\t\t\"env\": [\n"
	"\t\t\t\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	"\t\t\t\"TERM=xterm\"\n"
	"\t\t],\n"
	"\t\t\"cwd\": \"/\",\n"
	"\t\t\"capabilities\": {\n"
	CAPABILITIES("bounding") ",\n"
	CAPABILITIES("effective") ",\n"
	CAPABILITIES("permitted") "\n"
	"\t\t},\n"
	"\t\t\"rlimits\": [\n"
	"\t\t\t{\n\t\t\t\t\"type\": \"RLIMIT_NOFILE\",\n\t\t\t\t\"hard\": 1024,\n\t\t\t\t\"soft\": 1024\n\t\t\t}\n"
	"\t\t],\n"
	"\t\t\"noNewPrivileges\": true\n"
	"\t},\n"
	"\t\"root\": {\n\t\t\"path\": \"rootfs\",\n\t\t\"readonly\": true\n\t},\n"
	"\t\"hostname\": \"tallyrun\",\n"
	"\t\"mounts\": [\n"
	MOUNT("/proc", "proc", "proc") "\n\t\t},\n"
	MOUNT("/dev", "tmpfs", "tmpfs") OPTIONS("nosuid") MORE("strictatime") MORE("mode=755") MORE("size=65536k")
	END_OPTIONS ",\n"
	MOUNT("/dev/pts", "devpts", "devpts") OPTIONS("nosuid") MORE("noexec") MORE("newinstance") MORE("ptmxmode=0666")
	MORE("mode=0620");

static const char group_of_terminals[] = MORE("gid=5");

static const char after_group[] =
	END_OPTIONS ",\n"
	MOUNT("/dev/shm", "tmpfs", "shm") OPTIONS("nosuid") MORE("noexec") MORE("nodev") MORE("mode=1777")
	MORE("size=65536k") END_OPTIONS ",\n"
	MOUNT("/dev/mqueue", "mqueue", "mqueue") OPTIONS("nosuid") MORE("noexec") MORE("nodev") END_OPTIONS ",\n";

static const char sys_of_root[] =
	MOUNT("/sys", "sysfs", "sysfs") OPTIONS("nosuid") MORE("noexec") MORE("nodev") MORE("ro") END_OPTIONS ",\n"
	CGROUP_MOUNT "\n"
	"\t],\n"
	"\t\"linux\": {\n"
	"\t\t\"resources\": {\n"
	"\t\t\t\"devices\": [\n\t\t\t\t{\n\t\t\t\t\t\"allow\": false,\n\t\t\t\t\t\"access\": \"rwm\"\n\t\t\t\t}\n\t\t\t]\n"
	"\t\t},\n"
	"\t\t\"namespaces\": [\n"
	NAMESPACE("network") ",\n";

/* An ordinary user's: the own ids, the host's network with its sysfs, no cgroup. The numbers are the user and the group. */
static const char sys_of_user[] =
	MOUNT("/sys", "none", "/sys") OPTIONS("rbind") MORE("nosuid") MORE("noexec") MORE("nodev") MORE("ro")
	END_OPTIONS ",\n"
	CGROUP_MOUNT "\n"
	"\t],\n"
	"\t\"linux\": {\n"
	"\t\t\"uidMappings\": [\n\t\t\t{\n\t\t\t\t\"containerID\": 0,\n\t\t\t\t\"hostID\": %u,\n"
	"\t\t\t\t\"size\": 1\n\t\t\t}\n\t\t],\n"
	"\t\t\"gidMappings\": [\n\t\t\t{\n\t\t\t\t\"containerID\": 0,\n\t\t\t\t\"hostID\": %u,\n"
	"\t\t\t\t\"size\": 1\n\t\t\t}\n\t\t],\n"
	"\t\t\"namespaces\": [\n"
	NAMESPACE("user") ",\n";

static const char namespaces[] =
	NAMESPACE("pid") ",\n"
	NAMESPACE("ipc") ",\n"
	NAMESPACE("uts") ",\n"
	NAMESPACE("mount");

/* Where cgroup2 is all there is, a namespace for it costs nothing and hides the host's tree. */
static const char cgroup_namespace[] = ",\n" NAMESPACE("cgroup");

static const char after_namespaces[] =
	"\n"
	"\t\t],\n"
	"\t\t\"maskedPaths\": [\n"
	PATH("/proc/acpi") ",\n"
	PATH("/proc/asound") ",\n"
	PATH("/proc/kcore") ",\n"
	PATH("/proc/keys") ",\n"
	PATH("/proc/latency_stats") ",\n"
	PATH("/proc/timer_list") ",\n"
	PATH("/proc/timer_stats") ",\n"
	PATH("/proc/sched_debug") ",\n"
	PATH("/sys/firmware") ",\n"
	PATH("/proc/scsi") "\n"
	"\t\t],\n"
	"\t\t\"readonlyPaths\": [\n"
	PATH("/proc/bus") ",\n"
	PATH("/proc/fs") ",\n"
	PATH("/proc/irq") ",\n"
	PATH("/proc/sys") ",\n"
	PATH("/proc/sysrq-trigger") "\n"
	"\t\t]\n"
	"\t}\n"
	"}";

static int spec_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	const char *name = o->file ?: "config.json";
	g_autofree char *text = NULL, *sys = NULL;
	auto_fd fd = -1;
	int err;

	(void)globals;
	(void)n_args;
	(void)args;
	if (o->bundle && chdir(o->bundle) < 0)
		return fail_errno(error, "chdir %s", o->bundle), 1;
	sys = o->rootless ? g_strdup_printf(sys_of_user, geteuid(), getegid()) : g_strdup(sys_of_root);
	text = g_strconcat(before_group, o->rootless ? "" : group_of_terminals, after_group, sys, namespaces,
		cgroup_host_is_unified() ? cgroup_namespace : "", after_namespaces, NULL);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return fail(error, "File %s exists. Remove it first", name), 1;
	err = fd < 0 ? -errno : rw_write_all(fd, text, strlen(text));
	return err == 0 ? 0 : (fail_with(error, err, "write %s", name), 1);
}

const struct command cmd_spec = {
	.name = "spec",
	.args = "",
	.help = "Write a config.json to start from",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.run = spec_run,
};
