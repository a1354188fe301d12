/* A container directory as run_oci makes it, for hooks and people:
 *
 *	DIR/ID/.run_oci                     empty: this directory is ours
 *	DIR/ID/config.json                  -> the bundle's
 *	DIR/ID/container.pid                the first process, decimal, with a newline
 *	DIR/ID/log                          -> the log file, if there is one
 *	DIR/ID/mountpoints/container-root   -> the root file system
 *	DIR/ID/store                        -> the container's directory in tallyctl's own store
 *
 * What hooks mount below it is unmounted when it is removed. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct OciDir {
	char *path; /* absolute */
	int fd;
	int parent_fd;
} OciDir;

void oci_dir_free(OciDir *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OciDir, oci_dir_free)

/* Where these directories are: given, or /run/containers for root, $XDG_RUNTIME_DIR/containers for others. Free with
 * g_free; NULL with *error. */
char *oci_dir_parent(const char *given, GError **error);

/* Makes DIR/ID, which must not exist, with everything but the pid; log may be NULL. The paths are absolute. What fails
 * half-way is removed. */
OciDir *oci_dir_new(const char *parent, const char *id, const char *bundle, const char *rootfs, const char *store,
	const char *log, GError **error);

/* Opens DIR/ID. One without .run_oci is an error: it is not ours. */
OciDir *oci_dir_open(const char *parent, const char *id, GError **error);

/* The target of one of its links; free with g_free. NULL with *error. */
char *oci_dir_target(const OciDir *d, const char *name, GError **error);

bool oci_dir_write_pid(const OciDir *d, pid_t pid, GError **error);

/* *ret_pid is 0 when none was written. What is no pid is an error. */
bool oci_dir_read_pid(const OciDir *d, pid_t *ret_pid, GError **error);

/* Waits, at most seconds, until nobody else works on it, and keeps others out until it is freed. */
bool oci_dir_lock(const OciDir *d, int seconds, GError **error);

/* Unmounts what is mounted below it, the last name first (a failure is a warning), and removes it. While something is
 * mounted there, nothing is removed. */
bool oci_dir_remove(OciDir *d, GError **error);
