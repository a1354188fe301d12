/* The control FIFOs. */
#include "relay/ctl.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/rw.h"

#define SIZE_MAX_VALUE 65535u /* what struct winsize holds; walls of screens are wider than 1000 columns */

/* Reads a decimal at *p after blanks and moves behind it. */
static bool read_number(const char **p, uint32_t *ret_value)
{
	uint32_t value = 0;
	const char *s = *p;

	while (*s == ' ' || *s == '\t' || *s == '\r')
		s++;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		value = value * 10 + (uint32_t)(*s - '0');
		if (value > SIZE_MAX_VALUE)
			return false;
	}
	*p = s;
	*ret_value = value;
	return true;
}

/* Whether the next word at *p is this one; then moves behind it. */
static bool take_word(const char **p, const char *word)
{
	const char *s = *p + strspn(*p, " \t\r");
	size_t len = strlen(word);

	if (strncmp(s, word, len) != 0 || !strchr(" \t\r", s[len]))
		return false;
	*p = s + len;
	return true;
}

static bool at_end(const char *p)
{
	return !p[strspn(p, " \t\r")];
}

/* Requests of our own. A word more or less, and it is none. */
static void parse_words(const char *p, struct ctl_line *ret_line)
{
	uint32_t streams;

	if (take_word(&p, "dump")) {
		ret_line->request = at_end(p) ? CTL_DUMP : CTL_NONE;
		return;
	}
	if (!take_word(&p, "policy"))
		return;
	streams = take_word(&p, "stdout") ? 1u << STREAM_OUT : take_word(&p, "stderr") ? 1u << STREAM_ERR : 0;
	if (!streams && take_word(&p, "both"))
		streams = (1u << N_STREAMS) - 1;
	for (enum log_policy policy = 0; streams && policy < N_LOG_POLICIES; policy++)
		if (take_word(&p, feeder_policy_name(policy))) {
			if (at_end(p))
				*ret_line = (struct ctl_line){ .request = CTL_POLICY, .streams = streams, .policy = policy };
			return;
		}
}

/* What follows a number must be a blank or, for the last one, may be anything. */
void ctl_parse(const char *line, bool sizes_only, struct ctl_line *ret_line)
{
	const char *start = line;
	uint32_t type = 1, a, b;

	*ret_line = (struct ctl_line){ .request = CTL_NONE };
	if (!sizes_only && (!read_number(&line, &type) || !strchr(" \t\r", *line))) {
		parse_words(start, ret_line);
		return;
	}
	if (!read_number(&line, &a) || !*line || !strchr(" \t\r", *line) || !read_number(&line, &b))
		return;
	if (type == 1)
		*ret_line = (struct ctl_line){ .request = CTL_RESIZE, .rows = (uint16_t)a, .cols = (uint16_t)b };
	else if (type == 2)
		ret_line->request = CTL_REOPEN;
}

static void take_line(struct ctl *c, char *line, uint32_t len)
{
	struct ctl_line parsed;

	line[len] = '\0';
	if (strlen(line) != len)
		return; /* a NUL inside: not a request */
	ctl_parse(line, c->sizes_only, &parsed);
	if (parsed.request != CTL_NONE)
		c->on_line(&parsed, c->user);
}

/* Takes whole lines out of the buffer; keeps the start of the next one. */
static void take_lines(struct ctl *c)
{
	char *start = c->buf, *end = c->buf + c->len, *nl;

	while ((nl = memchr(start, '\n', (size_t)(end - start)))) {
		if (!c->overlong)
			take_line(c, start, (uint32_t)(nl - start));
		c->overlong = false;
		start = nl + 1;
	}
	c->len = (uint32_t)(end - start);
	memmove(c->buf, start, c->len);
	if (c->len == CTL_LINE_MAX) {
		c->overlong = true;
		c->len = 0;
	}
	if (c->overlong)
		c->len = 0;
}

static void on_readable(struct loop_watch *w, uint32_t events, void *user)
{
	struct ctl *c = user;
	ssize_t n = rw_read(w->fd, c->buf + c->len, CTL_LINE_MAX - c->len);

	(void)events;
	if (n <= 0)
		return; /* cannot end: we hold it open for writing */
	c->len += (uint32_t)n;
	take_lines(c);
}

int ctl_start(struct ctl *c, struct loop *loop, int fd, bool sizes_only)
{
	c->fd = fd;
	c->loop = loop;
	c->sizes_only = sizes_only;
	c->watch.fd = -1;
	if (fd < 0)
		return 0;
	return loop_watch_start(loop, &c->watch, fd, EPOLLIN, on_readable, c);
}

void ctl_stop(struct ctl *c)
{
	loop_watch_stop(c->loop, &c->watch);
	fd_close(&c->fd);
}
