/* Device nodes and links of /dev, the console, masked and read-only paths. */
#include "runtime/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "child/device_node.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/idmap.h"

/* A /dev bound from the host has all it needs, and is not ours to change. */
static bool owns_dev(const struct spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct spec_mount *m = &spec->mounts[i];
		g_autofree char *target = g_canonicalize_filename(m->destination, "/");
		bool bind = g_strcmp0(m->type, "bind") == 0;

		for (size_t o = 0; m->options && m->options[o]; o++)
			bind |= strcmp(m->options[o], "bind") == 0 || strcmp(m->options[o], "rbind") == 0;
		if (bind && strcmp(target, "/dev") == 0)
			return false;
	}
	return true;
}

static bool is_node_of(const char *path, const struct op_device *device)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == (device->mode & S_IFMT) && st.st_rdev == device->dev;
}

/* The host's node of a listed device: what has its path there may be another one. NULL: none is known. */
static const char *find_node(Plan *plan, const struct op_device *device)
{
	const char *by_number;

	if (is_node_of(device->path, device))
		return device->path;
	by_number = plan_printf(plan, "/dev/%s/%u:%u", S_ISBLK(device->mode) ? "block" : "char", major(device->dev),
		minor(device->dev));
	return is_node_of(by_number, device) ? by_number : NULL;
}

/* A node of the container's own. A descriptor or -errno; -ERANGE: its owner is not mapped. */
static int make_node(Plan *plan, const struct op_device *device)
{
	const struct spec_linux *l = &plan->request.spec->linux_;
	struct device_node node = {
		.mode = device->mode,
		.dev = device->dev,
		.attributes = (unsigned int)device->tree.set,
		.label_key = plan->context_kind,
		.label = plan->context_kind ? l->mount_label : NULL,
	};
	int fd;

	if (!idmap_to_host(l->uid_mappings, l->n_uid_mappings, device->uid, &node.uid) ||
		!idmap_to_host(l->gid_mappings, l->n_gid_mappings, device->gid, &node.gid))
		return -ERANGE;
	fd = device_node_make(&node);
	return fd < 0 ? fd : plan_take_fd(plan, fd);
}

static bool fail_no_node(const Plan *plan, const struct op_device *device, int err, GError **error)
{
	const struct spec_linux *l = &plan->request.spec->linux_;
	g_autofree char *what =
		g_strdup_printf("in a user namespace %s is a node of the host, which has none of device %u:%u",
			device->path, major(device->dev), minor(device->dev));

	if (err != -ERANGE)
		return fail_with(error, err, "%s, and none can be made", what);
	if (!l->n_uid_mappings)
		return fail(error, "%s, and without linux.uidMappings none can be made", what);
	return fail(error, "%s, and its owner %u:%u is not in linux.uidMappings and linux.gidMappings", what,
		device->uid, device->gid);
}

/* Whether somebody in the container is the host's root, and so the owner of its nodes: who could change their modes. */
static bool has_host_root(const Plan *plan)
{
	const struct spec_linux *l = &plan->request.spec->linux_;

	for (size_t i = 0; i < l->n_uid_mappings; i++)
		if (l->uid_mappings[i].host_id == 0)
			return true;
	return false;
}

static bool add_device(Plan *plan, struct op_device device, int number, GError **error)
{
	const char *node = number < 0 ? device.path : find_node(plan, &device);
	int fd;

	/* Nodes made by a user with mapped ids do not open: the host's own are bound. So they are where we find out too late
	 * that our own ids are mapped. Those that everybody has are not for execution, as with crun; others may be
	 * (/dev/sgx_enclave). */
	device.tree = (struct op_tree){
		.path = node,
		.fd = -1,
		.keep_locked = true,
		.set = MOUNT_ATTR_NOSUID | (number < 0 ? MOUNT_ATTR_NOEXEC : 0u),
	};
	device.bind = plan_has_namespace(plan, NS_USER);
	if (device.bind && (!node || has_host_root(plan))) {
		fd = make_node(plan, &device);
		if (fd < 0 && !node)
			return fail_no_node(plan, &device, fd, error);
		device.tree.made = fd >= 0;
		device.tree.fd = fd >= 0 ? fd : -1;
	}
	if (device.bind && !device.tree.made) {
		enum child_part part;
		int r;

		r = plan_open_tree(plan, &device.tree, &part);
		if (r < 0)
			return fail_with(error, r, "open device %s", device.path);
	}
	plan_add(plan, STEP_DEVICE, number)->device = device;
	return true;
}

static bool is_listed(const struct spec_linux *l, const char *path)
{
	for (size_t i = 0; i < l->n_devices; i++) {
		g_autofree char *clean = g_canonicalize_filename(l->devices[i].path, "/");

		if (strcmp(clean, path) == 0)
			return true;
	}
	return false;
}

static bool plan_default_devices(Plan *plan, GError **error)
{
	static const struct {
		const char *path;
		unsigned int major, minor;
	} nodes[] = {
		{ "/dev/null", 1, 3 },
		{ "/dev/zero", 1, 5 },
		{ "/dev/full", 1, 7 },
		{ "/dev/random", 1, 8 },
		{ "/dev/urandom", 1, 9 },
		{ "/dev/tty", 5, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++) {
		const struct op_device device = {
			.path = nodes[i].path,
			.mode = S_IFCHR | 0666,
			.dev = makedev(nodes[i].major, nodes[i].minor),
			.keep_existing = true,
		};

		if (!is_listed(&plan->request.spec->linux_, device.path) && !add_device(plan, device, -1, error))
			return false;
	}
	return true;
}

/* The numbers of a device; those that are dynamic are those of the host's device of that path. */
static bool find_numbers(const struct spec_device *d, int number, dev_t *ret_dev, GError **error)
{
	const char *key = d->dynamic_minor ? "dynamicMinor" : "dynamicMajor";
	unsigned int major = (unsigned int)d->major.value, minor = (unsigned int)d->minor.value;
	struct stat st;

	*ret_dev = makedev(major, minor);
	if (!d->dynamic_major && !d->dynamic_minor)
		return true;
	if (stat(d->path, &st) < 0)
		return fail_errno(error, "linux.devices[%d].%s: %s on the host", number, key, d->path);
	if (d->type[0] == 'b' ? !S_ISBLK(st.st_mode) : !S_ISCHR(st.st_mode))
		return fail(error, "linux.devices[%d].%s: %s is no %s device on the host", number, key, d->path,
			d->type[0] == 'b' ? "block" : "character");
	if (!d->dynamic_major && major(st.st_rdev) != major)
		return fail(error, "linux.devices[%d].major: %s is of major number %u on the host, not %u", number,
			d->path, major(st.st_rdev), major);
	if (d->dynamic_minor && d->minor.set)
		diag_warning("linux.devices[%d].minor: ignored for dynamicMinor", number);
	if (d->dynamic_major && d->major.set)
		diag_warning("linux.devices[%d].major: ignored for dynamicMajor", number);
	*ret_dev = makedev(d->dynamic_major ? major(st.st_rdev) : major, d->dynamic_minor ? minor(st.st_rdev) : minor);
	return true;
}

static bool plan_listed_device(Plan *plan, const struct spec_device *d, int number, GError **error)
{
	bool fifo = d->type[0] == 'p';
	struct op_device device = {
		.path = plan_clean_path(plan, d->path),
		.mode = (d->type[0] == 'b' ? S_IFBLK
				: fifo     ? S_IFIFO
					   : S_IFCHR) |
			(mode_t)((d->mode.set ? d->mode.value : 0666) & 07777),
		.uid = (uid_t)d->uid.value,
		.gid = (gid_t)d->gid.value,
	};

	if (fifo) {
		plan_add(plan, STEP_DEVICE, number)->device = device;
		return true;
	}
	if (!find_numbers(d, number, &device.dev, error))
		return false;
	return add_device(plan, device, number, error) || fail_prefix(error, "linux.devices[%d]", number);
}

static void plan_link(Plan *plan, const char *path, const char *target)
{
	plan_add(plan, STEP_LINK, -1)->link = (struct op_link){ path, target };
}

bool plan_devices(Plan *plan, GError **error)
{
	const struct spec_linux *l = &plan->request.spec->linux_;

	if (!owns_dev(plan->request.spec))
		return true;
	if (!plan_default_devices(plan, error))
		return false;
	for (size_t i = 0; i < l->n_devices; i++)
		if (!plan_listed_device(plan, &l->devices[i], (int)i, error))
			return false;
	if (!is_listed(l, "/dev/ptmx"))
		plan_link(plan, "/dev/ptmx", "pts/ptmx");
	plan_link(plan, "/dev/fd", "/proc/self/fd");
	plan_link(plan, "/dev/stdin", "/proc/self/fd/0");
	plan_link(plan, "/dev/stdout", "/proc/self/fd/1");
	plan_link(plan, "/dev/stderr", "/proc/self/fd/2");
	if (access("/proc/kcore", F_OK) == 0)
		plan_link(plan, "/dev/core", "/proc/kcore");
	return true;
}

static bool size_fits(struct spec_uint size)
{
	return size.value <= UINT16_MAX;
}

bool plan_console(Plan *plan, GError **error)
{
	const struct spec_process *p = plan->request.process;
	const struct spec *spec = plan->request.spec;

	if (!p->terminal)
		return true;
	if (!size_fits(p->console_height) || !size_fits(p->console_width))
		return fail(error, "process.consoleSize is out of range");
	plan_add(plan, STEP_CONSOLE, -1)->console = (struct op_console){
		.socket_fd = plan->request.console_fd,
		.slave_fd = plan->request.terminal_fd,
		.height = (unsigned short)p->console_height.value,
		.width = (unsigned short)p->console_width.value,
		.bind = spec && plan_has_namespace(plan, NS_MOUNT) && owns_dev(spec),
		.plain_newlines = plan->request.plain_newlines,
		.uid = p->uid,
	};
	return true;
}

bool plan_paths(Plan *plan, GError **error)
{
	const struct spec_linux *l = &plan->request.spec->linux_;
	const struct {
		const char **list;
		enum child_step step;
		const char *name;
	} lists[] = { { l->readonly_paths, STEP_READONLY_PATH, "readonlyPaths" },
		{ l->masked_paths, STEP_MASKED_PATH, "maskedPaths" } };
	const char *mask = plan_labelled(plan, "nr_blocks=1,nr_inodes=1,mode=755");

	for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
		for (size_t i = 0; lists[k].list && lists[k].list[i]; i++) {
			bool seen = false;

			if (lists[k].list[i][0] != '/')
				return fail(
					error, "linux.%s[%zu]: %s is not absolute", lists[k].name, i, lists[k].list[i]);
			for (size_t j = 0; j < i; j++)
				seen |= strcmp(lists[k].list[j], lists[k].list[i]) == 0;
			if (seen)
				continue;
			if (lists[k].step == STEP_MASKED_PATH)
				plan_add(plan, STEP_MASKED_PATH, (int)i)->mask =
					(struct op_mask){ lists[k].list[i], mask };
			else
				plan_add(plan, lists[k].step, (int)i)->path.path = lists[k].list[i];
		}
	return true;
}
