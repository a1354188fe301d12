/* Readiness for a service manager (sd_notify(3)). A container that is made while $NOTIFY_SOCKET is set gets a datagram
 * socket of its own: STATE/notify/notify.sock, which it sees at /run/notify/notify.sock. Its READY=1 is passed on, with
 * MAINPID= as we know it, and nothing else is. */
#pragma once

#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/spec.h"
#include "runtime/state.h"

/* Where the container sees its directory. */
#define NOTIFY_PLACE "/run/notify"

typedef struct Notify Notify;

/* Where $NOTIFY_SOCKET is set: makes the directory of the socket in the state directory, and adds its mount and the
 * container's own NOTIFY_SOCKET to the spec (from the spec's pool). Else does nothing. */
bool notify_prepare(struct spec *spec, const struct container *c, GError **error);

/* Where $NOTIFY_SOCKET is set and the container has the directory: makes the socket, and listens. *ret is NULL where
 * there is nothing to listen for, and nobody who would hear it: a service manager that is not there is a warning. */
bool notify_listen(const struct container *c, Notify **ret, GError **error);

/* What to wait for before the next notify_turn; a negative descriptor when all is done. */
struct pollfd notify_pollfd(const Notify *n);

/* Does what can be done at once. pid: what is told as MAINPID. */
void notify_turn(Notify *n, pid_t pid);

/* Waits until readiness was told and has been taken notice of, or the container's first process has ended. Without limit
 * for the container, 30 s for the service manager. NULL: returns at once. */
void notify_wait(Notify *n, pid_t pid, int pid_fd);

void notify_free(Notify *n);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Notify, notify_free)
