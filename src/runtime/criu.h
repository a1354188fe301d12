/* criu (https://criu.org), by its RPC: `criu swrk FD` answers one request over a seqpacket socket. Numbers of fields and
 * requests are those of its rpc.proto. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

enum criu_type { CRIU_DUMP = 1, CRIU_RESTORE = 2, CRIU_PRE_DUMP = 4 };

enum criu_cgroups { CRIU_CGROUPS_IGNORE = 0, CRIU_CGROUPS_SOFT = 3, CRIU_CGROUPS_FULL = 4, CRIU_CGROUPS_STRICT = 5 };

/* Fields of the options message. */
enum criu_opt {
	CRIU_IMAGES_DIR_FD = 1, /* descriptors are ours: criu opens them through our /proc/PID/fd */
	CRIU_PID = 2,
	CRIU_LEAVE_RUNNING = 3,
	CRIU_EXT_UNIX_SK = 4,
	CRIU_TCP_ESTABLISHED = 5,
	CRIU_SHELL_JOB = 7,
	CRIU_FILE_LOCKS = 8,
	CRIU_LOG_LEVEL = 9,
	CRIU_LOG_FILE = 10,
	CRIU_PAGE_SERVER = 11,
	CRIU_NOTIFY_SCRIPTS = 12,
	CRIU_ROOT = 13,
	CRIU_PARENT_IMG = 14,
	CRIU_TRACK_MEM = 15,
	CRIU_AUTO_DEDUP = 16,
	CRIU_WORK_DIR_FD = 17,
	CRIU_LINK_REMAP = 18,
	CRIU_MANAGE_CGROUPS = 24,
	CRIU_CG_ROOT = 25,
	CRIU_RST_SIBLING = 26,
	CRIU_INHERIT_FD = 27, /* these are numbers in criu */
	CRIU_MANAGE_CGROUPS_MODE = 34,
	CRIU_EXTERNAL = 37,
	CRIU_EMPTY_NS = 38,
	CRIU_JOIN_NS = 39,
	CRIU_FREEZE_CGROUP = 44,
	CRIU_TCP_SKIP_IN_FLIGHT = 46,
	CRIU_LAZY_PAGES = 48,
	CRIU_ORPHAN_PTS_MASTER = 50,
	CRIU_CONFIG_FILE = 51,
	CRIU_TCP_CLOSE = 52,
	CRIU_LSM_PROFILE = 53,
	CRIU_LSM_MOUNT_CONTEXT = 63,
	CRIU_NETWORK_LOCK = 64,
};

/* What criu tells on the way ("post-restore"); fd: a descriptor that came with it, -1, ours only during the call. An
 * error ends the operation. */
typedef bool (*criu_notify_fn)(const char *what, pid_t pid, int fd, void *user, GError **error);

typedef struct Criu Criu;

/* Starts program (a path, or a name to be found in $PATH) with descriptors 0, 1 and 2 of ours, close to nothing else
 * open but the n descriptors of inherit, which it has as 3, 4, ... Its log will be log_file in work_dir (a path). */
Criu *criu_start(
	const char *program, const int *inherit, int n, const char *work_dir, const char *log_file, GError **error);

/* Of the criu that was started. */
pid_t criu_pid(const Criu *criu);

/* How long criu may be silent, in its log too, before it is given up; negative: for ever. Two minutes unless this is called. */
void criu_set_silence(Criu *criu, int ms);

/* Makes the request and waits for its end, however long while criu does something: memory may be large. A criu that dies
 * is seen; SIGINT, SIGTERM, SIGHUP and SIGQUIT end the waiting. opts: the options message. The error says why, from criu's
 * log. */
bool criu_call(
	Criu *criu, enum criu_type type, const GByteArray *opts, criu_notify_fn notify, void *user, GError **error);

/* Ends it: it has five seconds to come to an end by itself. */
void criu_free(Criu *criu);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Criu, criu_free)

/* For messages of options. */
void criu_put_external(GByteArray *opts, const char *format, ...) G_GNUC_PRINTF(2, 3);
void criu_put_inherit(GByteArray *opts, const char *key, int fd);
void criu_put_flag(GByteArray *opts, enum criu_opt option, bool on);
