/* Replacing a log file: at its size limit, or when asked to over the control channel. The new file is made under a
 * name of its own and renamed into place, so that PATH always exists and readers by inode miss nothing. When that
 * fails the old file stays in use. */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "relay/k8slog.h"

struct rotation {
	bool keep;     /* keep old files as PATH.1 (newest) ... PATH.max_files */
	int max_files;
};

/* What may follow an old file's number: nothing, or how it was compressed. */
#define ROTATE_SUFFIXES 3u
extern const char *const rotate_suffixes[ROTATE_SUFFIXES];

/* The name of an old file, or of the log itself (number 0). 0 or -ENAMETOOLONG. */
int rotate_name(char buf[PATH_MAX], const char *path, int number, const char *suffix);

/* Whether there is an old file of this number, compressed or not. */
bool rotate_exists(const char *path, int number);

/* Replaces the file of log, which has an empty buffer. 0 (also when the log is no regular file and nothing is to be
 * done) or -errno. */
int rotate_log(struct k8s_log *log, const struct rotation *rotation);
