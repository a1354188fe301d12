/* The console socket. */
#include "relay/console.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"

static void on_console(struct loop_watch *w, uint32_t events, void *user);

static void apply_size(struct console *c)
{
	struct winsize ws = { .ws_row = c->rows, .ws_col = c->cols };

	(void)ioctl(c->master_fd, TIOCSWINSZ, &ws); /* a terminal that refuses its size is still a terminal */
	c->size_pending = false;
}

/* Programs end lines with a newline; a terminal's user needs the carriage return too. */
static int make_usable(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) == 0) {
		t.c_oflag |= ONLCR;
		(void)tcsetattr(fd, TCSANOW, &t); /* only looks */
	} else if (errno == ENOTTY) {
		return -ENOTTY;
	}
	return fd_set_nonblock(fd, true);
}

static void take_master(struct console *c, int fd)
{
	console_stop(c);
	if (make_usable(fd) < 0 || c->on_master(fd, c->user) < 0) {
		fd_close(&fd);
		return;
	}
	c->master_fd = fd;
	if (c->size_pending)
		apply_size(c);
}

/* The next step of the hand-over; false when nothing is there yet. */
static bool step(struct console *c)
{
	char name[4096];
	ssize_t n;
	int fd = -1;

	if (c->conn_fd < 0) {
		c->conn_fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (c->conn_fd < 0)
			return false;
		loop_watch_stop(c->loop, &c->watch);
		return loop_watch_start(c->loop, &c->watch, c->conn_fd, EPOLLIN, on_console, c) == 0;
	}
	n = fdpass_recv(c->conn_fd, &fd, name, sizeof name);
	if (n == -EAGAIN)
		return false;
	if (fd >= 0) {
		take_master(c, fd);
		return false;
	}
	if (n > 0)
		return true;
	/* It left without a terminal: another connection may bring one. */
	loop_watch_stop(c->loop, &c->watch);
	fd_close(&c->conn_fd);
	(void)loop_watch_start(c->loop, &c->watch, c->listen_fd, EPOLLIN, on_console, c);
	return false;
}

static void on_console(struct loop_watch *w, uint32_t events, void *user)
{
	(void)w;
	(void)events;
	console_poll(user);
}

int console_start(struct console *c, struct loop *loop)
{
	c->loop = loop;
	c->watch.fd = -1;
	if (c->listen_fd < 0)
		return 0;
	return loop_watch_start(loop, &c->watch, c->listen_fd, EPOLLIN, on_console, c);
}

void console_poll(struct console *c)
{
	while (c->listen_fd >= 0 && step(c))
		;
}

void console_resize(struct console *c, uint16_t rows, uint16_t cols)
{
	c->rows = rows;
	c->cols = cols;
	c->size_pending = true;
	if (c->master_fd >= 0)
		apply_size(c);
}

void console_clear(struct console *c)
{
	console_stop(c);
	fd_close(&c->master_fd);
}

void console_stop(struct console *c)
{
	loop_watch_stop(c->loop, &c->watch);
	fd_close(&c->conn_fd);
	if (c->listen_fd < 0)
		return;
	fd_close(&c->listen_fd);
	if (c->path)
		(void)unlink(c->path); /* tidiness only */
	if (c->dir)
		(void)rmdir(c->dir);
}
