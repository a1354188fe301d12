/* Running a helper program (a hook, ps) to its end: input given, output caught, never longer than allowed. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct spawn_request {
	const char *path;        /* file to execute; NULL: argv[0], looked up in our PATH */
	const char *const *argv; /* ends with NULL */
	const char *const *env;  /* ends with NULL; NULL: our own environment */
	const char *cwd;         /* NULL: ours */
	const char *input;       /* on its standard input, then end of file; NULL: nothing */
	int64_t timeout_ms;      /* from the start; negative: no limit */
	gsize max_output;        /* bytes kept of each output stream, the rest is read and dropped */
	bool merge_output;       /* standard error goes into output too */
	bool own_output;         /* both streams are ours; nothing of them is kept */
	int output_fd, errors_fd; /* where a stream goes that shall not be kept; 0: nowhere else. Borrowed */
};

struct spawn_result {
	int status; /* as from waitpid(2) */
	bool timed_out; /* it was killed for that */
	char *output;   /* standard output, without a final newline */
	char *errors;   /* standard error, likewise */
};

/* Runs it and waits. What it leaves running in the background is not waited for. An error means that it could not be
 * started ("fork/exec PATH: no such file or directory") or watched; how it ended is in the result, to be cleared. */
bool spawn_run(const struct spawn_request *request, struct spawn_result *ret_result, GError **error);

void spawn_result_clear(struct spawn_result *result);

/* "exit status 3", "signal: killed". Free with g_free. */
char *spawn_status_text(int status);
