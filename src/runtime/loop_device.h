/* A file as a block device (loop(4)). */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Attaches the file at path (absolute, on the host) to a free loop device, which detaches itself as soon as nobody holds
 * it: neither *ret_fd, which is the caller's to close, nor a mount. *ret_device is its path; free with g_free. */
bool loop_device_attach(const char *path, bool read_only, int *ret_fd, char **ret_device, GError **error);
