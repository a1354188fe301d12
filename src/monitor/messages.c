/* Our own messages. */
#include "monitor/messages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"

static const char letters[] = { 'e', 'w', 'i', 'd' };

/* One datagram as syslogd takes it (RFC 3164 without the time, which the daemon adds). Nobody there: nothing lost. */
static void to_syslog(const struct messages *m, enum diag_level level, const char *text)
{
	static const char *const words[] = { "<error>", "<nwarn>", "<ninfo>", "<ndebug>" };
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char line[2048];
	int n = snprintf(line, sizeof line, "<%d>%s[%d]: conmon %s %s: %s", LOG_USER | (level == DIAG_ERROR ? LOG_ERR : LOG_INFO),
		program_invocation_short_name, (int)getpid(), m->tag, words[level], text);

	if (fd < 0 || n < 0)
		return;
	if ((size_t)n >= sizeof line)
		n = (int)sizeof line - 1;
	(void)sendto(fd, line, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&addr, sizeof addr);
}

static void write_message(enum diag_level level, const char *text, void *user)
{
	const struct messages *m = user;
	char line[2048];
	int n = snprintf(line, sizeof line, "[%s:%c]: %s\n", program_invocation_short_name, letters[level], text);

	if (n > 0)
		(void)rw_write(STDERR_FILENO, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1); /* nowhere else to tell */
	if (m->to_syslog)
		to_syslog(m, level, text);
}

void messages_setup(struct messages *m, enum diag_level level, bool to_syslog_too, const char *cid)
{
	m->to_syslog = to_syslog_too;
	snprintf(m->tag, sizeof m->tag, "%.20s", cid);
	diag_setup(level, write_message, m);
}

void messages_say(enum relay_level level, const char *what, const char *object, int err, void *user)
{
	static const enum diag_level levels[] = { DIAG_ERROR, DIAG_WARNING, DIAG_INFO };
	char text[1024];

	if (!diag_wants(levels[level]))
		return;
	snprintf(text, sizeof text, "%s%s%s%s%s", what, object ? " " : "", object ?: "", err ? ": " : "",
		err ? strerrordesc_np(err) ?: "unknown error" : "");
	write_message(levels[level], text, user);
}
