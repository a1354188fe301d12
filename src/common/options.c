/* Command lines from tables; GLib's parser does the work. */
#include "common/options.h"

#include <errno.h>
#include <string.h>

static GOptionEntry entry_for(const struct option_spec *s, void *values)
{
	static const GOptionArg args[] = {
		[OPTION_FLAG] = G_OPTION_ARG_NONE,
		[OPTION_STRING] = G_OPTION_ARG_FILENAME, /* FILENAME: taken as bytes, whatever the locale */
		[OPTION_ARRAY] = G_OPTION_ARG_FILENAME_ARRAY,
		[OPTION_INT] = G_OPTION_ARG_INT,
		[OPTION_INT64] = G_OPTION_ARG_INT64,
	};

	return (GOptionEntry){
		.long_name = s->name,
		.short_name = s->short_name,
		.flags = s->help ? 0 : G_OPTION_FLAG_HIDDEN,
		.arg = args[s->type],
		.arg_data = (char *)values + s->offset,
		.description = s->help,
		.arg_description = s->value,
	};
}

bool options_parse(const char *usage, const char *summary, const struct option_spec *specs, size_t n_specs, void *values,
	enum option_flags flags, int *argc, char ***argv, GError **error)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage);
	bool separated = false;
	int left = 1;

	/* GLib would read a file to find the name, and take 4 KiB to keep a copy of it, were it not known as static. */
	if (!g_get_prgname()) {
		(void)g_quark_from_static_string(program_invocation_short_name);
		g_set_prgname(program_invocation_short_name);
	}
	/* One by one: GLib copies them, and a table of them all would leave a hole in the heap below what stays. */
	for (size_t i = 0; i < n_specs; i++) {
		const GOptionEntry entry[] = { entry_for(&specs[i], values), { .long_name = NULL } };

		g_option_context_add_main_entries(context, entry, NULL);
	}
	g_option_context_set_summary(context, summary);
	g_option_context_set_strict_posix(context, flags & OPTIONS_STOP_AT_POSITIONAL);
	g_option_context_set_ignore_unknown_options(context, flags & OPTIONS_IGNORE_UNKNOWN);
	g_option_context_set_help_enabled(context, !(flags & OPTIONS_NO_HELP));
	if (!g_option_context_parse(context, argc, argv, error))
		return false;
	/* GLib leaves "--" in place where an option-like word follows it. Where options end at the first word, a later
	 * "--" is that word's business. */
	for (int i = 1; i < *argc; i++)
		if (!separated && strcmp((*argv)[i], "--") == 0 && (i == 1 || !(flags & OPTIONS_STOP_AT_POSITIONAL)))
			separated = true;
		else
			(*argv)[left++] = (*argv)[i];
	*argc = left;
	(*argv)[left] = NULL;
	return true;
}

void options_clear(const struct option_spec *specs, size_t n_specs, void *values)
{
	for (size_t i = 0; i < n_specs; i++) {
		void *member = (char *)values + specs[i].offset;

		if (specs[i].type == OPTION_STRING)
			g_clear_pointer((char **)member, g_free);
		else if (specs[i].type == OPTION_ARRAY)
			g_clear_pointer((char ***)member, g_strfreev);
	}
}
