/* The child: walks a plan's steps. */
#pragma once

#include "base/inroot.h"
#include "child/plan.h"

/* What the steps share while they run. */
struct child {
	const struct child_plan *plan;
	const struct child_op *op; /* the step under way */
	struct inroot root;  /* the rootfs; after the pivot "/" */
	int proc_fd;         /* a procfs that nobody else sees (child_proc_open), -1 until it is needed */
	bool mount2;         /* the kernel lacks the newer mount calls */
	int sock_fd;         /* to the parent, -1 once it is gone */
	int go_fd, start_fd; /* the FIFOs of start, -1: not used */
	int hook_out_fd, hook_err_fd; /* of startContainer hooks, -1: there are none */
	int report_fd;       /* where a failure is told: the socket, later the FIFO of start; -1: nobody listens */
	int dir_fd;          /* the directory of the last node or link, -1 */
	char dir_path[64];   /* its path */
	int part, value;     /* of a failure, set by the step */
	mode_t caller_umask; /* ours is 0 while we build */
	int mask_fd;         /* the empty directory that lies over masked ones, -1: none yet */
	int listener_fd;     /* of the filter just loaded, close-on-exec; -1: it has none */
	char home[4096 + 8]; /* "HOME=..." */
	char program[4096];  /* what will be executed */
};

/* Each step returns 0 or -errno. */
typedef int (*child_step_fn)(struct child *c, const struct child_op *op);

/* Runs the whole plan; does not return. Without a process in between (plan->joins) this is the container's first process
 * already. in_between: this is that process; it clones the container's one as its sibling. */
_Noreturn void child_main(const struct child_plan *plan, bool in_between);

/* Failure with its part: `return child_fail(c, PART_MOUNT)` is -errno. */
int child_fail(struct child *c, enum child_part part);

/* The same for an error in hand (-errno); keeps results that are not negative. */
int child_result(struct child *c, enum child_part part, int result);

/* Sends a report; a parent that is gone is no error. */
void child_report(struct child *c, enum child_message message, const struct child_op *op, int err);

/* Waits for the parent's byte. -EPIPE when the parent is gone. */
int child_wait(struct child *c, enum child_reply reply);

/* child_ns.c */
int step_join(struct child *c, const struct child_op *op);
int step_start(struct child *c, const struct child_op *op);
int step_affinity(struct child *c, const struct child_op *op);
int step_wait_maps(struct child *c, const struct child_op *op);
int step_root_ids(struct child *c, const struct child_op *op);
int step_ipc_namespace(struct child *c, const struct child_op *op);
int step_session(struct child *c, const struct child_op *op);
int step_keyring(struct child *c, const struct child_op *op);
int step_cgroup_namespace(struct child *c, const struct child_op *op);
int step_enter_root(struct child *c, const struct child_op *op);
int step_loopback(struct child *c, const struct child_op *op);
int step_time_namespace(struct child *c, const struct child_op *op);
int step_hostname(struct child *c, const struct child_op *op);
int step_domainname(struct child *c, const struct child_op *op);
/* child_root.c */
int step_propagation(struct child *c, const struct child_op *op);
int step_parent_private(struct child *c, const struct child_op *op);
int step_rootfs(struct child *c, const struct child_op *op);
int step_hide(struct child *c, const struct child_op *op);
int step_pivot(struct child *c, const struct child_op *op);
int step_root_propagation(struct child *c, const struct child_op *op);
int step_remount(struct child *c, const struct child_op *op);
int step_readonly_path(struct child *c, const struct child_op *op);
int step_masked_path(struct child *c, const struct child_op *op);
/* child_mount.c */
int step_mount(struct child *c, const struct child_op *op);
/* child_copyup.c: fills the directory to_fd with what is in from_fd, with owners, modes and times. */
int child_copy_tree(int from_fd, int to_fd, int depth);
/* child_dev.c */
int step_device(struct child *c, const struct child_op *op);
int step_link(struct child *c, const struct child_op *op);
int step_console(struct child *c, const struct child_op *op);
int step_own_stdio(struct child *c, const struct child_op *op);
/* child_proc.c */
int child_proc_open(struct child *c);
int step_sysctl(struct child *c, const struct child_op *op);
int step_apparmor(struct child *c, const struct child_op *op);
int step_selinux(struct child *c, const struct child_op *op);
/* Keys that we make from here on get that label; execve ends it. 0 or -errno. */
int child_label_keys(struct child *c, const char *label);
/* child_hook.c */
int step_container_hook(struct child *c, const struct child_op *op);
int step_start_hook(struct child *c, const struct child_op *op);
/* child_cred.c */
int step_scheduler(struct child *c, const struct child_op *op);
int step_io_priority(struct child *c, const struct child_op *op);
int step_personality(struct child *c, const struct child_op *op);
int step_memory_policy(struct child *c, const struct child_op *op);
int step_core_sched(struct child *c, const struct child_op *op);
int step_alt_syscall(struct child *c, const struct child_op *op);
int step_no_new_privileges(struct child *c, const struct child_op *op);
int step_credentials(struct child *c, const struct child_op *op);
int step_seccomp(struct child *c, const struct child_op *op);
int step_listener(struct child *c, const struct child_op *op);
int step_drop_last(struct child *c, const struct child_op *op);
/* child_exec.c */
int step_make_cwd(struct child *c, const struct child_op *op);
int step_cwd(struct child *c, const struct child_op *op);
int step_check_cwd(struct child *c, const struct child_op *op);
int step_close_fds(struct child *c, const struct child_op *op);
int step_environment(struct child *c, const struct child_op *op);
int step_find_program(struct child *c, const struct child_op *op);
int step_created(struct child *c, const struct child_op *op);
int step_exec(struct child *c, const struct child_op *op);
