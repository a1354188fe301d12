/* From a spec to what the child does (child/plan.h): strings built, files opened, ids mapped; nothing is changed but
 * descriptors opened. plan_*.c each append their steps; order.c puts them into the one right order. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "child/plan.h"
#include "runtime/mount_options.h"
#include "runtime/seccomp.h"
#include "runtime/self.h"
#include "runtime/spec.h"
#include "runtime/spec_table.h"
#include "runtime/state.h"

/* What the command line and the caller add to the spec. */
struct plan_request {
	const struct spec *spec; /* of the container; NULL for exec */
	const struct spec_process *process;
	const struct container *container;
	const struct self *self;
	const struct seccomp_filter *filter;
	bool no_pivot, no_new_keyring;
	int preserved;        /* descriptors from 3 on that the container keeps */
	int listen_fds;       /* of these, sockets of LISTEN_FDS */
	int console_fd;       /* socket that gets the terminal, -1: none */
	int terminal_fd;      /* the terminal to use, -1: one is made, for console_fd */
	bool plain_newlines;  /* its output goes to a file or a pipe of our caller: no carriage returns */
	int go_fd, start_fd;  /* the FIFOs of start, -1: none (run, exec) */
	int hook_out_fd, hook_err_fd; /* where start looks for what startContainer hooks wrote, -1: there are none */
	bool keep_sys_groups; /* leave the caller's supplementary groups */
};

typedef struct Plan Plan;
struct Plan {
	struct child_plan child; /* complete after plan_finish */
	struct plan_request request;
	SpecPool *pool;      /* strings and arrays of the steps */
	GArray *ops, *joins; /* struct child_op */
	GArray *fds;         /* closed with the plan */

	/* For the parent, around the clone. */
	uint64_t created;     /* CLONE_NEW* the container's process begins with */
	const char *context_kind;  /* of linux.mountLabel: "context"; NULL: there is no label */
	bool in_between;      /* a process in between joins namespaces first */
	int pid_namespace_fd; /* the parent's children go there; -1: none */
	bool write_maps;      /* a user namespace is made */
	char *time_offsets;   /* for /proc/self/timens_offsets; NULL: none */
	bool tell_cgroup;     /* the child waits for REPLY_CGROUP */
	bool has_runtime_hooks;
	bool unprivileged;            /* we have no rights but over namespaces of our own */
	bool child_opens;             /* trees of the host: we may not, or the kernel cannot */
	int hook_out_fd, hook_err_fd; /* what createContainer hooks have written; -1: there are none */
};

/* The steps of a container's first process. NULL with an error. Free with plan_free. */
Plan *plan_container(const struct plan_request *request, GError **error);

/* The steps of another process in a running container. */
Plan *plan_exec(const struct plan_request *request, GError **error);

void plan_free(Plan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)

/* What failed, as a sentence without the errno text's prefix: "error mounting ...: no such file or directory". */
char *plan_failure_text(const Plan *plan, const struct child_report *report);

/* For plan_*.c. */

/* Appends a step (zeroed, descriptors in the union must be set) and returns it; it moves when the next is appended. */
struct child_op *plan_add(Plan *plan, enum child_step step, int number);

/* Takes a descriptor, to be closed with the plan; returns it. */
int plan_take_fd(Plan *plan, int fd);

/* The namespace of that kind which config.json names by its path, the plan's own; -1 when there is none. */
int plan_joined_namespace(const Plan *plan, enum spec_namespace_type type);

/* Copies that live as long as the plan. */
char *plan_printf(Plan *plan, const char *format, ...) G_GNUC_PRINTF(2, 3);
void *plan_memdup(Plan *plan, const void *data, size_t size);
char **plan_strv(Plan *plan, const char *const *list); /* the vector; the strings are borrowed */

/* A destination in config.json as an absolute path without "." and "..". */
char *plan_clean_path(Plan *plan, const char *path);

bool plan_has_namespace(const Plan *plan, enum spec_namespace_type type);

bool plan_namespaces(Plan *plan, GError **error);
/* A session keyring for the process. */
void plan_keyring(Plan *plan);
bool plan_rootfs(Plan *plan, GError **error);
bool plan_mounts(Plan *plan, GError **error);
/* Options of a new file system, with linux.mountLabel; borrowed, or the plan's own. */
const char *plan_labelled(Plan *plan, const char *data);
/* The user namespace for a mount whose ids are mapped, if they are. */
bool plan_mount_idmap(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	struct op_tree *t, GError **error);
/* What it means that the kernel refused that (errno): "mounts[1].uidMappings: ...". Free with g_free. */
char *plan_idmap_text(const struct op_tree *t, int number, int err);
/* plan_made.c: file systems that the parent makes. Whether this is one. */
bool plan_made_wanted(const struct spec_mount *m, const struct mount_options *o);
/* That performInIntermediateNamespace can be done. */
bool plan_made_check(const Plan *plan, const struct spec_mount *m, int number, GError **error);
/* The device of options loop and dm=, held by the plan; *ret_device is its path. */
bool plan_made_device(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	const char **ret_device, GError **error);
/* Makes the file system that mount is about, and gives mount its tree. Where the kernel cannot, mount stays as it is. */
bool plan_made_mount(Plan *plan, int number, struct op_mount *mount, GError **error);
/* Sets the attributes of wanted on the rootfs. */
bool plan_made_root(Plan *plan, const struct op_tree *wanted, int number, GError **error);

bool plan_cgroup_mount(
	Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number, GError **error);
bool plan_devices(Plan *plan, GError **error);
bool plan_console(Plan *plan, GError **error);
bool plan_paths(Plan *plan, GError **error);
bool plan_hooks(Plan *plan, GError **error);
bool plan_process(Plan *plan, GError **error);

/* The propagation that the root of the mount namespace gets first: MS_SLAVE | MS_REC unless the spec says otherwise. */
unsigned long plan_root_propagation(const struct spec *spec);

/* Completes t (its path, attributes and propagation are given; those are copied) with the propagation that it would have
 * had in the container's namespace, and opens it, or leaves it for the child where we may not. 0, or -errno and what
 * failed. */
int plan_open_tree(Plan *plan, struct op_tree *t, enum child_part *ret_part);

/* Of mounts[number]: "open /x: No such file or directory". Free with g_free. */
char *plan_tree_failure_text(const struct op_tree *t, int number, enum child_part part, int err);

/* The sorting of the steps (order.c). */
void order_sort(GArray *ops);

/* Why a step comes before another. */
struct order_rule {
	enum child_step before, after;
	const char *reason;
};
extern const struct order_rule order_rules[];
extern const size_t n_order_rules;

/* The place of a step in the order. */
int order_position(enum child_step step);
