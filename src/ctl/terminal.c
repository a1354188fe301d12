/* The user's terminal. */
#include "ctl/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "common/error.h"

static int set_raw(int fd, const struct termios *before)
{
	struct termios raw = *before;

	cfmakeraw(&raw);
	/* TCSADRAIN: what was printed before keeps its line ends; what was typed ahead is kept, too. */
	return tcsetattr(fd, TCSADRAIN, &raw);
}

bool terminal_raw_enter(struct terminal *t, int fd, GError **error)
{
	*t = TERMINAL_NONE;
	if (tcgetattr(fd, &t->before) < 0)
		return fail_errno(error, "read the terminal's modes");
	if (set_raw(fd, &t->before) < 0)
		return fail_errno(error, "put the terminal into raw mode");
	t->fd = fd;
	return true;
}

void terminal_raw_again(const struct terminal *t)
{
	if (t->fd >= 0)
		(void)set_raw(t->fd, &t->before); /* a terminal that has gone needs no mode */
}

void terminal_raw_leave(struct terminal *t)
{
	if (t->fd >= 0)
		(void)tcsetattr(t->fd, TCSADRAIN, &t->before); /* as above */
	t->fd = -1;
}

bool terminal_send(int dir_fd, int rows, int cols)
{
	/* Without blocking: a FIFO that nobody reads must not hold us. */
	auto_fd ctl_fd = openat(dir_fd, "ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	char line[64];

	if (ctl_fd < 0)
		return false;
	snprintf(line, sizeof line, "1 %d %d\n", rows, cols);
	return rw_write_all(ctl_fd, line, strlen(line)) == 0;
}

bool terminal_send_size(int dir_fd)
{
	struct winsize size = { 0 };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (ioctl(fd, TIOCGWINSZ, &size) == 0)
			break;
	return size.ws_row > 0 && size.ws_col > 0 && terminal_send(dir_fd, size.ws_row, size.ws_col);
}
