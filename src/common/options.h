/* Command lines from tables. A program lists its options once, one line each, in a .def file:
 *
 *	OPTION(bundle, STRING, "bundle", 'b', "DIR", "Bundle directory, with config.json in it")
 *
 * From that line come the member of the options struct (OPTION_MEMBER), the parser's table (OPTION_SPEC), --help, the
 * completions and the check against the manual. Values are bytes: no locale conversion. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type { OPTION_FLAG, OPTION_STRING, OPTION_ARRAY, OPTION_INT, OPTION_INT64 };

/* C types of the members; absent strings are NULL, absent arrays NULL, numbers keep what the struct was preset to. */
#define OPTION_CTYPE_FLAG   gboolean
#define OPTION_CTYPE_STRING char *
#define OPTION_CTYPE_ARRAY  char **
#define OPTION_CTYPE_INT    int
#define OPTION_CTYPE_INT64  gint64

struct option_spec {
	const char *name;      /* long name without dashes */
	char short_name;       /* 0: none */
	enum option_type type;
	size_t offset;         /* of the member in the options struct */
	const char *value;     /* name of the value in --help; NULL for flags */
	const char *help;      /* NULL: hidden */
};

/* For #define OPTION(field, TYPE, name, short, value, help) in front of #include "x.def". */
#define OPTION_MEMBER(field, type) OPTION_CTYPE_##type field;
#define OPTION_SPEC(options, field, type, name, short_name, value, help)                                               \
	{ name, short_name, OPTION_##type, offsetof(options, field), value, help },

enum option_flags {
	OPTIONS_DEFAULT = 0,
	OPTIONS_STOP_AT_POSITIONAL = 1 << 0, /* the first word that is no option ends them (POSIX) */
	OPTIONS_IGNORE_UNKNOWN = 1 << 1,     /* leave unknown options in argv */
	OPTIONS_NO_HELP = 1 << 2,            /* -h and --help are not handled */
};

/* Parses argv against the table into the struct at values; what is left (argv[0] and the positional arguments, a
 * leading "--" removed) stays in *argv. -h/--help prints "Usage: PROGRAM usage", summary and the options on stdout and
 * exits 0. Strings are newly allocated; free them with options_clear. */
bool options_parse(const char *usage, const char *summary, const struct option_spec *specs, size_t n_specs, void *values,
	enum option_flags flags, int *argc, char ***argv, GError **error);

/* Frees every string and array of the struct and sets them to NULL. */
void options_clear(const struct option_spec *specs, size_t n_specs, void *values);
