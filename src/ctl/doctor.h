/* What this host offers to containers, what it lacks, and what dead ones have left: findings, each with a remedy where there
 * is one. Looking changes nothing: files are read, and system calls are tried in a child with arguments that they refuse.
 *
 * Files are found below root_fd, so that tests can have hosts of their own making. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl/command.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE,    /* not there, and nobody needs to mind: there is another way, or it is for special wishes */
	DOCTOR_WARNING, /* something that containers usually want does not work, or something was left behind */
	DOCTOR_PROBLEM, /* containers do not work */
};

struct doctor_finding {
	const char *area; /* "cgroups": findings of one area stand together */
	char *name;
	enum doctor_level level;
	char *text;
	char *remedy; /* NULL: none is known, or none is needed */
};

/* The host, and what was found. The strings are borrowed. */
struct doctor {
	int root_fd;             /* of "/", but in tests */
	uid_t uid;               /* who is to run containers */
	const char *user;        /* the name; NULL: unknown */
	const char *runtime_dir; /* $XDG_RUNTIME_DIR; NULL: not set */
	const char *path;        /* $PATH */
	GPtrArray *findings;     /* of struct doctor_finding */
};

/* A doctor without findings; free what it holds with doctor_clear. */
void doctor_init(struct doctor *d, int root_fd, uid_t uid);
void doctor_clear(struct doctor *d);

/* Adds a finding; area and name are as in struct doctor_finding, remedy is copied (NULL: none). */
void doctor_add(struct doctor *d, const char *area, const char *name, enum doctor_level level, const char *remedy,
	const char *format, ...) G_GNUC_PRINTF(6, 7);

/* The worst level of all. */
enum doctor_level doctor_verdict(const struct doctor *d);

/* "ok", "note", "warning", "problem". */
const char *doctor_level_name(enum doctor_level level);

/* For people (many lines), and as a JSON document; free with g_free. */
char *doctor_table(const struct doctor *d);
char *doctor_json(const struct doctor *d);

/* The whole file (path without leading slash), its end trimmed; NULL when it cannot be read. Free with g_free. */
char *doctor_read(const struct doctor *d, const char *path);

/* Whether there is a file of that path; symbolic links at the end are not followed. */
bool doctor_exists(const struct doctor *d, const char *path);

/* Looks a program up in $PATH: its path without leading slash, or NULL. Free with g_free. */
char *doctor_find_program(const struct doctor *d, const char *name);

/* The areas. Each adds a finding for all that it looked at. */
void doctor_cgroups(struct doctor *d);
void doctor_security(struct doctor *d);
void doctor_namespaces(struct doctor *d);
void doctor_rootless(struct doctor *d);
void doctor_systemd(struct doctor *d);
void doctor_limits(struct doctor *d);

/* What the kernel can be asked for. */
enum doctor_feature {
	FEATURE_CLONE3,
	FEATURE_CLONE_INTO_CGROUP,
	FEATURE_OPENAT2,
	FEATURE_OPEN_TREE,
	FEATURE_MOVE_MOUNT,
	FEATURE_MOUNT_SETATTR,
	FEATURE_IDMAPPED_MOUNTS,
	FEATURE_FSOPEN,
	FEATURE_PIDFD_OPEN,
	FEATURE_PIDFD_SEND_SIGNAL,
	FEATURE_PIDFD_GETFD,
	FEATURE_PIDFD_EXIT,
	FEATURE_CLOSE_RANGE,
	FEATURE_MEMFD,
	FEATURE_MEMFD_EXEC,
	FEATURE_EXECVEAT,
	FEATURE_BPF_DEVICES,
	N_DOCTOR_FEATURES,
};

/* Tries it: 0 when it is there, or -errno: ENOSYS, EINVAL or the like when the kernel lacks it, EPERM or EACCES when we may
 * not use it, ETIMEDOUT when there was no answer, EBADE when asking ended the child that asked. */
typedef int (*doctor_probe_fn)(enum doctor_feature feature);

/* The real one: each try is made by a child of its own. */
int doctor_probe(enum doctor_feature feature);

void doctor_kernel(struct doctor *d, doctor_probe_fn probe);

/* What tallyctl's containers have left, below ctl->root. */
void doctor_left_containers(struct doctor *d, const struct ctl *ctl);

/* What tallyrun's have: root is an absolute path; a directory that is not there has nothing. Ids that skip says yes to are
 * left out (NULL: none). */
void doctor_left_states(
	struct doctor *d, const char *root, bool (*skip)(const char *id, const void *user), const void *user);
