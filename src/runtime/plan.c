/* The plan as a whole: memory, descriptors, and the table of contents. */
#include "runtime/plan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "common/error.h"

static Plan *plan_new(const struct plan_request *request)
{
	Plan *plan = g_new0(Plan, 1);

	plan->request = *request;
	plan->pool = spec_pool_new();
	plan->ops = g_array_new(FALSE, TRUE, sizeof(struct child_op));
	plan->joins = g_array_new(FALSE, TRUE, sizeof(struct child_op));
	plan->fds = g_array_new(FALSE, FALSE, sizeof(int));
	plan->pid_namespace_fd = plan->hook_out_fd = plan->hook_err_fd = -1;
	plan->child.sock_fd = plan->child.hook_out_fd = plan->child.hook_err_fd = -1;
	plan->child.go_fd = request->go_fd;
	plan->child.start_fd = request->start_fd;
	plan->unprivileged = !self_has_cap(request->self, CAP_SYS_ADMIN);
	plan->child_opens = plan->unprivileged;
	plan->child.ignored_signals = request->self->ignored_signals;
	return plan;
}

void plan_free(Plan *plan)
{
	if (!plan)
		return;
	for (guint i = 0; i < plan->fds->len; i++)
		close(g_array_index(plan->fds, int, i));
	g_array_unref(plan->fds);
	g_array_unref(plan->ops);
	g_array_unref(plan->joins);
	spec_pool_free(plan->pool);
	g_free(plan);
}

struct child_op *plan_add(Plan *plan, enum child_step step, int number)
{
	const struct child_op op = { .step = step, .number = number };

	g_array_append_val(plan->ops, op);
	return &g_array_index(plan->ops, struct child_op, plan->ops->len - 1);
}

int plan_take_fd(Plan *plan, int fd)
{
	g_array_append_val(plan->fds, fd);
	return fd;
}

int plan_joined_namespace(const Plan *plan, enum spec_namespace_type type)
{
	const GArray *const lists[] = { plan->ops, plan->joins };

	for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
		for (guint i = 0; i < lists[k]->len; i++) {
			const struct child_op *op = &g_array_index(lists[k], struct child_op, i);

			if (op->step == STEP_JOIN && op->number == (int)type)
				return op->join.fd;
		}
	return -1;
}

char *plan_printf(Plan *plan, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return spec_pool_take(plan->pool, text);
}

void *plan_memdup(Plan *plan, const void *data, size_t size)
{
	void *copy = spec_pool_zalloc(plan->pool, size);

	if (size)
		memcpy(copy, data, size);
	return copy;
}

char **plan_strv(Plan *plan, const char *const *list)
{
	size_t n = list ? g_strv_length((char **)list) : 0;
	char **copy = spec_pool_zalloc(plan->pool, (n + 1) * sizeof *copy);

	if (n)
		memcpy(copy, list, n * sizeof *copy);
	return copy;
}

char *plan_clean_path(Plan *plan, const char *path)
{
	return spec_pool_take(plan->pool, g_canonicalize_filename(path, "/"));
}

bool plan_has_namespace(const Plan *plan, enum spec_namespace_type type)
{
	return plan->request.container->own[type];
}

static Plan *plan_finish(Plan *plan)
{
	order_sort(plan->ops);
	plan->child.ops = (struct child_op *)plan->ops->data;
	plan->child.n_ops = plan->ops->len;
	plan->child.joins = (struct child_op *)plan->joins->data;
	plan->child.n_joins = plan->joins->len;
	plan->child.clone_flags = plan->created;
	return plan;
}

Plan *plan_container(const struct plan_request *request, GError **error)
{
	g_autoptr(Plan) plan = plan_new(request);

	plan->child.name = "tallyrun:[init]";
	plan_add(plan, STEP_START, -1);
	plan_add(plan, STEP_SESSION, -1);
	if (!plan_namespaces(plan, error) || !plan_rootfs(plan, error) || !plan_mounts(plan, error) ||
		!plan_devices(plan, error) || !plan_console(plan, error) || !plan_paths(plan, error) ||
		!plan_process(plan, error) || !plan_hooks(plan, error))
		return NULL;
	return plan_finish(g_steal_pointer(&plan));
}

/* Before Linux 5.8 a pidfd is no way into namespaces: each by its own file, the user namespace last while we have rights
 * over the others without it, else first. */
static bool add_joins_one_by_one(Plan *plan, GArray *list, uint64_t flags, GError **error)
{
	static const enum spec_namespace_type order[] = { NS_USER, NS_NETWORK, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME,
		NS_PID, NS_MOUNT, NS_USER };

	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		const struct spec_namespace_info *info = &spec_namespace_infos[order[i]];
		struct child_op op = { .step = STEP_JOIN, .number = -1, .join = { .flag = info->flag } };
		char name[16];

		if (!(flags & info->flag) || (order[i] == NS_USER && (i == 0) != plan->unprivileged))
			continue;
		g_snprintf(name, sizeof name, "ns/%s", info->proc_name);
		op.join.fd = openat(plan->request.container->pid_fd, name, O_RDONLY | O_CLOEXEC);
		if (op.join.fd < 0)
			return fail_errno(error, "open %s of the container's process", name);
		plan_take_fd(plan, op.join.fd);
		g_array_append_val(list, op);
	}
	return true;
}

static bool add_joins(Plan *plan, GArray *list, uint64_t flags, GError **error)
{
	const struct child_op op = {
		.step = STEP_JOIN, .number = -1, .join = { plan->request.container->pid_fd, flags }
	};

	if (sys_pidfd_is_directory(op.join.fd))
		return add_joins_one_by_one(plan, list, flags, error);
	g_array_append_val(list, op);
	return true;
}

/* The namespaces of a running container, all at once through the pidfd of its first process. The pid namespace is for
 * the parent, or for a process in between: it holds for children only. */
static bool plan_enter(Plan *plan, GError **error)
{
	const struct container *c = plan->request.container;
	uint64_t flags = 0;

	for (int t = 0; t < N_NS_TYPES; t++)
		if (c->own[t])
			flags |= spec_namespace_infos[t].flag;
	/* An ordinary user has rights over the others in the container's user namespace only; root of a user namespace could
	 * enter the pid namespace, and not come back. */
	plan->in_between = c->own[NS_PID] && !self_can_return(plan->request.self);
	if (plan->in_between)
		plan_add(plan, STEP_WAIT_MAPS, -1);
	else
		flags &= ~spec_namespace_infos[NS_PID].flag;
	if (flags && !add_joins(plan, plan->in_between ? plan->joins : plan->ops, flags, error))
		return false;
	if (c->own[NS_PID] && !plan->in_between) {
		plan->pid_namespace_fd = c->pid_fd;
		if (sys_pidfd_is_directory(c->pid_fd)) {
			int fd = openat(c->pid_fd, "ns/pid", O_RDONLY | O_CLOEXEC);

			if (fd < 0)
				return fail_errno(error, "open ns/pid of the container's process");
			plan->pid_namespace_fd = plan_take_fd(plan, fd);
		}
	}
	if (c->own[NS_USER])
		plan_add(plan, STEP_ROOT_IDS, -1);
	return true;
}

Plan *plan_exec(const struct plan_request *request, GError **error)
{
	const struct container *c = request->container;
	g_autoptr(Plan) plan = plan_new(request);

	plan->child.name = "tallyrun:[exec]";
	plan_add(plan, STEP_START, -1);
	plan_add(plan, STEP_SESSION, -1);
	if (!plan_enter(plan, error))
		return NULL;
	if (!c->own[NS_MOUNT]) {
		g_autofree char *path = g_strdup_printf("/proc/%d/root", c->pid);
		int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return fail_errno(error, "open root directory of the container's process %d", c->pid), NULL;
		plan_add(plan, STEP_ENTER_ROOT, -1)->flags.flags = (unsigned long)plan_take_fd(plan, fd);
	}
	if (!c->no_new_keyring)
		plan_keyring(plan);
	if (!plan_console(plan, error) || !plan_process(plan, error))
		return NULL;
	return plan_finish(g_steal_pointer(&plan));
}
