/* Sizes and durations as people write them. */
#include "runtime/units.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Digits with at most one point, no sign, no exponent. Moves *text behind them. */
static bool take_decimal(const char **text, double *ret_value)
{
	size_t whole = strspn(*text, "0123456789"), part = 0, point = (*text)[whole] == '.';
	g_autofree char *number = NULL;

	if (point)
		part = strspn(*text + whole + 1, "0123456789");
	if (whole + part == 0)
		return false;
	number = g_strndup(*text, whole + point + part);
	*ret_value = g_ascii_strtod(number, NULL);
	*text += whole + point + part;
	return true;
}

static bool to_int64(double value, int64_t *ret_value)
{
	if (!(value < 9.2e18))
		return false;
	*ret_value = (int64_t)value;
	return true;
}

bool units_parse_size(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "kmgtp";
	const char *unit;
	double value;

	if (strcmp(text, "-1") == 0) {
		*ret_bytes = -1;
		return true;
	}
	if (!take_decimal(&text, &value))
		return false;
	if (*text == ' ' && text[1])
		text++;
	unit = *text ? strchr(units, g_ascii_tolower(*text)) : NULL;
	if (unit) {
		value = ldexp(value, 10 * (int)(unit - units + 1));
		text++;
		if (*text == 'i' && g_ascii_tolower(text[1]) == 'b')
			text++;
	}
	if (g_ascii_tolower(*text) == 'b')
		text++;
	return *text == '\0' && to_int64(value, ret_bytes);
}

bool units_parse_duration(const char *text, int64_t *ret_ns)
{
	/* Longer names first where one begins another. */
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "µs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 },
		{ "h", 3600e9 } };
	double sum = 0;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return true;
	}
	do {
		size_t u = 0;
		double value;

		if (!take_decimal(&text, &value))
			return false;
		while (u < G_N_ELEMENTS(units) && !g_str_has_prefix(text, units[u].name))
			u++;
		if (u == G_N_ELEMENTS(units))
			return false;
		sum += value * units[u].ns;
		text += strlen(units[u].name);
	} while (*text);
	return to_int64(sum, ret_ns);
}
