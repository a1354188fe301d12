/* The containers of a root by a regular expression (POSIX, extended, as with crun). */
#include "runtime/matching.h"

#include <regex.h>
#include <string.h>

#include "common/diag.h"
#include "common/error.h"
#include "runtime/state.h"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One that has a state: without, it is still being made, by somebody whom a pattern does not mean. What is ours beside the
 * containers begins with a dot. */
static bool is_container(const char *root, const char *name)
{
	g_autofree char *state = g_build_filename(root, name, STATE_FILE, NULL);

	return name[0] != '.' && container_check_id(name, NULL) && g_file_test(state, G_FILE_TEST_EXISTS);
}

static bool find(const char *root, const char *regex, GPtrArray *ids, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(GDir) dir = NULL;
	const char *name;
	regex_t compiled;
	char text[256];
	int r = regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		regerror(r, &compiled, text, sizeof text);
		return fail(error, "invalid regular expression \"%s\": %s", regex, text);
	}
	dir = g_dir_open(root, 0, &local);
	while (dir && (name = g_dir_read_name(dir)))
		if (is_container(root, name) && regexec(&compiled, name, 0, NULL, 0) == 0)
			g_ptr_array_add(ids, g_strdup(name));
	regfree(&compiled);
	if (local && !g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return fail(error, "%s", local->message);
	g_ptr_array_sort(ids, by_name);
	return true;
}

bool matching_each(const char *root, const char *regex, matching_fn one, void *user, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) first = NULL;

	if (!find(root, regex, ids, error))
		return false;
	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(GError) local = NULL;

		if (one(ids->pdata[i], user, &local))
			continue;
		fail_prefix(&local, "container %s", (const char *)ids->pdata[i]);
		if (first)
			diag_error("%s", local->message);
		else
			first = g_steal_pointer(&local);
	}
	if (!first)
		return true;
	g_propagate_error(error, g_steal_pointer(&first));
	return false;
}
