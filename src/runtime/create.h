/* Makes a container, all of it or nothing: create and run. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/command.h"
#include "runtime/scope.h"
#include "runtime/launch.h"
#include "runtime/notify.h"
#include "runtime/spec.h"
#include "runtime/state.h"

struct create_options {
	const char *bundle;         /* NULL: the current directory */
	const char *config;         /* NULL: config.json */
	const char *console_socket; /* path; NULL: none */
	const char *pidfd_socket;   /* likewise */
	const char *pid_file;       /* NULL: none */
	int console_fd;             /* a connected socket instead of a path; -1 */
	bool no_pivot, no_new_keyring;
	int preserve_fds;
	bool wait_for_start; /* create: init waits for start; else it runs at once */
	bool detach;         /* nobody stays with the terminal: a socket must take it */
};

struct creation {
	struct spec *spec;
	struct container *container;
	struct launch launch;
	struct plan_request request;
	Plan *plan;
	struct seccomp_filter filter;
	struct scope_ref scope_ref; /* for the cgroup's mover */
	Scope *scope;   /* systemd's, until the container is in it; NULL: none */
	Notify *notify; /* run: what passes readiness on; NULL: nobody wants to hear of it */
	bool made_cgroup;
	int pidfd_socket; /* connected; -1: none */
};

#define CREATION_INIT                                                                                                  \
	{                                                                                                              \
		.launch = LAUNCH_INIT, .pidfd_socket = -1                                                              \
	}

/* Changes into the bundle. On failure everything is undone (cgroup, processes, state directory; poststop hooks run). On
 * success the container is created, or with !wait_for_start runs. Clear in any case. */
bool create_container(struct creation *c, const struct globals *globals, const struct create_options *options,
	const char *id, GError **error);

/* Parts of it, for restore. Changes into the bundle, reads and checks the configuration, makes the state directory: what
 * follows is to be undone by create_undo when it fails. Paths in options are absolute or below the present directory. */
struct self;
bool create_begin(struct creation *c, const struct globals *globals, const struct create_options *options,
	struct self *ret_self, const char *id, GError **error);

/* Fills in the container, makes its cgroup, compiles its seccomp filter. */
bool create_prepare(struct creation *c, const struct globals *globals, GError **error);

/* Runs the hooks prechroot, prestart and createRuntime for the process c->launch.pid. */
bool create_run_hooks(const struct creation *c, GError **error);

/* Sets the limits of the cgroup, and writes the state down, with c->launch.pid as the container's first process. */
bool create_record(struct creation *c, GError **error);

/* Removes a stopped container that this process has made: cgroup, state directory, poststop hooks. */
bool create_destroy(struct creation *c, const struct globals *globals, GError **error);

/* Kills the container and takes back what was made; its own failures are warnings beside the error that led here. */
void create_undo(struct creation *c, const struct globals *globals);

void creation_clear(struct creation *c);

/* How many descriptors from 3 on are sockets of LISTEN_FDS that are meant for us. */
int create_count_listen_fds(void);

/* That descriptors 3+skip ... 3+skip+n-1 are open. */
bool create_check_preserved(int skip, int n, GError **error);
