/* What the relay works with, made while GLib may still be used: pipes, console socket, attach socket, FIFOs. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/relay.h"

/* stdin (if wanted), stdout and stderr of the container as pipes; for a terminal only stderr. The container's ends go
 * to set->runtime, ours to set->stdin_fd ... stderr_fd. null_fd stands in for what is not piped. */
bool endpoints_pipes(struct relay_setup *set, bool with_stdin, int null_fd, GError **error);

/* The console socket in $TMPDIR or /tmp; in a directory of its own, under a path short enough for a socket address. */
bool endpoints_console(struct relay_setup *set, GError **error);

/* BUNDLE/attach and, unless link_dir is NULL, the link LINK_DIR/UUID to BUNDLE. */
bool endpoints_attach(struct relay_setup *set, const char *bundle, const char *link_dir, const char *uuid, GError **error);

/* BUNDLE/notify/notify.sock (the directory exists: the engine shows it to the container), and where it leads. */
bool endpoints_notify(struct relay_setup *set, const char *bundle, const char *host, GError **error);

/* BUNDLE/ctl and BUNDLE/winsz. */
bool endpoints_fifos(struct relay_setup *set, const char *bundle, GError **error);
