/* Child processes. posix_spawn does what has to be done between fork and execve, so none of our code runs there. */
#include "ctl/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "ctl/command.h"
#include "ctl/wait.h"

#define OUTPUT_MAX ((size_t)1 << 20)

static int add_actions(posix_spawn_file_actions_t *fa, int cwd_fd, const int *keep, const int stdio[3])
{
	int r = 0;

	for (int i = 0; r == 0 && i < 3; i++)
		r = stdio[i] < 0 ? posix_spawn_file_actions_addopen(fa, i, "/dev/null", O_RDONLY, 0)
				 : posix_spawn_file_actions_adddup2(fa, stdio[i], i);
	/* A descriptor duplicated onto itself loses its close-on-exec flag. */
	for (; r == 0 && keep && *keep >= 0; keep++)
		r = posix_spawn_file_actions_adddup2(fa, *keep, *keep);
	if (r == 0 && cwd_fd >= 0)
		r = posix_spawn_file_actions_addfchdir_np(fa, cwd_fd);
	return r;
}

static int add_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int r = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

	sigemptyset(&none);
	sigfillset(&all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	return r;
}

static int spawn(const char *const *argv, char **env, int cwd_fd, const int *keep, const int stdio[3], pid_t *ret_pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int r = posix_spawn_file_actions_init(&fa);

	if (r != 0)
		return r;
	r = posix_spawnattr_init(&attr);
	if (r == 0) {
		r = add_actions(&fa, cwd_fd, keep, stdio);
		if (r == 0)
			r = add_attributes(&attr);
		if (r == 0)
			r = posix_spawn(ret_pid, argv[0], &fa, &attr, (char *const *)argv, env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fa);
	return r;
}

bool child_start(const char *const *argv, char **env, int cwd_fd, const int *keep, const int *stdio,
	struct child *ret_child, GError **error)
{
	auto_fd output_fd = sys_scratch_file("output");
	const int caught[] = { -1, output_fd, output_fd };
	struct child c = CHILD_NONE;
	int r;

	if (output_fd < 0)
		return fail_with(error, output_fd, "make a file for the output of %s", argv[0]);
	r = spawn(argv, env, cwd_fd, keep, stdio ?: caught, &c.pid);
	if (r != 0)
		return fail_with(error, r, "execute %s", argv[0]);
	c.program = g_strdup(argv[0]);
	c.output_fd = steal_fd(&output_fd);
	c.pidfd = sys_pidfd_open(c.pid, 0);
	if (c.pidfd < 0) {
		fail_with(error, c.pidfd, "open a pidfd of %s", argv[0]);
		child_clear(&c);
		return false;
	}
	*ret_child = c;
	return true;
}

static void reap(struct child *c, int *ret_status)
{
	while (waitpid(c->pid, ret_status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

bool child_wait(struct child *c, int signal_fd, int seconds, int *ret_status, GError **error)
{
	if (!wait_readable(c->pidfd, signal_fd, deadline_in(seconds), c->program, error))
		return false;
	reap(c, ret_status);
	return true;
}

char *child_output(const struct child *c)
{
	struct stat st;
	size_t size = fstat(c->output_fd, &st) == 0 ? MIN((size_t)st.st_size, OUTPUT_MAX) : 0;
	char *text = g_malloc(size + 1);
	ssize_t n = pread(c->output_fd, text, size, 0);

	text[MAX(n, 0)] = '\0';
	return g_strstrip(text);
}

void child_clear(struct child *c)
{
	int status;

	if (c->pid > 1) {
		(void)sys_kill_process(
			c->pid, SIGKILL); /* ours and not reaped: the pid cannot be another's; a zombie ignores it */
		reap(c, &status);
	}
	fd_close(&c->pidfd);
	fd_close(&c->output_fd);
	g_clear_pointer(&c->program, g_free);
}
