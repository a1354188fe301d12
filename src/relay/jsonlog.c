/* Records of Docker's json-file log. */
#include "relay/jsonlog.h"

#include <string.h>

#define ESCAPED_MAX 6u  /* \u001b */
#define FIXED       96u /* everything in a record but text, attributes and time */

static const char start[] = "{\"log\":\"";

uint32_t jsonlog_size(uint32_t n, uint32_t attrs_len)
{
	return FIXED + JSON_TIME_MAX + attrs_len + ESCAPED_MAX * n;
}

static bool is_continuation(const unsigned char *p, uint32_t n, uint32_t at)
{
	return at < n && (p[at] & 0xc0) == 0x80;
}

/* Length of the character at p, of which there are n > 0 bytes: 0 when it is none (Unicode, table 3-7), -1 when only its
 * end is missing. */
static int character(const unsigned char *p, uint32_t n)
{
	unsigned char lead = p[0], low = 0x80, high = 0xbf;
	uint32_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;

	if (len < 2)
		return (int)len;
	if (lead == 0xe0)
		low = 0xa0; /* shorter forms exist for what is below */
	else if (lead == 0xed)
		high = 0x9f; /* surrogates */
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f; /* the end of Unicode */
	if (n > 1 && (p[1] < low || p[1] > high))
		return 0;
	for (uint32_t i = 2; i < len && i < n; i++)
		if (!is_continuation(p, n, i))
			return 0;
	return n < len ? -1 : (int)len;
}

uint32_t jsonlog_unfinished(const char *data, uint32_t n)
{
	const unsigned char *p = (const unsigned char *)data + n;

	for (uint32_t back = 1; back <= 3 && back <= n; back++) {
		if ((p[-(int)back] & 0xc0) == 0x80)
			continue;
		return character(p - back, back) < 0 ? back : 0;
	}
	return 0;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

static char *put_hex(char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	to = put(to, "\\u00", 4);
	*to++ = digits[c >> 4];
	*to++ = digits[c & 15];
	return to;
}

/* What is not plain: one character, or one byte that is none. */
static char *put_special(char *to, const unsigned char *p, uint32_t n, uint32_t *ret_taken)
{
	int len = character(p, n);

	*ret_taken = len > 0 ? (uint32_t)len : 1;
	if (len <= 0)
		return put(to, "\\ufffd", 6);
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] & 0xfe) == 0xa8)
		return put(to, p[2] & 1 ? "\\u2029" : "\\u2028", 6); /* line ends, to JavaScript */
	if (len > 1)
		return put(to, (const char *)p, (size_t)len);
	if (*p == '"' || *p == '\\') {
		*to++ = '\\';
		*to++ = (char)*p;
		return to;
	}
	if (*p == '\r' || *p == '\n')
		return put(to, *p == '\r' ? "\\r" : "\\n", 2);
	return put_hex(to, *p);
}

char *jsonlog_text(char *to, const char *data, uint32_t n)
{
	const unsigned char *p = (const unsigned char *)data;

	while (n > 0) {
		uint32_t taken = 0;

		while (taken < n && is_plain(p[taken]))
			taken++;
		to = put(to, (const char *)p, taken);
		p += taken;
		n -= taken;
		if (n > 0) {
			to = put_special(to, p, n, &taken);
			p += taken;
			n -= taken;
		}
	}
	return to;
}

uint32_t jsonlog_build(
	char *to, enum stream stream, const char *data, uint32_t n, bool newline, const char *attrs, const char *time)
{
	static const char *const streams[N_STREAMS] = { "\",\"stream\":\"stdout\"", "\",\"stream\":\"stderr\"" };
	char *p = put(to, start, sizeof start - 1);

	p = jsonlog_text(p, data, n);
	if (newline)
		p = put(p, "\\n", 2);
	p = put(p, streams[stream], strlen(streams[stream]));
	if (*attrs) {
		p = put(p, ",\"attrs\":", 9);
		p = put(p, attrs, strlen(attrs));
	}
	p = put(p, ",\"time\":\"", 9);
	p = put(p, time, strlen(time));
	p = put(p, "\"}\n", 3);
	return (uint32_t)(p - to);
}

static char *put_number(char *at, int width, unsigned long value)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + width;
}

void jsonlog_time(char to[JSON_TIME_MAX], const struct timespec *when)
{
	static const char separators[] = "--T::.";
	const unsigned long none[6] = { 1970, 1, 1, 0, 0, 0 };
	unsigned long field[6];
	struct tm tm;
	char *p = to;

	if (gmtime_r(&when->tv_sec, &tm))
		memcpy(field,
			((const unsigned long[6]){ (unsigned long)tm.tm_year + 1900, (unsigned long)tm.tm_mon + 1,
				(unsigned long)tm.tm_mday, (unsigned long)tm.tm_hour, (unsigned long)tm.tm_min,
				(unsigned long)tm.tm_sec }),
			sizeof field);
	else
		memcpy(field, none, sizeof field);
	for (int i = 0; i < 6; i++) {
		p = put_number(p, i ? 2 : 4, field[i]);
		*p++ = separators[i];
	}
	p = put_number(p, 9, (unsigned long)when->tv_nsec);
	while (p[-1] == '0')
		p--;
	if (p[-1] == '.')
		p--;
	strcpy(p, "Z");
}

uint32_t jsonlog_payload(const char *p, enum stream *ret_stream)
{
	uint32_t n = 0;

	for (p += sizeof start - 1; *p != '"';) {
		uint32_t taken = 1, meant = 1;

		if (p[0] == '\\') {
			taken = p[1] == 'u' ? 6 : 2;
			/* \u2028 was one character of three bytes; \ufffd one byte, for the character itself is not escaped */
			meant = p[1] == 'u' && p[2] == '2' ? 3 : 1;
		}
		p += taken;
		n += meant;
	}
	*ret_stream = p[strlen("\",\"stream\":\"std")] == 'e' ? STREAM_ERR : STREAM_OUT;
	return n;
}
