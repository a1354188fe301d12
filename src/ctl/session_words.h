/* What exec and session create have in common on the command line: ID -- COMMAND [ARG...] and options of the process. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "ctl/session_config.h"

/* The values of the shared options; strings are borrowed from the command line's options. */
struct session_words {
	char *const *env;
	const char *cwd;
	const char *workdir; /* the same by another name */
	const char *user;
	const char *detach_keys;
	bool terminal;
	bool interactive;
	bool privileged;
	int preserve_fds;
};

/* Makes a session's config of them, checked but for the attach flags' sake: the caller sets those and calls
 * session_config_check. *ret_id is borrowed from argv. Free with session_config_clear. */
bool session_words_parse(
	const struct session_words *words, int argc, char **argv, const char **ret_id, struct session_config *ret_config,
	GError **error);

/* A session_words from an options struct that was made with process.def. */
#define SESSION_WORDS(o)                                                                                               \
	((struct session_words){ (o)->env, (o)->cwd, (o)->workdir, (o)->user, (o)->detach_keys, (o)->terminal,         \
		(o)->interactive, (o)->privileged, (o)->preserve_fds })
