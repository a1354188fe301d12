/* A log with its rotated predecessors (NAME.N ... NAME.1, NAME; NAME.N.gz and NAME.N.zst too) as one text, that may go on growing. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ctl/cri.h"

typedef struct LogSet LogSet;

/* Opens what is there now, oldest first. dir_fd is duplicated. */
LogSet *log_set_open(int dir_fd, const char *name, GError **error);
void log_set_free(LogSet *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LogSet, log_set_free)

/* Bytes that were there when it was opened. */
uint64_t log_set_size(const LogSet *s);

/* Reads at most size bytes from this offset of those that were there, not beyond one file's end. 0 at the end; -1 with
 * *error. */
ssize_t log_set_read_at(const LogSet *s, uint64_t offset, char *buf, size_t size, GError **error);

/* Continues reading at this offset. */
void log_set_seek(LogSet *s, uint64_t offset);

/* Reads on, across rotations that happened meanwhile. 0: nothing more for now; -1 with *error. */
ssize_t log_set_read(LogSet *s, char *buf, size_t size, GError **error);

/* Offset of what log_set_read gives next. */
uint64_t log_set_offset(const LogSet *s);

/* The same, counted from the beginning of the file it is in. */
uint64_t log_set_offset_in_file(const LogSet *s);

/* Where each stream's last n lines begin, both streams counted together: records of a stream before its start belong to
 * earlier lines. A line ends with its F record, or is the unfinished one at the end. */
bool log_set_find_tail(const LogSet *s, uint64_t n, uint64_t ret_starts[LOG_N_STREAMS], GError **error);
