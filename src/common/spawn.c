/* Running a helper program to its end. posix_spawn does fork and exec without copying us; a pidfd tells when it is over
 * and is what a late one is killed by. */
#include "common/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"

/* How often to look where nothing tells of a process's end. */
#define LOOK_MS 20

enum { OUT, ERR, N_STREAMS };

struct run {
	int fds[N_STREAMS]; /* our ends; -1 when at end of file */
	GString *texts[N_STREAMS];
	gsize max_output;
};

/* A descriptor with the input at its start; a file, so that a program that does not read it costs nothing. */
static int input_fd(const char *input)
{
	auto_fd fd = -1;
	int err;

	if (!input) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : steal_fd(&fd);
	}
	fd = sys_scratch_file("input");
	err = fd < 0 ? fd : rw_write_all(fd, input, strlen(input));
	if (err == 0 && lseek(fd, 0, SEEK_SET) < 0)
		err = -errno;
	return err < 0 ? err : steal_fd(&fd);
}

static int start(const struct spawn_request *r, const int fds[3], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	char **argv = (char **)r->argv, **env = r->env ? (char **)r->env : environ;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	if (r->cwd)
		posix_spawn_file_actions_addchdir_np(&actions, r->cwd);
	err = r->path ? posix_spawn(ret_pid, r->path, &actions, &attr, argv, env)
		      : posix_spawnp(ret_pid, r->argv[0], &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/* Reads what is there. False at end of file. */
static bool take_output(struct run *run, int stream)
{
	char buf[16384];
	ssize_t n = rw_read(run->fds[stream], buf, sizeof buf);
	GString *text = run->texts[stream];

	if (n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	if (text->len < run->max_output)
		g_string_append_len(text, buf, (gssize)MIN((gsize)n, run->max_output - text->len));
	return true;
}

/* Waits for the end or the deadline, reading meanwhile. 0, -ETIMEDOUT or another -errno. */
static int watch(struct run *run, int pid_fd, int64_t timeout_ms)
{
	uint64_t deadline = sys_clock_ns(CLOCK_MONOTONIC) + (uint64_t)MAX(timeout_ms, 0) * 1000000;

	for (;;) {
		struct pollfd p[] = { { .fd = run->fds[OUT], .events = POLLIN },
			{ .fd = run->fds[ERR], .events = POLLIN }, { .fd = pid_fd, .events = POLLIN } };
		uint64_t now = sys_clock_ns(CLOCK_MONOTONIC);
		int wait_ms = timeout_ms < 0   ? -1
			      : now < deadline ? (int)MIN((deadline - now) / 1000000 + 1, INT32_MAX)
					       : 0;
		bool blind = sys_pidfd_is_directory(pid_fd); /* before Linux 5.3 */
		int n;

		if (blind) {
			p[2].fd = -1;
			wait_ms = wait_ms < 0 ? LOOK_MS : MIN(wait_ms, LOOK_MS);
		}
		n = poll(p, G_N_ELEMENTS(p), wait_ms);
		if (blind && n >= 0 && sys_pidfd_wait(pid_fd, 0) == 1) {
			p[2].revents = POLLIN;
			n++;
		}

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0 && timeout_ms >= 0 && now >= deadline)
			return -ETIMEDOUT;
		for (int i = 0; n > 0 && i < N_STREAMS; i++)
			if (p[i].revents && !take_output(run, i))
				fd_close(&run->fds[i]);
		if (n <= 0 || !p[2].revents)
			continue;
		/* What it wrote last is in the pipes; whoever else holds them is not waited for. */
		for (int i = 0; i < N_STREAMS; i++)
			for (gsize before = (gsize)-1; run->fds[i] >= 0 && before != run->texts[i]->len;) {
				before = run->texts[i]->len;
				if (!take_output(run, i))
					break;
			}
		return 0;
	}
}

static int reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static bool run_watched(struct run *run, pid_t pid, int64_t timeout_ms, struct spawn_result *result, GError **error)
{
	auto_fd pid_fd = sys_pidfd_open(pid, 0);
	int err = pid_fd < 0 ? pid_fd : watch(run, pid_fd, timeout_ms);

	if (err < 0 && pid_fd >= 0)
		(void)sys_pidfd_send_signal(pid_fd, SIGKILL); /* it may have ended just now */
	result->timed_out = err == -ETIMEDOUT;
	result->status = reap(pid);
	return err == 0 || result->timed_out || fail_with(error, err, "watch process %d", pid);
}

bool spawn_run(const struct spawn_request *r, struct spawn_result *ret_result, GError **error)
{
	const char *name = r->path ?: r->argv[0];
	struct run run = { { -1, -1 }, { g_string_new(NULL), g_string_new(NULL) }, r->max_output };
	auto_fd in = input_fd(r->input), out = -1, err_out = -1;
	int pipes[N_STREAMS][2], err = in < 0 ? in : 0;
	const int given[] = { r->own_output ? STDOUT_FILENO : r->output_fd,
		r->own_output ? STDERR_FILENO : r->errors_fd };
	struct spawn_result result = { 0 };
	pid_t pid;
	bool ok;

	for (int i = 0; i < N_STREAMS && err == 0; i++) {
		if (given[i])
			continue;
		if (pipe2(pipes[i], O_CLOEXEC) < 0) {
			err = -errno;
			break;
		}
		run.fds[i] = pipes[i][0];
		*(i == OUT ? &out : &err_out) = pipes[i][1];
		err = fd_set_nonblock(run.fds[i], true);
	}
	if (err == 0) {
		int both = r->merge_output ? out : err_out;

		err = start(r, (const int[]){ in, given[OUT] ?: out, given[ERR] ?: both }, &pid);
	}
	fd_close(&out);
	fd_close(&err_out);
	ok = err == 0 ? run_watched(&run, pid, r->timeout_ms, &result, error)
		      : fail_with(error, err, "fork/exec %s", name);
	for (int i = 0; i < N_STREAMS; i++)
		fd_close(&run.fds[i]);
	result.output = g_strchomp(g_string_free(run.texts[OUT], FALSE));
	result.errors = g_strchomp(g_string_free(run.texts[ERR], FALSE));
	if (ok)
		*ret_result = result;
	else
		spawn_result_clear(&result);
	return ok;
}

void spawn_result_clear(struct spawn_result *result)
{
	g_clear_pointer(&result->output, g_free);
	g_clear_pointer(&result->errors, g_free);
}

char *spawn_status_text(int status)
{
	g_autofree char *name = NULL;

	if (!WIFSIGNALED(status))
		return g_strdup_printf("exit status %d", WEXITSTATUS(status));
	name = g_ascii_strdown(sigdescr_np(WTERMSIG(status)) ?: "unknown", -1);
	return g_strdup_printf("signal: %s%s", name, WCOREDUMP(status) ? " (core dumped)" : "");
}
