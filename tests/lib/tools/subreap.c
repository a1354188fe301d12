/*
 * subreap - run a command as the reaper of everything it leaves behind.
 *
 *   subreap COMMAND ARG...
 *
 * Containers outlive the runtime that created them; here they come to us and are reaped, as a service manager would do,
 * so that tests can tell "ended" from "zombie".  SUBREAP_PID and SUBREAP_CHILD in the environment name us and COMMAND.
 * Once the command has ended, what is still there is killed and named on stderr, and the status becomes 1 where it was
 * 0.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static volatile sig_atomic_t told_to_end;

static void on_term(int sig)
{
	told_to_end = sig;
}

static int kill_children(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int found = 0;

	while (proc && (d = readdir(proc))) {
		char path[300], stat[512], comm[64] = "", state = 'Z';
		int ppid = 0, pid = atoi(d->d_name);
		FILE *f;

		snprintf(path, sizeof path, "/proc/%s/stat", d->d_name);
		if (pid < 2 || !(f = fopen(path, "re")))
			continue;
		if (fgets(stat, sizeof stat, f) && strrchr(stat, ')'))
			sscanf(strrchr(stat, ')') + 1, " %c %d", &state, &ppid);
		sscanf(stat, "%*d (%63[^)]", comm);
		fclose(f);
		if (ppid != getpid() || state == 'Z')
			continue;
		fprintf(stderr, "subreap: left behind: %d %s\n", pid, comm);
		found++;
		kill(pid, SIGKILL); /* our own unreaped child: the number cannot have been reused */
	}
	if (proc)
		closedir(proc);
	return found;
}

int main(int argc, char **argv)
{
	char number[16];
	int status, code = 1, left = 0;
	pid_t pid, child;

	if (argc < 2)
		die("usage: subreap COMMAND ARG...");
	snprintf(number, sizeof number, "%d", getpid());
	setenv("SUBREAP_PID", number, 1);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("become sub-reaper");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		snprintf(number, sizeof number, "%d", getpid());
		setenv("SUBREAP_CHILD", number, 1);
		execvp(argv[1], argv + 1);
		die("exec %s", argv[1]);
	}
	signal(SIGINT, SIG_IGN); /* the command gets it too, and ends; we stay to clean up */
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = on_term }, NULL); /* no restart: it ends the wait below */
	while (!told_to_end && ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)) {
		if (pid != child)
			continue;
		code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		break;
	}
	do {
		left += kill_children();
	} while (waitpid(-1, NULL, 0) > 0 || errno != ECHILD);
	if (told_to_end)
		return 128 + told_to_end;
	return code == 0 && left > 0 ? 1 : code;
}
