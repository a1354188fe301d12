/* Whole reads and writes, and whole small files. No allocation. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* read(2), repeated on EINTR. Bytes read, 0 at end of file, or -errno. */
ssize_t rw_read(int fd, void *buf, size_t size);

/* write(2), repeated on EINTR. Bytes written (may be short) or -errno. */
ssize_t rw_write(int fd, const void *buf, size_t size);

/* rw_write to a pipe or FIFO whose reader may have gone: -EPIPE, and no SIGPIPE. For programs of one thread. */
ssize_t rw_write_pipe(int fd, const void *buf, size_t size);

/* Writes all of it to a blocking descriptor. 0 or -errno; what was written before an error stays written. */
int rw_write_all(int fd, const void *buf, size_t size);

/* Reads until size bytes or end of file. Bytes read or -errno. */
ssize_t rw_read_full(int fd, void *buf, size_t size);

/* Reads the whole file dir_fd/path into buf and ends it with NUL. Length without NUL, or -errno (EFBIG when it does
 * not fit into size - 1 bytes, EINVAL when it is no regular file). Never waits for a FIFO's writer. */
ssize_t rw_read_file(int dir_fd, const char *path, char *buf, size_t size);

/* Writes text to an existing control file (procfs, sysfs, cgroupfs) by one write(2). 0 or -errno. */
int rw_write_control(int dir_fd, const char *path, const char *text);

/* Writes a file whole or not at all: temporary name dir_fd/path.XXXXXX in the same directory, then rename(2).
 * No fsync. 0 or -errno, nothing is left behind on error. */
int rw_replace_file(int dir_fd, const char *path, const void *data, size_t size, mode_t mode);

/* Appends six random characters for a temporary name to text, which has room for at least 8 more bytes (".XXXXXX" and
 * NUL). Uses getrandom(2), falls back to the clock. */
void rw_temp_suffix(char *end);
