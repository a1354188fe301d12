/* Compressing rotated log files: PATH.3 becomes PATH.3.gz (or .zst), the oldest first, one at a time, in a child of low
 * priority that runs an installed program. The file keeps its name until its compressed form is on disk and has taken its
 * place; what cannot be compressed stays as it is. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "relay/k8slog.h"
#include "relay/spawn.h"

struct compress {
	const struct spawn *program; /* from its input to its output; NULL: nothing is compressed */
	const char *suffix;   /* one of rotate_suffixes */
	int null_fd;
	pid_t pid;                 /* of the child at work, 0: none */
	const struct k8s_log *log; /* that it works for */
	int number;                /* that the file had when it was last seen */
	dev_t dev;                 /* which file it is */
	ino_t ino;
};

/* Starts on the oldest file that is not compressed yet, unless a child is at work: 0, also when there is nothing to do, or
 * -errno with the log concerned in *ret_log. */
int compress_next(struct compress *c, const struct k8s_log *logs, const struct k8s_log **ret_log);

/* A child was reaped. False: it was not this one's. Else *ret_err is 0 or -errno (-ECHILD: the program failed), and
 * *ret_log the log concerned. */
bool compress_reaped(struct compress *c, pid_t pid, int status, int *ret_err, const struct k8s_log **ret_log);

/* Ends what is at work; the file stays as it is. */
void compress_stop(struct compress *c);
