/* Loading and attaching the device program (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15). */
#include "runtime/device_rules.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, cmd, attr, sizeof *attr);

	return result < 0 ? -errno : (int)result;
}

/* log, when not NULL, gets the verifier's words. */
static int load(const GArray *program, char *log, size_t log_size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr); /* the kernel wants the bytes behind the members zero as well */
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)program->data;
	attr.insn_cnt = program->len;
	attr.license = (uintptr_t) "Apache-2.0";
	strcpy(attr.prog_name, "tally_devices");
	if (log) {
		attr.log_buf = (uintptr_t)log;
		attr.log_size = (uint32_t)log_size;
		attr.log_level = 1;
	}
	return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* Before Linux 5.11 programs count against RLIMIT_MEMLOCK, which is often too low for the first one. */
static int load_with_memlock(const GArray *program)
{
	static const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit before;
	int fd = load(program, NULL, 0), err;

	if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0 || setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
		return fd;
	fd = load(program, NULL, 0);
	err = setrlimit(RLIMIT_MEMLOCK, &before);
	(void)err; /* lowering what we have just raised cannot fail */
	return fd;
}

bool device_program_attach(const GArray *program, int cgroup_fd, GError **error)
{
	auto_fd fd = load_with_memlock(program);
	union bpf_attr attr;
	int err;

	if (fd == -EINVAL || fd == -EACCES) {
		char log[16384] = "";

		fd = load(program, log, sizeof log);
		g_strdelimit(g_strchomp(log), "\n", ' ');
		if (fd < 0)
			return fail_with(
				error, fd, "load device program of %u instructions (%.500s)", program->len, log);
	}
	if (fd < 0)
		return fail_with(error, fd, "load device program of %u instructions", program->len);
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	err = sys_bpf(BPF_PROG_ATTACH, &attr);
	return err < 0 ? fail_with(error, err, "attach device program to the cgroup") : true;
}
