/* linux.resources in the terms of cgroup v2. */
#include "runtime/cgroup_convert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	double l, exponent;

	if (shares == 0)
		return 0;
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* A parabola in log-log space through (2, 1), (1024, 100) and (262144, 10000), agreed on by the runtimes. The
	 * small term keeps 1024 from becoming 101 by rounding. */
	l = log2((double)shares);
	exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
	return (uint64_t)ceil(pow(10, exponent) - 1e-9);
}

uint64_t cgroup_io_weight(uint64_t weight)
{
	if (weight == 0)
		return 0;
	if (weight < 10)
		weight = 10; /* the kernel's least on v1 */
	return 1 + (weight - 10) * 9999 / 990;
}

void cgroup_format_limit(int64_t limit, char *buf)
{
	if (limit == -1)
		strcpy(buf, "max");
	else
		num_format_i64(buf, limit);
}

const char *cgroup_swap_max(struct spec_int limit, struct spec_int swap, char *buf)
{
	*buf = '\0';
	if (limit.set && limit.value == -1 && (!swap.set || swap.value == 0))
		swap = limit; /* memory without limit takes swap's away too, as on v1 */
	if (!swap.set || swap.value == 0)
		return NULL;
	if (swap.value == -1) {
		strcpy(buf, "max");
		return NULL;
	}
	if (swap.value < 0)
		return "invalid memory+swap limit";
	if (!limit.set || limit.value == 0)
		return "unable to set swap limit without memory limit";
	if (limit.value < 0) {
		num_format_i64(buf, swap.value);
		return NULL;
	}
	if (swap.value < limit.value)
		return "memory+swap limit should be >= memory limit";
	num_format_i64(buf, swap.value - limit.value);
	return NULL;
}

void cgroup_cpu_max(struct spec_int quota, struct spec_uint period, const char *current, char *buf)
{
	bool has_quota = quota.set && quota.value != 0, has_period = period.set && period.value != 0;
	char text[NUM_MAX] = "max";

	*buf = '\0';
	if (!has_quota && !has_period)
		return;
	if (has_quota && quota.value > 0)
		num_format_i64(text, quota.value);
	else if (!has_quota)
		g_strlcpy(text, current, MIN(sizeof text, strcspn(current, " ") + 1));
	if (has_period)
		snprintf(buf, 2 * NUM_MAX, "%s %llu", text, (unsigned long long)period.value);
	else
		strcpy(buf, text); /* the kernel keeps the period */
}

void cgroup_pids_max(int64_t limit, char *buf)
{
	if (limit < 0)
		strcpy(buf, "max");
	else
		num_format_i64(buf, limit == 0 ? 1 : limit);
}
