/* Names of signals. */
#include "ctl/signals.h"

#include <signal.h>
#include <string.h>

#include "base/num.h"
#include "common/error.h"

/* RTMIN, RTMIN+N, RTMAX, RTMAX-N. */
static bool parse_real_time(const char *name, int *ret_signal)
{
	bool from_max = g_str_has_prefix(name, "RTMAX");
	const char *rest = name + strlen("RTMIN");
	uint64_t offset = 0;

	if (!from_max && !g_str_has_prefix(name, "RTMIN"))
		return false;
	if (*rest != '\0' && (*rest != (from_max ? '-' : '+') || num_parse_u64(rest + 1, 64, &offset) < 0))
		return false;
	*ret_signal = from_max ? SIGRTMAX - (int)offset : SIGRTMIN + (int)offset;
	return *ret_signal >= SIGRTMIN && *ret_signal <= SIGRTMAX;
}

bool signal_parse(const char *text, int *ret_signal, GError **error)
{
	g_autofree char *upper = g_ascii_strup(text, -1);
	const char *name = g_str_has_prefix(upper, "SIG") ? upper + 3 : upper;
	static const struct {
		const char *name, *also;
	} aliases[] = { { "CLD", "CHLD" }, { "IO", "POLL" }, { "IOT", "ABRT" } };
	uint64_t number;

	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			name = aliases[i].also;
	if (num_parse_u64(text, (uint64_t)SIGRTMAX, &number) == 0 && number > 0) {
		*ret_signal = (int)number;
		return true;
	}
	for (int sig = 1; sig < NSIG; sig++)
		if (g_strcmp0(sigabbrev_np(sig), name) == 0) {
			*ret_signal = sig;
			return true;
		}
	return parse_real_time(name, ret_signal) || fail(error, "unknown signal \"%s\"", text);
}
