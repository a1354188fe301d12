/* What an exec session runs, and how: checked when the session is made, kept in its record. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/json.h"

struct session_config {
	char **command;
	char **environment; /* KEY=VALUE, each key once */
	char *user;         /* USER[:GROUP]; NULL: the container's */
	char *work_dir;     /* NULL: the container's */
	char *detach_keys;  /* NULL: the default; "": none */
	bool terminal;      /* excludes attach_* */
	bool open_stdin;    /* what a client sends reaches the terminal */
	bool attach_stdin;
	bool attach_stdout;
	bool attach_stderr;
	bool privileged;   /* all capabilities */
	int preserve_fds;  /* descriptors 3, 4 ... of the one who starts it */
};

/* Whether it can be run at all: there is a command, a terminal excludes attached streams, paths are absolute. The
 * error's status is CTL_BAD_ARGUMENT. */
bool session_config_check(const struct session_config *config, GError **error);

/* Makes an environment out of KEY=VALUE and KEY (our own value of it, if we have one); of several with one key the last
 * wins. Free with g_strfreev; NULL with *error. */
char **session_config_environment(char *const *words, GError **error);

/* Writes the members of the open object; what is empty or false is left out. */
void session_config_put(JsonWriter *w, const struct session_config *config);

/* Reads what session_config_put wrote; free with session_config_clear. */
bool session_config_read(yajl_val object, struct session_config *ret_config, GError **error);

void session_config_clear(struct session_config *config);
