/* Runs between clone and _exit: system calls only. */
#include "child/holder.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"

/* Says how it went, and stays until the other end is gone. */
static _Noreturn void hold(int join_fd, int sock_fd)
{
	int err = 0;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (join_fd >= 0 && setns(join_fd, CLONE_NEWUSER) < 0)
		err = -errno;
	if (rw_write_all(sock_fd, &err, sizeof err) == 0 && err == 0)
		(void)rw_read(sock_fd, &byte, 1);
	_exit(0);
}

int holder_start(int join_fd, struct holder *ret_holder)
{
	struct clone_args args = { .flags = join_fd < 0 ? CLONE_NEWUSER : 0, .exit_signal = SIGCHLD };
	struct holder h;
	int pair[2], err = -EIO;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	h.pid = sys_clone3(&args, sizeof args);
	if (h.pid == 0) {
		fd_close(&pair[0]);
		hold(join_fd, pair[1]);
	}
	fd_close(&pair[1]);
	h.sock_fd = pair[0];
	if (h.pid < 0) {
		fd_close(&h.sock_fd);
		return h.pid;
	}
	if (rw_read_full(h.sock_fd, &err, sizeof err) != sizeof err)
		err = -EIO;
	if (err < 0) {
		holder_end(&h);
		return err;
	}
	*ret_holder = h;
	return 0;
}

void holder_end(struct holder *holder)
{
	fd_close(&holder->sock_fd);
	while (waitpid(holder->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
