/* Makes an options struct and its parser's table of a .def file (common/options.h). Before every inclusion:
 *
 *	#define OPTIONS_FILE "ctl/start.def"
 *
 * Gives struct options and specs, for the one verb or program that the file including it is. */
struct options {
#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
#include OPTIONS_FILE
#undef OPTION
};

static const struct option_spec specs[] = {
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct options, field, type, name, short_name, value, help)
#include OPTIONS_FILE
#undef OPTION
};
#undef OPTIONS_FILE
