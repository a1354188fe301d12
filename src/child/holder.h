/* A process that does nothing but be in a user namespace: what the kernel wants to see such a namespace by. */
#pragma once

#include <sys/types.h>

struct holder {
	pid_t pid;
	int sock_fd; /* it ends when this is closed */
};

/* Starts one in a new user namespace, or with join_fd (not -1) in that one. 0 once it is there, or -errno. */
int holder_start(int join_fd, struct holder *ret_holder);

/* Ends it, and reaps it. */
void holder_end(struct holder *holder);
