/* Times for people and JSON, and text for people. */
#include "ctl/timefmt.h"

#include <glib.h>
#include <limits.h>
#include <stdbool.h>
#include <time.h>

char *time_format(int64_t ns)
{
	time_t s = (time_t)(ns / 1000000000);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	return g_strdup_printf("%s.%09dZ", text, (int)(ns % 1000000000));
}

char *time_format_duration(int64_t ns)
{
	int64_t s = MAX(ns, 0) / 1000000000;

	if (s < 60)
		return g_strdup_printf("%ds", (int)s);
	if (s < 3600)
		return g_strdup_printf("%dm %ds", (int)(s / 60), (int)(s % 60));
	if (s < 86400)
		return g_strdup_printf("%dh %dm", (int)(s / 3600), (int)(s % 3600 / 60));
	return g_strdup_printf("%dd %dh", (int)(s / 86400), (int)(s % 86400 / 3600));
}

char *text_printable(const char *text, int width)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *s = g_string_new(NULL);
	bool longer = width > 3 && g_utf8_strlen(valid, -1) > width;
	int left = longer ? width - 3 : INT_MAX;

	for (const char *p = valid; *p && left > 0; p = g_utf8_next_char(p), left--)
		g_string_append_unichar(s, g_unichar_iscntrl(g_utf8_get_char(p)) ? '?' : g_utf8_get_char(p));
	if (longer)
		g_string_append(s, "...");
	return g_string_free(s, FALSE);
}
