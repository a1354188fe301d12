/* Speaks with /dev/mapper/control. A device is made, loaded, resumed, opened, and marked for removal at once, which the
 * kernel puts off until it is closed for the last time: until then alone its name has to be remembered. */
#include "runtime/device_mapper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/error.h"

#define CONTROL "/dev/mapper/" DM_CONTROL_NODE

#ifndef DM_DEFERRED_REMOVE
#define DM_DEFERRED_REMOVE (1 << 17)
#endif

bool device_mapper_parse(const char *text, const char *device, struct device_mapper_line *ret_line, GError **error)
{
	g_auto(GStrv) words = g_strsplit(text, " ", 4);
	struct device_mapper_line line = { 0 };
	g_auto(GStrv) around = NULL;

	if (g_strv_length(words) < 4 || num_parse_u64(words[0], UINT64_MAX, &line.start) < 0 ||
		num_parse_u64(words[1], UINT64_MAX, &line.length) < 0 || line.length == 0 || !*words[3])
		return fail(error, "dm=%s: not of the form START LENGTH TYPE PARAMETERS", text);
	if (!*words[2] || g_strlcpy(line.type, words[2], sizeof line.type) >= sizeof line.type)
		return fail(error, "dm=%s: \"%s\" is not a type of target", text, words[2]);
	around = g_strsplit(words[3], "@DEV@", -1);
	line.params = g_strjoinv(device, around);
	*ret_line = line;
	return true;
}

/* A request with room for the kernel's answer and size more bytes. Free with g_free. */
static struct dm_ioctl *new_request(const char *name, uint32_t flags, size_t size)
{
	size_t all = sizeof(struct dm_ioctl) + size;
	struct dm_ioctl *request = g_malloc0(all);

	request->version[0] = DM_VERSION_MAJOR;
	request->data_size = (__u32)all;
	request->data_start = sizeof *request;
	request->flags = flags;
	g_strlcpy(request->name, name, sizeof request->name);
	return request;
}

static int call(int control, unsigned long number, const char *name, uint32_t flags, uint64_t *ret_dev)
{
	g_autofree struct dm_ioctl *request = new_request(name, flags, 0);

	if (ioctl(control, number, request) < 0)
		return -errno;
	if (ret_dev)
		*ret_dev = request->dev;
	return 0;
}

static int load(int control, const char *name, const struct device_mapper_line *line)
{
	size_t len = strlen(line->params) + 1, size = (sizeof(struct dm_target_spec) + len + 7) & ~(size_t)7;
	g_autofree struct dm_ioctl *request = new_request(name, DM_READONLY_FLAG, size);
	struct dm_target_spec *target = (struct dm_target_spec *)(request + 1);

	request->target_count = 1;
	target->sector_start = line->start;
	target->length = line->length;
	target->next = (__u32)size;
	memcpy(target->target_type, line->type, sizeof line->type);
	memcpy(target + 1, line->params, len);
	return ioctl(control, DM_TABLE_LOAD, request) < 0 ? -errno : 0;
}

/* Loads, resumes and opens what has been made. */
static bool fill(int control, const char *name, const struct device_mapper_line *line, const char *device, int *ret_fd,
	GError **error)
{
	auto_fd fd = -1;
	int r = load(control, name, line);

	if (r < 0)
		return fail_with(error, r, "dm: load a table of target %s with \"%s\"", line->type, line->params);
	r = call(control, DM_DEV_SUSPEND, name, 0, NULL); /* without DM_SUSPEND_FLAG: resume */
	if (r < 0)
		return fail_with(error, r, "dm: activate %s", name);
	fd = open(device, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, "dm: open %s", device);
	r = call(control, DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE, NULL);
	if (r < 0)
		return fail_with(error, r, "dm: have %s removed when it is closed", name);
	*ret_fd = steal_fd(&fd);
	return true;
}

bool device_mapper_create(
	const char *name, const struct device_mapper_line *line, int *ret_fd, char **ret_device, GError **error)
{
	auto_fd control = open(CONTROL, O_RDWR | O_CLOEXEC);
	g_autofree char *device = NULL;
	uint64_t dev = 0;
	int r;

	if (control < 0)
		return fail_errno(error, "dm: open " CONTROL);
	r = call(control, DM_DEV_CREATE, name, 0, &dev);
	if (r < 0)
		return fail_with(error, r, "dm: create %s", name);
	device = g_strdup_printf("/dev/dm-%u", minor((dev_t)dev));
	if (!fill(control, name, line, device, ret_fd, error)) {
		(void)call(control, DM_DEV_REMOVE, name, 0, NULL); /* the reason has been told */
		return false;
	}
	*ret_device = g_steal_pointer(&device);
	return true;
}

bool device_mapper_remove(const char *name, GError **error)
{
	auto_fd control = open(CONTROL, O_RDWR | O_CLOEXEC);
	int r;

	if (control < 0)
		return errno == ENOENT || fail_errno(error, "dm: open " CONTROL);
	r = call(control, DM_DEV_REMOVE, name, DM_DEFERRED_REMOVE, NULL);
	return r == 0 || r == -ENXIO || fail_with(error, r, "dm: remove %s", name);
}
