/* Small files that others read: whole or not at all. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Replaces dir_fd/name by text (temporary file and rename in the same directory; no fsync: state lives on tmpfs). */
bool statefile_write(int dir_fd, const char *name, const char *text, mode_t mode, GError **error);

/* Writes pid in decimal without a newline to path, resolved against the current directory. */
bool statefile_write_pid(const char *path, pid_t pid, GError **error);

/* Reads a file that holds one decimal pid, with or without a newline. Empty files and pids below 2 are errors. */
bool statefile_read_pid(int dir_fd, const char *name, pid_t *ret_pid, GError **error);
