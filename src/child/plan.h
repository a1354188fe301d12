/* What a child does between clone and execve: a list of steps with ready-made operands. The parent (src/runtime) builds
 * it; the child only makes the system calls. Strings and arrays belong to the parent's copy of the plan and exist in the
 * child because it is a copy of the parent. Paths inside the rootfs are never used but through inroot.h. */
#pragma once

#include <linux/filter.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In the order of src/runtime/order.c, which says why. */
enum child_step {
	STEP_NONE,
	/* of the process that enters namespaces before the container's first process is cloned */
	STEP_JOIN,
	/* of the container's process */
	STEP_START,
	STEP_AFFINITY,
	STEP_WAIT_MAPS,
	STEP_ROOT_IDS,
	STEP_IPC_NAMESPACE,
	STEP_SESSION,
	STEP_KEYRING,
	STEP_TIME_NAMESPACE,
	STEP_CGROUP_NAMESPACE,
	STEP_ENTER_ROOT,
	STEP_LOOPBACK,
	STEP_PROPAGATION,
	STEP_PARENT_PRIVATE,
	STEP_ROOTFS,
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
	STEP_REMOUNT,
	STEP_READONLY_PATH,
	STEP_MASKED_PATH,
	STEP_ROOT_PROPAGATION,
	STEP_MAKE_CWD,
	STEP_SCHEDULER,
	STEP_IO_PRIORITY,
	STEP_PERSONALITY,
	STEP_MEMORY_POLICY,
	STEP_READY,
	STEP_AFFINITY_FINAL,
	STEP_APPARMOR,
	STEP_SELINUX,
	STEP_CLOSE_FDS,
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
	N_CHILD_STEPS,
};

/* What of a step failed, where that is not clear from the step alone; goes into the sentence. */
enum child_part {
	PART_NONE,
	PART_TARGET,  /* making or finding the place in the rootfs */
	PART_SYMLINK, /* the place is a symlink and must not be */
	PART_IN_PROC, /* the place is inside /proc */
	PART_SOURCE,  /* opening what is bound */
	PART_LOCKED,  /* a flag of it that may not be taken off where ids are mapped */
	PART_IDMAP,   /* mapping the ids of its files */
	PART_MOUNT,
	PART_ATTRIBUTES,
	PART_PROPAGATION,
	PART_COPY_UP,
	PART_LABEL,    /* giving it its SELinux label */
	PART_NODE,     /* making a device node */
	PART_OCCUPIED, /* something else is there already */
	PART_OWNER,
	PART_UNSAFE_PROC, /* what should be procfs is not */
	PART_DEV_NULL,    /* /dev/null is not the null device */
	PART_PTMX,
	PART_SLAVE,
	PART_WINSIZE,
	PART_SEND,
	PART_TERMINAL,
	PART_GROUPS,
	PART_GID,
	PART_UID,
	PART_CAPS,
	PART_BOUNDING,
	PART_SECUREBITS,
	PART_OUTSIDE,   /* cwd is not inside the container */
	PART_NOT_FOUND, /* not in $PATH */
	PART_STAT,
	PART_IS_DIR,
	PART_NO_ACCESS,
	PART_HOOK_SPAWN,
	PART_HOOK_EXIT, /* value: wait status */
	PART_HOOK_TIMEOUT,
};

struct op_join {
	int fd;
	uint64_t flag; /* CLONE_NEW*; several for a pidfd */
};

/* Something of the host that the container gets: a bind mount, a device node, the rootfs (child/tree.h). */
struct op_tree {
	const char *path; /* on the host, absolute; NULL: there is no tree */
	bool in_root;     /* no, in the rootfs: an earlier mount brings it there, and the child opens it */
	bool made;        /* no, a new file system, which is nowhere but at fd */
	bool no_follow;   /* where path is a symlink, it is what is meant */
	bool onto_link;   /* where its place is a symlink, that is what is covered */
	int fd;           /* detached and complete; -1: the child opens it, at its turn */
	bool recursive;
	/* MOUNT_ATTR_* of the top, then of the whole tree. */
	uint64_t set, clear, rec_set, rec_clear;
	bool keep_locked;                 /* flags of the source stay on, where ids are mapped */
	uint64_t asked_off;               /* unless they were asked to be off, which is an error */
	const unsigned long *propagation; /* MS_*, in order */
	size_t n_propagation;
	int id_map_fd; /* a user namespace that maps the owners of files; 0: none */
	bool id_map_recursive;
};

struct op_mount {
	struct op_tree tree; /* bind mounts; without one a new file system */
	bool target_is_file;
	bool target_no_symlink; /* proc and sysfs: an ordinary directory */
	bool may_cover_proc;    /* the place may lie in a procfs */
	bool inherit_mode;      /* tmpfs without mode=: take the mode of the directory that it covers */
	bool copy_link;         /* copy-symlink: a source in the rootfs that is a symlink is made again, not mounted */
	const char *link;       /* the target of such a symlink of the host; NULL: there is none */
	bool copy_up;           /* tmpcopyup: fill the new tmpfs with what it covers */
	const char *label;  /* SELinux's, as an attribute of its root: where it is no option of the mount; NULL: none */
	const char *target; /* in the rootfs */
	const char *source, *type, *data;
	const char *
		data_if_unmapped; /* when data was refused, which may be for an id that is not mapped; NULL: no second try */
	unsigned long flags;      /* MS_*, without propagation */
	const unsigned long *propagation; /* one mount(2) each, in order */
	size_t n_propagation;
	uint64_t rec_set, rec_clear; /* MOUNT_ATTR_* for the whole tree, after mounting (rro, ...) */
	struct op_tree fallback;     /* to use when mounting is refused (EPERM, EBUSY) */
};

struct op_device {
	const char *path;
	mode_t mode; /* type and permissions */
	dev_t dev;
	uid_t uid;
	gid_t gid;
	struct op_tree tree; /* the host's node, where mknod is not allowed; no path: there is none */
	bool bind;           /* do not even try mknod */
	bool keep_existing;  /* default devices: what is there stays */
};

struct op_link {
	const char *path, *target;
};

struct op_path {
	const char *path;
};

struct op_keyring {
	const char *name;
	uint32_t permissions; /* added to those that it has: KEY_USR_SEARCH ... */
	const char *label;    /* SELinux's; NULL: none */
};

struct op_mask {
	const char *path;
	const char *data; /* options of the tmpfs that covers a directory */
};

struct op_flags {
	unsigned long flags;
	const char *path;
};

struct op_rootfs {
	struct op_tree tree; /* attached at its path */
	bool anywhere;       /* another place will do */
};

struct op_pivot {
	bool no_pivot;      /* MS_MOVE and chroot */
	bool chroot_only;   /* no mount namespace of its own */
	bool may_propagate; /* the old root is shared: cut it off before it is unmounted */
};

struct op_console {
	int slave_fd;  /* a terminal that is there already; -1: one is made */
	int socket_fd; /* gets the master of the one that is made */
	unsigned short height, width;
	bool bind;           /* put it on /dev/console */
	bool plain_newlines; /* it ends lines with newlines alone */
	uid_t uid;           /* owner of the slave */
};

struct op_sysctl {
	const char *path; /* "net/ipv4/ip_forward", below /proc/sys */
	const char *value;
};

struct op_remount {
	const char *path;    /* in the container; NULL: the rootfs */
	uint64_t set, clear; /* MOUNT_ATTR_* */
};

struct op_hook {
	const char *path;
	char **argv;
	char **env;
	const char *state_head, *state_tail; /* its stdin: head, our pid, tail; without a tail the head alone */
	int timeout_ms;                      /* -1: none */
	const char *cwd;                     /* NULL: where we are */
	int out_fd, err_fd;                  /* -1: inherited */
	bool out_kept, err_kept;             /* only the beginning of what it writes gets into that file */
};

/* Bytes of an output of a hook that are kept for its error message. */
#define HOOK_OUTPUT_MAX 16384

/* struct sched_attr of the kernel, version 0. */
struct op_scheduler {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

struct op_memory_policy {
	int mode; /* with MPOL_F_* */
	const unsigned long *nodes;
	unsigned long n_bits; /* 0: no nodes */
};

struct op_affinity {
	const unsigned long *mask; /* NULL: every CPU of the cpuset */
	size_t size;               /* in bytes */
};

struct op_credentials {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t n_groups;
	bool keep_groups;       /* the annotation asks for it */
	uint64_t bounding_drop; /* capabilities to drop from the bounding set */
	uint64_t effective, permitted, inheritable, ambient;
	bool set_securebits;
	uint32_t securebits; /* SECBIT_* */
	bool keep_sys_admin; /* until STEP_SECCOMP is done */
	mode_t umask;
};

struct op_seccomp {
	const struct sock_fprog *program;
	unsigned int flags;
};

struct op_close_fds {
	int keep_from; /* 3 and the preserved ones, which the program shall have; the first that it shall not */
};

struct op_own_stdio {
	uid_t uid;
	gid_t gid;     /* of pipes; what has a name keeps its group */
	bool own_null; /* the container's /dev/null takes the place of the host's */
};

struct op_environment {
	uid_t uid;
	char **home_slot; /* where to put "HOME=..."; NULL: it is there already */
};

struct child_op {
	enum child_step step;
	int number; /* what failed, for the sentence: index in the document's array, or -1 */
	union {
		struct op_join join;
		struct op_mount mount;
		struct op_device device;
		struct op_link link;
		struct op_path path;
		struct op_keyring keyring;
		struct op_mask mask;
		struct op_flags flags;
		struct op_rootfs rootfs;
		struct op_pivot pivot;
		struct op_console console;
		struct op_sysctl sysctl;
		struct op_remount remount;
		struct op_hook hook;
		struct op_scheduler scheduler;
		struct op_memory_policy memory_policy;
		struct op_affinity affinity;
		struct op_credentials credentials;
		struct op_seccomp seccomp;
		struct op_close_fds close_fds;
		struct op_own_stdio own_stdio;
		struct op_environment environment;
	};
};

/* The whole plan. */
struct child_plan {
	struct child_op *ops;
	size_t n_ops;
	struct child_op *joins; /* of the process in between; with none there is no such process */
	size_t n_joins;
	uint64_t clone_flags; /* namespaces of the last clone */
	int sock_fd;          /* the child's end of the seqpacket socket */
	/* Of `create`, both read and write, close-on-exec; -1 for other commands. */
	int go_fd;                    /* exec.fifo: blocks until start writes, whoever came and went before */
	int start_fd;                 /* where start reads how it went; its end of file is the execve */
	int hook_out_fd, hook_err_fd; /* what startContainer hooks write; -1: there are none */
	uint64_t ignored_signals;     /* to be reset to their defaults, bit n-1 for signal n */
	const char *name;             /* for ps(1) while it is ours */
	char **argv, **env;           /* of the program; the vectors are writable */
};

/* Messages over the socket. Child to parent: one struct child_report. Parent to child: one byte. */
enum child_message {
	MESSAGE_FAILED = 1, /* step, index, part, err, value */
	MESSAGE_PID,        /* value: the container's process, in the parent's pid namespace */
	MESSAGE_HOOKS,      /* run prestart and createRuntime now, then say REPLY_HOOKS; of STEP_START_HOOK: hooks that
			     run as long as they like come before the execve */
	MESSAGE_READY,      /* everything is set up: limits, state, then REPLY_GO */
	MESSAGE_CREATED,    /* the program was found; waiting for start */
	MESSAGE_LISTENER,   /* value: our descriptor of the filter's listener, for the agent; then REPLY_GO */
	MESSAGE_MAP_IDS,    /* value: our descriptor of a tree whose ids we may not map; then REPLY_GO */
	MESSAGE_EXECUTES,   /* execve comes next: the end of file that follows means that it succeeded */
};

enum child_reply { REPLY_MAPS = 'm', REPLY_CGROUP = 'c', REPLY_HOOKS = 'h', REPLY_GO = 'g' };

struct child_report {
	int32_t message; /* enum child_message */
	int32_t step;
	int32_t index;  /* in plan->ops (plan->joins for STEP_JOIN) */
	int32_t number; /* the step's own */
	int32_t part;
	int32_t err; /* errno value */
	int32_t value;
};
