/* File systems that the parent makes, with the caller's rights instead of those of the container's user namespace: what
 * lies on a device of its own (loop, dm=), and what the document wants made in a namespace in between
 * (performInIntermediateNamespace). They are made detached, seen by nobody, and put into their places by the child. */
#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "base/rw.h"
#include "common/error.h"
#include "runtime/device_mapper.h"
#include "runtime/loop_device.h"

/* Of a super block; the others are a mount's. */
static const struct {
	unsigned long flag;
	const char *name;
} super_flags[] = {
	{ MS_RDONLY, "ro" },
	{ MS_SYNCHRONOUS, "sync" },
	{ MS_DIRSYNC, "dirsync" },
	{ MS_MANDLOCK, "mand" },
	{ MS_LAZYTIME, "lazytime" },
};

bool plan_made_wanted(const struct spec_mount *m, const struct mount_options *o)
{
	return m->in_between || o->loop || o->dm_table;
}

bool plan_made_check(const Plan *plan, const struct spec_mount *m, int number, GError **error)
{
	if (!m->in_between)
		return true;
	if (plan->unprivileged)
		return fail_with(error, EPERM, "mounts[%d].performInIntermediateNamespace needs CAP_SYS_ADMIN", number);
	return plan_has_namespace(plan, NS_MOUNT) ||
	       fail(error, "mounts[%d].performInIntermediateNamespace: the container has no mount namespace", number);
}

/* Of ours and nobody else's, as it is a name on the whole host: two roots may have containers of one id, and what a delete
 * finds noted it removes. At most 123 bytes. */
static char *device_name(const char *id, int number)
{
	char suffix[16];

	rw_temp_suffix(suffix);
	return g_strdup_printf("tallyrun-%.96s-%d%s", id, number, suffix);
}

bool plan_made_device(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	const char **ret_device, GError **error)
{
	g_autofree char *path = m->source ? g_canonicalize_filename(m->source, plan->request.container->bundle) : NULL;
	g_autofree char *name = device_name(plan->request.container->id, number);
	struct device_mapper_line line = { .params = NULL };
	g_autofree char *device = NULL;
	bool ok;
	int fd;

	if (!path)
		return fail(error, "mounts[%d].source is required", number);
	if (o->loop) {
		if (!loop_device_attach(path, o->dm_table || (o->flags & MS_RDONLY), &fd, &device, error))
			return false;
		plan_take_fd(plan, fd);
		g_free(path);
		path = g_steal_pointer(&device);
	}
	if (o->dm_table) {
		if (!device_mapper_parse(o->dm_table, path, &line, error))
			return fail_prefix(error, "mounts[%d].options", number);
		ok = container_note_device(plan->request.container, name, error) &&
		     device_mapper_create(name, &line, &fd, &device, error);
		g_free(line.params);
		if (!ok)
			return false;
		plan_take_fd(plan, fd);
		g_free(path);
		path = g_steal_pointer(&device);
	}
	*ret_device = spec_pool_take(plan->pool, g_steal_pointer(&path));
	return true;
}

/* What the file system says about a failure of its own: "e ext4: Unknown parameter 'x'"; "" when it says nothing. */
static char *reason_of(int fs_fd)
{
	char text[512];
	ssize_t n = read(fs_fd, text, sizeof text - 1);

	if (n <= 2)
		return g_strdup("");
	text[n] = '\0';
	return g_strdup_printf(" (%s)", g_strdelimit(g_strchomp(text + 2), "\n", ' '));
}

static bool fail_fs(int fs_fd, GError **error, const char *what)
{
	int err = errno;
	g_autofree char *reason = reason_of(fs_fd);

	return fail_with(error, err, "%s%s", what, reason);
}

/* The next option of "a=b,c,d=\"e,f\"": ends it, takes quotes off; *ret_value NULL: it has none. */
static char *next_option(char **at, char **ret_value)
{
	char *key = *at, *to = key;
	bool quoted = false;
	const char *p;

	*ret_value = NULL;
	for (p = key; *p && (quoted || *p != ','); p++) {
		if (*p == '"') {
			quoted = !quoted;
		} else if (*p == '=' && !*ret_value) {
			*to++ = '\0';
			*ret_value = to;
		} else {
			*to++ = *p;
		}
	}
	*at = *p ? (char *)p + 1 : NULL;
	*to = '\0';
	return key;
}

static bool set_options(int fs_fd, const struct op_mount *mount, GError **error)
{
	g_autofree char *data = g_strdup(mount->data);
	char *at = data && *data ? data : NULL, *value;

	if (fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", mount->source, 0) < 0)
		return fail_fs(fs_fd, error, "set its source");
	for (size_t i = 0; i < G_N_ELEMENTS(super_flags); i++)
		if ((mount->flags & super_flags[i].flag) &&
			fsconfig(fs_fd, FSCONFIG_SET_FLAG, super_flags[i].name, NULL, 0) < 0)
			return fail_fs(fs_fd, error, "set a flag");
	while (at) {
		const char *key = next_option(&at, &value);
		g_autofree char *what = g_strdup_printf("set option %s", key);

		if (*key && fsconfig(fs_fd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0)
			return fail_fs(fs_fd, error, what);
	}
	return true;
}

/* Whether the kernel can put what we make where it belongs. */
static bool can_move(void)
{
	return mnt_move(-1, "", -1, "", 0) == 0 || errno != ENOSYS;
}

bool plan_made_mount(Plan *plan, int number, struct op_mount *mount, GError **error)
{
	auto_fd fs = -1, fd = -1;

	if (mount->flags & MS_REMOUNT)
		return fail(error, "mounts[%d].options: remount before the container's namespace is for \"/\"", number);
	fs = mnt_fsopen(mount->type, FSOPEN_CLOEXEC);
	/* Before Linux 5.2 the child does it, in the container's namespace and with its rights. */
	if (fs < 0 ? errno == ENOSYS : !can_move())
		return true;
	if (fs < 0 && errno == ENODEV)
		return fail_errno(error, "the kernel has no file system \"%s\"", mount->type);
	if (fs < 0)
		return fail_errno(error, "open file system \"%s\"", mount->type);
	if (!set_options(fs, mount, error))
		return false;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_fs(fs, error, "mount");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)mount_options_attributes(mount->flags));
	if (fd < 0)
		return fail_fs(fs, error, "mount");
	mount->tree = (struct op_tree){ .path = mount->source, .made = true, .fd = plan_take_fd(plan, steal_fd(&fd)) };
	return true;
}

bool plan_made_root(Plan *plan, const struct op_tree *wanted, int number, GError **error)
{
	struct mount_attr attr = { .attr_set = wanted->set, .attr_clr = wanted->clear };

	for (guint i = 0; i < plan->ops->len; i++) {
		const struct child_op *op = &g_array_index(plan->ops, struct child_op, i);

		if (op->step != STEP_ROOTFS || op->rootfs.tree.fd < 0 || !can_move())
			continue;
		return mnt_setattr(op->rootfs.tree.fd, "", AT_EMPTY_PATH, &attr, sizeof attr) == 0 ||
		       fail_errno(error, "remount the rootfs");
	}
	/* Where the child opens the rootfs (before Linux 5.2): after root.readonly, which it must not take back. */
	plan_add(plan, STEP_REMOUNT, number)->remount = (struct op_remount){
		.set = wanted->set,
		.clear = wanted->clear & ~(plan->request.spec->root_readonly ? (uint64_t)MOUNT_ATTR_RDONLY : 0),
	};
	return true;
}
