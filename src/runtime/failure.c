/* What the child reported, as a sentence. Texts that engines parse are runc's. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/spawn.h"
#include "runtime/failure.h"
#include "runtime/plan.h"
#include "runtime/procvalues.h"

/* Steps of which the name and the errno text say all. */
static const char *const plain[N_CHILD_STEPS] = {
	[STEP_START] = "prepare the container's process",
	[STEP_AFFINITY] = "set initial CPU affinity",
	[STEP_WAIT_MAPS] = "wait for the id maps",
	[STEP_ROOT_IDS] = "become root of the user namespace",
	[STEP_IPC_NAMESPACE] = "create IPC namespace",
	[STEP_SESSION] = "setsid",
	[STEP_TIME_NAMESPACE] = "create time namespace with offsets (linux.timeOffsets)",
	[STEP_CGROUP_NAMESPACE] = "create cgroup namespace",
	[STEP_ENTER_ROOT] = "enter the container's root",
	[STEP_LOOPBACK] = "bring up the loopback interface",
	[STEP_PROPAGATION] = "set mount propagation of /",
	[STEP_PARENT_PRIVATE] = "make the rootfs's parent mount private",
	[STEP_HIDE] = "hide the host's procfs and sysfs (--no-pivot)",
	[STEP_PIVOT] = "error jailing process inside rootfs: pivot_root",
	[STEP_HOSTNAME] = "sethostname",
	[STEP_DOMAINNAME] = "setdomainname",
	[STEP_ROOT_PROPAGATION] = "set propagation of the rootfs (linux.rootfsPropagation)",
	[STEP_SCHEDULER] = "set scheduler (process.scheduler)",
	[STEP_IO_PRIORITY] = "set I/O priority (process.ioPriority)",
	[STEP_PERSONALITY] = "set personality (linux.personality)",
	[STEP_MEMORY_POLICY] = "set memory policy (linux.memoryPolicy)",
	[STEP_READY] = "wait for the runtime",
	[STEP_RUNTIME_HOOKS] = "wait for the runtime's hooks",
	[STEP_AFFINITY_FINAL] = "set final CPU affinity",
	[STEP_CLOSE_FDS] = "close descriptors",
	[STEP_OWN_STDIO] = "change owner of standard input and output",
	[STEP_NO_NEW_PRIVILEGES] = "set no_new_privs",
	[STEP_CREATED] = "wait for start",
	[STEP_CORE_SCHED] = "make a core scheduling cookie (linux.coreSched)",
	[STEP_SECCOMP] = "unable to init seccomp: load filter",
	[STEP_LISTENER] = "wait until the seccomp agent has the listener",
	[STEP_DROP_LAST] = "drop CAP_SYS_ADMIN",
};

char *plan_tree_failure_text(const struct op_tree *t, int number, enum child_part part, int err)
{
	switch (part) {
	case PART_SOURCE:
		return g_strdup_printf("open %s: %s", t->path, errno_text(err));
	case PART_IDMAP:
		return plan_idmap_text(t, number, ABS(err));
	case PART_LOCKED:
		return g_strdup_printf("cannot clear locked flags: %s", errno_text(err));
	case PART_PROPAGATION:
		return g_strdup_printf("set mount propagation: %s", errno_text(err));
	default:
		return g_strdup_printf("set mount attributes: %s", errno_text(err));
	}
}

static bool is_file(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static char *mount_text(const Plan *plan, const struct child_op *op, const struct child_report *r)
{
	const struct spec_mount *m = &plan->request.spec->mounts[op->number];
	const char *what = "mount", *why = errno_text(r->err);
	enum child_part part = (enum child_part)r->part;
	g_autofree char *special = NULL;

	switch (r->part) {
	case PART_TARGET:
		what = "create mountpoint";
		break;
	case PART_SYMLINK:
		special = g_strdup_printf("filesystem \"%s\" must be mounted on ordinary directory", m->type ?: "");
		break;
	case PART_OCCUPIED:
		special = g_strdup_printf("copy-symlink: %s exists and is not that symlink", op->mount.target);
		break;
	case PART_IN_PROC:
		special = g_strdup_printf("\"%s\" cannot be mounted because it is inside /proc", op->mount.target);
		break;
	case PART_ATTRIBUTES:
		what = "set mount attributes recursively";
		break;
	case PART_PROPAGATION:
		what = "set mount propagation";
		break;
	case PART_SOURCE:
	case PART_LOCKED:
	case PART_IDMAP:
		special = plan_tree_failure_text(
			op->mount.tree.path ? &op->mount.tree : &op->mount.fallback, op->number, part, r->err);
		break;
	case PART_LABEL:
		what = "set its label (linux.mountLabel)";
		break;
	case PART_COPY_UP:
		what = "copy what was there (tmpcopyup)";
		break;
	default:
		break;
	}
	if (!special && r->part == PART_MOUNT && r->err == EINVAL && is_file(op->mount.tree.path))
		special = g_strdup_printf("mount: %s (a file goes onto a file, and this may be a directory)", why);
	else if (!special && r->part == PART_MOUNT && r->err == ENODEV)
		special = g_strdup_printf("the kernel has no file system \"%s\": %s", m->type ?: "", why);
	else if (!special && r->part == PART_MOUNT && op->mount.data)
		special = g_strdup_printf("mount with data \"%s\": %s", op->mount.data, why);
	else if (!special)
		special = g_strdup_printf("%s: %s", what, why);
	return g_strdup_printf("error during container init: error mounting \"%s\" to rootfs at \"%s\": %s", m->source ?: m->type ?: "", m->destination,
		special);
}

static char *device_text(const struct child_op *op, const struct child_report *r)
{
	if (r->part == PART_OCCUPIED)
		return g_strdup_printf(
			"error creating device nodes: %s exists and is not that device", op->device.path);
	return g_strdup_printf("error creating device nodes: %s %s: %s",
		r->part == PART_TARGET        ? "open parent of"
		: r->part == PART_SOURCE      ? "open the host's"
		: r->part == PART_OWNER       ? "chown"
		: r->part == PART_MOUNT       ? "mount on"
		: r->part == PART_LOCKED      ? "keep the locked flags of"
		: r->part == PART_ATTRIBUTES  ? "set mount attributes of"
		: r->part == PART_PROPAGATION ? "set propagation of"
					      : "mknod",
		op->device.path, errno_text(r->err));
}

static char *console_text(const struct child_report *r)
{
	static const char *const parts[] = {
		[PART_PTMX] = "open /dev/pts/ptmx of the container",
		[PART_SLAVE] = "open the terminal's slave",
		[PART_WINSIZE] = "set console size",
		[PART_MOUNT] = "mount on /dev/console",
		[PART_OWNER] = "change owner of the terminal",
		[PART_SEND] = "send the terminal to the console socket",
		[PART_TERMINAL] = "make it the controlling terminal",
	};
	const char *part = (size_t)r->part < G_N_ELEMENTS(parts) ? parts[r->part] : NULL;

	return g_strdup_printf("setup console: %s: %s", part ?: "prepare", errno_text(r->err));
}

static char *credentials_text(const struct child_op *op, const struct child_report *r)
{
	const struct op_credentials *k = &op->credentials;

	if (r->part == PART_UID && r->err == EINVAL)
		return g_strdup_printf(
			"cannot setuid to unmapped uid %u in user namespace (process.user.uid, linux.uidMappings)",
			k->uid);
	if (r->part == PART_GID && r->err == EINVAL)
		return g_strdup_printf(
			"cannot setgid to unmapped gid %u in user namespace (process.user.gid, linux.gidMappings)",
			k->gid);
	return g_strdup_printf("%s: %s",
		r->part == PART_UID          ? "setuid"
		: r->part == PART_GID        ? "setgid"
		: r->part == PART_GROUPS     ? "setgroups"
		: r->part == PART_BOUNDING   ? "drop bounding capabilities"
		: r->part == PART_SECUREBITS ? "set securebits (linux.skipSecurebits)"
					     : "apply capabilities",
		errno_text(r->err));
}

static char *program_text(const Plan *plan, const struct child_report *r)
{
	const char *name = plan->child.argv[0];

	if (r->part == PART_NOT_FOUND)
		return g_strdup_printf("exec: \"%s\": executable file not found in $PATH", name);
	if (r->part == PART_STAT)
		return g_strdup_printf("exec: \"%s\": stat %s: %s", name, name, errno_text(r->err));
	return g_strdup_printf("exec: \"%s\": %s", name, errno_text(r->err));
}

/* What an execve that fails may mean, once the file has been found and may be executed. */
static const char *exec_hint(int err)
{
	switch (err < 0 ? -err : err) {
	case ENOEXEC:
		return " (made for another architecture, or a script without a #! line?)";
	case ENOENT:
		return " (its interpreter or dynamic loader is not in the image?)";
	case EPERM:
	case EACCES:
		return " (do linux.seccomp, process.selinuxLabel and process.apparmorProfile allow execve?)";
	default:
		return "";
	}
}

static char *cwd_text(const Plan *plan, const struct child_report *r)
{
	if (r->part == PART_OUTSIDE)
		return g_strdup(
			"current working directory is outside of container mount namespace root -- possible container "
			"breakout detected");
	return g_strdup_printf(
		"chdir to cwd (\"%s\") set in config.json failed: %s", plan->request.process->cwd, errno_text(r->err));
}

static char *path_text(const struct child_op *op, const struct child_report *r)
{
	const char *masked = op->mask.path;

	if (op->step == STEP_READONLY_PATH)
		return g_strdup_printf("can't make \"%s\" read-only: %s", op->path.path, errno_text(r->err));
	if (r->part == PART_DEV_NULL)
		return g_strdup_printf(
			"can't mask path \"%s\": /dev/null of the container: %s", masked, errno_text(r->err));
	return g_strdup_printf("can't mask path \"%s\": %s", masked, errno_text(r->err));
}

/* The end of a file that only grew: all that was kept of what the last hook wrote. */
static char *read_output(int fd)
{
	char text[HOOK_OUTPUT_MAX];
	struct stat st;
	ssize_t n = fd >= 0 && fstat(fd, &st) == 0
			    ? pread(fd, text, sizeof text, MAX(st.st_size - (off_t)sizeof text, 0))
			    : 0;

	return g_strchomp(g_strndup(text, n > 0 ? (gsize)n : 0));
}

/* What became of a hook inside. out_fd and err_fd hold what it wrote; -1: nothing was kept. */
static char *describe_hook(enum spec_hook_kind kind, int number, const struct child_report *r,
	const struct op_hook *hook, int out_fd, int err_fd)
{
	g_autofree char *head = g_strdup_printf("error running %s hook #%d", spec_hook_names[kind], number);
	g_autofree char *out = read_output(out_fd);
	g_autofree char *err = read_output(err_fd);
	g_autofree char *how = NULL;

	if (r->part == PART_HOOK_TIMEOUT && hook)
		return g_strdup_printf("%s: hook ran past specified timeout of %.1fs", head, hook->timeout_ms / 1000.0);
	if (r->part == PART_HOOK_TIMEOUT)
		return g_strdup_printf("%s: hook ran past specified timeout", head);
	if (r->part != PART_HOOK_EXIT)
		return g_strdup_printf(
			"%s: fork/exec%s%s: %s", head, hook ? " " : "", hook ? hook->path : "", errno_text(r->err));
	how = spawn_status_text(r->value);
	return g_strdup_printf("%s: %s, stdout: %s, stderr: %s", head, how, out, err);
}

static char *hook_text(const Plan *plan, const struct child_op *op, const struct child_report *r)
{
	bool start = op->step == STEP_START_HOOK;

	return describe_hook(start ? HOOK_START_CONTAINER : HOOK_CREATE_CONTAINER, op->number, r, &op->hook,
		start ? plan->child.hook_out_fd : plan->hook_out_fd,
		start ? plan->child.hook_err_fd : plan->hook_err_fd);
}

static char *namespace_text(const Plan *plan, const struct child_op *op, int err)
{
	const struct spec *spec = plan->request.spec;

	for (int t = 0; t < N_NS_TYPES; t++)
		if (spec_namespace_infos[t].flag == op->join.flag)
			return g_strdup_printf("join %s namespace %s: %s", spec_namespace_infos[t].name,
				(spec ? spec->linux_.namespaces[t].path : NULL) ?: "of the container", errno_text(err));
	return g_strdup_printf("join the container's namespaces: %s", errno_text(err));
}

static char *other_text(const struct child_op *op, enum child_part part, int err)
{
	switch (op->step) {
	case STEP_SELINUX:
		return g_strdup_printf(
			"can't set process label (process.selinuxLabel): write %s to /proc/self/attr/exec: %s",
			op->path.path, errno_text(err));
	case STEP_KEYRING:
		if (part == PART_LABEL)
			return g_strdup_printf("unable to set key label (process.selinuxLabel): write %s to "
					       "/proc/self/attr/keycreate: %s",
				op->keyring.label, errno_text(err));
		return g_strdup_printf("unable to join session keyring: %s", errno_text(err));
	case STEP_ROOTFS:
		return g_strdup_printf("error preparing rootfs: mount %s: %s", op->rootfs.tree.path, errno_text(err));
	case STEP_LINK:
		return g_strdup_printf("create link %s: %s", op->link.path, errno_text(err));
	case STEP_SCHEDULER:
		return g_strdup_printf("%s: %s%s", plain[op->step], errno_text(err),
			err == EPERM && op->scheduler.policy == PROCVALUES_SCHED_DEADLINE
				? " (process scheduler can't be used together with AllowedCPUs: a deadline needs every "
				  "CPU of the host)"
				: "");
	case STEP_SYSCTL:
		return g_strdup_printf("write sysctl key %s: %s", op->sysctl.path, errno_text(err));
	case STEP_REMOUNT:
		return g_strdup_printf("make %s read-only: %s", op->remount.path ?: "the rootfs", errno_text(err));
	case STEP_APPARMOR:
		return g_strdup_printf(
			"unable to apply apparmor profile: apparmor failed to apply profile: write %s to "
			"/proc/self/attr/exec: %s",
			op->path.path, errno_text(err));
	case STEP_ALT_SYSCALL:
		return g_strdup_printf("use the kernel's system call table \"%s\" (linux.altSyscall): %s",
			op->path.path, errno_text(err));
	case STEP_MAKE_CWD:
		return g_strdup_printf("mkdir %s: %s", op->path.path, errno_text(err));
	default:
		return g_strdup_printf("%s: %s", plain[op->step] ?: "start", errno_text(err));
	}
}

char *plan_failure_text(const Plan *plan, const struct child_report *r)
{
	const struct child_op *op = NULL;

	if (r->index >= 0 && (guint)r->index < plan->ops->len)
		op = &g_array_index(plan->ops, struct child_op, r->index);
	if ((!op || (int)op->step != r->step) && r->index >= 0 && (guint)r->index < plan->joins->len)
		op = &g_array_index(plan->joins, struct child_op, r->index);
	if (!op || (int)op->step != r->step)
		return g_strdup_printf("clone the container's process: %s", errno_text(r->err));
	switch (op->step) {
	case STEP_JOIN:
		return namespace_text(plan, op, r->err);
	case STEP_MOUNT:
		return mount_text(plan, op, r);
	case STEP_DEVICE:
		return device_text(op, r);
	case STEP_CONSOLE:
		return console_text(r);
	case STEP_CREDENTIALS:
		return credentials_text(op, r);
	case STEP_FIND_PROGRAM:
		return program_text(plan, r);
	case STEP_EXEC:
		return g_strdup_printf("exec %s: %s%s", plan->child.argv[0], errno_text(r->err), exec_hint(r->err));
	case STEP_CWD:
	case STEP_CHECK_CWD:
		return cwd_text(plan, r);
	case STEP_READONLY_PATH:
	case STEP_MASKED_PATH:
		return path_text(op, r);
	case STEP_CONTAINER_HOOK:
	case STEP_START_HOOK:
		return hook_text(plan, op, r);
	default:
		return other_text(op, (enum child_part)r->part, r->err);
	}
}

char *failure_of_start(const struct child_report *r, int out_fd, int err_fd)
{
	switch (r->step) {
	case STEP_START_HOOK:
		return describe_hook(HOOK_START_CONTAINER, r->number, r, NULL, out_fd, err_fd);
	case STEP_EXEC:
		return g_strdup_printf("exec: %s%s", errno_text(r->err), exec_hint(r->err));
	default:
		return g_strdup_printf("%s: %s",
			r->step > 0 && r->step < N_CHILD_STEPS && plain[r->step] ? plain[r->step] : "start",
			errno_text(r->err));
	}
}
