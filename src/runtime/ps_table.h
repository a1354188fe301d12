/* The lines of ps that speak of given processes. */
#pragma once

#include <glib.h>

/* The title line of text and the lines whose PID column has one of the pids (array of pid_t), each with its newline.
 * Free with g_free. NULL when there is no PID column or a line does not fit. */
char *ps_table_filter(const char *text, const GArray *pids, GError **error);
