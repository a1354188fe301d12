/* Starts the child of a plan, and speaks with it: the parent's half of the protocol in child/plan.h. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/cgroup.h"
#include "runtime/plan.h"

struct launch {
	const Plan *plan;
	int sock_fd;
	const Cgroup *cgroup; /* where it is; NULL: in none of its own */
	int pid_fd;
	pid_t pid;       /* of the container's process; 0: there is none */
	pid_t beside;    /* exec: a process of the container, to whose cgroup we go when the container's takes none */
	bool entered_v2; /* clone3 has put it into its cgroup */
	bool patient;    /* hooks run inside, which may take as long as they like */
	bool reaped;
	int wait_status; /* when reaped */
};

#define LAUNCH_INIT                                                                                                    \
	{                                                                                                              \
		.sock_fd = -1, .pid_fd = -1                                                                            \
	}

/* Clones the child, into the cgroup's directory where that can be (cg may be NULL), writes its maps and its oom_score_adj,
 * moves it into the cgroup's other hierarchies. On failure launch_abort cleans up. */
bool launch_start(struct launch *l, Plan *plan, Cgroup *cg, GError **error);

/* Waits for the child's next word. 1: *ret_report is a message other than MESSAGE_FAILED; 0: the child has closed the
 * socket (it executed its program, or died); -1: it failed, or does not answer: *error. */
int launch_receive(struct launch *l, struct child_report *ret_report, GError **error);

/* Answers. A child that is gone is seen by the next launch_receive. */
void launch_reply(const struct launch *l, enum child_reply reply);

/* Lets the child go on (REPLY_GO) and waits until it executes its program, or with create until it waits for start. */
bool launch_go(struct launch *l, GError **error);

/* The child has closed the socket and said nothing: reaps it and says how it ended. Returns false. */
bool launch_fail_died(struct launch *l, GError **error);

/* Sets the limits of a process that is ready. */
bool launch_set_rlimits(pid_t pid, const struct spec_process *process, GError **error);

/* Sends the pidfd of the child over a connected socket (-1: nothing is done), with a word that says what made it. */
bool launch_send_pidfd(const struct launch *l, int sock_fd, const char *word, GError **error);

/* Kills the child if there is one, and reaps it. */
void launch_abort(struct launch *l);

/* Forgets the child: it goes on by itself. */
void launch_clear(struct launch *l);
