/* The command line: which words belong to the program and which to the verb, then the verb, then its error. */
#include "runtime/command.h"

#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/log.h"
#include "runtime/self.h"
#include "runtime/version.h"

#define EXIT_USAGE           1
#define EXIT_UNKNOWN_COMMAND 3

#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct globals, field, type, name, short_name, value, help)
static const struct option_spec global_options[] = {
#include "runtime/global_options.def"
};
#undef OPTION

/* The words of the command line, sorted. */
struct words {
	GPtrArray *global, *verb; /* options, normalised; the program's name first */
	GPtrArray *args;          /* positional */
	const struct command *command;
	const char *unknown_command;
	char *error;
	bool help, version;
};

static void words_clear(struct words *w)
{
	g_ptr_array_unref(w->global);
	g_ptr_array_unref(w->verb);
	g_ptr_array_unref(w->args);
	g_free(w->error);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* The option with this long name; an unambiguous beginning will do. */
static const struct option_spec *find_long(
	const struct option_spec *specs, size_t n, const char *name, size_t len, bool prefix)
{
	const struct option_spec *found = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(specs[i].name, name, len) != 0)
			continue;
		if (specs[i].name[len] == '\0')
			return &specs[i];
		if (prefix && found)
			return NULL;
		if (prefix)
			found = &specs[i];
	}
	return found;
}

static const struct option_spec *find_short(const struct option_spec *specs, size_t n, char name)
{
	for (size_t i = 0; i < n; i++)
		if (specs[i].short_name == name)
			return &specs[i];
	return NULL;
}

static const struct option_spec *lookup_long(struct words *w, const char *name, size_t len, bool *ret_global)
{
	const struct command *c = w->command;
	const struct option_spec *s = NULL;

	for (int prefix = 0; prefix < 2 && !s; prefix++) {
		*ret_global = false;
		s = c ? find_long(c->options, c->n_options, name, len, prefix) : NULL;
		if (s)
			break;
		*ret_global = true;
		s = find_long(global_options, G_N_ELEMENTS(global_options), name, len, prefix);
	}
	return s;
}

static void add_option(GPtrArray *list, const struct option_spec *s, const char *value)
{
	if (s->type != OPTION_FLAG)
		g_ptr_array_add(list, g_strdup_printf("--%s=%s", s->name, value));
	else if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		g_ptr_array_add(list, g_strdup_printf("--%s", s->name));
}

static bool is_bool_text(const char *text)
{
	static const char *const words[] = { "true", "false", "1", "0", NULL };

	return g_strv_contains(words, text);
}

/* One long option, with one dash or two. Returns how many words it took; 0 with w->error set. */
static int take_long(struct words *w, char **argv, const char *name)
{
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	bool global;
	const struct option_spec *s = lookup_long(w, name, len, &global);

	if (!s) {
		w->error = g_strdup_printf("flag provided but not defined: -%.*s", (int)len, name);
		return 0;
	}
	if (s->type == OPTION_FLAG && value && !is_bool_text(value)) {
		w->error = g_strdup_printf("invalid boolean value \"%s\" for -%s", value, s->name);
		return 0;
	}
	if (s->type != OPTION_FLAG && !value && !argv[1]) {
		w->error = g_strdup_printf("flag needs an argument: -%s", s->name);
		return 0;
	}
	add_option(global ? w->global : w->verb, s, value || s->type == OPTION_FLAG ? value : argv[1]);
	return s->type == OPTION_FLAG || value ? 1 : 2;
}

/* A cluster of short options, the last of which may have a value. */
static int take_short(struct words *w, char **argv)
{
	const struct command *c = w->command;

	for (const char *p = argv[0] + 1; *p; p++) {
		const struct option_spec *s = c ? find_short(c->options, c->n_options, *p) : NULL;
		GPtrArray *list = s ? w->verb : w->global;
		const char *value;

		if (!s)
			s = find_short(global_options, G_N_ELEMENTS(global_options), *p);
		if (!s) {
			w->error = g_strdup_printf("flag provided but not defined: -%s", argv[0] + 1);
			return 0;
		}
		if (s->type == OPTION_FLAG) {
			add_option(list, s, NULL);
			continue;
		}
		value = p[1] ? p + 1 + (p[1] == '=') : argv[1];
		if (!value) {
			w->error = g_strdup_printf("flag needs an argument: -%c", *p);
			return 0;
		}
		add_option(list, s, value);
		return p[1] ? 1 : 2;
	}
	return 1;
}

/* -h and --version belong to nobody's table. True when word was one of them. */
static bool take_special(struct words *w, const char *word)
{
	static const char *const help[] = { "-h", "-help", "--help", "-?", "--usage", NULL };
	static const char *const version[] = { "-v", "-V", "-version", "--version", NULL };

	if (g_strv_contains(help, word) && !(w->command && w->args->len && w->command->stops_at_positional))
		return w->help = true;
	if (!w->command && g_strv_contains(version, word))
		return w->version = true;
	return false;
}

static int take_option(struct words *w, char **argv)
{
	const char *word = argv[0];
	bool global;

	if (g_str_has_prefix(word, "--"))
		return take_long(w, argv, word + 2);
	if (word[2] && lookup_long(w, word + 1, strcspn(word + 1, "="), &global))
		return take_long(w, argv, word + 1);
	return take_short(w, argv);
}

/* Sorts argv (NULL-terminated, without the program's name). */
static void sort_words(struct words *w, char **argv)
{
	bool options = true;

	while (*argv && !w->error && !w->help && !w->version) {
		const char *word = *argv;
		int n = 1;

		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1] && !take_special(w, word)) {
			n = take_option(w, argv);
		} else if (options && word[0] == '-' && word[1]) {
			break;
		} else if (!w->command) {
			w->command = find_command(word);
			if (!w->command) {
				w->unknown_command = word;
				return;
			}
		} else {
			g_ptr_array_add(w->args, g_strdup(word));
			if (w->command->stops_at_positional)
				options = false;
		}
		argv += n;
	}
}

static void print_options(const struct option_spec *specs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		g_autofree char *left = NULL;
		char short_name[] = { '-', specs[i].short_name, ',', ' ', '\0' };

		if (!specs[i].help)
			continue;
		left = g_strdup_printf("%s--%s%s%s", specs[i].short_name ? short_name : "", specs[i].name,
			specs[i].value ? " " : "", specs[i].value ? specs[i].value : "");
		printf("   %-28s %s\n", left, specs[i].help);
	}
}

/* Who is called runc, by a link or a copy, says so: scripts and suites look for it. Any other name may be an accident. */
static const char *own_name(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strcmp(slash ? slash + 1 : program, "runc") == 0 ? "runc" : "tallyrun";
}

static void print_help(const char *name, const struct command *c)
{
	if (c) {
		printf("NAME:\n   %s %s - %s\n\nUSAGE:\n   %s %s [command options] %s\n", name, c->name, c->help, name,
			c->name, c->args);
		if (c->n_options)
			printf("\nOPTIONS:\n");
		print_options(c->options, c->n_options);
		return;
	}
	printf("NAME:\n   %s - Open Container Initiative runtime\n\n"
	       "USAGE:\n   %s [global options] command [command options] [arguments...]\n\nCOMMANDS:\n",
		name, name);
	for (size_t i = 0; commands[i]; i++)
		printf("   %-12s %s\n", commands[i]->name, commands[i]->help);
	printf("\nGLOBAL OPTIONS:\n");
	print_options(global_options, G_N_ELEMENTS(global_options));
	printf("   %-28s %s\n   %-28s %s\n", "-h, --help", "Show help", "-v, --version", "Print the version");
}

static bool check_arg_count(const struct command *c, guint n, GError **error)
{
	if (c->min_args == c->max_args && (int)n != c->min_args)
		return fail(error, "\"%s\" requires exactly %d argument(s)", c->name, c->min_args);
	if ((int)n < c->min_args)
		return fail(error, "\"%s\" requires a minimum of %d argument(s)", c->name, c->min_args);
	if (c->max_args >= 0 && (int)n > c->max_args)
		return fail(error, "\"%s\" requires a maximum of %d argument(s)", c->name, c->max_args);
	return true;
}

static bool parse(const struct option_spec *specs, size_t n, GPtrArray *words, void *values, GError **error)
{
	int argc = (int)words->len;
	g_autofree char **argv = g_new0(char *, words->len + 1);
	char **left = argv;

	memcpy(argv, words->pdata, words->len * sizeof *argv);
	return options_parse("", NULL, specs, n, values, OPTIONS_NO_HELP, &argc, &left, error);
}

/* $XDG_RUNTIME_DIR counts for everybody but the host's root (as runc). The sticky bit keeps those away who clean up. */
static char *default_root(void)
{
	const char *dir = g_getenv("XDG_RUNTIME_DIR");
	char *root;

	if (!dir || !*dir ||
		(geteuid() == 0 && (g_strcmp0(g_getenv("USER"), "root") == 0 || !self_in_user_namespace())))
		return g_strdup("/run/tallyrun");
	root = g_build_filename(dir, "tallyrun", NULL);
	if (mkdir(root, 0700) == 0)
		(void)chmod(root, 01700); /* a kindness, no more */
	return root;
}

static bool settle_globals(struct globals *g, GError **error)
{
	g_autofree char *given = g_steal_pointer(&g->root);

	g->root_given = given != NULL;
	g->root = given ? g_canonicalize_filename(given, NULL) : default_root();
	if (strcmp(g->root, "/") == 0)
		return fail(error, "Option --root argument should not be set to /");
	if (g->log_format && *g->log_format && strcmp(g->log_format, "text") != 0 && strcmp(g->log_format, "json") != 0)
		return fail(error, "invalid log-format: %s", g->log_format);
	g->systemd_cgroup_wanted = g->systemd_cgroup || g_strcmp0(g->cgroup_manager, "systemd") == 0;
	g->cgroups_disabled = g_strcmp0(g->cgroup_manager, "disabled") == 0;
	if (g->rootless && strcmp(g->rootless, "auto") != 0 && !is_bool_text(g->rootless))
		return fail(error, "invalid value for --rootless: %s", g->rootless);
	if (g->rootless && strcmp(g->rootless, "auto") != 0)
		g->rootless_cgroups =
			*g->rootless == 't' || *g->rootless == '1' ? CGROUP_ROOTLESS : CGROUP_NOT_ROOTLESS;
	if (g->cgroup_manager && !g->systemd_cgroup_wanted && !g->cgroups_disabled &&
		strcmp(g->cgroup_manager, "cgroupfs") != 0)
		return fail(error, "invalid cgroup-manager: %s", g->cgroup_manager);
	return true;
}

static bool log_level(const struct globals *g, enum diag_level *ret_level, GError **error)
{
	if (g->debug || g_strcmp0(g->log_level, "debug") == 0)
		*ret_level = DIAG_DEBUG;
	else if (!g->log_level || strcmp(g->log_level, "warning") == 0)
		*ret_level = DIAG_WARNING;
	else if (strcmp(g->log_level, "error") == 0)
		*ret_level = DIAG_ERROR;
	else
		return fail(error, "invalid log-level: %s", g->log_level);
	return true;
}

/* Options in, exit status out; says its error through diag. */
static int run_command(const struct globals *g, const struct words *w, Log *log)
{
	const struct command *c = w->command;
	g_autofree void *options = g_malloc0(c->options_size ? c->options_size : 1);
	g_autoptr(GError) error = NULL;
	int status = c->failure_status ? c->failure_status : 1;

	if (c->options_init)
		c->options_init(options);
	g_ptr_array_add(w->args, NULL);
	if (parse(c->options, c->n_options, w->verb, options, &error)) {
		int r = c->run(g, options, (int)w->args->len - 1, (char **)w->args->pdata, &error);

		status = error ? status : r;
		if (error && c->failure_prefix)
			fail_prefix(&error, "%s", c->failure_prefix);
	}
	options_clear(c->options, c->n_options, options);
	if (error) {
		log_drop_warnings(log);
		diag_error("%s", error->message);
	}
	return status;
}

/* named: the message says which program it is from. */
static int usage(const char *program, bool named, const struct words *w, const char *what, const char *text)
{
	printf("%s\n\n", what);
	print_help(own_name(program), w->command);
	fflush(stdout);
	fprintf(stderr, "%s%s%s\n", named ? program : "", named ? ": " : "", text);
	return EXIT_USAGE;
}

/* The id of the container that the command line names; NULL: none. */
static const char *container_of(const struct words *w)
{
	return g_str_has_prefix(w->command->args, "CONTAINER") && w->args->len ? w->args->pdata[0] : NULL;
}

static int run_words(const char *program, struct words *w, char **argv)
{
	/* Made absolute before a verb changes the directory. */
	g_autofree char *path = strchr(program, '/') ? g_canonicalize_filename(program, NULL) : g_strdup(program);
	struct globals g = { .program = path };
	g_autoptr(GError) error = NULL;
	g_autoptr(Log) log = NULL;
	enum diag_level level = DIAG_WARNING;
	int status = EXIT_USAGE;

	if (!check_arg_count(w->command, w->args->len, &error))
		return usage(program, true, w, "Incorrect Usage.", error->message);
	if (w->command->enters_container && !self_protect(argv, &error)) {
		fprintf(stderr, "tallyrun: %s\n", error->message);
		return EXIT_FAILURE;
	}
	/* What the caller left open is not for hooks. (A container may be meant to have it: create.c.) */
	if (!w->command->enters_container)
		(void)sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (parse(global_options, G_N_ELEMENTS(global_options), w->global, &g, &error) && settle_globals(&g, &error) &&
		log_level(&g, &level, &error))
		log = log_new(g.log, g_strcmp0(g.log_format, "json") == 0, level, container_of(w), &error);
	if (log)
		status = run_command(&g, w, log);
	else
		fprintf(stderr, "%s\n", error->message);
	options_clear(global_options, G_N_ELEMENTS(global_options), &g);
	return status;
}

int command_main(int argc, char **argv)
{
	const char *program = argc > 0 ? argv[0] : "tallyrun";
	struct words w = {
		.global = g_ptr_array_new_with_free_func(g_free),
		.verb = g_ptr_array_new_with_free_func(g_free),
		.args = g_ptr_array_new_with_free_func(g_free),
	};
	int status = 0;

	g_ptr_array_add(w.global, g_strdup(program));
	g_ptr_array_add(w.verb, g_strdup(program));
	sort_words(&w, argc > 0 ? argv + 1 : argv);
	if (w.unknown_command && strcmp(w.unknown_command, "help") != 0 && strcmp(w.unknown_command, "h") != 0) {
		fprintf(stderr, "No help topic for '%s'\n", w.unknown_command);
		status = EXIT_UNKNOWN_COMMAND;
	} else if (w.error) {
		g_autofree char *what = g_strdup_printf("Incorrect Usage: %s", w.error);

		status = usage(program, false, &w, what, w.error);
	} else if (w.version) {
		version_print(own_name(program));
	} else if (w.help || !w.command) {
		print_help(own_name(program), w.command);
	} else {
		status = run_words(program, &w, argv);
	}
	words_clear(&w);
	return status;
}
