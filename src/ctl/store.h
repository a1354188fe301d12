/* The directory of containers:
 *
 *	ROOT/containers/ID/   one container; also the bundle that monitor and runtime are given
 *	ROOT/runtime/         the runtime's --root
 *
 * The lock of a container is flock(2) on its directory. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/command.h"
#include "ctl/record.h"

/* Names in a container's directory (some of them in a session's too). */
#define STORE_LOG         "container.log"
#define STORE_EXIT_DIR    "exit"
#define STORE_OUTCOME     "outcome.json" /* how it ended, written once before anything is removed */
#define STORE_PID_FILE    "pidfile"
#define STORE_MONITOR_PID "monitor.pid"
#define STORE_SESSIONS    "exec"

/* One container of the store. Opaque but for what everybody reads. */
typedef struct Container {
	char *id;
	char *path; /* absolute path of its directory */
	char *runtime_root;
	int dir_fd;
	int lock_fd; /* -1: not locked by us */
	bool has_record;
	struct record record;
} Container;

void container_free(Container *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Container, container_free)

/* The directory of all containers: a descriptor, or -1 with *error (code ENOENT: there is none yet, and create is false).
 * Only we may write there, or that is the error. */
int store_open(const struct ctl *ctl, bool create, GError **error);

/* Whether a container can have this id: a file's name of letters, digits, _ + - and . only. */
bool store_check_id(const char *id, GError **error);

/* Whether only we may write in the directory fd: what is read there decides which processes are signalled and which files
 * removed. path goes in the message. */
bool store_check_owner(int fd, const char *path, GError **error);

/* Makes the directory of a new container and locks it. An id that exists, or is none, is an error. */
Container *container_new(const struct ctl *ctl, const char *id, GError **error);

/* Opens a container, unlocked. Without a readable record has_record is false (left-over of a tool that died). */
Container *container_open(const struct ctl *ctl, const char *id, GError **error);

/* As container_open, but without a record it fails. */
Container *container_open_known(const struct ctl *ctl, const char *id, GError **error);

/* The same of one that is open: the record is read if it was not; ENOENT where there is none. */
bool container_require_record(Container *c, GError **error);

/* Waits for the lock, at most seconds, and reads the record again. The container may have gone meanwhile: an error. */
bool container_lock(Container *c, int seconds, GError **error);
void container_unlock(Container *c);

/* Whether somebody else holds the lock now. */
bool container_is_locked(const Container *c);

/* flock(2), exclusive, with a deadline: 0, -EINTR when it has passed, or another -errno. */
int store_flock(int fd, int seconds);

/* Saves the record. */
bool container_save(Container *c, GError **error);

/* Removes the directory. The caller holds the lock. */
bool container_remove(Container *c, GError **error);

/* Removes the directory name of dir_fd with all below it, without following symbolic links. What has gone already is
 * fine. */
bool store_remove_tree(int dir_fd, const char *name, GError **error);

/* Ids of all containers, sorted; free with g_ptr_array_unref. An absent root has none. */
GPtrArray *store_list(const struct ctl *ctl, GError **error);
