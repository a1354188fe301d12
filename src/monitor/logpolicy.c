/* --log-policy and --log-rate-limit. */
#include "monitor/logpolicy.h"

#include <string.h>

#include "base/num.h"
#include "common/error.h"

/* Takes "stdout:" or "stderr:" off the front of *value; the streams that it is for (bits). */
static uint32_t take_streams(const char **value)
{
	static const char *const names[N_STREAMS] = { "stdout:", "stderr:" };

	for (int s = 0; s < N_STREAMS; s++)
		if (g_str_has_prefix(*value, names[s])) {
			*value += strlen(names[s]);
			return 1u << s;
		}
	return (1u << N_STREAMS) - 1;
}

static bool parse_policy(const char *value, enum log_policy policy[N_STREAMS], GError **error)
{
	const char *name = value;
	uint32_t streams = take_streams(&name);

	for (enum log_policy p = 0; p < N_LOG_POLICIES; p++) {
		if (strcmp(name, feeder_policy_name(p)) != 0)
			continue;
		for (int s = 0; s < N_STREAMS; s++)
			if (streams >> s & 1)
				policy[s] = p;
		return true;
	}
	return fail(error, "--log-policy %s: not [stdout:|stderr:] and block, drop-oldest or drop-newest", value);
}

static bool parse_rate(const char *value, struct rate rate[N_STREAMS], GError **error)
{
	const char *text = value;
	uint32_t streams = take_streams(&text);
	g_auto(GStrv) part = g_strsplit(text, ",", 2);
	struct rate r = { 0 };

	if (!part[0] || !g_str_has_suffix(part[0], "/s"))
		return fail(error, "--log-rate-limit %s: not [stdout:|stderr:]BYTES/s[,BURST]", value);
	part[0][strlen(part[0]) - 2] = '\0';
	if (num_parse_u64(part[0], RATE_MAX, &r.per_s) < 0 || !r.per_s ||
		num_parse_u64(part[1] ?: part[0], RATE_MAX, &r.burst) < 0 || !r.burst)
		return fail(error, "--log-rate-limit %s: a number of bytes is from 1 to %u", value, RATE_MAX);
	for (int s = 0; s < N_STREAMS; s++)
		if (streams >> s & 1)
			rate[s] = r;
	return true;
}

bool logpolicy_parse(char *const *policies, char *const *rates, enum log_policy ret_policy[N_STREAMS],
	struct rate ret_rate[N_STREAMS], GError **error)
{
	enum log_policy policy[N_STREAMS] = { LOG_BLOCK, LOG_BLOCK };
	struct rate rate[N_STREAMS] = { 0 };

	for (; policies && *policies; policies++)
		if (!parse_policy(*policies, policy, error))
			return false;
	for (; rates && *rates; rates++)
		if (!parse_rate(*rates, rate, error))
			return false;
	memcpy(ret_policy, policy, sizeof policy);
	memcpy(ret_rate, rate, sizeof rate);
	return true;
}
