/* Replacing the log file: at its size limit, or when asked to over the control channel. The new file is made under a
 * name of its own and renamed into place, so that PATH always exists and readers by inode miss nothing. When that
 * fails the old file stays in use. */
#pragma once

#include <stdbool.h>

#include "relay/k8slog.h"

struct rotation {
	bool keep;     /* keep old files as PATH.1 (newest) ... PATH.max_files */
	int max_files;
};

/* Replaces the file of log, which has an empty buffer. 0 (also when the log is no regular file and nothing is to be
 * done) or -errno. */
int rotate_log(struct k8s_log *log, const struct rotation *rotation);
