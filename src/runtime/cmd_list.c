/* list: all containers below the root. */
#include "runtime/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "runtime/state_json.h"

#define OPTIONS_FILE "runtime/list_options.def"
#include "common/options_table.h"

#define N_COLUMNS 6

struct row {
	Container *c;
	enum status status;
	char *owner;
};

static void row_clear(void *data)
{
	struct row *row = data;

	container_free(row->c);
	g_free(row->owner);
}

/* By hand: getpwuid would load NSS modules, which a static program cannot. */
static char *user_name(uid_t uid)
{
	g_autofree char *text = NULL, *number = g_strdup_printf("%u", uid);
	char *save = NULL;

	if (g_file_get_contents("/etc/passwd", &text, NULL, NULL))
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			g_auto(GStrv) f = g_strsplit(line, ":", 4);

			if (g_strv_length(f) == 4 && strcmp(f[2], number) == 0)
				return g_strdup(f[0]);
		}
	return g_strdup_printf("#%u", uid);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in the root, sorted. Before the first container there is no default root; one that was given had better be
 * there. */
static bool read_names(const char *root, bool given, GPtrArray *names, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autoptr(GDir) dir = g_dir_open(root, 0, &local);
	const char *name;

	if (!dir)
		return (!given && g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) ||
		       fail(error, "%s", local->message);
	while ((name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, by_name);
	return true;
}

static GArray *read_rows(const char *root, bool given, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct row));

	g_array_set_clear_func(rows, row_clear);
	if (!read_names(root, given, names, error))
		return NULL;
	for (guint i = 0; i < names->len; i++) {
		struct row row = { .c = container_open(root, names->pdata[i], NULL) };
		struct stat st;

		/* Other files, containers that have just gone, and those that are not there yet. */
		if (!row.c)
			continue;
		row.status = container_status(row.c);
		row.owner = user_name(fstat(row.c->dir_fd, &st) == 0 ? st.st_uid : 0);
		g_array_append_val(rows, row);
	}
	return g_steal_pointer(&rows);
}

/* Cells at least 12 wide, three blanks between the widest cell of a column and the next; the last is not padded. */
static void print_table(GArray *rows)
{
	static const char *const titles[N_COLUMNS] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	int widths[N_COLUMNS] = { 0 };

	for (size_t i = 0; i < N_COLUMNS; i++)
		g_ptr_array_add(cells, g_strdup(titles[i]));
	for (guint i = 0; i < rows->len; i++) {
		const struct row *row = &g_array_index(rows, struct row, i);

		g_ptr_array_add(cells, g_strdup(row->c->id));
		g_ptr_array_add(cells, g_strdup_printf("%d", row->status == STATUS_STOPPED ? 0 : row->c->pid));
		g_ptr_array_add(cells, g_strdup(status_name(row->status)));
		g_ptr_array_add(cells, g_strdup(row->c->bundle));
		g_ptr_array_add(cells, g_strdup(row->c->created));
		g_ptr_array_add(cells, g_strdup(row->owner));
	}
	for (guint i = 0; i < cells->len; i++) {
		int width = (int)g_utf8_strlen(cells->pdata[i], -1) + 3;

		widths[i % N_COLUMNS] = MAX(MAX(widths[i % N_COLUMNS], width), 12);
	}
	for (guint i = 0; i < cells->len; i++) {
		const char *cell = cells->pdata[i];

		if (i % N_COLUMNS == N_COLUMNS - 1)
			printf("%s\n", cell);
		else
			printf("%s%*s", cell, widths[i % N_COLUMNS] - (int)g_utf8_strlen(cell, -1), "");
	}
}

static void print_json(GArray *rows)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_array_open(w, NULL);
	for (guint i = 0; i < rows->len; i++) {
		const struct row *row = &g_array_index(rows, struct row, i);

		state_put_json(w, row->c, row->status, row->owner);
	}
	json_array_close(w);
	text = json_writer_text(w);
	puts(rows->len > 0 ? text : "null");
}

static int list_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;
	g_autoptr(GArray) rows = NULL;

	(void)n_args;
	(void)args;
	if (o->format && !json && strcmp(o->format, "table") != 0)
		return fail(error, "invalid format option"), 1;
	rows = read_rows(globals->root, globals->root_given, error);
	if (!rows)
		return 1;
	if (o->quiet)
		for (guint i = 0; i < rows->len; i++)
			puts(g_array_index(rows, struct row, i).c->id);
	else if (json)
		print_json(rows);
	else
		print_table(rows);
	return fflush(stdout) == 0 ? 0 : (fail_errno(error, "write to standard output"), 1);
}

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.help = "Show the containers below the root directory",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct options),
	.run = list_run,
};
