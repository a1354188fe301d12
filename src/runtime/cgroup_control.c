/* What is done to the processes of a container through its cgroups: freeze, thaw, kill, list, count OOM kills. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/sys.h"
#include "common/error.h"
#include "runtime/cgroupfs.h"

#define FREEZE_TIMEOUT_MS 10000

/* --- freezer --- */

/* v1 has no event: reading freezer.state is what makes the kernel look again. A process that forks all the time can
 * outrun it; thawing for a moment now and then lets stuck ones (vfork, ptrace) get to where they can be frozen. */
static int freeze_v1(int dir_fd)
{
	uint64_t deadline = sys_clock_ns(CLOCK_MONOTONIC) + FREEZE_TIMEOUT_MS * 1000000ull;
	long pause_ns = 10000;
	int err = 0;

	for (unsigned int i = 0; sys_clock_ns(CLOCK_MONOTONIC) < deadline; i++) {
		char state[32];

		if (i % 50 == 49) {
			(void)cgroupfs_write(dir_fd, "freezer.state", "THAWED"); /* the write below tells of trouble */
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
		}
		if (i % 25 == 0)
			err = cgroupfs_write(dir_fd, "freezer.state", "FROZEN");
		if (err < 0)
			return err;
		if (cgroupfs_read(dir_fd, "freezer.state", state, sizeof state) < 0)
			return -ENODEV;
		if (strcmp(state, "FROZEN") == 0)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = pause_ns }, NULL);
		pause_ns = MIN(pause_ns * 2, 5000000);
	}
	return -ETIMEDOUT;
}

static int set_frozen(const Cgroup *cg, bool frozen)
{
	size_t i = cgroup_find(cg, "freezer");
	int fd = i == CGROUP_NONE ? -ENOENT : cgroup_dir(cg, i), err;

	if (fd < 0)
		return fd;
	if (!cg->nodes[i].v2)
		return frozen ? freeze_v1(fd) : cgroupfs_write(fd, "freezer.state", "THAWED");
	err = cgroupfs_write(fd, "cgroup.freeze", frozen ? "1" : "0");
	return err < 0 ? err : cgroupfs_wait_key(fd, "cgroup.events", "frozen", frozen, FREEZE_TIMEOUT_MS);
}

static bool has_pid(const GArray *pids, pid_t pid)
{
	for (guint i = 0; i < pids->len; i++)
		if (g_array_index(pids, pid_t, i) == pid)
			return true;
	return false;
}

/* Whether pid is in the container now. */
static bool listed(const Cgroup *cg, pid_t pid)
{
	g_autoptr(GArray) pids = cgroup_pids(cg, NULL);

	return pids && has_pid(pids, pid);
}

bool cgroup_freeze(const Cgroup *cg, GError **error)
{
	int err;

	if (listed(cg, getpid()))
		return fail(error, "unable to freeze: this command itself runs in the container's cgroup");
	err = set_frozen(cg, true);
	if (err == 0)
		return true;
	(void)set_frozen(cg, false); /* half frozen is worse than not at all */
	if (err == -ENOENT)
		return fail_with(error, err, "unable to freeze: the container has no freezer cgroup");
	return fail_with(error, err, "unable to freeze");
}

bool cgroup_thaw(const Cgroup *cg, GError **error)
{
	int err = set_frozen(cg, false);

	/* Without a freezer nothing is frozen. */
	return err == 0 || err == -ENOENT || err == -ENODEV || fail_with(error, err, "unable to thaw");
}

bool cgroup_frozen(const Cgroup *cg)
{
	size_t i = cgroup_find(cg, "freezer");
	int fd = i == CGROUP_NONE ? -1 : cgroup_dir(cg, i);
	uint64_t value;

	/* Frozen by ourselves, not by a parent: what a resume of this container can undo. */
	return fd >= 0 &&
	       cgroupfs_read_u64(fd, cg->nodes[i].v2 ? "cgroup.freeze" : "freezer.self_freezing", &value) == 0 &&
	       value == 1;
}

/* --- processes --- */

static int add_pids(int dir_fd, void *user)
{
	auto_fd fd = cgroupfs_open(dir_fd, "cgroup.procs", O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	GArray *pids = user;
	char line[32];

	if (!file)
		return fd == -ENOENT || fd == -ENODEV ? 0 : fd < 0 ? fd : -errno;
	(void)steal_fd(&fd);
	while (fgets(line, sizeof line, file)) {
		uint64_t pid;

		line[strcspn(line, "\n")] = '\0';
		/* 0 stands for a process that our pid namespace does not show. */
		if (num_parse_u64(line, INT32_MAX, &pid) == 0 && pid > 0) {
			pid_t p = (pid_t)pid;

			g_array_append_val(pids, p);
		}
	}
	fclose(file);
	return 0;
}

GArray *cgroup_pids(const Cgroup *cg, GError **error)
{
	g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	size_t i = cgroup_find_main(cg);
	int fd = i == CGROUP_NONE ? -ENOENT : cgroup_dir(cg, i);
	int err = fd < 0 ? fd : cgroupfs_walk(fd, add_pids, pids);

	if (err < 0 && err != -ENOENT && err != -ENODEV) {
		fail_with(error, err, "list the processes of the container");
		return NULL;
	}
	return g_steal_pointer(&pids);
}

/* Signals all that are there now, but not ourselves. 0 or the first -errno that is not "gone". */
static int signal_listed(const Cgroup *cg, int sig, bool frozen, GError **error)
{
	g_autoptr(GArray) pids = cgroup_pids(cg, error);
	int result = 0;

	if (!pids)
		return -EIO;
	for (guint i = 0; i < pids->len; i++) {
		pid_t pid = g_array_index(pids, pid_t, i);
		auto_fd fd = pid == getpid() ? -ESRCH : sys_pidfd_open(pid, 0);
		int err = fd;

		/* While they run, a number may have come back as somebody else's before the pidfd was opened. */
		if (fd >= 0)
			err = frozen || listed(cg, pid) ? sys_pidfd_send_signal(fd, sig) : 0;
		if (err < 0 && err != -ESRCH && result == 0)
			result = err;
	}
	if (result < 0)
		fail_with(error, result, "send signal %d to the processes of the container", sig);
	return result;
}

/* cgroup2's own switch kills all at once, forks in flight and frozen ones too (Linux 5.14). */
static bool kill_by_switch(const Cgroup *cg)
{
	size_t i = cgroup_find_v2(cg);
	int fd = i == CGROUP_NONE ? -ENOENT : cgroup_dir(cg, i);

	return fd >= 0 && cgroupfs_write(fd, "cgroup.kill", "1") == 0;
}

bool cgroup_kill(const Cgroup *cg, int sig, GError **error)
{
	g_autoptr(GArray) pids = cgroup_pids(cg, error);
	bool alone, was_frozen, frozen;
	int err;

	if (!pids || pids->len == 0)
		return pids != NULL;
	alone = !has_pid(pids, getpid());
	if (sig == SIGKILL && alone && kill_by_switch(cg) && cg->mode == CGROUP_UNIFIED)
		return true;
	was_frozen = cgroup_frozen(cg);
	/* Frozen, nobody can fork away while we go through the list. A container without freezer gets the signal all
	 * the same; so does one that does not freeze in time. */
	frozen = was_frozen || (alone && set_frozen(cg, true) == 0);
	err = signal_listed(cg, sig, frozen, error);
	if (sig != SIGKILL && was_frozen)
		return err == 0;
	/* Always: SIGKILL too is delivered only once they run again. */
	return cgroup_thaw(cg, err == 0 ? error : NULL) && err == 0;
}

void cgroup_kill_listed(const Cgroup *cg)
{
	(void)signal_listed(cg, SIGKILL, false, NULL);
}

/* --- memory --- */

uint64_t cgroup_oom_kills(const Cgroup *cg)
{
	size_t i = cgroup_find(cg, "memory");
	int fd = i == CGROUP_NONE ? -1 : cgroup_dir(cg, i);
	uint64_t n = 0;

	if (fd < 0 ||
		cgroupfs_read_key(fd, cg->nodes[i].v2 ? "memory.events" : "memory.oom_control", "oom_kill", &n) < 0)
		return 0;
	return n;
}

bool cgroup_check_swappiness(const struct spec_memory *memory, GError **error)
{
	if (!memory->swappiness.set || memory->swappiness.value <= 100)
		return true;
	return fail(error,
		"linux.resources.memory.swappiness: invalid memory swappiness value: %" G_GUINT64_FORMAT
		" (valid range is 0-100)",
		memory->swappiness.value);
}

bool cgroup_fail_memory(const Cgroup *cg, const char *usage, const char *peak, const char *text, GError **error)
{
	size_t i = cgroup_find(cg, "memory");
	int fd = i == CGROUP_NONE ? -1 : cgroup_dir(cg, i);
	uint64_t now = 0, most = 0;

	if (fd >= 0) {
		/* Only for the message; unknown stays 0. */
		(void)cgroupfs_read_u64(fd, usage, &now);
		(void)cgroupfs_read_u64(fd, peak, &most);
	}
	return fail_with(error, EBUSY,
		"unable to set memory limit to %s (current usage: %" PRIu64 ", peak usage: %" PRIu64
		"; linux.resources.memory.limit too low?)",
		text, now, most);
}
