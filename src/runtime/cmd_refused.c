/* Verbs that callers know from other runtimes and that this one does not have. */
#include "runtime/command.h"

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.refused = "checkpoint is not supported",
};

const struct command cmd_restore = {
	.name = "restore",
	.refused = "restore is not supported",
};
