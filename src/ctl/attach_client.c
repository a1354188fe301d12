/* A client of a monitor's attach socket: packets of a type byte (2 stdout, 3 stderr) and data come in, raw input goes
 * out. Nothing here blocks but poll: while our own output is not taken, nothing more is read from the monitor. */
#include "ctl/attach_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"
#include "ctl/output.h"
#include "ctl/terminal.h"

#define INPUT_MAX  8192  /* a packet that every monitor takes whole */
#define PACKET_MAX 65536 /* conmon's are 8193 at most */

enum packet_type { PACKET_STDOUT = 2, PACKET_STDERR = 3 };

struct session {
	const struct attach_client *c;
	struct detach_keys keys;
	struct terminal terminal;
	bool sends; /* input is still passed on */
	bool watches_keys;
	bool detached; /* the keys came: leave when the input before them is sent */
	struct output out, err;
	unsigned char input[INPUT_MAX + DETACH_KEYS_MAX];
	size_t n_input; /* to be sent in one packet */
	char packet[PACKET_MAX];
};

int attach_connect(int dir_fd, GError **error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		fail_errno(error, "create a socket");
		return -1;
	}
	/* Through the directory's descriptor: the path itself may be longer than an address can hold. */
	snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/attach", dir_fd);
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		fail_errno(error, "connect to the monitor's attach socket");
		return -1;
	}
	return steal_fd(&fd);
}

static void stop_sending(struct session *s)
{
	s->sends = false;
	s->n_input = 0;
}

static void send_input(struct session *s)
{
	if (s->n_input > 0 && send(s->c->sock_fd, s->input, s->n_input, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return;
		/* The session is ending; what it still says is read until its end. */
		stop_sending(s);
		return;
	}
	s->n_input = 0;
}

static void read_input(struct session *s)
{
	unsigned char buf[INPUT_MAX];
	ssize_t n = rw_read(s->c->stdin_fd, buf, sizeof buf);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		/* EIO: the terminal has gone. Either way there is no more input, and the container is told. */
		stop_sending(s);
		(void)shutdown(s->c->sock_fd, SHUT_WR); /* fails only when the session has ended */
		return;
	}
	if (s->watches_keys) {
		s->detached = detach_keys_filter(&s->keys, buf, (size_t)n, s->input, &s->n_input);
	} else {
		memcpy(s->input, buf, (size_t)n);
		s->n_input = (size_t)n;
	}
	send_input(s);
}

/* False at the end of the session, *error set when it is none. */
static bool read_packet(struct session *s, GError **error)
{
	ssize_t n = recv(s->c->sock_fd, s->packet, sizeof s->packet, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* A monitor that closes with input of ours unread resets the connection: an end like another. */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return false;
	if (n < 0)
		return fail_errno(error, "read from the attach socket");
	if ((size_t)n > sizeof s->packet)
		return fail(error, "read from the attach socket: a packet of %zd bytes", n);
	if (s->packet[0] == PACKET_STDOUT) {
		if (!s->c->no_stdout)
			output_put(&s->out, s->packet + 1, (size_t)n - 1);
	} else if (s->packet[0] == PACKET_STDERR) {
		if (!s->c->no_stderr)
			output_put(&s->err, s->packet + 1, (size_t)n - 1);
	} else {
		return fail(error, "read from the attach socket: a packet of unknown type %d", s->packet[0]);
	}
	return true;
}

static bool take_signals(struct session *s)
{
	struct signalfd_siginfo info;

	while (rw_read(s->c->signal_fd, &info, sizeof info) == sizeof info) {
		bool resized = info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT;

		if (info.ssi_signo == SIGCONT)
			terminal_raw_again(&s->terminal);
		if (resized && s->c->terminal)
			(void)terminal_send_size(s->c->dir_fd); /* no terminal: nothing to tell */
		if (!resized && !s->c->on_signal((int)info.ssi_signo, s->c->user))
			return false;
	}
	return true;
}

/* Writes what is pending. False when nobody reads any of our output. */
static bool flush(struct session *s)
{
	(void)output_flush(&s->out); /* an error shows as gone */
	(void)output_flush(&s->err);
	return !s->out.gone;
}

static enum attach_end loop(struct session *s, GError **error)
{
	enum { SOCK, INPUT, OUT, ERR, SIGNALS, N };
	GError *failure = NULL;

	for (;;) {
		bool busy = output_pending(&s->out) || output_pending(&s->err);
		struct pollfd p[N] = {
			[SOCK] = { s->c->sock_fd, (short)((busy ? 0 : POLLIN) | (s->n_input ? POLLOUT : 0)), 0 },
			[INPUT] = { s->sends && s->n_input == 0 ? s->c->stdin_fd : -1, POLLIN, 0 },
			[OUT] = { output_pending(&s->out) ? s->out.fd : -1, POLLOUT, 0 },
			[ERR] = { output_pending(&s->err) ? s->err.fd : -1, POLLOUT, 0 },
			[SIGNALS] = { s->c->signal_fd, POLLIN, 0 },
		};

		/* A hang-up is always reported: while output waits, the socket is not asked at all. */
		if (busy && s->n_input == 0)
			p[SOCK].fd = -1;
		if (s->detached && s->n_input == 0)
			return ATTACH_DETACHED;
		if (poll(p, N, -1) < 0 && errno != EINTR) {
			fail_errno(error, "poll");
			return ATTACH_FAILED;
		}
		if (p[SIGNALS].revents && !take_signals(s))
			return ATTACH_LEFT;
		if (p[SOCK].revents & (POLLOUT | POLLERR))
			send_input(s);
		if (p[INPUT].revents)
			read_input(s);
		if (!busy && (p[SOCK].revents & (POLLIN | POLLHUP | POLLERR)) && !read_packet(s, &failure)) {
			if (!failure)
				return ATTACH_ENDED;
			g_propagate_error(error, failure);
			return ATTACH_FAILED;
		}
		if (!flush(s))
			return ATTACH_OUTPUT_GONE;
	}
}

enum attach_end attach_run(struct attach_client *c, GError **error)
{
	g_autofree struct session *s = g_new0(struct session, 1);
	bool from_terminal = c->stdin_fd >= 0 && isatty(c->stdin_fd);
	enum attach_end end;

	s->c = c;
	s->keys = c->keys;
	s->sends = c->stdin_fd >= 0;
	s->watches_keys = from_terminal && c->terminal;
	s->terminal = TERMINAL_NONE;
	if (s->watches_keys && !terminal_raw_enter(&s->terminal, c->stdin_fd, error))
		return ATTACH_FAILED;
	output_init(&s->out, c->stdio && c->stdio->out_fd >= 0 ? c->stdio->out_fd : STDOUT_FILENO);
	output_init(&s->err, c->stdio && c->stdio->err_fd >= 0 ? c->stdio->err_fd : STDERR_FILENO);
	end = loop(s, error);
	if (end == ATTACH_OUTPUT_GONE)
		fail_with(error, s->out.err, "write to standard output");
	output_clear(&s->out);
	output_clear(&s->err);
	terminal_raw_leave(&s->terminal);
	return end;
}
