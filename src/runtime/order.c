/* The order of the steps, and the reasons for it. The sequence is data; every reason is a rule that the tests hold the
 * sequence, and every plan they build, against. */
#include "runtime/plan.h"

static const enum child_step sequence[] = {
	STEP_START,
	STEP_AFFINITY,
	STEP_TIME_NAMESPACE,
	STEP_WAIT_MAPS,
	STEP_JOIN,
	STEP_ENTER_ROOT,
	STEP_ROOT_IDS,
	STEP_IPC_NAMESPACE,
	STEP_SESSION,
	STEP_KEYRING,
	STEP_LOOPBACK,
	STEP_PROPAGATION,
	STEP_PARENT_PRIVATE,
	STEP_ROOTFS,
	STEP_CGROUP_NAMESPACE,
	STEP_MOUNT,
	STEP_DEVICE,
	STEP_LINK,
	STEP_RUNTIME_HOOKS,
	STEP_CONTAINER_HOOK,
	STEP_HIDE,
	STEP_PIVOT,
	STEP_HOSTNAME,
	STEP_DOMAINNAME,
	STEP_CONSOLE,
	STEP_SYSCTL,
	STEP_MAKE_CWD,
	STEP_REMOUNT,
	STEP_READONLY_PATH,
	STEP_MASKED_PATH,
	STEP_ROOT_PROPAGATION,
	STEP_IO_PRIORITY,
	STEP_PERSONALITY,
	STEP_MEMORY_POLICY,
	STEP_APPARMOR,
	STEP_SELINUX,
	STEP_CLOSE_FDS,
	STEP_READY,
	STEP_AFFINITY_FINAL,
	STEP_SCHEDULER,
	STEP_OWN_STDIO,
	STEP_CWD,
	STEP_NO_NEW_PRIVILEGES,
	STEP_CREDENTIALS,
	STEP_CHECK_CWD,
	STEP_ENVIRONMENT,
	STEP_FIND_PROGRAM,
	STEP_CORE_SCHED,
	STEP_ALT_SYSCALL,
	STEP_CREATED,
	STEP_SECCOMP,
	STEP_LISTENER,
	STEP_DROP_LAST,
	STEP_START_HOOK,
	STEP_EXEC,
};

const struct order_rule order_rules[] = {
	{ STEP_START, STEP_WAIT_MAPS, "a parent that dies must end a child that waits for it" },
	{ STEP_TIME_NAMESPACE, STEP_WAIT_MAPS, "its offsets are written while our files in /proc are still ours" },
	{ STEP_WAIT_MAPS, STEP_ROOT_IDS, "without a map there is no id 0 to become" },
	{ STEP_JOIN, STEP_ROOT_IDS, "the ids are those of the user namespace that was joined" },
	{ STEP_JOIN, STEP_KEYRING, "keyrings belong to a user namespace" },
	{ STEP_JOIN, STEP_HOSTNAME, "the name is set in the joined namespace" },
	{ STEP_ROOT_IDS, STEP_MOUNT, "file systems mounted by an unmapped user belong to nobody" },
	{ STEP_ROOT_IDS, STEP_IPC_NAMESPACE, "message queues made by an unmapped user belong to nobody" },
	{ STEP_IPC_NAMESPACE, STEP_MOUNT, "an mqueue mount shows the namespace it was made in" },
	{ STEP_IPC_NAMESPACE, STEP_SYSCTL, "limits of IPC are those of the namespace" },
	{ STEP_SESSION, STEP_CONSOLE, "only a session leader can take a controlling terminal" },
	{ STEP_PROPAGATION, STEP_ROOTFS, "until then mounts would appear on the host" },
	{ STEP_PARENT_PRIVATE, STEP_PIVOT, "pivot_root refuses a root whose parent mount is shared" },
	{ STEP_ROOTFS, STEP_MOUNT, "the places of the mounts lie in the rootfs" },
	{ STEP_CGROUP_NAMESPACE, STEP_MOUNT, "a cgroup mount shows the namespace it was made in" },
	{ STEP_MOUNT, STEP_DEVICE, "device nodes go into the container's /dev, not under it" },
	{ STEP_MOUNT, STEP_LINK, "the links of /dev and of cgroup controllers lie in mounts" },
	{ STEP_DEVICE, STEP_RUNTIME_HOOKS, "prestart and createRuntime see the finished rootfs" },
	{ STEP_RUNTIME_HOOKS, STEP_CONTAINER_HOOK, "the runtime-spec's order of hooks" },
	{ STEP_CONTAINER_HOOK, STEP_PIVOT, "createContainer's path is resolved on the host" },
	{ STEP_CONTAINER_HOOK, STEP_HIDE, "createContainer still needs the host's /proc" },
	{ STEP_HIDE, STEP_PIVOT, "the paths are the host's" },
	{ STEP_PIVOT, STEP_CONSOLE, "the terminal comes from the container's own devpts" },
	{ STEP_PIVOT, STEP_SYSCTL, "the private procfs is made once the namespaces are final" },
	{ STEP_CONSOLE, STEP_REMOUNT, "/dev/console is a file that may have to be made" },
	{ STEP_MAKE_CWD, STEP_REMOUNT, "the directory may have to be made in a rootfs that is read-only afterwards" },
	{ STEP_SYSCTL, STEP_READONLY_PATH, "/proc/sys is read-only afterwards" },
	{ STEP_REMOUNT, STEP_READONLY_PATH, "a path below a read-only mount is cloned with it" },
	{ STEP_READONLY_PATH, STEP_MASKED_PATH, "a mask must not be hidden by a clone of what it masks" },
	{ STEP_MASKED_PATH, STEP_READY, "READY says that the container is built" },
	{ STEP_APPARMOR, STEP_CLOSE_FDS, "the profile is written through a procfs descriptor" },
	{ STEP_SELINUX, STEP_CLOSE_FDS, "so is the label" },
	{ STEP_SELINUX, STEP_CREDENTIALS, "root may ask for a label that the user may not" },
	{ STEP_CLOSE_FDS, STEP_CWD, "a directory of the host must not be reachable by its number (CVE-2024-21626)" },
	{ STEP_CLOSE_FDS, STEP_FIND_PROGRAM, "the same for the program's path" },
	{ STEP_CLOSE_FDS, STEP_READY, "rlimits may forbid the numbers that are moved to" },
	{ STEP_READY, STEP_AFFINITY_FINAL, "the final affinity is for after the cgroup move" },
	{ STEP_READY, STEP_SCHEDULER, "a deadline is granted for the CPUs that the container has, as in exec" },
	{ STEP_SCHEDULER, STEP_CREDENTIALS, "it may need CAP_SYS_NICE" },
	{ STEP_READY, STEP_CREDENTIALS, "rlimits and cgroup limits are set while we are still root" },
	{ STEP_OWN_STDIO, STEP_CREDENTIALS, "only root gives files away" },
	{ STEP_CWD, STEP_CREDENTIALS, "root may enter directories that the user may not list" },
	{ STEP_NO_NEW_PRIVILEGES, STEP_SECCOMP, "a filter needs it, or CAP_SYS_ADMIN" },
	{ STEP_CREDENTIALS, STEP_CHECK_CWD, "the user's own directories may be closed to root" },
	{ STEP_CREDENTIALS, STEP_FIND_PROGRAM, "whether the program can be executed is the user's question" },
	{ STEP_CHECK_CWD, STEP_SECCOMP, "a profile need not allow getcwd" },
	{ STEP_CHECK_CWD, STEP_FIND_PROGRAM, "relative programs are relative to the directory" },
	{ STEP_ENVIRONMENT, STEP_FIND_PROGRAM, "the path is the container's" },
	{ STEP_FIND_PROGRAM, STEP_CREATED, "a program that is missing is an error of create" },
	{ STEP_CORE_SCHED, STEP_CREATED, "that there is none is an error of create" },
	{ STEP_FIND_PROGRAM, STEP_ALT_SYSCALL, "the table may lack what is needed to look for it" },
	{ STEP_ALT_SYSCALL, STEP_CREATED, "an unknown table is an error of create" },
	{ STEP_CREATED, STEP_START_HOOK, "startContainer runs when start is called" },
	{ STEP_SECCOMP, STEP_START_HOOK, "hooks inside run under the container's filter" },
	{ STEP_SECCOMP, STEP_LISTENER, "loading the filter makes the listener" },
	{ STEP_LISTENER, STEP_DROP_LAST, "capset may be a call that the agent answers" },
	{ STEP_LISTENER, STEP_START_HOOK, "hooks inside make calls that the agent answers" },
	{ STEP_SECCOMP, STEP_DROP_LAST, "loading it may need CAP_SYS_ADMIN" },
	{ STEP_START_HOOK, STEP_EXEC, "nothing comes after execve" },
};
const size_t n_order_rules = G_N_ELEMENTS(order_rules);

int order_position(enum child_step step)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sequence); i++)
		if (sequence[i] == step)
			return (int)i;
	return -1;
}

static int compare(gconstpointer a, gconstpointer b)
{
	const struct child_op *x = a, *y = b;

	return order_position(x->step) - order_position(y->step);
}

/* g_array_sort is stable: steps of one kind stay as they were appended. */
void order_sort(GArray *ops)
{
	g_array_sort(ops, compare);
}
