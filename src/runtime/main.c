/* tallyrun: the OCI runtime. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/command.h"

extern const struct command cmd_checkpoint, cmd_create, cmd_delete, cmd_events, cmd_exec, cmd_features, cmd_kill,
	cmd_list, cmd_pause, cmd_ps, cmd_restore, cmd_resume, cmd_run, cmd_spec, cmd_start, cmd_state, cmd_update;

const struct command *const commands[] = {
	&cmd_checkpoint,
	&cmd_create,
	&cmd_delete,
	&cmd_events,
	&cmd_exec,
	&cmd_features,
	&cmd_kill,
	&cmd_list,
	&cmd_pause,
	&cmd_ps,
	&cmd_restore,
	&cmd_resume,
	&cmd_run,
	&cmd_spec,
	&cmd_start,
	&cmd_state,
	&cmd_update,
	NULL,
};

/* A caller may have closed 0, 1 or 2: nothing of ours may take their place. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 3)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_stdio();
	/* Ignored, it would take the statuses of our children away. */
	(void)signal(SIGCHLD, SIG_DFL);
	return command_main(argc, argv);
}
