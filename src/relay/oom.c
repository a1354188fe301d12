/* Out-of-memory kills in the container's cgroup. */
#include "relay/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"

/* The counter rises just before the process dies: a container that lives so much longer was not the one. */
#define SETTLE_NS 2000000000ull

/* The counter called name in an open control file, -ENODATA when the kernel has none, or -errno. */
static int read_counter(int fd, const char *name, uint64_t *ret_value)
{
	char text[512];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

	if (n < 0)
		return fd < 0 ? -ENODATA : -errno;
	text[n] = '\0';
	return cgroup_counter(text, name, ret_value) ? 0 : -ENODATA;
}

static int kills_fd(const struct oom *o)
{
	return o->v2 ? o->events_fd : o->control_fd;
}

static void on_settled(struct loop_timer *t, void *user);

static void found(struct oom *o)
{
	o->seen = true;
	loop_timer_start(o->loop, &o->settle, SETTLE_NS, on_settled, o);
	o->on_oom(o->user);
}

static void stop_watching(struct oom *o)
{
	loop_watch_stop(o->loop, &o->watch);
	o->watching = false;
}

static void gone(struct oom *o)
{
	if (o->watching)
		o->on_gone(o->user);
	stop_watching(o);
}

/* Reads the counters; true if there were OOMs since the last time. *ret_result: 0, or why they could not be read. */
static bool look(struct oom *o, int *ret_result)
{
	uint64_t value, kills = o->kills;
	bool more = false;

	*ret_result = read_counter(kills_fd(o), "oom_kill", &value);
	if (*ret_result == 0) {
		kills = value - o->base_kill;
		more = o->kills == CGROUP_UNKNOWN || kills > o->kills;
		o->kills = kills;
	}
	/* A limit that was reached counts as well, if nobody could be killed. */
	if (o->v2 && read_counter(o->events_fd, "oom", &value) == 0 && value > o->base_oom) {
		o->base_oom = value;
		more = true;
	}
	return more;
}

static void on_settled(struct loop_timer *t, void *user)
{
	struct oom *o = user;
	int r;

	(void)t;
	(void)look(o, &r); /* of what it finds the event tells */
	o->survived = o->kills == CGROUP_UNKNOWN ? 0 : o->kills;
}

static void on_event(struct loop_watch *w, uint32_t events, void *user)
{
	struct oom *o = user;
	uint64_t times;
	int r;
	bool more = look(o, &r);

	(void)events;
	/* v1: the event itself comes before the kill is counted, and once more when the cgroup is removed. */
	if (!o->v2 && read(w->fd, &times, sizeof times) == sizeof times)
		more = r == 0 || r == -ENODATA;
	if (more)
		found(o);
	if (r == -ENODEV)
		gone(o);
}

void oom_check(struct oom *o)
{
	uint64_t times;
	bool more;
	int r;

	if (!o->loop || kills_fd(o) < 0)
		return;
	more = look(o, &r);
	if (!o->v2 && o->events_fd >= 0 && read(o->events_fd, &times, sizeof times) == sizeof times)
		more = more || r == 0 || r == -ENODATA;
	if (more)
		found(o);
	if (r < 0 && o->kills == 0)
		o->kills = CGROUP_UNKNOWN; /* none that we saw: not the same as none */
	if (read_counter(o->local_fd, "oom_kill", &o->local) < 0)
		o->local = CGROUP_UNKNOWN;
	else
		o->local -= o->base_local;
	if (r == -ENODEV)
		gone(o);
}

bool oom_struck_last(const struct oom *o)
{
	return o->kills != CGROUP_UNKNOWN && o->kills > o->survived;
}

static int watch_v1(struct oom *o, int dir_fd)
{
	char text[2 * NUM_MAX + 2];
	size_t n;
	int r;

	o->events_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->events_fd < 0)
		return -errno;
	n = num_format_i64(text, o->events_fd);
	text[n++] = ' ';
	num_format_i64(text + n, o->control_fd);
	r = rw_write_control(dir_fd, "cgroup.event_control", text);
	return r < 0 ? r : loop_watch_start(o->loop, &o->watch, o->events_fd, EPOLLIN, on_event, o);
}

int oom_start(struct oom *o, struct loop *loop, int dir_fd, bool v2)
{
	int *fd = v2 ? &o->events_fd : &o->control_fd, r;

	o->loop = loop;
	o->v2 = v2;
	o->events_fd = o->control_fd = o->local_fd = o->watch.fd = -1;
	o->kills = o->local = CGROUP_UNKNOWN;
	if (dir_fd < 0)
		return -ENOENT;
	*fd = openat(dir_fd, v2 ? "memory.events" : "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	if (read_counter(*fd, "oom_kill", &o->base_kill) == 0)
		o->kills = 0;
	if (!v2) {
		r = watch_v1(o, dir_fd);
	} else {
		(void)read_counter(*fd, "oom", &o->base_oom); /* without one 0 is right */
		o->local_fd = openat(dir_fd, "memory.events.local", O_RDONLY | O_CLOEXEC);
		if (o->local_fd >= 0 && read_counter(o->local_fd, "oom_kill", &o->base_local) < 0)
			fd_close(&o->local_fd);
		r = loop_watch_start(o->loop, &o->watch, *fd, EPOLLPRI, on_event, o);
	}
	o->watching = r == 0;
	return r == -ENOENT ? -EOPNOTSUPP : r; /* a kernel without events, not a cgroup without counters */
}

void oom_stop(struct oom *o)
{
	if (!o->loop)
		return;
	stop_watching(o);
	loop_timer_stop(o->loop, &o->settle);
	fd_close(&o->events_fd);
	fd_close(&o->control_fd);
	fd_close(&o->local_fd);
}
