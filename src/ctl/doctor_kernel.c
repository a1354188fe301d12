/* What the kernel has of all that the three programs make use of, and what they do where it is missing. */
#include <errno.h>
#include <string.h>

#include "ctl/doctor.h"

#define AREA "kernel"

static const struct feature {
	const char *name;
	const char *since;   /* of Linux */
	const char *instead; /* what is done without it */
	bool needed;         /* there is no other way to do it */
} features[N_DOCTOR_FEATURES] = {
	[FEATURE_CLONE3] = { "clone3", "5.3", "clone is called", false },
	[FEATURE_CLONE_INTO_CGROUP] = { "clone into a cgroup", "5.7", "cgroup.procs is written", false },
	[FEATURE_OPENAT2] = { "openat2", "5.6", "paths in a root file system are walked step by step", false },
	[FEATURE_OPEN_TREE] = { "open_tree", "5.2", "mount is called on /proc/self/fd", false },
	[FEATURE_MOVE_MOUNT] = { "move_mount", "5.2", "mount is called on /proc/self/fd", false },
	[FEATURE_MOUNT_SETATTR] = { "mount_setattr", "5.12", "each mount is remounted by itself", false },
	[FEATURE_IDMAPPED_MOUNTS] = { "id-mapped mounts", "5.12", "mounts with uidMappings are refused", false },
	[FEATURE_FSOPEN] = { "fsopen", "5.2", "mount is called", false },
	[FEATURE_PIDFD_OPEN] = { "pidfd_open", "5.3", "directories of /proc stand for processes", false },
	[FEATURE_PIDFD_SEND_SIGNAL] = { "pidfd_send_signal", "5.1", "signals are sent by number", false },
	[FEATURE_PIDFD_GETFD] = { "pidfd_getfd", "5.6", "seccomp agents (SCMP_ACT_NOTIFY) are refused", false },
	[FEATURE_PIDFD_EXIT] = { "pidfd exit status", "6.15",
		"how a process ended is unknown where it is not the monitor's child", false },
	[FEATURE_CLOSE_RANGE] = { "close_range", "5.9", "descriptors are closed one by one", false },
	[FEATURE_MEMFD] = { "memfd_create", "3.17", "files without a name in /dev/shm and /var/tmp are used", false },
	[FEATURE_MEMFD_EXEC] = { "execution of memfds", "3.17",
		"tallyrun executes a read-only mount of itself, as root makes it, or a copy of itself in /var/tmp", false },
	[FEATURE_EXECVEAT] = { "execveat", "3.19", "execve is called on /proc/self/fd", false },
	[FEATURE_BPF_DEVICES] = { "device rules by BPF", "4.15", "no container with cgroup v2 starts", true },
};

static const char *error_name(int err)
{
	return strerrorname_np(err) ?: "unknown error";
}

static void add_feature(struct doctor *d, enum doctor_feature i, int r)
{
	const struct feature *f = &features[i];
	enum doctor_level level = f->needed ? DOCTOR_PROBLEM : DOCTOR_NOTE;
	g_autofree char *remedy = NULL;

	if (r == 0) {
		doctor_add(d, AREA, f->name, DOCTOR_OK, NULL, "there");
	} else if (r == -EBADE || r == -ETIMEDOUT) {
		doctor_add(d, AREA, f->name, DOCTOR_WARNING,
			"allow it in the seccomp filter or the tracer that tallyctl runs under, or have it answer "
			"ENOSYS",
			r == -EBADE ? "whoever calls it is ended" : "whoever calls it gets no answer");
	} else if (r == -EPERM || r == -EACCES) {
		/* Ordinary users may not do everything that root may. */
		doctor_add(d, AREA, f->name, d->uid == 0 ? DOCTOR_WARNING : DOCTOR_NOTE,
			d->uid == 0
				? "allow it in the seccomp filter, the sysctl or the security module that forbids it"
				: NULL,
			"not allowed (%s): %s", error_name(-r), f->instead);
	} else {
		remedy = f->needed ? g_strdup_printf("run Linux %s or later, with CONFIG_CGROUP_BPF", f->since) : NULL;
		doctor_add(d, AREA, f->name, level, remedy, "not there (%s; Linux %s has it): %s", error_name(-r),
			f->since, f->instead);
	}
}

static bool is_unified(const struct doctor *d)
{
	return doctor_exists(d, "sys/fs/cgroup/cgroup.controllers");
}

void doctor_kernel(struct doctor *d, doctor_probe_fn probe)
{
	g_autofree char *release = doctor_read(d, "proc/sys/kernel/osrelease");

	doctor_add(d, AREA, "release", DOCTOR_OK, NULL, "%s", release ?: "unknown");
	for (enum doctor_feature i = 0; i < N_DOCTOR_FEATURES; i++)
		if ((i != FEATURE_BPF_DEVICES && i != FEATURE_CLONE_INTO_CGROUP) || is_unified(d))
			add_feature(d, i, probe(i));
}
