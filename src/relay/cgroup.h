/* Where a process's cgroups are, and the most that the kernel has counted in them.
 *
 * The directories are found while the process lives (of one that exits cgroup v1 says "/") and are kept open: what is
 * read at the end is the same cgroup's, or nothing once it was removed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_ROOT    "/sys/fs/cgroup"
#define CGROUP_UNKNOWN UINT64_MAX /* there is no such number, or no more */

enum cgroup_use { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, N_CGROUP_USES };

struct cgroups {
	int dir_fd[N_CGROUP_USES]; /* O_PATH, -1: none */
	bool v2[N_CGROUP_USES];
};

/* Opens the cgroups of pid; those that are not there, not to be seen from here, or the root (which counts the whole
 * host) stay -1. 0, or -errno with none open. To be closed by cgroups_close in any case. */
int cgroups_open(struct cgroups *c, pid_t pid);

/* The same with what /proc/PID/cgroup says (is changed) and the place where the hierarchies are mounted. */
int cgroups_find(struct cgroups *c, const char *root, char *text);

/* Peak of memory in bytes, peak of tasks, and CPU time in microseconds, of the group with everything below it. */
void cgroups_measure(const struct cgroups *c, uint64_t ret_value[N_CGROUP_USES]);

/* The path of the memory cgroup's directory; false when it was removed, is not known or does not fit. */
bool cgroups_path(const struct cgroups *c, char *buf, size_t size);

void cgroups_close(struct cgroups *c);

/* The number behind "name " at the start of a line of text: false when there is none. */
bool cgroup_counter(const char *text, const char *name, uint64_t *ret_value);
