/* The last steps: the directory, the descriptors, the environment, the program. Runs between clone and execve: system
 * calls only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "child/child.h"

int step_make_cwd(struct child *c, const struct child_op *op)
{
	auto_fd fd = inroot_make_dir(&c->root, op->path.path, 0755);

	/* Whether we may enter it is seen later, as the user. */
	return fd < 0 && fd != -EACCES && fd != -ENOTDIR && fd != -ELOOP ? fd : 0;
}

int step_cwd(struct child *c, const struct child_op *op)
{
	(void)c;
	if (chdir(op->path.path) == 0)
		return 0;
	/* Some directories let their owner in but not root: tried again as the user (STEP_CHECK_CWD). */
	return errno == EACCES ? 0 : -errno;
}

int step_check_cwd(struct child *c, const struct child_op *op)
{
	char path[PATH_MAX];
	long n;

	if (op->path.path && chdir(op->path.path) < 0)
		return -errno;
	/* A directory outside the root, entered by a descriptor that leaked (CVE-2024-21626), has no path here. The system
	 * call says "(unreachable)" where libc would make an error of it. */
	n = syscall(SYS_getcwd, path, sizeof path);
	if (n < 0)
		return errno == ENOENT ? child_result(c, PART_OUTSIDE, -EPERM) : -errno;
	return path[0] == '/' ? 0 : child_result(c, PART_OUTSIDE, -EPERM);
}

/* Keeps 0-2, the preserved ones and our own five; those move to the lowest free numbers, lowest first, so that none is
 * overwritten before it has moved. */
int step_close_fds(struct child *c, const struct child_op *op)
{
	int *const own[] = { &c->sock_fd, &c->go_fd, &c->start_fd, &c->hook_out_fd, &c->hook_err_fd };
	const int n_own = (int)(sizeof own / sizeof *own);
	int next = op->close_fds.keep_from, r;

	for (int moved = 0; moved < n_own; moved++) {
		int *lowest = NULL;

		for (int i = 0; i < n_own; i++)
			if (*own[i] >= next && (!lowest || *own[i] < *lowest))
				lowest = own[i];
		if (!lowest)
			break;
		if (*lowest != next && dup3(*lowest, next, O_CLOEXEC) < 0)
			return -errno;
		if (c->report_fd == *lowest)
			c->report_fd = next;
		*lowest = next++;
	}
	c->root.fd = c->proc_fd = c->dir_fd = c->mask_fd = -1;
	/* Until now they were close-on-exec, so that no hook could have them. */
	for (int fd = 3; fd < op->close_fds.keep_from; fd++) {
		r = fd_set_cloexec(fd, false);
		if (r < 0)
			return r;
	}
	return sys_close_range((unsigned int)next, ~0u, 0);
}

/* The home directory in one line of passwd(5) whose third field is uid; NULL when it is another's. */
static const char *home_of_line(char *line, uid_t uid)
{
	char *field[6], *p = line;
	uint64_t id;

	for (int i = 0; i < 6; i++) {
		field[i] = p;
		p = strchr(p, ':');
		if (!p && i < 5)
			return NULL;
		if (p)
			*p++ = '\0';
	}
	if (num_parse_u64(field[2], UINT32_MAX, &id) < 0 || id != uid)
		return NULL;
	return field[5];
}

static bool find_home(int fd, uid_t uid, char *out, size_t size)
{
	char buf[4096];
	size_t have = 0;
	bool skip = false; /* the rest of a line that is longer than the buffer */

	for (;;) {
		ssize_t n = rw_read(fd, buf + have, sizeof buf - 1 - have);
		char *line = buf, *end;

		if (n < 0)
			return false;
		have += (size_t)n;
		buf[have] = '\0';
		while ((end = memchr(line, '\n', have - (size_t)(line - buf))) || (n == 0 && line < buf + have)) {
			const char *home;

			if (end)
				*end = '\0';
			home = skip ? NULL : home_of_line(line, uid);
			skip = false;
			if (home && *home && strlen(home) < size) {
				strcpy(out, home);
				return true;
			}
			if (!end)
				return false;
			line = end + 1;
		}
		if (n == 0)
			return false;
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof buf - 1) {
			skip = true;
			have = 0;
		}
	}
}

int step_environment(struct child *c, const struct child_op *op)
{
	char *home = c->home + strlen("HOME=");
	auto_fd fd = -1;

	if (!op->environment.home_slot)
		return 0;
	memcpy(c->home, "HOME=/", sizeof "HOME=/");
	/* The root is the container's by now. Nothing but a regular file is read: a FIFO would hold us. */
	fd = open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		struct stat st;

		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			(void)find_home(fd, op->environment.uid, home, sizeof c->home - strlen("HOME="));
	}
	*op->environment.home_slot = c->home;
	return 0;
}

static int access_as_self(const char *path)
{
	long r = syscall(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);

	if (r < 0 && (errno == ENOSYS || errno == EPERM)) /* EPERM: an old seccomp filter around us */
		r = access(path, X_OK);
	return r < 0 ? -errno : 0;
}

/* Whether path can be executed. 0, or -errno with the part. */
static int check_program(struct child *c, const char *path)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return child_fail(c, PART_STAT);
	if (S_ISDIR(st.st_mode))
		return child_result(c, PART_IS_DIR, -EISDIR);
	r = access_as_self(path);
	return child_result(c, PART_NO_ACCESS, r == 0 && !(st.st_mode & 0111) ? -EACCES : r);
}

static const char *env_value(char *const *env, const char *name)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			found = *env + n + 1;
	return found;
}

/* argv[0] as it is when it has a slash, else the first hit in the container's PATH. */
int step_find_program(struct child *c, const struct child_op *op)
{
	const char *name = c->plan->argv[0];
	const char *path = env_value(c->plan->env, "PATH");
	size_t len = strlen(name);

	(void)op;
	if (len >= sizeof c->program)
		return child_result(c, PART_STAT, -ENAMETOOLONG);
	if (strchr(name, '/')) {
		strcpy(c->program, name);
		return check_program(c, name);
	}
	while (path && len) {
		size_t n = strcspn(path, ":");

		if (n + len + 3 <= sizeof c->program) {
			memcpy(c->program, n ? path : ".", n ? n : 1);
			c->program[n ? n : 1] = '/';
			strcpy(c->program + (n ? n : 1) + 1, name);
			if (check_program(c, c->program) == 0)
				return 0;
		}
		path = path[n] ? path + n + 1 : NULL;
	}
	return child_result(c, PART_NOT_FOUND, -ENOENT);
}

/* The status that a shell gives to who was killed by a signal. */
static void end_by_signal(int sig)
{
	_exit(128 + sig);
}

/* The first process of a pid namespace gets a signal from outside only if it has a handler, SIGKILL excepted. What would
 * end any other process shall end it as well while it waits for start. Handlers go with the execve. */
static void let_signals_end(void)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	static const struct sigaction end = { .sa_handler = end_by_signal };

	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		(void)sigaction(ending[i], &end, NULL); /* cannot fail for these */
}

/* Tells create that all is well, then waits for start. */
int step_created(struct child *c, const struct child_op *op)
{
	char byte;
	ssize_t n;

	let_signals_end();
	child_report(c, MESSAGE_CREATED, op, 0);
	fd_close(&c->sock_fd);
	c->report_fd = c->start_fd;
	n = rw_read(c->go_fd, &byte, 1);
	if (n != 1)
		return n < 0 ? (int)n : -EPIPE;
	return 0; /* the FIFO is open until execve: start may have to answer once more (STEP_LISTENER) */
}

int step_exec(struct child *c, const struct child_op *op)
{
	child_report(c, MESSAGE_EXECUTES, op, 0);
	execve(c->program, c->plan->argv, c->plan->env);
	return -errno;
}
