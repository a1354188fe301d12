/* What tallyrun knows about a container between its commands: ROOT/ID/state.json (outer keys as runc's, which others
 * read) and the FIFO of start. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/json.h"
#include "runtime/cgroup.h"
#include "runtime/rdt.h"
#include "runtime/spec.h"

#define STATE_FILE     "state.json"
#define STATE_FIFO     "exec.fifo"
#define STATE_HOOK_OUT "hook.out" /* what startContainer hooks write, for start */
#define STATE_HOOK_ERR "hook.err"
#define STATE_NOTE     "creating.json" /* of a create under way */
#define STATE_NOTIFY   "notify"        /* directory of the socket for readiness; absent where nobody wants to hear of it */
#define STATE_PROCESS  "process.json"  /* the process object that create was given: what exec starts from */
#define STATE_FILTER                                                                                                   \
	"seccomp.bpf" /* the container's filter for exec: seccomp(2)'s flags (unsigned int) and the
				      program; absent without seccomp */

enum status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

/* "creating", "created", ... */
const char *status_name(enum status status);

struct container {
	char *id;
	char *path; /* absolute path of the state directory, ROOT/ID */
	int dir_fd; /* the state directory */
	int pid_fd; /* pidfd of init, verified by its start time; -1: init is gone */

	char *bundle;  /* absolute */
	char *rootfs;  /* absolute */
	char *created; /* RFC 3339 UTC, nanoseconds, trailing zeros cut */
	pid_t pid;     /* of init, 0 before it exists */
	uint64_t start_ticks;
	struct spec_map annotations;
	bool own[N_NS_TYPES];      /* namespaces that are private to the container (created or joined) */
	bool shared_pid_namespace; /* no pid namespace of its own (none, or joined): signals must reach the whole cgroup */
	bool no_new_keyring;
	char *personality;           /* linux.personality.domain, which exec's processes have as well; NULL: none */
	char *alt_syscall;           /* linux.altSyscall, likewise; NULL: none */
	struct spec_uint securebits; /* SECBIT_*, by linux.skipSecurebits, likewise */
	bool core_sched;             /* linux.coreSched, likewise */
	/* linux.memoryPolicy, for exec as well; borrowed from the document or from json. NULL: none. */
	const char *memory_policy_mode, *memory_policy_nodes;
	const char **memory_policy_flags;
	/* Of the agent that answers for SCMP_ACT_NOTIFY (linux.seccomp): absolute path; NULL: there is none. */
	char *listener_path, *listener_metadata;
	char *systemd_unit;          /* the scope that its cgroup is; NULL: none */
	bool systemd_user;           /* of the user's own manager */
	char **external_descriptors; /* what init's 0, 1, 2 are */
	struct spec_hook_list poststart, poststop;
	Rdt *rdt;           /* groups of linux.intelRdt; NULL: none */
	GPtrArray *devices; /* names of the device-mapper devices that a create makes (char *); NULL: it is none */
	Cgroup *cgroup;     /* NULL with --cgroup-manager disabled */
	yajl_val json; /* the parsed state.json (NULL for one being created); annotations and hooks borrow from it */
	void *pool;
};

/* Checks an id against runc's rule (letters, digits, "_+-.", not "." or ".."); texts as runc's. */
bool container_check_id(const char *id, GError **error);

/* Opens ROOT/ID and reads its state. Error "container does not exist" when there is no directory or no state.json in
 * it, or when the id is not well-formed. Free with container_free. */
struct container *container_open(const char *root, const char *id, GError **error);

/* Makes ROOT (0700, with parents) and ROOT/ID (0711). "container with given ID already exists". */
struct container *container_new(const char *root, const char *id, GError **error);

/* Notes the cgroups, RDT groups and devices of a container that is being made, for a delete after we have been killed;
 * container_save removes the note. */
bool container_note(const struct container *c, GError **error);

/* Adds the name of a device-mapper device that is about to be made, and notes it. For a container of container_new. */
bool container_note_device(const struct container *c, const char *name, GError **error);

/* What a create which was killed has noted. */
struct container_left {
	Cgroup *cgroup; /* NULL: none */
	Rdt *rdt;       /* NULL: none */
	GStrv devices;  /* NULL: none */
};

/* Reads that for ROOT/ID; all is NULL where nothing has been noted. To be cleared. */
struct container_left container_left_over(const char *root, const char *id);

void container_left_clear(struct container_left *left);
typedef struct container_left ContainerLeft;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ContainerLeft, container_left_clear)

/* Writes state.json whole (0600). */
bool container_save(const struct container *c, GError **error);

/* Stopped when init is gone, a zombie or another process; else paused (cgroup frozen), created (FIFO there), running. */
enum status container_status(const struct container *c);

/* Removes ROOT/ID with what is in it; nothing else is touched. A directory that is gone is no error. */
bool container_remove_dir(const char *root, const char *id, GError **error);

/* The state as the OCI wants it (id, status, pid, bundle, annotations), one compact line: what hooks get. pid 0 is left
 * out. Free with g_free. */
char *container_oci_state(const struct container *c, enum status status, pid_t pid);

/* The same as a member of a larger document. */
void container_put_oci_state(JsonWriter *w, const char *key, const struct container *c, enum status status, pid_t pid);

void container_free(struct container *c);
typedef struct container Container;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Container, container_free)
