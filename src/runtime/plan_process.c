/* The process itself: scheduling, identity, privileges, environment, program. */
#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/personality.h>
#include "base/rw.h"
#include "common/diag.h"
#include "common/error.h"
#include "common/caps.h"
#include "runtime/procvalues.h"

#define DEFAULT_UMASK       022
#define IOPRIO_CLASS_SHIFT  13
#define MEMORY_POLICY_WORDS 16

static void plan_scheduling(Plan *plan)
{
	const struct spec_process *p = plan->request.process;
	const struct spec_scheduler *s = p->scheduler;
	struct op_scheduler op = { .size = sizeof op };

	if (s) {
		op.policy = (uint32_t)procvalues_sched_policy(s->policy);
		op.nice = (int32_t)s->nice;
		op.priority = (uint32_t)s->priority;
		op.runtime = s->runtime;
		op.deadline = s->deadline;
		op.period = s->period;
		for (size_t i = 0; s->flags && s->flags[i]; i++)
			op.flags |= procvalues_sched_flag(s->flags[i]);
		plan_add(plan, STEP_SCHEDULER, -1)->scheduler = op;
	}
	if (p->io_priority)
		plan_add(plan, STEP_IO_PRIORITY, -1)->flags.flags =
			(unsigned long)procvalues_io_class(p->io_priority->class) << IOPRIO_CLASS_SHIFT |
			(unsigned long)p->io_priority->priority;
}

static void plan_affinity(Plan *plan, enum child_step step, const char *cpus)
{
	gulong mask[1024 / (8 * sizeof(gulong))];

	if (!cpus || !procvalues_cpu_list(cpus, mask, G_N_ELEMENTS(mask)))
		return;
	diag_debug("%s CPUs affinity: %s", step == STEP_AFFINITY ? "Initial" : "Final", cpus);
	plan_add(plan, step, -1)->affinity = (struct op_affinity){ plan_memdup(plan, mask, sizeof mask), sizeof mask };
}

static void plan_personality(Plan *plan)
{
	const char *domain = plan->request.container->personality;

	if (domain)
		plan_add(plan, STEP_PERSONALITY, -1)->flags.flags =
			strcmp(domain, "LINUX32") == 0 ? PER_LINUX32 : PER_LINUX;
}

static void plan_memory_policy(Plan *plan)
{
	const struct container *c = plan->request.container;
	gulong nodes[MEMORY_POLICY_WORDS];
	struct op_memory_policy op = { 0 };

	if (!c->memory_policy_mode)
		return;
	op.mode = procvalues_mempolicy_mode(c->memory_policy_mode);
	for (size_t i = 0; c->memory_policy_flags && c->memory_policy_flags[i]; i++)
		op.mode |= (int)procvalues_mempolicy_flag(c->memory_policy_flags[i]);
	if (c->memory_policy_nodes && procvalues_cpu_list(c->memory_policy_nodes, nodes, G_N_ELEMENTS(nodes))) {
		op.nodes = plan_memdup(plan, nodes, sizeof nodes);
		op.n_bits = 8 * sizeof nodes;
	}
	plan_add(plan, STEP_MEMORY_POLICY, -1)->memory_policy = op;
}

/* A capability set as far as there is anything to give: what is unknown, or not ours, is left out with a warning. */
static uint64_t cap_set(const char **names, int last, uint64_t available, GPtrArray *unknown)
{
	uint64_t wanted = caps_mask((const char *const *)names, last, unknown);

	for (int cap = 0; cap <= last; cap++)
		if ((wanted & ~available) & (1ull << cap))
			g_ptr_array_add(unknown, g_strdup(caps_name(cap)));
	return wanted & available;
}

static void warn_unknown(GPtrArray *unknown)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < unknown->len; i++) {
		bool seen = false;

		for (guint j = 0; j < i; j++)
			seen |= strcmp(unknown->pdata[j], unknown->pdata[i]) == 0;
		if (!seen)
			g_string_append_printf(list, "%s%s", list->len ? " " : "", (const char *)unknown->pdata[i]);
	}
	if (list->len)
		diag_warning("ignoring unknown or unavailable capabilities: [%s]", list->str);
}

static void plan_caps(Plan *plan, struct op_credentials *k)
{
	static const struct spec_capabilities none = { 0 };
	const struct spec_capabilities *c = plan->request.process->capabilities ?: &none;
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
	int last = caps_last();
	uint64_t all = last >= 63 ? ~0ull : (1ull << (last + 1)) - 1;
	/* A new user namespace starts with every capability. */
	bool mapped = plan_has_namespace(plan, NS_USER);
	uint64_t bounding = mapped ? all : plan->request.self->bounding_caps & all;
	uint64_t permitted = mapped ? all : plan->request.self->permitted_caps & all;
	uint64_t kept = cap_set(c->bounding, last, bounding, unknown);

	k->bounding_drop = bounding & ~kept;
	k->permitted = cap_set(c->permitted, last, permitted, unknown);
	k->effective = cap_set(c->effective, last, permitted, unknown) & k->permitted;
	k->inheritable = cap_set(c->inheritable, last, permitted, unknown) & (kept | permitted);
	k->ambient = cap_set(c->ambient, last, permitted, unknown);
	warn_unknown(unknown);
	for (int cap = 0; cap <= last; cap++)
		if (k->ambient & ~(k->permitted & k->inheritable) & (1ull << cap))
			diag_warning("can't raise ambient capability %s: it is not permitted and inheritable",
				caps_name(cap));
}

/* Whether a filter is loaded while we are CAP_SYS_ADMIN, because it may not be loaded otherwise. */
static bool filter_needs_admin(const Plan *plan)
{
	return plan->request.filter && plan->request.filter->program && !plan->request.process->no_new_privileges;
}

static struct op_credentials plan_credentials(Plan *plan)
{
	const struct spec_process *p = plan->request.process;
	struct op_credentials k = {
		.uid = p->uid,
		.gid = p->gid,
		.groups = p->additional_gids,
		.n_groups = p->n_additional_gids,
		.keep_groups = plan->request.keep_sys_groups,
		.umask = p->umask.set ? (mode_t)p->umask.value : DEFAULT_UMASK,
	};

	k.set_securebits = plan->request.container->securebits.set;
	k.securebits = (uint32_t)plan->request.container->securebits.value;
	plan_caps(plan, &k);
	k.keep_sys_admin = filter_needs_admin(plan) && !(k.effective & (1ull << CAP_SYS_ADMIN));
	return k;
}

static void plan_filter(Plan *plan, const struct op_credentials *k)
{
	const struct seccomp_filter *f = plan->request.filter;
	struct sock_fprog *program;
	gsize size;

	if (!f || !f->program)
		return;
	program = spec_pool_zalloc(plan->pool, sizeof *program);
	program->filter = (struct sock_filter *)g_bytes_get_data(f->program, &size);
	program->len = (unsigned short)(size / sizeof(struct sock_filter));
	diag_debug("seccomp filter flags: %u", f->flags);
	plan_add(plan, STEP_SECCOMP, -1)->seccomp = (struct op_seccomp){ program, f->flags };
	if (f->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)
		plan_add(plan, STEP_LISTENER, -1);
	if (k->keep_sys_admin)
		plan_add(plan, STEP_DROP_LAST, -1)->credentials = *k;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n + 1) == 0;
}

/* Of entries with one name the last counts; room for LISTEN_* and HOME at the end. */
static void plan_environment(Plan *plan)
{
	const struct spec_process *p = plan->request.process;
	size_t n = p->env ? g_strv_length((char **)p->env) : 0, used = 0;
	char **env = spec_pool_zalloc(plan->pool, (n + 4) * sizeof *env);
	bool has_home = false;

	for (size_t i = 0; i < n; i++) {
		bool later = false;

		for (size_t j = i + 1; j < n && !later; j++)
			later = same_name(p->env[i], p->env[j]);
		if (later || (plan->request.listen_fds && (g_str_has_prefix(p->env[i], "LISTEN_FDS=") ||
								  g_str_has_prefix(p->env[i], "LISTEN_PID="))))
			continue;
		if (strcmp(p->env[i], "HOME=") == 0)
			continue;
		has_home |= g_str_has_prefix(p->env[i], "HOME=");
		env[used++] = (char *)p->env[i];
	}
	if (plan->request.listen_fds) {
		env[used++] = plan_printf(plan, "LISTEN_FDS=%d", plan->request.listen_fds);
		env[used++] = plan_printf(plan, "LISTEN_PID=1");
	}
	plan_add(plan, STEP_ENVIRONMENT, -1)->environment =
		(struct op_environment){ .uid = p->uid, .home_slot = has_home ? NULL : &env[used] };
	plan->child.env = env;
	plan->child.argv = plan_strv(plan, (const char *const *)p->args);
}

static bool plan_apparmor(Plan *plan, GError **error)
{
	const char *profile = plan->request.process->apparmor_profile;
	char text[8];

	if (!profile)
		return true;
	if (rw_read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", text, sizeof text) <= 0 || text[0] != 'Y')
		return fail(error, "process.apparmorProfile: apparmor: config provided but apparmor not supported: %s",
			profile);
	plan_add(plan, STEP_APPARMOR, -1)->path.path = profile;
	return true;
}

/* That SELinux is on has been seen to by the command (selinux_check). */
static void plan_selinux(Plan *plan)
{
	const char *label = plan->request.process->selinux_label;

	if (label)
		plan_add(plan, STEP_SELINUX, -1)->path.path = label;
}

bool plan_process(Plan *plan, GError **error)
{
	const struct spec_process *p = plan->request.process;
	struct op_credentials k = plan_credentials(plan);
	bool create = plan->request.spec != NULL;

	plan_scheduling(plan);
	/* Where an engine happens to run is no business of the container. */
	if (create || (!p->affinity_initial && !p->affinity_final))
		plan_add(plan, STEP_AFFINITY_FINAL, -1);
	if (!create) {
		plan_affinity(plan, STEP_AFFINITY, p->affinity_initial);
		plan_affinity(plan, STEP_AFFINITY_FINAL, p->affinity_final);
	}
	plan_personality(plan);
	plan_memory_policy(plan);
	if (!plan_apparmor(plan, error))
		return false;
	plan_selinux(plan);
	if (create)
		plan_add(plan, STEP_MAKE_CWD, -1)->path.path = plan_clean_path(plan, p->cwd);
	plan_add(plan, STEP_CLOSE_FDS, -1)->close_fds.keep_from = 3 + plan->request.preserved;
	plan_add(plan, STEP_READY, -1);
	if (!p->terminal)
		plan_add(plan, STEP_OWN_STDIO, -1)->own_stdio = (struct op_own_stdio){
			.uid = p->uid, .gid = p->gid, .own_null = plan_has_namespace(plan, NS_MOUNT)
		};
	plan_add(plan, STEP_CWD, -1)->path.path = p->cwd;
	if (p->no_new_privileges)
		plan_add(plan, STEP_NO_NEW_PRIVILEGES, -1);
	plan_add(plan, STEP_CREDENTIALS, -1)->credentials = k;
	plan_add(plan, STEP_CHECK_CWD, -1)->path.path = p->uid ? p->cwd : NULL;
	plan_environment(plan);
	plan_add(plan, STEP_FIND_PROGRAM, -1);
	/* exec has the cookie of the container already (cmd_exec.c). */
	if (create && plan->request.container->core_sched)
		plan_add(plan, STEP_CORE_SCHED, -1);
	if (plan->request.container->alt_syscall)
		plan_add(plan, STEP_ALT_SYSCALL, -1)->path.path = plan->request.container->alt_syscall;
	if (plan->request.go_fd >= 0)
		plan_add(plan, STEP_CREATED, -1);
	plan_filter(plan, &k);
	plan_add(plan, STEP_EXEC, -1);
	return true;
}
