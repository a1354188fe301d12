/* Strict decimal numbers, to and from text. No locale, no allocation. */
#include "base/num.h"

#include <errno.h>
#include <string.h>

int num_parse_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *p = text; *p; p++)
		if (*p < '0' || *p > '9')
			return -EINVAL;
	for (const char *p = text; *p; p++)
		if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int num_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	bool negative = *text == '-';
	uint64_t magnitude;
	int64_t value;
	int r = num_parse_u64(text + negative, negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX, &magnitude);

	if (r < 0)
		return r;
	value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

size_t num_format_u64(char *buf, uint64_t value)
{
	char digits[NUM_MAX];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	for (size_t i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	buf[n] = '\0';
	return n;
}

size_t num_format_i64(char *buf, int64_t value)
{
	if (value >= 0)
		return num_format_u64(buf, (uint64_t)value);
	buf[0] = '-';
	return 1 + num_format_u64(buf + 1, 0 - (uint64_t)value);
}
