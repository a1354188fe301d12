/* The hooks that run in the container's namespaces. */
#include <sys/stat.h>

#include "child/child.h"
#include "child/hook.h"

static int run_hook(struct child *c, const struct op_hook *hook)
{
	struct hook_result result = { 0 };
	int r = hook_run(hook, &result);

	if (r == 0)
		return 0;
	c->value = result.wait_status;
	return child_result(c, result.part, r);
}

int step_container_hook(struct child *c, const struct child_op *op)
{
	int r;

	umask(c->caller_umask);
	r = run_hook(c, &op->hook);
	umask(0);
	return r;
}

int step_start_hook(struct child *c, const struct child_op *op)
{
	struct op_hook hook = op->hook;

	hook.out_fd = c->hook_out_fd;
	hook.err_fd = c->hook_err_fd;
	/* Who waits for our execve shall be patient. */
	child_report(c, MESSAGE_HOOKS, op, 0);
	return run_hook(c, &hook);
}
