/* Which namespaces are joined and which are made, and what is set in them. */
#include "runtime/plan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "runtime/idmap.h"
#include "runtime/procvalues.h"

/* KEY_USR_SEARCH, and KEY_OTH_SEARCH where user ids are mapped (keyctl(2)). */
#define KEYRING_USER_SEARCH  0x080000u
#define KEYRING_OTHER_SEARCH 0x000008u

/* Engines repeat the maps of a namespace that they have made. Others would be a mistake. */
static bool check_maps(Plan *plan, int fd, GError **error)
{
	const struct idmap map = idmap_of_container(&plan->request.spec->linux_);
	bool same = true;

	if (map.n_uids == 0 && map.n_gids == 0)
		return true;
	if (!idmap_check_namespace(fd, &map, &same, error))
		return false;
	return same || fail(error, "user namespaces enabled, but both namespace path and non-matching mapping "
				   "specified -- you may only "
				   "provide one (linux.uidMappings, linux.gidMappings)");
}

static bool is_mine(int mount_namespace_fd)
{
	struct stat mine, other;

	return stat("/proc/self/ns/mnt", &mine) == 0 && fstat(mount_namespace_fd, &other) == 0 &&
	       mine.st_dev == other.st_dev && mine.st_ino == other.st_ino;
}

static bool open_namespace(Plan *plan, enum spec_namespace_type type, int *ret_fd, GError **error)
{
	const char *path = plan->request.spec->linux_.namespaces[type].path;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(error, "open %s namespace %s", spec_namespace_infos[type].name, path);
	*ret_fd = plan_take_fd(plan, fd);
	/* pivot_root(2) changes the root of everybody in it. */
	if (type == NS_MOUNT && is_mine(fd))
		return fail(error,
			"mount namespace %s is the caller's own, which would get the container's root "
			"(linux.namespaces)",
			path);
	return type != NS_USER || check_maps(plan, fd, error);
}

static void add_join(GArray *list, int fd, uint64_t flag, int number)
{
	const struct child_op op = { .step = STEP_JOIN, .number = number, .join = { .fd = fd, .flag = flag } };

	g_array_append_val(list, op);
}

/* The user namespace is joined last: until then we have all rights over the others, whoever owns them. Without rights it is
 * joined first, and gives some. */
static const enum spec_namespace_type join_order[] = { NS_USER, NS_PID, NS_NETWORK, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME,
	NS_MOUNT, NS_USER };

/* With a user namespace in play, joining comes before it is entered or made, in a process of its own; so it does where the
 * parent could not come back. Else the child
 * itself joins, and the pid namespace is the parent's business: it holds for children only. */
static bool plan_joins(Plan *plan, GError **error)
{
	const struct spec_namespace *ns = plan->request.spec->linux_.namespaces;
	bool privileged = self_has_cap(plan->request.self, CAP_SYS_ADMIN);
	size_t joined = 0;

	for (int t = 0; t < N_NS_TYPES; t++) {
		if (ns[t].path)
			joined++;
		else if (ns[t].wanted && t != NS_CGROUP && t != NS_TIME)
			plan->created |= spec_namespace_infos[t].flag;
	}
	plan->in_between =
		joined > 0 && (ns[NS_USER].wanted || (ns[NS_PID].path && !self_can_return(plan->request.self)));
	for (size_t i = 0; i < G_N_ELEMENTS(join_order); i++) {
		enum spec_namespace_type t = join_order[i];
		int fd = -1;

		if (!ns[t].path || (t == NS_USER && (i == 0) == privileged))
			continue;
		if (!open_namespace(plan, t, &fd, error))
			return false;
		if (plan->in_between)
			add_join(plan->joins, fd, spec_namespace_infos[t].flag, t);
		else if (t == NS_PID)
			plan->pid_namespace_fd = fd;
		else
			add_join(plan->ops, fd, spec_namespace_infos[t].flag, t);
	}
	return true;
}

static void plan_user(Plan *plan)
{
	const struct spec_linux *l = &plan->request.spec->linux_;

	plan->write_maps = l->namespaces[NS_USER].wanted && !l->namespaces[NS_USER].path;
	/* With a process in between there may be nothing to write, but its word must come before ours. */
	if (plan->write_maps || plan->in_between)
		plan_add(plan, STEP_WAIT_MAPS, -1);
	if (l->namespaces[NS_USER].wanted)
		plan_add(plan, STEP_ROOT_IDS, -1);
	if (l->namespaces[NS_USER].wanted && (plan->created & CLONE_NEWIPC)) {
		plan->created &= ~(uint64_t)CLONE_NEWIPC;
		plan_add(plan, STEP_IPC_NAMESPACE, -1);
	}
}

static void plan_time(Plan *plan)
{
	const struct spec_linux *l = &plan->request.spec->linux_;
	GString *text;

	if (!l->namespaces[NS_TIME].wanted || l->namespaces[NS_TIME].path)
		return;
	text = g_string_new(NULL);
	if (l->monotonic_secs.set || l->monotonic_nanosecs.set)
		g_string_append_printf(text, "monotonic %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
			l->monotonic_secs.value, l->monotonic_nanosecs.value);
	if (l->boottime_secs.set || l->boottime_nanosecs.set)
		g_string_append_printf(text, "boottime %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
			l->boottime_secs.value, l->boottime_nanosecs.value);
	/* With rights over it the parent makes it: the child's own files in /proc are closed to the child then. */
	if (text->len && self_can_return(plan->request.self))
		plan->time_offsets = spec_pool_take(plan->pool, g_string_free(text, FALSE));
	else
		plan_add(plan, STEP_TIME_NAMESPACE, -1)->path.path =
			text->len ? spec_pool_take(plan->pool, g_string_free(text, FALSE))
				  : (g_string_free(text, TRUE), NULL);
}

static void plan_sysctls(Plan *plan)
{
	const struct spec_map *sysctl = &plan->request.spec->linux_.sysctl;

	for (size_t i = 0; i < sysctl->n_pairs; i++) {
		char *path = spec_pool_take(plan->pool, procvalues_sysctl_key(sysctl->pairs[i].key));

		/* Dots to slashes, and the slashes that stand for dots in a name back. */
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
		plan_add(plan, STEP_SYSCTL, (int)i)->sysctl = (struct op_sysctl){ path, sysctl->pairs[i].value };
	}
}

void plan_keyring(Plan *plan)
{
	plan_add(plan, STEP_KEYRING, -1)->keyring = (struct op_keyring){
		.name = plan_printf(plan, "_ses.%s", plan->request.container->id),
		.permissions = KEYRING_USER_SEARCH | (plan_has_namespace(plan, NS_USER) ? KEYRING_OTHER_SEARCH : 0),
		.label = plan->request.process->selinux_label,
	};
}

bool plan_namespaces(Plan *plan, GError **error)
{
	const struct spec *spec = plan->request.spec;
	const struct spec_namespace *ns = spec->linux_.namespaces;
	const Cgroup *cg = plan->request.container->cgroup;

	plan_time(plan);
	if (!plan_joins(plan, error))
		return false;
	plan_user(plan);
	if (ns[NS_NETWORK].wanted && !ns[NS_NETWORK].path)
		plan_add(plan, STEP_LOOPBACK, -1);
	if (ns[NS_CGROUP].wanted && !ns[NS_CGROUP].path) {
		/* By clone3 we are in the cgroup from the start; by writing our pid, when the parent says so. */
		plan->tell_cgroup = cg && cgroup_clone_fd(cg) < 0;
		plan_add(plan, STEP_CGROUP_NAMESPACE, -1)->flags.flags = plan->tell_cgroup;
	}
	if (!plan->request.no_new_keyring)
		plan_keyring(plan);
	if (spec->hostname)
		plan_add(plan, STEP_HOSTNAME, -1)->path.path = spec->hostname;
	if (spec->domainname)
		plan_add(plan, STEP_DOMAINNAME, -1)->path.path = spec->domainname;
	plan_sysctls(plan);
	return true;
}
