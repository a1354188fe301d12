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

/* Escapes one byte; returns the length (1, 2 or 6). */
static uint32_t escape(char out[6], unsigned char c)
{
	static const char plain[] = "\\\"\n\r\t\b\f", letter[] = "\\\"nrtbf";
	const char *at = c ? strchr(plain, c) : NULL;

	if (at) {
		out[0] = '\\';
		out[1] = letter[at - plain];
		return 2;
	}
	if (c >= 0x20 && c != 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

/* A cut text must not end within a character of UTF-8. */
static uint32_t whole_characters(const char *text, uint32_t len)
{
	uint32_t start = len;

	while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || ((unsigned char)text[start - 1] & 0xc0) != 0xc0)
		return len;
	return start - 1;
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
	uint32_t len, taken = 0;

	if (s->fd < 0)
		return 0;
	len = put_text(line, "{\"");
	len += put_text(line + len, s->key);
	len += put_text(line + len, "\": ");
	len += (uint32_t)num_format_i64(line + len, value);
	if (message_len) {
		uint32_t start;

		len += put_text(line + len, ", \"message\": \"");
		start = len;
		for (uint32_t i = 0; i < message_len; i++) {
			uint32_t n = escape(escaped, (unsigned char)message[i]);

			if (len + n > sizeof line - 3)
				break;
			memcpy(line + len, escaped, n);
			len += n;
			taken++;
		}
		if (taken < message_len)
			len = start + whole_characters(line + start, len - start);
		len += put_text(line + len, "\"");
	}
	len += put_text(line + len, "}\n");
	return send_line(s, line, len);
}
