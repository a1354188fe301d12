/* The rootfs and the mounts of config.json. Where the child's rights are not ours, sources of bind mounts are opened here, as
 * detached trees that carry their options already, and the child only puts them in their places. */
#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "child/tree.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/selinux.h"

#define PROC_MAGIC 0x9fa0

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* Of a mount, not of a super block: what a remount of a bind mount sets as a whole. */
#define BIND_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW)

unsigned long plan_root_propagation(const struct spec *spec)
{
	static const struct {
		const char *name;
		unsigned long flags;
	} kinds[] = {
		{ "shared", MS_SHARED },
		{ "rshared", MS_SHARED | MS_REC },
		{ "slave", MS_SLAVE },
		{ "rslave", MS_SLAVE | MS_REC },
		{ "private", MS_PRIVATE },
		{ "rprivate", MS_PRIVATE | MS_REC },
		{ "unbindable", MS_UNBINDABLE },
		{ "runbindable", MS_UNBINDABLE | MS_REC },
	};

	for (size_t i = 0; spec->linux_.rootfs_propagation && i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].name, spec->linux_.rootfs_propagation) == 0)
			return kinds[i].flags;
	return MS_SLAVE | MS_REC;
}

static bool is_shared(unsigned long propagation)
{
	return propagation & MS_SHARED;
}

/* What the whole namespace gets while the container is built. */
static unsigned long build_propagation(const struct spec *spec)
{
	unsigned long p = plan_root_propagation(spec);

	if (is_shared(p))
		return p | MS_REC;
	return (p & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE) | MS_REC;
}

/* Whether path, both absolute and clean, is dir or lies in it; its rest then, with its slash. */
static const char *path_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return path[n] ? path + n : "/";
}

/* Whether the tree at path, whatever links lead there, has the rootfs in it, and so the mounts that the child makes. */
static bool has_rootfs(const Plan *plan, const char *path)
{
	char *real = realpath(path, NULL), *root = realpath(plan->request.container->rootfs, NULL);
	bool has = !real || !root || strcmp(real, "/") == 0 || path_below(root, real);

	free(real);
	free(root);
	return has;
}

/* Whether the child finds the same under this path as we do, and may do the same with it: not where the mount that holds
 * the rootfs leaves its peers, for the tree could come from there. Linux 6.8 and newer list mounts in
 * the order in which they were made: what the child opens itself stands in that of config.json. In /proc and /dev there are
 * links whose meaning depends on who follows them; a tree with the rootfs in it would have the container's own procfs in it as
 * well, and that unmasked. */
static bool child_has_our_view(const Plan *plan, const struct op_tree *t)
{
	const struct spec_namespace *namespaces = plan->request.spec->linux_.namespaces;

	return !namespaces[NS_USER].wanted && !namespaces[NS_MOUNT].path &&
	       !is_shared(build_propagation(plan->request.spec)) && !g_str_has_prefix(t->path, "/proc/") &&
	       !g_str_has_prefix(t->path, "/dev/") && strcmp(t->path, "/proc") != 0 &&
	       !(t->recursive && has_rootfs(plan, t->path));
}

int plan_open_tree(Plan *plan, struct op_tree *t, enum child_part *ret_part)
{
	const unsigned long build = build_propagation(plan->request.spec);
	unsigned long *all = spec_pool_zalloc(plan->pool, (t->n_propagation + 2) * sizeof *all);
	size_t n = 0;
	int fd = -ENOSYS;

	t->keep_locked = plan_has_namespace(plan, NS_USER);
	/* A clone is still a peer of the host's mount; in the container's namespace it would be what the root is. Nothing that
	 * is mounted in a user namespace may reach the host (mount_namespaces(7)): there it is a slave, shared or not. */
	if (t->keep_locked && is_shared(build))
		all[n++] = MS_SLAVE | MS_REC;
	if (t->keep_locked || !is_shared(build))
		all[n++] = build;
	for (size_t i = 0; i < t->n_propagation; i++)
		all[n++] = t->propagation[i];
	t->propagation = all;
	t->n_propagation = n;
	t->fd = -1;
	*ret_part = PART_SOURCE;
	if (t->in_root || child_has_our_view(plan, t))
		return 0;
	if (!plan->child_opens)
		fd = tree_open(t, ret_part);
	/* Rootless, or inside somebody's mount namespace, mounts are the business of who has a namespace of its own. */
	if (fd == -ENOSYS || (fd == -EPERM && *ret_part == PART_SOURCE))
		plan->child_opens = true;
	if (fd < 0)
		return plan->child_opens ? 0 : fd;
	t->fd = plan_take_fd(plan, fd);
	return 0;
}

/* With --no-pivot the host's mounts stay below the new root. Whole ones of procfs and sysfs among them would let the
 * container, where its ids are mapped, mount its own without masks (mount_namespaces(7): it must not reveal more than
 * what is visible already). */
static bool plan_hide(Plan *plan, const char *rootfs, GError **error)
{
	g_autofree char *text = NULL;
	char *save = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, error))
		return fail_prefix(error, "--no-pivot");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		/* id parent major:minor root mount options [optional fields] - type source super-options */
		g_auto(GStrv) f = g_strsplit(line, " ", 6);
		const char *type = strstr(line, " - ");
		g_autofree char *place = g_strv_length(f) == 6 ? g_strcompress(f[4]) : NULL;
		gsize len = strlen(rootfs);

		if (!place || !type || !(g_str_has_prefix(type, " - proc ") || g_str_has_prefix(type, " - sysfs ")) ||
			strcmp(f[3], "/") != 0 ||
			(g_str_has_prefix(place, rootfs) && (place[len] == '/' || place[len] == '\0')))
			continue;
		plan_add(plan, STEP_HIDE, -1)->path.path = plan_printf(plan, "%s", place);
	}
	return true;
}

bool plan_rootfs(Plan *plan, GError **error)
{
	const struct spec *spec = plan->request.spec;
	const char *path = plan->request.container->rootfs;
	unsigned long propagation = build_propagation(spec);
	bool own = plan_has_namespace(plan, NS_MOUNT), no_pivot = plan->request.no_pivot,
	     shared = is_shared(propagation);
	unsigned long final = plan_root_propagation(spec), private_top = MS_PRIVATE;
	struct op_rootfs rootfs = {
		.tree = { .path = path, .recursive = true },
		.anywhere = own && !no_pivot && spec->hooks[HOOK_CREATE_CONTAINER].n_hooks == 0,
	};
	enum child_part part;
	struct stat st;
	int r;

	if (no_pivot && spec->linux_.rootfs_propagation && (final & MS_PRIVATE))
		return fail(error, "rootfsPropagation of [r]private is not safe without pivot_root");
	if (!own)
		diag_warning("no mount namespace in linux.namespaces: the container's mounts stay on the host");
	/* Without pivot_root the root is moved onto "/": where that had peers, it would cover theirs. */
	if (own)
		plan_add(plan, STEP_PROPAGATION, -1)->flags.flags =
			shared && no_pivot ? MS_SLAVE | MS_REC : propagation;
	if (own && shared && !no_pivot)
		plan_add(plan, STEP_PARENT_PRIVATE, -1)->flags.path = path;
	/* Nor may the root itself be shared when it becomes that. */
	rootfs.tree.propagation = &private_top;
	rootfs.tree.n_propagation = shared;
	r = plan_open_tree(plan, &rootfs.tree, &part);
	if (r < 0)
		return fail_with(error, r, "invalid rootfs: open %s", path);
	if ((rootfs.tree.fd < 0 ? stat(path, &st) : fstat(rootfs.tree.fd, &st)) < 0 || !S_ISDIR(st.st_mode))
		return fail(error, "invalid rootfs: %s is not a directory", path);
	plan_add(plan, STEP_ROOTFS, -1)->rootfs = rootfs;
	if (own && no_pivot && !plan_hide(plan, path, error))
		return false;
	plan_add(plan, STEP_PIVOT, -1)->pivot = (struct op_pivot){
		.no_pivot = no_pivot,
		.chroot_only = !own,
		.may_propagate = shared,
	};
	if (spec->root_readonly)
		plan_add(plan, STEP_REMOUNT, -1)->remount = (struct op_remount){ .set = MOUNT_ATTR_RDONLY };
	if (final & (MS_SHARED | MS_UNBINDABLE))
		plan_add(plan, STEP_ROOT_PROPAGATION, -1)->flags.flags = final;
	return true;
}

/* Where a mount goes. A path of the host into the rootfs means the place in it (as with runc). */
static const char *place_of(Plan *plan, const char *destination)
{
	const char *path = plan_clean_path(plan, destination);

	return path_below(path, plan->request.container->rootfs) ?: path;
}

/* Files of procfs that lxcfs and the like may answer for (as runc). */
static bool may_lie_in_proc(const char *path)
{
	static const char *const names[] = { "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg",
		"slabinfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled", NULL };

	return g_str_has_prefix(path, "/proc/") && g_strv_contains(names, path + strlen("/proc/"));
}

static bool fail_mount(const struct spec_mount *m, GError **error)
{
	return fail_prefix(error, "error during container init: error mounting \"%s\" to rootfs at \"%s\"", m->source ?: m->type ?: "", m->destination);
}

/* A remount of a bind mount sets all flags of the mount, or none when no option names one; those about atime only when one
 * of them is set, for taking one off leaves no choice among the others (as mount(2) would). */
static void set_attributes(struct op_tree *t, const struct mount_options *o)
{
	uint64_t set = mount_options_attributes(o->flags), off = mount_options_attributes(o->cleared) & ~set;

	t->rec_set = o->rec_set;
	t->rec_clear = o->rec_clear;
	t->propagation = o->propagation ? (unsigned long *)o->propagation->data : NULL;
	t->n_propagation = o->propagation ? o->propagation->len : 0;
	if (!o->flags && !o->cleared)
		return;
	t->set = set;
	t->clear = mount_options_attributes(BIND_FLAGS) & ~set;
	t->asked_off = off;
	if (o->flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME))
		t->clear |= MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~set);
}

static bool fail_tree(const struct op_tree *t, int number, enum child_part part, int err, GError **error)
{
	g_autofree char *text = plan_tree_failure_text(t, number, part, err);

	g_set_error(error, TALLY_ERROR, ABS(err), "%s", text);
	return false;
}

/* What there is to bind: a directory, a file, a procfs. Through the tree, when we could open it. */
static int look_at(const struct op_tree *t, struct stat *ret_st, struct statfs *ret_fs)
{
	/* What is mounted on demand is looked at when it is there. */
	unsigned int flags = OPEN_TREE_CLOEXEC | (t->no_follow ? AT_SYMLINK_NOFOLLOW : 0u);
	auto_fd own = t->fd < 0 ? mnt_open_tree(AT_FDCWD, t->path, flags) : -1;
	int fd;

	if (t->fd < 0 && own < 0 && errno == ENOSYS)
		own = open(t->path, O_PATH | O_CLOEXEC | (t->no_follow ? O_NOFOLLOW : 0));
	fd = t->fd < 0 ? own : t->fd;
	return fd < 0 || fstat(fd, ret_st) < 0 || fstatfs(fd, ret_fs) < 0 ? -errno : 0;
}

/* A word that is no option may be a misspelt flag: without it the mount would be less safe than was asked for. Sizes and
 * modes of a tmpfs cannot be that; bundles have them on bind mounts, and the kernel never looked at them. */
static bool check_bind_data(const struct spec_mount *m, const struct mount_options *o, GError **error)
{
	g_auto(GStrv) words = o->data ? g_strsplit(o->data->str, ",", -1) : NULL;

	for (char **w = words; w && *w; w++)
		if (!g_str_has_prefix(*w, "mode=") && !g_str_has_prefix(*w, "size="))
			return fail(error,
				"invalid mount: bind mounts cannot have any filesystem-specific options applied: %s",
				*w);
	if (words)
		diag_warning("options without a meaning for the bind mount on %s: %s", m->destination, o->data->str);
	return true;
}

/* A source in the rootfs that lies in an earlier mount is there only once that mount is: its path in the rootfs, NULL for
 * any other source. What covers /proc has to prove beforehand that it is a procfs. */
static const char *source_in_root(Plan *plan, const char *source, const char *target, int number)
{
	const char *path = path_below(source, plan->request.container->rootfs);

	for (int i = 0; path && strcmp(target, "/proc") != 0 && i < number; i++) {
		const char *earlier = place_of(plan, plan->request.spec->mounts[i].destination);

		/* In it, or above it: a tree has the mounts that are in it. */
		if (path_below(path, earlier) || path_below(earlier, path))
			return path;
	}
	return NULL;
}

static bool check_bind_options(const struct spec_mount *m, const struct mount_options *o, GError **error)
{
	if (!check_bind_data(m, o, error))
		return false;
	if (o->copy_up)
		return fail(error, "invalid mount: tmpcopyup is for tmpfs only");
	if (o->loop || o->dm_table)
		return fail(error, "invalid mount: %s is for file systems on a device", o->loop ? "loop" : "dm=");
	if (o->copy_symlink && (o->src_nofollow || o->dest_nofollow))
		return fail(error, "invalid mount: copy-symlink goes with neither src-nofollow nor dest-nofollow");
	return m->source || fail(error, "bind mounts need a source");
}

/* Which of the options about symlinks has no meaning for what is not a bind mount; NULL: none that was given. */
static const char *name_bind_only(const struct mount_options *o)
{
	return o->src_nofollow ? "src-nofollow" : o->copy_symlink ? "copy-symlink" : NULL;
}

/* The target of the symlink at path, for the plan; NULL: it is something else. */
static int read_link(Plan *plan, const char *path, const char **ret_target)
{
	auto_fd fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	*ret_target = NULL;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(fd, "", target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	*ret_target = plan_printf(plan, "%s", target);
	return 0;
}

static bool plan_bind(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	struct op_mount *mount, GError **error)
{
	struct op_tree *t = &mount->tree;
	enum child_part part = PART_SOURCE;
	const char *in_root;
	struct statfs fs;
	struct stat st;
	int r;

	if (!check_bind_options(m, o, error))
		return false;
	t->path = spec_pool_take(plan->pool, g_canonicalize_filename(m->source, plan->request.container->bundle));
	in_root = source_in_root(plan, t->path, mount->target, number);
	if (in_root) {
		t->path = in_root;
		t->in_root = true;
	}
	t->recursive = o->recursive;
	/* What is not a symlink when it is looked at is none when it is opened, either. */
	t->no_follow = o->src_nofollow || o->copy_symlink;
	t->onto_link = o->dest_nofollow;
	mount->copy_link = o->copy_symlink;
	r = o->copy_symlink && !in_root ? read_link(plan, t->path, &mount->link) : 0;
	if (r < 0)
		return fail_with(error, r, "open %s", t->path);
	if (mount->link)
		return true;
	set_attributes(t, o);
	if (!plan_mount_idmap(plan, m, o, number, t, error))
		return false;
	r = plan_open_tree(plan, t, &part);
	if (r < 0)
		return fail_tree(t, number, part, r, error);
	if (in_root)
		return true;
	r = look_at(t, &st, &fs);
	if (r < 0)
		return fail_with(error, r, "open %s", t->path);
	mount->target_is_file = !S_ISDIR(st.st_mode);
	if (!mount->may_cover_proc && strcmp(mount->target, "/proc") == 0) {
		if (fs.f_type != PROC_MAGIC)
			return fail(error, "\"/proc\" cannot be mounted because it is not of type proc");
		mount->may_cover_proc = true;
	}
	return true;
}

/* Private mounts are what new ones are, unless the tree they hang in is shared. */
static void set_new_propagation(Plan *plan, const struct mount_options *o, struct op_mount *mount)
{
	bool plain = !is_shared(build_propagation(plan->request.spec));

	for (guint i = 0; o->propagation && i < o->propagation->len; i++)
		plain &= (g_array_index(o->propagation, unsigned long, i) & (MS_PRIVATE | MS_SLAVE)) != 0;
	if (plain || !o->propagation)
		return;
	mount->n_propagation = o->propagation->len;
	mount->propagation = plan_memdup(plan, o->propagation->data, o->propagation->len * sizeof(unsigned long));
}

/* What a container with mapped ids may not mount: sysfs belongs to the network namespace, procfs to the pid namespace. With
 * the host's, it gets the host's own view. */
static struct op_tree host_view(Plan *plan, const struct spec_mount *m, const struct mount_options *o)
{
	bool sysfs = g_strcmp0(m->type, "sysfs") == 0, proc = g_strcmp0(m->type, "proc") == 0;
	struct op_tree t = { .recursive = true, .rec_set = mount_options_attributes(o->flags) };
	enum child_part part;

	if (!plan_has_namespace(plan, NS_USER) || !(sysfs || (proc && !plan_has_namespace(plan, NS_PID))))
		return (struct op_tree){ .fd = -1 };
	t.path = sysfs ? "/sys" : "/proc";
	return plan_open_tree(plan, &t, &part) < 0 ? (struct op_tree){ .fd = -1 } : t;
}

/* Every engine asks for gid=5 on devpts, a group that a user with few ids does not have: there terminals are their
 * owner's. NULL: nothing of the kind was asked. */
static const char *data_without_group(Plan *plan, const struct spec_mount *m, const struct mount_options *o)
{
	g_auto(GStrv) parts = NULL;
	GString *kept;

	if (!o->data || !strstr(o->data->str, "gid=") || g_strcmp0(m->type, "devpts") != 0)
		return NULL;
	parts = g_strsplit(o->data->str, ",", -1);
	kept = g_string_new(NULL);
	for (char **p = parts; *p; p++)
		if (!g_str_has_prefix(*p, "gid="))
			g_string_append_printf(kept, "%s%s", kept->len ? "," : "", *p);
	return spec_pool_take(plan->pool, g_string_free(kept, FALSE));
}

const char *plan_labelled(Plan *plan, const char *data)
{
	if (!plan->context_kind)
		return data;
	return spec_pool_take(
		plan->pool, selinux_mount_data(data, plan->context_kind, plan->request.spec->linux_.mount_label));
}

/* procfs and sysfs have labels of their own; mqueue takes one as an attribute, for old kernels know no option there. */
static void set_label(Plan *plan, const struct spec_mount *m, struct op_mount *mount)
{
	const char *type = m->type;

	if (strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0)
		return;
	if (strcmp(type, "mqueue") == 0) {
		mount->label = plan->request.spec->linux_.mount_label;
		return;
	}
	mount->data = plan_labelled(plan, mount->data);
	if (mount->data_if_unmapped)
		mount->data_if_unmapped = plan_labelled(plan, mount->data_if_unmapped);
}

/* Neither has a use for what these forbid; a word against one of them counts. */
static void restrict_kernel_fs(const struct spec_mount *m, const struct mount_options *o, struct op_mount *mount)
{
	const unsigned long missing = (MS_NOSUID | MS_NODEV | MS_NOEXEC) & ~(o->flags | o->cleared);

	if (missing && mount->target_no_symlink)
		diag_info("mount of %s on %s: nosuid, nodev and noexec are added", m->type, m->destination);
	if (mount->target_no_symlink)
		mount->flags |= missing;
}

static bool plan_new_mount(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	struct op_mount *mount, GError **error)
{
	bool tmpfs = g_strcmp0(m->type, "tmpfs") == 0;
	bool late_ro = (o->flags & MS_RDONLY) && (tmpfs || strcmp(mount->target, "/dev") == 0);

	if (o->id_map || m->n_uid_mappings || m->n_gid_mappings)
		return fail(error, "id-mapped mounts are only supported for bind-mounts (mounts[%d])", number);
	if (o->copy_up && !tmpfs)
		return fail(error, "tmpcopyup can be used only with tmpfs");
	mount->type = m->type;
	mount->source = m->source ?: m->type;
	if ((o->loop || o->dm_table) && !plan_made_device(plan, m, o, number, &mount->source, error))
		return false;
	mount->flags = o->flags;
	mount->data = o->data ? plan_printf(plan, "%s", o->data->str) : NULL;
	mount->data_if_unmapped = data_without_group(plan, m, o);
	set_label(plan, m, mount);
	mount->inherit_mode =
		tmpfs && !(o->data && (g_str_has_prefix(o->data->str, "mode=") || strstr(o->data->str, ",mode=")));
	mount->copy_up = o->copy_up;
	mount->rec_set = o->rec_set;
	mount->rec_clear = o->rec_clear;
	mount->target_no_symlink = g_strcmp0(m->type, "proc") == 0 || g_strcmp0(m->type, "sysfs") == 0;
	restrict_kernel_fs(m, o, mount);
	mount->target_no_symlink |= o->dest_nofollow; /* a directory is never mounted on a symlink */
	mount->may_cover_proc |= g_strcmp0(m->type, "proc") == 0 && strcmp(mount->target, "/proc") == 0;
	mount->fallback = host_view(plan, m, o);
	set_new_propagation(plan, o, mount);
	if (late_ro) {
		/* Devices, links and copied files have to get in first. */
		mount->flags &= ~(unsigned long)MS_RDONLY;
		plan_add(plan, STEP_REMOUNT, number)->remount =
			(struct op_remount){ .path = mount->target, .set = MOUNT_ATTR_RDONLY };
	}
	return !plan_made_wanted(m, o) || plan_made_mount(plan, number, mount, error);
}

/* With performInIntermediateNamespace, the attributes of the rootfs itself. */
static bool plan_root(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number, GError **error)
{
	struct op_tree t = { .fd = -1 };

	if (!m->in_between || !(o->flags & MS_REMOUNT))
		return fail(error, "mountpoint is on the top of rootfs");
	set_attributes(&t, o);
	return plan_made_root(plan, &t, number, error);
}

static bool plan_mount(Plan *plan, const struct spec_mount *m, int number, GError **error)
{
	struct op_mount mount = { .target = place_of(plan, m->destination) };
	struct mount_options o;
	bool ok, bind, cgroup, root;

	mount_options_parse(m->options, &o);
	bind = o.bind || g_strcmp0(m->type, "bind") == 0;
	cgroup = !o.bind && (g_strcmp0(m->type, "cgroup") == 0 || g_strcmp0(m->type, "cgroup2") == 0);
	root = strcmp(mount.target, "/") == 0;
	mount.may_cover_proc = may_lie_in_proc(mount.target);
	if (!plan_made_check(plan, m, number, error))
		ok = false;
	else if (!bind && name_bind_only(&o))
		ok = fail(error, "invalid mount: %s is for bind mounts", name_bind_only(&o));
	else if ((root || cgroup) && o.dest_nofollow)
		ok = fail(error, "invalid mount: dest-nofollow is neither for cgroups nor for the rootfs");
	else if (root)
		ok = plan_root(plan, m, &o, number, error);
	else if (g_str_has_prefix(mount.target, "/proc/") && !mount.may_cover_proc)
		ok = fail(error, "\"%s\" cannot be mounted because it is inside /proc", mount.target);
	else if (strcmp(mount.target, "/proc") == 0 && !bind && g_strcmp0(m->type, "proc") != 0)
		ok = fail(error, "\"/proc\" cannot be mounted because it is not of type proc");
	else if (cgroup)
		ok = plan_cgroup_mount(plan, m, &o, number, error);
	else if (bind)
		ok = plan_bind(plan, m, &o, number, &mount, error);
	else if (!m->type)
		ok = fail(error, "mounts[%d].type is required", number);
	else
		ok = plan_new_mount(plan, m, &o, number, &mount, error);
	if (ok && !cgroup && !root)
		plan_add(plan, STEP_MOUNT, number)->mount = mount;
	mount_options_clear(&o);
	return ok;
}

bool plan_mounts(Plan *plan, GError **error)
{
	const struct spec *spec = plan->request.spec;

	if (spec->linux_.mount_label) {
		plan->context_kind = selinux_context_kind(&spec->annotations, error);
		if (!plan->context_kind)
			return false;
	}
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!plan_mount(plan, &spec->mounts[i], (int)i, error))
			return fail_mount(&spec->mounts[i], error);
	return true;
}
