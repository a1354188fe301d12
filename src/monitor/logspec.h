/* --log-path: which drivers, which file. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define LOGSPEC_FILES 4u

struct logspec_file {
	char *path; /* free with g_free */
	bool json;  /* json-file: Docker's format; else k8s-file */
};

struct logspec {
	struct logspec_file file[LOGSPEC_FILES]; /* k8s-files first */
	unsigned int n_files;
	bool passthrough; /* the container writes to our own stdio */
	bool journald;
};

/* Whether file lies in one of the directories (NULL: everywhere is fine), symlinks on the way resolved. */
bool logspec_check_place(const char *file, char *const *allowed, GError **error);

/* The path under which the open file fd can be replaced: symlinks on the way to it resolved, so that it is the file and
 * not a link to it that is replaced. NULL when fd has no such path (/dev/stdout and other ways to somebody's descriptor).
 * Free with g_free. */
char *logspec_real_path(const char *file, int fd);

/* What every entry in the journal has: the container's id, tag, name and labels ("KEY=VALUE\n"...; a value with a newline
 * in the form with a length). tag, name and labels may be NULL. NULL with an error for an id or a label that journald's
 * readers could not use. */
char *logspec_journal_fields(const char *cid, const char *tag, const char *name, char *const *labels, GError **error);

/* What every record of a json-file has: the object of the tag and the labels ("KEY=VALUE"; the last one of a name counts)
 * as Docker writes it, "" for none. NULL with an error for a label without name or value, or when it is too long. Free
 * with g_free. */
char *logspec_json_attrs(const char *tag, char *const *labels, GError **error);

/* Reads all values of --log-path (may be NULL). "driver:path" is cut at the first colon. Free with logspec_clear. */
bool logspec_parse(char *const *values, struct logspec *ret_spec, GError **error);
void logspec_clear(struct logspec *spec);
