/* The lines of ps that speak of given processes. */
#include "runtime/ps_table.h"

#include <string.h>
#include <sys/types.h>

#include "base/num.h"
#include "common/error.h"

#define BLANKS " \t"

/* The n-th word of a line, NULL when there are fewer. Free with g_free. */
static char *word_at(const char *line, size_t n)
{
	for (;; n--) {
		line += strspn(line, BLANKS);
		if (*line == '\0')
			return NULL;
		if (n == 0)
			return g_strndup(line, strcspn(line, BLANKS));
		line += strcspn(line, BLANKS);
	}
}

static bool find_column(const char *title, size_t *ret_column)
{
	for (size_t i = 0;; i++) {
		g_autofree char *word = word_at(title, i);

		if (!word)
			return false;
		if (strcmp(word, "PID") == 0) {
			*ret_column = i;
			return true;
		}
	}
}

static bool has_pid(const GArray *pids, uint64_t pid)
{
	for (guint i = 0; i < pids->len; i++)
		if ((uint64_t)g_array_index(pids, pid_t, i) == pid)
			return true;
	return false;
}

char *ps_table_filter(const char *text, const GArray *pids, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GString) out = g_string_new(NULL);
	size_t column;

	if (!lines[0] || !find_column(lines[0], &column)) {
		fail(error, "couldn't find PID field in ps output");
		return NULL;
	}
	g_string_append_printf(out, "%s\n", lines[0]);
	for (char **line = lines + 1; *line; line++) {
		g_autofree char *word = word_at(*line, column);
		uint64_t pid;

		if (**line == '\0')
			continue;
		if (!word || num_parse_u64(word, INT32_MAX, &pid) < 0) {
			fail(error, "unable to parse pid: %s", word ?: *line);
			return NULL;
		}
		if (has_pid(pids, pid))
			g_string_append_printf(out, "%s\n", *line);
	}
	return g_string_free(g_steal_pointer(&out), FALSE);
}
