/* A process in the foreground of tallyctl. */
#include "ctl/foreground.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "ctl/command.h"
#include "ctl/terminal.h"

#define REQUESTS_MAX 3

bool foreground_on_signal(int sig, void *user)
{
	struct foreground *f = user;

	if (sig == SIGCONT || sig == SIGWINCH)
		return true;
	if (sig == SIGINT || sig == SIGTERM)
		f->requests++;
	if ((sig == SIGHUP && f->terminal) || f->requests >= REQUESTS_MAX) {
		f->left_by = sig;
		return false;
	}
	if (f->pidfd >= 0)
		(void)sys_pidfd_send_signal(f->pidfd, sig); /* ESRCH: it is ending anyway */
	return true;
}

int foreground_left(const struct foreground *f)
{
	diag_warning("left by SIG%s: %s goes on", sigabbrev_np(f->left_by), f->what);
	return 128 + f->left_by;
}

bool foreground_attach(struct foreground *f, struct attach_client *client, int *ret_status, GError **error)
{
	g_autoptr(GError) gone = NULL;

	client->on_signal = foreground_on_signal;
	client->user = f;
	switch (attach_run(client, &gone)) {
	case ATTACH_ENDED:
		return true;
	case ATTACH_DETACHED:
		*ret_status = 0;
		return false;
	case ATTACH_LEFT:
		*ret_status = foreground_left(f);
		return false;
	case ATTACH_OUTPUT_GONE:
		*ret_status = -1;
		fail(error, "%s: %s goes on without us", gone->message, f->what);
		return false;
	case ATTACH_FAILED:
		*ret_status = -1;
		g_propagate_error(error, g_steal_pointer(&gone));
		return false;
	}
	g_assert_not_reached();
}

bool foreground_wait(struct foreground *f, int fd, int signal_fd, int *ret_status, GError **error)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	while (!p[0].revents) {
		if (poll(p, G_N_ELEMENTS(p), -1) < 0 && errno != EINTR) {
			*ret_status = -1;
			return fail_errno(error, "wait for the end of %s", f->what);
		}
		while (rw_read(signal_fd, &info, sizeof info) == sizeof info)
			if (!foreground_on_signal((int)info.ssi_signo, f)) {
				*ret_status = foreground_left(f);
				return false;
			}
	}
	return true;
}

bool watched_connect(struct watched_container *w, GError **error)
{
	const Container *c = w->container;

	w->end = end_watch_new(c, error);
	w->sock_fd = w->end ? attach_connect(c->dir_fd, error) : -1;
	if (w->sock_fd < 0)
		return false;
	if (c->record.terminal)
		(void)terminal_send_size(c->dir_fd); /* ours is none: the container's stays as it is */
	return true;
}

int watched_run(struct watched_container *w, bool send_stdin, GError **error)
{
	const Container *c = w->container;
	g_autofree char *what = g_strdup_printf("container %s", c->id);
	auto_fd process_fd = process_id_open(&c->record.process, c->record.boot_id);
	struct foreground f = { .what = what, .pidfd = process_fd, .terminal = w->sock_fd >= 0 && c->record.terminal };
	struct attach_client client = {
		.sock_fd = w->sock_fd,
		.dir_fd = c->dir_fd,
		.stdin_fd = !send_stdin ? -1 : w->stdio && w->stdio->in_fd >= 0 ? w->stdio->in_fd : STDIN_FILENO,
		.stdio = w->stdio,
		.terminal = c->record.terminal,
		.keys = w->keys,
		.signal_fd = w->signal_fd,
	};
	struct ending ending;
	int status;

	if (w->sock_fd >= 0 && !foreground_attach(&f, &client, &status, error))
		return status;
	if (w->stdio)
		stdio_close(w->stdio); /* before the status is told */
	if (!end_watch_wait(w->end, w->signal_fd, foreground_on_signal, &f, &ending, error))
		return f.left_by ? foreground_left(&f) : -1;
	w->ended = true;
	status = ending_status(&ending);
	if (!ending.known)
		diag_error("%s: exit status unknown: %s", what, ending.why);
	ending_clear(&ending);
	return status;
}

void watched_clear(struct watched_container *w)
{
	fd_close(&w->sock_fd);
	g_clear_pointer(&w->end, end_watch_free);
}
