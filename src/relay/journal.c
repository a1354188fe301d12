/* The log driver journald. */
#include "relay/journal.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define SEND_BUFFER (8 * 1024 * 1024) /* as the daemon's own library asks for; the kernel may give less */

static void reconnect(struct journal *j)
{
	int size = SEND_BUFFER;

	fd_close(&j->fd);
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (j->fd < 0)
		return;
	(void)setsockopt(j->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* a wish */
	if (connect(j->fd, (struct sockaddr *)&j->addr, sizeof j->addr) < 0)
		fd_close(&j->fd);
}

int journal_init(struct journal *j, const char *path, const char *fields, bool mark_partial)
{
	j->wanted = true;
	j->fd = -1;
	j->addr.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof j->addr.sun_path)
		return -ENAMETOOLONG;
	strcpy(j->addr.sun_path, path);
	j->fields = fields;
	j->mark_partial = mark_partial;
	j->carry = sys_map(N_STREAMS * LINES_MAX);
	if (!j->carry)
		return -ENOMEM;
	for (int s = 0; s < N_STREAMS; s++)
		j->stream[s].lines.carry = j->carry + (unsigned int)s * LINES_MAX;
	reconnect(j);
	return 0;
}

void journal_clear(struct journal *j)
{
	if (j->carry)
		(void)munmap(j->carry, N_STREAMS * LINES_MAX);
	j->carry = NULL;
	if (j->wanted)
		fd_close(&j->fd);
}

/* One try. 0 or -errno. */
static int try_send(struct journal *j, const struct msghdr *msg)
{
	ssize_t n;

	if (j->fd < 0)
		reconnect(j);
	if (j->fd < 0)
		return -ENOTCONN;
	do
		n = sendmsg(j->fd, msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static bool send_entry(struct journal *j, const struct msghdr *msg)
{
	struct pollfd p = { .events = POLLOUT };
	int r = try_send(j, msg);

	if (r == -ECONNREFUSED || r == -ENOTCONN || r == -EPIPE || r == -ECONNRESET) {
		reconnect(j); /* the daemon was started anew */
		r = try_send(j, msg);
	}
	if (r == -EAGAIN && !j->stalled) {
		p.fd = j->fd;
		if (poll(&p, 1, JOURNAL_PATIENCE_MS) > 0)
			r = try_send(j, msg);
	}
	j->stalled = r == -EAGAIN;
	return r == 0;
}

static struct iovec piece(const void *data, size_t len)
{
	return (struct iovec){ (void *)data, len };
}

/* The priority that a line's prefix asks for, or 0. */
static char priority_prefix(const struct lines *l, const char *data, uint32_t n)
{
	char start[3];
	uint32_t carried = l->carried < 3 ? l->carried : 3;

	if (l->carried + n < 3)
		return 0;
	memcpy(start, l->carry, carried);
	memcpy(start + carried, data, 3 - carried);
	return start[0] == '<' && start[1] >= '0' && start[1] <= '7' && start[2] == '>' ? start[1] : 0;
}

static void emit(void *sink, struct lines *l, const char *data, uint32_t n, int whole)
{
	static const char partial[] = "CONTAINER_PARTIAL_MESSAGE=true\n";
	struct journal *j = sink;
	enum stream stream = l == &j->stream[STREAM_ERR].lines ? STREAM_ERR : STREAM_OUT;
	struct journal_stream *s = &j->stream[stream];
	bool begins = j->prefixes && !s->inside;
	uint32_t bytes = l->carried + n + (whole ? 1 : 0), prefix, in_carry;
	char priority[] = "PRIORITY=6\n";
	uint64_t length;

	if (begins)
		s->priority = priority_prefix(l, data, n);
	prefix = begins && s->priority ? 3 : 0;
	in_carry = prefix < l->carried ? prefix : l->carried;
	length = htole64(bytes - prefix);
	priority[9] = s->priority ?: stream == STREAM_ERR ? '3' : '6';
	s->inside = !whole;

	/* The message keeps its newline, so it goes in the form with a length, which takes any byte. */
	struct iovec iov[9] = {
		piece("MESSAGE\n", 8),
		piece(&length, sizeof length),
		piece(l->carry + in_carry, l->carried - in_carry),
		piece(data + (prefix - in_carry), n - (prefix - in_carry)),
		piece("\n", whole ? 1 : 0),
		piece("\n", 1),
		piece(priority, sizeof priority - 1),
		piece(j->fields, strlen(j->fields)),
		piece(partial, whole || !j->mark_partial ? 0 : strlen(partial)),
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = sizeof iov / sizeof *iov };

	if (!j->discard && (!s->rate || rate_pass(s->rate, bytes)) && send_entry(j, &msg)) {
		s->entries++;
	} else {
		s->dropped += bytes;
		s->dropped_entries++;
	}
	l->carried = 0;
}

void journal_feed(struct journal *j, enum stream stream, const char *data, uint32_t n)
{
	lines_feed(&j->stream[stream].lines, LINES_MAX, data, n, emit, j);
}

void journal_end(struct journal *j, enum stream stream)
{
	if (j->wanted && j->stream[stream].lines.carried)
		emit(j, &j->stream[stream].lines, "", 0, 0);
}
