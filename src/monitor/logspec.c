/* --log-path: which drivers, which file. */
#include "monitor/logspec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "relay/jsonlog.h"

static bool is_one_of(const char *name, const char *const *names)
{
	return g_strv_contains(names, name);
}

void logspec_clear(struct logspec *spec)
{
	for (unsigned int i = 0; i < spec->n_files; i++)
		g_free(spec->file[i].path);
	*spec = (struct logspec){ 0 };
}

static bool add_file(struct logspec *spec, const char *path, bool json, const char *value, GError **error)
{
	unsigned int at = spec->n_files;

	if (at == LOGSPEC_FILES)
		return fail(error, "--log-path %s: more than %u log files", value, LOGSPEC_FILES);
	for (; !json && at > 0 && spec->file[at - 1].json; at--)
		spec->file[at] = spec->file[at - 1];
	spec->file[at] = (struct logspec_file){ g_strdup(path), json };
	spec->n_files++;
	return true;
}

static bool parse_one(const char *value, struct logspec *spec, GError **error)
{
	static const char *const off[] = { "off", "none", "null", NULL };
	const char *colon = strchr(value, ':');
	g_autofree char *name = colon ? g_strndup(value, (gsize)(colon - value)) : g_strdup(value);
	const char *path = colon ? colon + 1 : NULL;
	bool json = strcmp(name, "json-file") == 0;

	while (path && *path == ':')
		path++;
	if (!*name && (!path || !*path))
		return fail(error, "log-path must not be empty");
	if (!*name)
		return add_file(spec, path, false, value, error);
	if (is_one_of(name, off))
		return true;
	if (strcmp(name, "passthrough") == 0) {
		spec->passthrough = true;
	} else if (strcmp(name, "journald") == 0) {
		spec->journald = true;
	} else if (json || strcmp(name, "k8s-file") == 0) {
		if (!path || !*path)
			return fail(error, "%s requires a filename (--log-path %s)", name, value);
		return add_file(spec, path, json, value, error);
	} else if (!colon) {
		return add_file(spec, name, false, value, error);
	} else {
		return fail(error, "No such log driver %s (--log-path %s)", name, value);
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
			logspec_clear(&spec);
			return false;
		}
	if (spec.passthrough && (spec.journald || spec.n_files)) {
		fail(error, "--log-path passthrough: no other log can have what the monitor does not see (%s)",
			spec.n_files ? spec.file[0].path : "journald");
		logspec_clear(&spec);
		return false;
	}
	*ret_spec = spec;
	return true;
}

bool logspec_check_place(const char *file, char *const *allowed, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(file);
	char *real = allowed ? realpath(dir, NULL) : NULL;
	bool found = !allowed;

	for (; real && !found && *allowed; allowed++) {
		char *place = realpath(*allowed, NULL);
		size_t len = place ? strlen(place) : 0;

		found = place && strncmp(real, place, len) == 0 && (real[len] == '/' || real[len] == '\0' || len == 1);
		free(place);
	}
	free(real);
	return found || fail(error, "log file %s is in none of the directories of --log-allowlist-dir", file);
}

char *logspec_real_path(const char *file, int fd)
{
	char *real = realpath(file, NULL), *copy = NULL;
	struct stat by_path, by_fd;

	if (real && fstat(fd, &by_fd) == 0 && lstat(real, &by_path) == 0 && by_fd.st_dev == by_path.st_dev &&
		by_fd.st_ino == by_path.st_ino)
		copy = g_strdup(real);
	free(real);
	return copy;
}

static void add_field(GString *fields, const char *key, const char *value)
{
	if (!strchr(value, '\n')) {
		g_string_append_printf(fields, "%s=%s\n", key, value);
	} else {
		guint64 len = GUINT64_TO_LE(strlen(value));

		g_string_append_printf(fields, "%s\n", key);
		g_string_append_len(fields, (const char *)&len, sizeof len);
		g_string_append_printf(fields, "%s\n", value);
	}
}

static bool add_label(GString *fields, const char *label, GError **error)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *equals = strchr(label, '=');
	g_autofree char *key = NULL;

	if (!equals || equals == label)
		return fail(error, "Container labels must be in format LABEL=VALUE (no LABEL present in '%s')", label);
	if (strchr(equals + 1, '='))
		return fail(error, "Container labels must be in format LABEL=VALUE (none or more than one '=' present in '%s')",
			label);
	key = g_strndup(label, (gsize)(equals - label));
	if (strspn(key, allowed) != strlen(key))
		return fail(error, "Container label names must contain only uppercase letters, numbers and underscore (in '%s')",
			label);
	add_field(fields, key, equals + 1);
	return true;
}

char *logspec_journal_fields(const char *cid, const char *tag, const char *name, char *const *labels, GError **error)
{
	g_autoptr(GString) fields = g_string_new(NULL);
	g_autofree char *short_id = g_strndup(cid, 12);

	if (strlen(cid) <= 12) {
		fail(error, "Container ID must be longer than 12 characters");
		return NULL;
	}
	add_field(fields, "CONTAINER_ID_FULL", cid);
	add_field(fields, "CONTAINER_ID", short_id);
	if (tag)
		add_field(fields, "CONTAINER_TAG", tag);
	if (name)
		add_field(fields, "CONTAINER_NAME", name);
	add_field(fields, "SYSLOG_IDENTIFIER", tag ?: name ?: short_id);
	for (; labels && *labels; labels++)
		if (!add_label(fields, *labels, error))
			return NULL;
	return g_string_free(g_steal_pointer(&fields), FALSE);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As Go's encoding/json writes it, which has a short form for tabs. */
static void add_json_string(GString *to, const char *text)
{
	size_t len = strlen(text);
	g_autofree char *escaped = g_malloc(jsonlog_size((uint32_t)len, 0));

	g_string_append_c(to, '"');
	for (const char *p = text;; p++) {
		size_t n = strcspn(p, "\t");

		g_string_append_len(to, escaped, jsonlog_text(escaped, p, (uint32_t)n) - escaped);
		p += n;
		if (!*p)
			break;
		g_string_append(to, "\\t");
	}
	g_string_append_c(to, '"');
}

char *logspec_json_attrs(const char *tag, char *const *labels, GError **error)
{
	g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree const char **names = NULL;
	guint n;
	g_autoptr(GString) text = g_string_new("");
	size_t sum = tag ? strlen(tag) : 0;

	for (; labels && *labels; labels++) {
		const char *equals = strchr(*labels, '=');

		if (!equals || equals == *labels) {
			fail(error, "Container labels must be in format LABEL=VALUE (no LABEL present in '%s')",
				*labels);
			return NULL;
		}
		sum += strlen(*labels);
		g_hash_table_insert(values, g_strndup(*labels, (gsize)(equals - *labels)), (char *)equals + 1);
	}
	if (tag && *tag)
		g_hash_table_insert(values, g_strdup("tag"), (char *)tag);
	if (sum > JSON_ATTRS_MAX / 8) {
		fail(error, "--log-label and --log-tag: %zu bytes, more than the %u that fit into every record", sum,
			JSON_ATTRS_MAX / 8);
		return NULL;
	}
	names = (const char **)g_hash_table_get_keys_as_array(values, &n);
	qsort(names, n, sizeof *names, by_name);
	for (guint i = 0; i < n; i++) {
		g_string_append_c(text, i ? ',' : '{');
		add_json_string(text, names[i]);
		g_string_append_c(text, ':');
		add_json_string(text, g_hash_table_lookup(values, names[i]));
	}
	if (n)
		g_string_append_c(text, '}');
	return g_string_free(g_steal_pointer(&text), FALSE);
}
