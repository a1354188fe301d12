/* tallyctl oci-hooks: what runtimes run within create for containers in run_oci's way. Not for people. */
#include "ctl/command.h"
#include "ctl/oci.h"

static int oci_hooks_command(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	(void)ctl;
	if (argc != 6) {
		fail(error, "oci-hooks: STAGE BUNDLE DIR OUTPUT ERRORS are needed");
		return -1;
	}
	return oci_hooks_for_runtime(argv[1], argv[2], argv[3], argv[4], argv[5], error) ? 0 : -1;
}

const struct command cmd_oci_hooks = {
	.name = "oci-hooks",
	.args = "STAGE BUNDLE DIR OUTPUT ERRORS",
	.run = oci_hooks_command,
};
