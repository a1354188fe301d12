/* What the caller is told on the sync and attach pipes. */
#include "relay/syncpipe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

#define SEND_DEADLINE_MS 10000
#define SEND_TRIES       3

static const char hex[] = "0123456789abcdef";

/* The bytes of the UTF-8 character that begins here, 0 when none does. */
static uint32_t character(const unsigned char *text, uint32_t left)
{
	static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t n = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2, code = text[0] & (0xff >> (n + 1));

	if (n == 1)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4 || n > left)
		return 0;
	for (uint32_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code < lowest[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

/* Writes the character at text as it stands in a JSON string: its length there (1 to 6), and in *ret_taken the bytes it
 * has in text. What is not UTF-8 becomes the replacement character: JSON readers refuse a line that holds it. */
static uint32_t escape(char out[6], const char *text, uint32_t left, uint32_t *ret_taken)
{
	static const char plain[] = "\\\"\n\r\t\b\f", letter[] = "\\\"nrtbf";
	unsigned char c = (unsigned char)*text;
	uint32_t n = character((const unsigned char *)text, left);
	const char *at = c ? strchr(plain, c) : NULL;

	*ret_taken = n ? n : 1;
	if (n == 0) {
		memcpy(out, "\\ufffd", 6);
		return 6;
	}
	if (at) {
		out[0] = '\\';
		out[1] = letter[at - plain];
		return 2;
	}
	if (c >= 0x20 && c != 0x7f) {
		memcpy(out, text, n);
		return n;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

static uint32_t put_text(char *to, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	memcpy(to, text, len);
	return len;
}

/* One packet, however slow the reader is, but not for ever. What fails is tried again; a reader that cannot be told is
 * let go, or he would wait until the container ends. */
static int send_line(struct syncpipe *s, const char *line, uint32_t len)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int r = 0;

	for (int failures = 0; len > 0 && r == 0;) {
		ssize_t n = write(s->fd, line, len);

		if (n >= 0) {
			line += n;
			len -= (uint32_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			r = poll(&p, 1, SEND_DEADLINE_MS) == 0 ? -ETIMEDOUT : 0;
		} else if (errno != EINTR && (errno == EPIPE || errno == ECONNRESET || ++failures == SEND_TRIES)) {
			r = -errno;
		}
	}
	if (r < 0)
		fd_close(&s->fd);
	return r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int syncpipe_send(struct syncpipe *s, int64_t value, const char *message, uint32_t message_len)
{
	char line[SYNC_LINE_MAX], escaped[6];
	uint32_t len, taken;

	if (s->fd < 0)
		return 0;
	len = put_text(line, "{\"");
	len += put_text(line + len, s->key);
	len += put_text(line + len, "\": ");
	len += (uint32_t)num_format_i64(line + len, value);
	if (message_len) {
		len += put_text(line + len, ", \"message\": \"");
		for (uint32_t i = 0; i < message_len; i += taken) {
			uint32_t n = escape(escaped, message + i, message_len - i, &taken);

			if (len + n > sizeof line - 3)
				break;
			memcpy(line + len, escaped, n);
			len += n;
		}
		len += put_text(line + len, "\"");
	}
	len += put_text(line + len, "}\n");
	return send_line(s, line, len);
}
