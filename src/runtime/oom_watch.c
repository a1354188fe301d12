/* When the kernel kills in a container for want of memory. */
#include "runtime/oom_watch.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "runtime/cgroup_internal.h"
#include "runtime/cgroupfs.h"

struct OomWatch {
	const Cgroup *cg;
	bool v2;
	int fd;		/* the eventfd, or memory.events; -1: nothing to watch */
	uint64_t kills; /* seen so far */
};

/* v1: the kernel signals the eventfd that is named in cgroup.event_control. */
static int register_v1(int dir_fd)
{
	auto_fd event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	auto_fd control_fd = cgroupfs_open(dir_fd, "memory.oom_control", O_RDONLY);
	char line[64];

	if (event_fd < 0 || control_fd < 0)
		return -1;
	g_snprintf(line, sizeof line, "%d %d", event_fd, control_fd);
	return cgroupfs_write(dir_fd, "cgroup.event_control", line) == 0 ? steal_fd(&event_fd) : -1;
}

static bool is_there(const Cgroup *cg)
{
	auto_fd fd = cgroupfs_open(cgroup_dir(cg, cgroup_find(cg, "memory")), "memory.oom_control", O_RDONLY);

	return fd >= 0;
}

OomWatch *oom_watch_new(const Cgroup *cg)
{
	OomWatch *watch = g_new0(OomWatch, 1);
	size_t i = cgroup_find(cg, "memory");
	int dir_fd = i == CGROUP_NONE ? -1 : cgroup_dir(cg, i);

	*watch = (OomWatch){ .cg = cg, .fd = -1, .v2 = cg->mode == CGROUP_UNIFIED, .kills = cgroup_oom_kills(cg) };
	if (dir_fd >= 0)
		watch->fd = watch->v2 ? cgroupfs_open(dir_fd, "memory.events", O_RDONLY) : register_v1(dir_fd);
	if (watch->fd >= 0 && watch->v2) {
		char text[512];

		/* poll reports changes since the last read. */
		(void)rw_read(watch->fd, text, sizeof text);
	}
	return watch;
}

struct pollfd oom_watch_poll(const OomWatch *watch)
{
	return (struct pollfd){ .fd = watch->fd, .events = watch->v2 ? POLLPRI : POLLIN };
}

bool oom_watch_fired(OomWatch *watch)
{
	uint64_t before = watch->kills;
	char text[512];

	if (!watch->v2)
		/* It is signalled when the cgroup is removed as well. */
		return rw_read(watch->fd, text, sizeof(uint64_t)) == sizeof(uint64_t) && is_there(watch->cg);
	if (pread(watch->fd, text, sizeof text, 0) < 0) {
		fd_close(&watch->fd); /* the cgroup is gone: no more events, and poll would not stop reporting that */
		return false;
	}
	watch->kills = cgroup_oom_kills(watch->cg);
	return watch->kills > before;
}

void oom_watch_free(OomWatch *watch)
{
	if (!watch)
		return;
	fd_close(&watch->fd);
	g_free(watch);
}
