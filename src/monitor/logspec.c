/* --log-path: which drivers, which file. */
#include "monitor/logspec.h"

#include <string.h>

#include "common/error.h"

static bool is_one_of(const char *name, const char *const *names)
{
	return g_strv_contains(names, name);
}

static void set_file(struct logspec *spec, const char *path)
{
	g_free(spec->file); /* the last one wins */
	spec->file = g_strdup(path);
}

static bool parse_one(const char *value, struct logspec *spec, GError **error)
{
	static const char *const off[] = { "off", "none", "null", NULL };
	const char *colon = strchr(value, ':');
	g_autofree char *name = colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	const char *path = colon ? colon + 1 : NULL;

	while (path && *path == ':')
		path++;
	if (!*name && (!path || !*path))
		return fail(error, "log-path must not be empty");
	if (!*name) {
		set_file(spec, path);
	} else if (is_one_of(name, off)) {
		return true;
	} else if (strcmp(name, "passthrough") == 0) {
		spec->passthrough = true;
	} else if (strcmp(name, "journald") == 0) {
		spec->journald = true;
	} else if (strcmp(name, "k8s-file") == 0) {
		if (!path || !*path)
			return fail(error, "k8s-file requires a filename");
		set_file(spec, path);
	} else if (!colon) {
		set_file(spec, name);
	} else {
		return fail(error, "No such log driver %s", name);
	}
	return true;
}

bool logspec_parse(char *const *values, struct logspec *ret_spec, GError **error)
{
	struct logspec spec = { 0 };

	if (!values || !*values)
		return fail(error, "Log driver not provided. Use --log-path");
	for (; *values; values++)
		if (!parse_one(*values, &spec, error)) {
			g_free(spec.file);
			return false;
		}
	*ret_spec = spec;
	return true;
}
