/* What connects the monitor to whoever started it: pipes given by number in the environment, inherited descriptors,
 * the detaching fork. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The descriptor named by an _OCI_* variable, made close-on-exec. *ret_fd is -1 when the variable is not set. */
bool parent_pipe(const char *variable, int *ret_fd, GError **error);

/* Blocks until the caller writes to the start pipe or closes it. */
bool parent_wait_start(int fd, GError **error);

/* The descriptors from 3 on that are open now (array of int). Call before anything is opened. */
GArray *parent_inherited(void);

/* Removes fd from the list. */
void parent_not_inherited(GArray *fds, int fd);

/* Forks; the child writes pid_file (NULL: none), then the parent leaves with 0. True in the child; false in the parent
 * when that failed: then there is no child any more. */
bool parent_detach(const char *pid_file, GError **error);
