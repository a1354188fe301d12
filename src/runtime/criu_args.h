/* What checkpoint and restore have in common, from options to criu's. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/options.h"
#include "runtime/cgroup.h"
#include "runtime/command.h"
#include "runtime/criu.h"
#include "runtime/spec.h"
#include "runtime/state.h"

#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
struct checkpoint_cli {
#include "runtime/checkpoint_options.def"
};
struct restore_cli {
#include "runtime/restore_options.def"
};
#undef OPTION

/* File of the images that names what the container's 0, 1 and 2 were; runc's, which reads ours. */
#define CRIU_DESCRIPTORS "descriptors.json"

/* Directories for one operation. */
struct criu_dirs {
	char *images, *work; /* absolute */
	int images_fd, work_fd;
};

#define CRIU_DIRS_INIT                                                                                                 \
	{                                                                                                              \
		.images_fd = -1, .work_fd = -1                                                                         \
	}

/* Opens them; make: those that are missing are made (0700). NULL and "" count as not given. */
bool criu_dirs_open(struct criu_dirs *dirs, const char *image_path, const char *work_path, bool make, GError **error);
/* The same directories, on the same numbers, as the present mount namespace has them. */
bool criu_dirs_reopen(const struct criu_dirs *dirs, GError **error);

void criu_dirs_clear(struct criu_dirs *dirs);

/* Of the options that both have; text values NULL when not given. */
struct criu_common {
	bool tcp_established, ext_unix_sk, shell_job, lazy_pages, file_locks, auto_dedup;
	const char *manage_cgroups_mode, *network_lock;
	bool shares_cgroups; /* see criu_shares_cgroups */
	char *const *empty_ns;
};

/* A criu_common from a struct that was made with criu_options.def. */
#define CRIU_COMMON(o)                                                                                                 \
	{                                                                                                              \
		.tcp_established = (o)->tcp_established, .ext_unix_sk = (o)->ext_unix_sk, .shell_job = (o)->shell_job, \
		.lazy_pages = (o)->lazy_pages, .file_locks = (o)->file_locks, .auto_dedup = (o)->auto_dedup,           \
		.manage_cgroups_mode = (o)->manage_cgroups_mode, .network_lock = (o)->network_lock,                    \
		.empty_ns = (o)->empty_ns,                                                                             \
	}

/* Whether process pid is, in some hierarchy, in no cgroup of cg (may be NULL). criu would take all that is below its place
 * there for the container's, and a restore would make it again: so cgroups are left alone unless asked for. */
bool criu_shares_cgroups(const Cgroup *cg, pid_t pid, bool *ret_shares, GError **error);

/* Appends them, the directories and the configuration file (annotation org.criu.config, else /etc/criu/runc.conf). */
bool criu_put_common(GByteArray *opts, const struct criu_common *o, const struct criu_dirs *dirs,
	const struct spec_map *annotations, GError **error);

/* The criu to execute: --criu, else "criu". */
const char *criu_program(const struct globals *globals);

/* Whether a mount brings something of the host's into the container. */
bool criu_mount_is_bind(const struct spec_mount *mount);

/* Whether what a mount of type cgroup shows is bound from the host's cgroup2, there being no cgroup namespace. */
bool criu_binds_unified(const struct container *c);

/* The file of a namespace that is joined by path, for criu: "net[INODE]" and the key that both sides know it by. */
const char *criu_namespace_key(enum spec_namespace_type type);
