/* Staying with a process: signals go to it, its terminal is relayed, its exit status is ours. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/notify.h"

typedef struct Foreground Foreground;

/* Blocks all signals (they wait for the process to be there) and makes the socket pair over which a terminal would come.
 * Before the clone. */
Foreground *foreground_new(GError **error);

/* The end of the socket pair for the child. */
int foreground_console_fd(const Foreground *f);

/* Passes readiness on while it waits. NULL: there is nothing to pass on. */
void foreground_take_notify(Foreground *f, Notify *notify);

/* Relays until the process has ended and what it wrote is out; reaps other children as they come. The exit status: its
 * own, or 128 and the signal; -1 with an error. */
int foreground_wait(Foreground *f, pid_t pid, int pid_fd, bool terminal, GError **error);

/* Gives the terminal its modes back and unblocks the signals. */
void foreground_free(Foreground *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Foreground, foreground_free)
