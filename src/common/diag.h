/* The program's own messages. Where they go and how they look is the program's choice: it installs a writer. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_INFO, DIAG_DEBUG };

/* Receives one message without newline. */
typedef void (*diag_writer)(enum diag_level level, const char *text, void *user);

/* Sets the least important level that is still written, and the writer (NULL: "PROGRAM: text" on stderr). */
void diag_setup(enum diag_level level, diag_writer writer, void *user);

/* Whether messages of this level are written. */
bool diag_wants(enum diag_level level);

void diag_log(enum diag_level level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define diag_error(...)   diag_log(DIAG_ERROR, __VA_ARGS__)
#define diag_warning(...) diag_log(DIAG_WARNING, __VA_ARGS__)
#define diag_info(...)    diag_log(DIAG_INFO, __VA_ARGS__)
#define diag_debug(...)   diag_log(DIAG_DEBUG, __VA_ARGS__)
