/* Out-of-memory kills in the container's cgroup. */
#include "relay/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static bool has_controller(const char *list, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *p = list, *end = list + len; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p)) ?: end;

		if ((size_t)(comma - p) == name_len && memcmp(p, name, name_len) == 0)
			return true;
		p = comma + 1;
	}
	return false;
}

char *oom_cgroup_path(char *text, bool v2)
{
	for (char *line = text, *next; *line; line = next) {
		char *end = strchrnul(line, '\n');
		char *list = memchr(line, ':', (size_t)(end - line));
		char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;

		next = *end ? end + 1 : end;
		if (!path)
			continue;
		if (v2 ? path == list + 1 && list == line + 1 && *line == '0'
		       : has_controller(list + 1, (size_t)(path - list - 1), "memory")) {
			*end = '\0';
			return path + 1;
		}
	}
	return NULL;
}

/* The value behind "name " at the start of a line. */
static uint64_t counter(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, len) == 0 && p[len] == ' ') {
			uint64_t value = 0;

			for (p += len + 1; *p >= '0' && *p <= '9'; p++)
				value = value * 10 + (uint64_t)(*p - '0');
			return value;
		}
	return 0;
}

static int read_v2(struct oom *o, uint64_t *ret_oom, uint64_t *ret_kill)
{
	char text[512];
	ssize_t n = pread(o->events_fd, text, sizeof text - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	*ret_oom = counter(text, "oom");
	*ret_kill = counter(text, "oom_kill");
	return 0;
}

static void found(struct oom *o)
{
	o->seen = true;
	o->on_oom(o->user);
}

static void gone(struct oom *o)
{
	oom_stop(o);
	o->on_gone(o->user);
}

/* v2: compares the counters with those seen before. */
static void look_v2(struct oom *o)
{
	uint64_t oom, kill;
	int r = read_v2(o, &oom, &kill);

	if (r == -ENODEV) {
		gone(o);
	} else if (r == 0 && (oom > o->base_oom || kill > o->base_kill)) {
		o->kills += kill - o->base_kill;
		o->base_oom = oom;
		o->base_kill = kill;
		found(o);
	}
}

static void look_v1(struct oom *o)
{
	char text[256];
	uint64_t times;
	ssize_t n;

	if (read(o->events_fd, &times, sizeof times) != sizeof times)
		return;
	/* Removing the cgroup fires the event too: then the control file cannot be read any more. */
	n = pread(o->control_fd, text, sizeof text - 1, 0);
	if (n < 0) {
		gone(o);
		return;
	}
	text[n] = '\0';
	o->kills = counter(text, "oom_kill");
	found(o);
}

static void on_event(struct loop_watch *w, uint32_t events, void *user)
{
	struct oom *o = user;

	(void)w;
	(void)events;
	oom_check(o);
}

void oom_check(struct oom *o)
{
	if (!o->watching)
		return;
	if (o->v2)
		look_v2(o);
	else
		look_v1(o);
}

static int start_v2(struct oom *o, int dir_fd)
{
	int r;

	o->events_fd = openat(dir_fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (o->events_fd < 0)
		return -errno;
	r = read_v2(o, &o->base_oom, &o->base_kill);
	return r < 0 ? r : loop_watch_start(o->loop, &o->watch, o->events_fd, EPOLLPRI, on_event, o);
}

static int start_v1(struct oom *o, int dir_fd)
{
	char text[2 * NUM_MAX + 2];
	size_t n;
	int r;

	o->control_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	o->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->control_fd < 0 || o->events_fd < 0)
		return -errno;
	n = num_format_i64(text, o->events_fd);
	text[n++] = ' ';
	num_format_i64(text + n, o->control_fd);
	r = rw_write_control(dir_fd, "cgroup.event_control", text);
	return r < 0 ? r : loop_watch_start(o->loop, &o->watch, o->events_fd, EPOLLIN, on_event, o);
}

int oom_start(struct oom *o, struct loop *loop, pid_t pid)
{
	char file[NUM_MAX + 16] = "/proc/", text[4096], *path;
	auto_fd root_fd = -1, dir_fd = -1;
	struct statfs fs;
	ssize_t n;
	int r;

	o->loop = loop;
	o->events_fd = o->control_fd = o->watch.fd = -1;
	if (statfs(CGROUP_ROOT, &fs) < 0)
		return -errno;
	o->v2 = fs.f_type == CGROUP2_SUPER_MAGIC;
	num_format_i64(file + 6, pid);
	strcat(file, "/cgroup");
	n = rw_read_file(AT_FDCWD, file, text, sizeof text);
	if (n < 0)
		return (int)n;
	path = oom_cgroup_path(text, o->v2);
	if (!path)
		return -ENOENT;
	while (*path == '/')
		path++;
	root_fd = open(o->v2 ? CGROUP_ROOT : CGROUP_ROOT "/memory", O_PATH | O_DIRECTORY | O_CLOEXEC);
	dir_fd = root_fd < 0 ? -1 : openat(root_fd, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	r = o->v2 ? start_v2(o, dir_fd) : start_v1(o, dir_fd);
	if (r < 0)
		oom_stop(o);
	else
		o->watching = true;
	return r;
}

void oom_stop(struct oom *o)
{
	if (!o->loop)
		return;
	loop_watch_stop(o->loop, &o->watch);
	fd_close(&o->events_fd);
	fd_close(&o->control_fd);
	o->watching = false;
}
