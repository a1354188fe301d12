/* Staying with a process in the foreground: one poll loop over signals, the terminal and standard input. Without a
 * terminal the process has our standard files themselves, and there is nothing to copy. */
#include "runtime/foreground.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"

struct Foreground {
	sigset_t mask_before;
	int signal_fd;
	int console[2]; /* ours, the child's */
	int master_fd;
	bool raw; /* our terminal's modes are changed */
	struct termios modes;
	char input[4096]; /* on its way to the master */
	size_t have, done;
	bool input_open;
	Notify *notify;
	pid_t pid;
	int wait_status;
	bool ended;
};

enum { SLOT_SIGNALS, SLOT_NOTIFY, SLOT_MASTER, SLOT_INPUT, N_SLOTS };

Foreground *foreground_new(GError **error)
{
	g_autoptr(Foreground) f = g_new0(Foreground, 1);
	sigset_t all;

	f->signal_fd = f->master_fd = f->console[0] = f->console[1] = -1;
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &f->mask_before) < 0)
		return fail_errno(error, "block signals"), NULL;
	f->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (f->signal_fd < 0)
		return fail_errno(error, "create signal descriptor"), NULL;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, f->console) < 0)
		return fail_errno(error, "create socket pair for the terminal"), NULL;
	return g_steal_pointer(&f);
}

int foreground_console_fd(const Foreground *f)
{
	return f->console[1];
}

void foreground_take_notify(Foreground *f, Notify *notify)
{
	f->notify = notify;
}

static void copy_window_size(const Foreground *f)
{
	struct winsize size;

	if (f->master_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(f->master_fd, TIOCSWINSZ, &size); /* a terminal that has just gone needs none */
}

/* The child has sent the master before it became the program. */
static bool take_terminal(Foreground *f, GError **error)
{
	char name[256];
	struct termios raw;
	ssize_t n;

	fd_close(&f->console[1]);
	n = fdpass_recv(f->console[0], &f->master_fd, name, sizeof name);
	if (n < 0 || f->master_fd < 0)
		return fail_with(error, n < 0 ? (int)n : -EPROTO, "receive the terminal");
	(void)fd_set_nonblock(f->master_fd, true);
	f->input_open = true;
	if (tcgetattr(STDIN_FILENO, &f->modes) < 0)
		return true; /* standard input is no terminal: bytes are bytes */
	raw = f->modes;
	cfmakeraw(&raw);
	f->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	copy_window_size(f);
	return true;
}

static void reap(Foreground *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == f->pid) {
			f->ended = true;
			f->wait_status = status;
		}
}

static void take_signals(Foreground *f, int pid_fd)
{
	struct signalfd_siginfo info;

	while (read(f->signal_fd, &info, sizeof info) == sizeof info) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGCHLD)
			reap(f);
		else if (sig == SIGWINCH && f->master_fd >= 0)
			copy_window_size(f);
		else if (sig != SIGWINCH && sig != SIGURG)
			(void)sys_pidfd_send_signal(pid_fd, sig); /* it may just have ended */
	}
}

/* From the master to standard output. False when there will be no more. */
static bool copy_output(const Foreground *f)
{
	char buf[8192];
	ssize_t n = rw_read(f->master_fd, buf, sizeof buf);

	if (n == -EAGAIN)
		return true;
	/* EIO: the last slave was closed. */
	return n > 0 && rw_write_all(STDOUT_FILENO, buf, (size_t)n) == 0;
}

static void read_input(Foreground *f)
{
	ssize_t n = rw_read(STDIN_FILENO, f->input, sizeof f->input);

	f->done = 0;
	f->have = n > 0 ? (size_t)n : 0;
	if (n <= 0 && n != -EAGAIN)
		f->input_open = false;
}

static void write_input(Foreground *f)
{
	ssize_t n = rw_write(f->master_fd, f->input + f->done, f->have - f->done);

	if (n > 0)
		f->done += (size_t)n;
	else if (n != -EAGAIN)
		f->done = f->have; /* nobody will read it */
}

static int turn(Foreground *f, int pid_fd)
{
	bool pending = f->done < f->have;
	struct pollfd fds[N_SLOTS] = {
		[SLOT_SIGNALS] = { .fd = f->signal_fd, .events = POLLIN },
		[SLOT_NOTIFY] = f->notify ? notify_pollfd(f->notify) : (struct pollfd){ .fd = -1 },
		[SLOT_MASTER] = { .fd = f->master_fd, .events = (short)(POLLIN | (pending ? POLLOUT : 0)) },
		[SLOT_INPUT] = { .fd = f->master_fd >= 0 && f->input_open && !pending ? STDIN_FILENO : -1,
			.events = POLLIN },
	};

	if (poll(fds, N_SLOTS, -1) < 0 && errno != EINTR)
		return -errno;
	if (fds[SLOT_NOTIFY].revents)
		notify_turn(f->notify, getpid()); /* the main process of the service is who stays with the container */
	if (fds[SLOT_INPUT].revents)
		read_input(f);
	if (f->done < f->have && f->master_fd >= 0 && (fds[SLOT_MASTER].revents & POLLOUT || !pending))
		write_input(f);
	if (fds[SLOT_MASTER].revents & (POLLIN | POLLHUP | POLLERR) && !copy_output(f))
		fd_close(&f->master_fd);
	if (fds[SLOT_SIGNALS].revents)
		take_signals(f, pid_fd);
	return 0;
}

/* What the process wrote and we have not read; a slave that somebody else still has open does not hold us. */
static void drain(Foreground *f)
{
	struct pollfd ready = { .fd = f->master_fd, .events = POLLIN };

	while (f->master_fd >= 0 && poll(&ready, 1, 0) > 0 && copy_output(f))
		;
}

int foreground_wait(Foreground *f, pid_t pid, int pid_fd, bool terminal, GError **error)
{
	int r = 0;

	f->pid = pid;
	if (terminal && !take_terminal(f, error))
		return -1;
	reap(f); /* it may have ended before anybody looked */
	while (!f->ended && r == 0)
		r = turn(f, pid_fd);
	drain(f);
	if (f->notify)
		notify_turn(f->notify, getpid()); /* what it has said before it ended */
	if (r < 0) {
		fail_with(error, r, "wait for process %d, which %s", pid,
			sys_pidfd_wait(pid_fd, 0) > 0 ? "has ended" : "goes on");
		return -1;
	}
	return WIFSIGNALED(f->wait_status) ? 128 + WTERMSIG(f->wait_status) : WEXITSTATUS(f->wait_status);
}

void foreground_free(Foreground *f)
{
	if (!f)
		return;
	if (f->raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &f->modes);
	notify_free(f->notify);
	fd_close(&f->signal_fd);
	fd_close(&f->master_fd);
	fd_close(&f->console[0]);
	fd_close(&f->console[1]);
	(void)sigprocmask(SIG_SETMASK, &f->mask_before, NULL);
	g_free(f);
}
