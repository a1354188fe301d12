/* One of our own output streams, written without ever blocking. */
#include "ctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/rw.h"

void output_init(struct output *o, int fd)
{
	char path[64];
	struct stat st;
	int own = -1;

	*o = (struct output){ .fd = fd, .chunk = SIZE_MAX };
	if (fstat(fd, &st) < 0)
		return;
	o->socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		/* Otherwise the descriptor may block: a pipe that is writable takes this much without. */
		o->chunk = own < 0 ? PIPE_BUF : SIZE_MAX;
	}
	o->owned = own >= 0;
	if (o->owned)
		o->fd = own;
}

void output_clear(struct output *o)
{
	if (o->owned)
		fd_close(&o->fd);
	*o = (struct output){ .fd = -1 };
}

void output_put(struct output *o, const char *data, size_t size)
{
	o->data = data;
	o->left = o->gone ? 0 : size;
}

int output_flush(struct output *o)
{
	while (o->left > 0) {
		size_t n = o->left < o->chunk ? o->left : o->chunk;
		ssize_t r =
			o->socket ? send(o->fd, o->data, n, MSG_DONTWAIT | MSG_NOSIGNAL) : rw_write(o->fd, o->data, n);

		if (r < 0 && o->socket)
			r = -errno;
		if (r == -EAGAIN || r == -EINTR)
			return 0;
		if (r < 0) {
			o->gone = true;
			o->err = (int)r;
			o->left = 0;
			return (int)r;
		}
		o->data += r;
		o->left -= (size_t)r;
		if (o->chunk != SIZE_MAX)
			return 0; /* ask poll again */
	}
	return 0;
}
