/* Signal names. glibc's table has each number's first name; the others are here. */
#include "runtime/signals.h"

#include <glib.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

static const struct {
	const char *name;
	int number;
} aliases[] = { { "IOT", SIGIOT }, { "CLD", SIGCHLD }, { "IO", SIGIO }, { "POLL", SIGPOLL }, { "STKFLT", SIGSTKFLT },
	{ "UNUSED", SIGSYS } };

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n. */
static bool parse_realtime(const char *name, int *ret_signal)
{
	bool from_max = g_ascii_strncasecmp(name, "RTMAX", 5) == 0;
	uint64_t n = 0;

	if (!from_max && g_ascii_strncasecmp(name, "RTMIN", 5) != 0)
		return false;
	name += 5;
	if (*name &&
		(*name != (from_max ? '-' : '+') || num_parse_u64(name + 1, (uint64_t)(SIGRTMAX - SIGRTMIN), &n) < 0))
		return false;
	*ret_signal = from_max ? SIGRTMAX - (int)n : SIGRTMIN + (int)n;
	return true;
}

bool signal_parse(const char *text, int *ret_signal)
{
	const char *name = g_ascii_strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int64_t number;

	if (num_parse_i64(text, INT32_MIN, INT32_MAX, &number) == 0) {
		*ret_signal = (int)number;
		return true;
	}
	for (int i = 1; i < 32; i++)
		if (g_ascii_strcasecmp(name, sigabbrev_np(i)) == 0) {
			*ret_signal = i;
			return true;
		}
	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
		if (g_ascii_strcasecmp(name, aliases[i].name) == 0) {
			*ret_signal = aliases[i].number;
			return true;
		}
	return parse_realtime(name, ret_signal);
}
