/*
 * nocall - a kernel that lacks a system call.
 *
 *   nocall NAME[,NAME...][=EPERM|=EINVAL]... -- PROGRAM ARGUMENT...
 *
 * Executes PROGRAM under a filter that answers ENOSYS to these calls, to it and to all that it starts; or EPERM, as filters do
 * that are older than the call, or EINVAL. Needs CAP_SYS_ADMIN,
 * for no_new_privs would be inherited too.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv
#define ARCH AUDIT_ARCH_RISCV64
#else
#error "which architecture is this?"
#endif

static const struct {
	const char *name;
	unsigned int number;
} calls[] = {
	{ "clone3", SYS_clone3 },
	{ "close_range", SYS_close_range },
	{ "execveat", SYS_execveat },
	{ "faccessat2", SYS_faccessat2 },
	{ "fsopen", SYS_fsopen },
	{ "memfd_create", SYS_memfd_create },
	{ "mount_setattr", SYS_mount_setattr },
	{ "move_mount", SYS_move_mount },
	{ "open_tree", SYS_open_tree },
	{ "openat2", SYS_openat2 },
	{ "pidfd_getfd", SYS_pidfd_getfd },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pidfd_send_signal", SYS_pidfd_send_signal },
};

static unsigned int number_of(const char *name)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "nocall: no call %s in the table\n", name);
	exit(2);
}

static unsigned int errno_of(const char *name)
{
	if (!name)
		return ENOSYS;
	if (strcmp(name, "EPERM") == 0)
		return EPERM;
	if (strcmp(name, "EINVAL") == 0)
		return EINVAL;
	fprintf(stderr, "nocall: no error %s in the table\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct sock_filter filter[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .filter = filter };
	unsigned short n = 4;
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0 && n < 60; i++) {
		char *words = strdup(argv[i]), *answer = strchr(words, '=');
		unsigned int err = errno_of(answer ? answer + 1 : NULL);

		if (answer)
			*answer = '\0';
		for (char *name = strtok(words, ","); name && n < 60; name = strtok(NULL, ",")) {
			filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(name), 0, 1);
			filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err);
		}
		free(words);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: nocall NAME[,NAME...][=EPERM|=EINVAL]... -- PROGRAM ARGUMENT...\n");
		return 2;
	}
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		perror("nocall: load the filter");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
