/* The processes of a container, zombies included, and which of them were started by us. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "ctl/store.h"

struct process {
	pid_t pid; /* as we see it */
	pid_t ppid;
	uid_t uid;
	char state;     /* as in /proc/PID/stat */
	bool zombie;    /* has ended; 'Z' is also the state of one that has lost its first thread alone */
	bool init;      /* the container's first process */
	char *session;  /* the exec session whose command it is, or NULL */
	char **command; /* its arguments; of a zombie there are none */
	char *name;     /* what the kernel calls it */
};

/* An array of struct process in the order of their pids: those that the runtime names (where it keeps no cgroup: those in
 * the container's own pid namespace), and the zombies that the container, or we, have not waited for yet. Free with
 * g_array_unref. What ends meanwhile is left out. */
GArray *processes_list(const Container *c, const char *runtime, GError **error);

/* Whether a monitor of ours had the runtime start it, other than by the container itself. */
bool process_is_ours(const struct process *p);
