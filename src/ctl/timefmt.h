/* Times for people and JSON. */
#pragma once

#include <stdint.h>

/* RFC 3339 in UTC with nanoseconds: 2026-01-02T03:04:05.000000006Z. ns: CLOCK_REALTIME. Free with g_free. */
char *time_format(int64_t ns);

/* A duration in two units at most: "3s", "5m 2s", "2h 5m", "4d 3h". Negative ones count as 0. Free with g_free. */
char *time_format_duration(int64_t ns);

/* The text as a terminal may see it: what a container says must not be able to steer it. Control characters become "?",
 * what is longer than width characters (0: any) ends in "...". Free with g_free. */
char *text_printable(const char *text, int width);
