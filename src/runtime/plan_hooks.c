/* The hooks that run inside the container's namespaces, with everything they need prebuilt. */
#include "runtime/plan.h"

#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "common/error.h"
#include "runtime/hooks.h"

/* The state without its pid, which only the child knows: '..."pid":' and the rest. */
static void split_state(Plan *plan, enum status status, const char **ret_head, const char **ret_tail)
{
	static const char mark[] = "\"pid\":1";
	g_autofree char *text = container_oci_state(plan->request.container, status, 1);
	char *at = strstr(text, mark);

	/* The pid comes before anything that others write. */
	g_return_if_fail(at);
	*ret_head = plan_printf(plan, "%.*s", (int)(at - text) + (int)strlen(mark) - 1, text);
	*ret_tail = plan_printf(plan, "%s", at + strlen(mark));
}

static bool take_scratch(Plan *plan, int *fd, GError **error)
{
	int own = *fd < 0 ? sys_scratch_file("hook output") : *fd;

	if (own < 0)
		return fail_with(error, own, "create file for the output of hooks");
	*fd = plan_take_fd(plan, own);
	return true;
}

/* The files of the annotations, or some to read for the error. */
static bool open_outputs(Plan *plan, int *ret_out_fd, int *ret_err_fd, GError **error)
{
	int fds[2];

	if (!hooks_open_output(plan->request.container, fds, error))
		return false;
	*ret_out_fd = fds[0];
	*ret_err_fd = fds[1];
	return take_scratch(plan, ret_out_fd, error) && take_scratch(plan, ret_err_fd, error);
}

/* Program, arguments, environment and time limit. */
static void fill(Plan *plan, const struct spec_hook *hook, struct op_hook *op)
{
	char *const just_path[] = { (char *)hook->path, NULL };

	op->path = hook->path;
	op->argv = plan_strv(
		plan, hook->args && *hook->args ? (const char *const *)hook->args : (const char *const *)just_path);
	op->env = plan_strv(plan, (const char *const *)(hook->env ? (char **)hook->env : environ));
	op->timeout_ms = hook->timeout.set ? (int)hook->timeout.value * 1000 : -1;
}

static void plan_list(Plan *plan, enum spec_hook_kind kind, enum child_step step, struct op_hook common)
{
	const struct spec_hook_list *list = &plan->request.spec->hooks[kind];

	for (size_t i = 0; i < list->n_hooks; i++) {
		struct op_hook op = common;

		fill(plan, &list->hooks[i], &op);
		if (kind == HOOK_START_CONTAINER && !list->hooks[i].env)
			op.env = plan->child.env;
		plan_add(plan, step, (int)i)->hook = op;
	}
}

bool plan_hooks(Plan *plan, GError **error)
{
	const struct spec *spec = plan->request.spec;
	struct op_hook common = { .out_fd = -1, .err_fd = -1 };
	bool kept[2];

	hooks_kept_outputs(plan->request.container, kept);
	common.out_kept = kept[0];
	common.err_kept = kept[1];
	plan->has_runtime_hooks = spec->hooks[HOOK_PRECHROOT].n_hooks || spec->hooks[HOOK_PRESTART].n_hooks ||
				  spec->hooks[HOOK_CREATE_RUNTIME].n_hooks;
	if (plan->has_runtime_hooks)
		plan_add(plan, STEP_RUNTIME_HOOKS, -1);
	if (spec->hooks[HOOK_CREATE_CONTAINER].n_hooks) {
		if (!open_outputs(plan, &plan->hook_out_fd, &plan->hook_err_fd, error))
			return false;
		common.out_fd = plan->hook_out_fd;
		common.err_fd = plan->hook_err_fd;
		common.cwd = plan->request.container->rootfs;
		split_state(plan, STATUS_CREATING, &common.state_head, &common.state_tail);
		plan_list(plan, HOOK_CREATE_CONTAINER, STEP_CONTAINER_HOOK, common);
	}
	if (spec->hooks[HOOK_START_CONTAINER].n_hooks) {
		plan->child.hook_out_fd = plan->request.hook_out_fd;
		plan->child.hook_err_fd = plan->request.hook_err_fd;
		/* Without a start that could read it, it is ours. */
		if (plan->request.go_fd < 0 &&
			!open_outputs(plan, &plan->child.hook_out_fd, &plan->child.hook_err_fd, error))
			return false;
		common.out_fd = common.err_fd = -1; /* the child has them */
		common.cwd = NULL;
		split_state(plan, STATUS_CREATED, &common.state_head, &common.state_tail);
		plan_list(plan, HOOK_START_CONTAINER, STEP_START_HOOK, common);
	}
	return true;
}
