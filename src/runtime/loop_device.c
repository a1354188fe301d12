/* Loop devices that nobody has to remember: each is attached with LO_FLAGS_AUTOCLEAR. */
#include "runtime/loop_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"

#define CONTROL "/dev/loop-control"

/* How often somebody else may take the device that was free a moment ago. */
#define MAX_TRIES 64

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
	__u32 fd;
	__u32 block_size;
	struct loop_info64 info;
	__u64 reserved[8];
};
#endif

/* Before Linux 5.8, in two steps. */
static int configure_in_steps(int device_fd, const struct loop_config *config)
{
	int err;

	if (ioctl(device_fd, LOOP_SET_FD, (int)config->fd) < 0)
		return -errno;
	if (ioctl(device_fd, LOOP_SET_STATUS64, &config->info) == 0)
		return 0;
	err = errno;
	(void)ioctl(device_fd, LOOP_CLR_FD); /* what is left to try */
	return -err;
}

static int configure(int device_fd, const struct loop_config *config)
{
	if (ioctl(device_fd, LOOP_CONFIGURE, config) == 0)
		return 0;
	/* A driver that does not know it says EINVAL or ENOTTY; one that does, and finds fault, will say so again. */
	return errno == EINVAL || errno == ENOTTY ? configure_in_steps(device_fd, config) : -errno;
}

bool loop_device_attach(const char *path, bool read_only, int *ret_fd, char **ret_device, GError **error)
{
	const int access = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	auto_fd file = open(path, access | O_NONBLOCK);
	auto_fd control = open(CONTROL, O_RDWR | O_CLOEXEC);
	struct loop_config config = { 0 };

	if (file < 0)
		return fail_errno(error, "loop: open %s", path);
	if (control < 0)
		return fail_errno(error, "loop: open " CONTROL);
	config.fd = (__u32)file;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
	g_strlcpy((char *)config.info.lo_file_name, path, sizeof config.info.lo_file_name);
	for (int i = 0; i < MAX_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), r;
		g_autofree char *device = NULL;
		auto_fd fd = -1;

		if (number < 0)
			return fail_errno(error, "loop: find a free device");
		device = g_strdup_printf("/dev/loop%d", number);
		fd = open(device, access | O_NOFOLLOW);
		if (fd < 0)
			return fail_errno(error, "loop: open %s", device);
		r = configure(fd, &config);
		if (r == 0) {
			*ret_fd = steal_fd(&fd);
			*ret_device = g_steal_pointer(&device);
			return true;
		}
		if (r != -EBUSY)
			return fail_with(error, r, "loop: attach %s to %s", path, device);
	}
	return fail_with(error, EBUSY, "loop: attach %s: others took %d free devices", path, MAX_TRIES);
}
