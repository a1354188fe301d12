/* Compressing rotated log files. */
#include "relay/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "relay/rotate.h"

/* Where the compressed form grows; not the name of any log. */
#define TEMP_SUFFIX ".compressing"

/* In the child, which has nothing of ours but the two files: the program's status says that all was written, fsync that it
 * is there, and only then the original may go. */
static _Noreturn void helper(const struct compress *c, int from_fd, int to_fd, pid_t parent)
{
	struct spawn program = *c->program;
	struct stat from, to;
	int status;
	pid_t pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail with a valid signal */
	if (getppid() != parent || dup2(from_fd, 0) < 0 || dup2(to_fd, 1) < 0 || dup2(c->null_fd, 2) < 0 ||
		sys_close_range(3, ~0u, 0) < 0)
		_exit(1);
	sys_lower_priority();
	for (int i = 0; i < 3; i++)
		program.stdio[i] = i;
	pid = spawn(&program);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		_exit(1);
	if (fstat(0, &from) < 0 || fstat(1, &to) < 0 || to.st_size == 0)
		_exit(1);
	(void)futimens(1, (const struct timespec[]){ from.st_atim, from.st_mtim }); /* a courtesy */
	_exit(fsync(1) == 0 ? 0 : 1);
}

/* The number of the oldest file of log that is not compressed; 0: none. */
static int oldest_plain(const struct k8s_log *log)
{
	char path[PATH_MAX];
	struct stat st;
	int found = 0;

	for (int i = 1; rotate_exists(log->path, i); i++)
		if (rotate_name(path, log->path, i, "") == 0 && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
			st.st_size > 0)
			found = i;
	return found;
}

static int start(struct compress *c, const struct k8s_log *log, int number)
{
	char path[PATH_MAX];
	auto_fd from = -1, to = -1;
	struct stat st;
	pid_t parent = getpid(), pid;
	int r = rotate_name(path, log->path, number, "");

	from = r < 0 ? -1 : open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		return r < 0 ? r : -errno;
	r = rotate_name(path, log->path, 0, TEMP_SUFFIX);
	if (r < 0)
		return r;
	(void)unlink(path); /* ours, left over by a crash; a failure shows in the next step */
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
	if (to < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		helper(c, from, to, parent);
	if (pid < 0) {
		r = -errno;
		(void)unlink(path); /* the error above is the one that counts */
		return r;
	}
	c->pid = pid;
	c->log = log;
	c->number = number;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return 0;
}

int compress_next(struct compress *c, const struct k8s_log *logs, const struct k8s_log **ret_log)
{
	int r = 0;

	for (const struct k8s_log *log = logs; log && c->program && !c->pid && r == 0; log = log->next) {
		int number = log->regular && log->path ? oldest_plain(log) : 0;

		*ret_log = log;
		if (number)
			r = start(c, log, number);
	}
	return r;
}

/* Rotations have moved the file meanwhile, or removed it: then nobody wants its compressed form. */
static int take_place(struct compress *c)
{
	char temp[PATH_MAX], plain[PATH_MAX], packed[PATH_MAX];
	struct stat st;
	int r = rotate_name(temp, c->log->path, 0, TEMP_SUFFIX);

	for (int i = c->number; r == 0 && rotate_exists(c->log->path, i); i++) {
		r = rotate_name(plain, c->log->path, i, "") ?: rotate_name(packed, c->log->path, i, c->suffix);
		if (r < 0 || lstat(plain, &st) < 0 || st.st_dev != c->dev || st.st_ino != c->ino)
			continue;
		if (rename(temp, packed) < 0)
			r = -errno;
		else if (unlink(plain) == 0)
			return 0;
		else
			return -errno; /* readers take the plain one where both are */
	}
	(void)unlink(temp); /* the error above is the one that counts */
	return r;
}

static void remove_temp(const struct compress *c)
{
	char temp[PATH_MAX];

	if (rotate_name(temp, c->log->path, 0, TEMP_SUFFIX) == 0)
		(void)unlink(temp); /* the next start removes it, too */
}

bool compress_reaped(struct compress *c, pid_t pid, int status, int *ret_err, const struct k8s_log **ret_log)
{
	if (!c->pid || pid != c->pid)
		return false;
	c->pid = 0;
	*ret_log = c->log;
	*ret_err = -ECHILD;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		*ret_err = take_place(c);
	else
		remove_temp(c);
	return true;
}

void compress_stop(struct compress *c)
{
	if (!c->pid)
		return;
	(void)sys_kill_process(c->pid, SIGKILL); /* our child, not reaped; its own child dies with it */
	c->pid = 0;
	remove_temp(c);
}
