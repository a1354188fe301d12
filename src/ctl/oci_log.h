/* Where messages of the run_oci way go: to the system log and people, or to a log file, with the hooks' output. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* See oci_messages_begin. */
void oci_log_begin(void);

/* Standard output and error are the file from here on, and messages go there only; errors also to what was standard
 * error. The file is made if need be; a link, and a FIFO that nobody reads, are refused. */
bool oci_log_to_file(const char *path, GError **error);
