/* Ownership of file descriptors. */
#pragma once

#include <stdbool.h>

/* A descriptor that is closed when its variable goes out of scope. -1 means none. */
#define auto_fd __attribute__((cleanup(fd_cleanup))) int

/* Closes *fd unless it is negative, and sets it to -1. Keeps errno. */
void fd_close(int *fd);

/* For auto_fd only. */
static inline void fd_cleanup(int *fd)
{
	fd_close(fd);
}

/* Hands over the descriptor in *fd: returns it and leaves -1 behind. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Sets or clears FD_CLOEXEC. 0 or -errno. */
int fd_set_cloexec(int fd, bool on);

/* Sets or clears O_NONBLOCK on the open file description. 0 or -errno. */
int fd_set_nonblock(int fd, bool on);

/* Opens /dev/null as those of 0, 1 and 2 that are closed, so that nothing opened later can be taken for stdio. To be
 * called first of all. 0 or -errno. */
int fd_complete_stdio(void);

/* Moves fd to a number of at least 3, close-on-exec, so that it cannot be taken for stdio. The old number is closed
 * if the descriptor moved. Returns the number or -errno (the descriptor is then closed). */
int fd_take_above_stdio(int fd);
