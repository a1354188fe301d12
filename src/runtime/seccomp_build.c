/* linux.seccomp to a BPF program, by libseccomp. */
#include "runtime/seccomp_internal.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "base/sys.h"
#include "common/error.h"
#include "runtime/seccomp_names.h"

#define MAX_ERRNO 4095
#define X32_BIT   0x40000000u

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(scmp_filter_ctx, seccomp_release, NULL)

/* path: of the object that has the action in config.json. */
static bool read_action(const char *name, const struct spec_uint *number, const char *path, const char *number_path,
	uint32_t *ret_action, GError **error)
{
	const struct seccomp_action *action;

	if (!name)
		return fail(error, "%s: missing", path);
	action = seccomp_find_action(name);
	if (!action)
		return fail(error, "%s: string %s is not a valid action for seccomp", path, name);
	if (number->set && !action->takes_number)
		return fail(error, "%s: errno value specified for action %s", number_path, name);
	if (number->set && number->value > MAX_ERRNO)
		return fail(error, "%s: %" G_GUINT64_FORMAT " is not an errno value", number_path, number->value);
	*ret_action = action->value | (action->takes_number ? number->set ? (uint32_t)number->value : EPERM : 0);
	return true;
}

static bool read_args(const struct spec_syscall *call, size_t i, struct scmp_arg_cmp *ret_args, GError **error)
{
	for (size_t a = 0; a < call->n_args; a++) {
		const struct spec_seccomp_arg *arg = &call->args[a];
		const struct seccomp_word *op = arg->op ? seccomp_find_word(seccomp_operators, arg->op) : NULL;

		if (!op)
			return fail(error,
				"linux.seccomp.syscalls[%zu].args[%zu].op: string %s is not a valid operator for "
				"seccomp",
				i, a, arg->op ?: "");
		if (arg->index > 5)
			return fail(error,
				"linux.seccomp.syscalls[%zu].args[%zu].index: a system call has arguments 0 to 5", i,
				a);
		/* For MASKED_EQ value is the mask and valueTwo what must be left; the others look at value only. */
		ret_args[a] = (struct scmp_arg_cmp){ (unsigned int)arg->index, op->value, arg->value, arg->value_two };
	}
	return true;
}

static bool index_repeats(const struct scmp_arg_cmp *args, size_t n)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < n; i++) {
		if (seen & 1u << args[i].arg)
			return true;
		seen |= 1u << args[i].arg;
	}
	return false;
}

/* libseccomp joins conditions by "and" and knows one for each argument: with several on one argument, each becomes a
 * rule of its own, which is "or". */
static int add_rules(scmp_filter_ctx ctx, uint32_t action, int number, const struct scmp_arg_cmp *args, size_t n)
{
	int err = 0;

	if (!index_repeats(args, n))
		return seccomp_rule_add_array(ctx, action, number, (unsigned int)n, args);
	for (size_t i = 0; i < n && (err == 0 || err == -EEXIST); i++)
		err = seccomp_rule_add_array(ctx, action, number, 1, &args[i]);
	return err;
}

static bool add_syscall(
	scmp_filter_ctx ctx, const struct spec_syscall *call, size_t i, uint32_t default_action, GError **error)
{
	g_autofree char *path = g_strdup_printf("linux.seccomp.syscalls[%zu].action", i);
	g_autofree char *number_path = g_strdup_printf("linux.seccomp.syscalls[%zu].errnoRet", i);
	g_autofree struct scmp_arg_cmp *args = g_new0(struct scmp_arg_cmp, call->n_args + 1);
	uint32_t action;

	if (!read_action(call->action, &call->errno_ret, path, number_path, &action, error) ||
		!read_args(call, i, args, error))
		return false;
	if (!call->names || !*call->names)
		return fail(error, "linux.seccomp.syscalls[%zu].names: missing", i);
	if (action == default_action)
		return true; /* says nothing new, and libseccomp refuses it */
	for (const char **name = call->names; *name; name++) {
		int number = seccomp_syscall_resolve_name(*name), err;

		if (number == __NR_SCMP_ERROR)
			continue; /* of another architecture, or newer than libseccomp */
		err = add_rules(ctx, action, number, args, call->n_args);
		if (err < 0 && err != -EEXIST)
			return fail_with(error, err, "linux.seccomp.syscalls[%zu]: add rule for %s", i, *name);
	}
	return true;
}

bool seccomp_check_names(const struct spec_seccomp *seccomp, GError **error)
{
	for (size_t i = 0; i < seccomp->n_syscalls; i++)
		for (const char **name = seccomp->syscalls[i].names; name && *name; name++)
			if (seccomp_syscall_resolve_name(*name) == __NR_SCMP_ERROR)
				return fail(
					error, "linux.seccomp.syscalls[%zu].names: unknown system call %s", i, *name);
	return true;
}

static bool add_archs(scmp_filter_ctx ctx, const struct spec_seccomp *seccomp, GError **error)
{
	for (size_t i = 0; seccomp->architectures && seccomp->architectures[i]; i++) {
		const char *name = seccomp->architectures[i];
		const struct seccomp_word *arch = seccomp_find_word(seccomp_archs, name);
		int err;

		if (!arch)
			return fail(error,
				"linux.seccomp.architectures[%zu]: string %s is not a valid arch for seccomp", i, name);
		err = seccomp_arch_add(ctx, arch->value);
		if (err < 0 && err != -EEXIST)
			return fail_with(error, err, "linux.seccomp.architectures[%zu]: add %s", i, name);
	}
	return true;
}

static bool is_permissive(uint32_t action)
{
	/* A tracer answers for itself. */
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG || (action & 0xffff0000u) == SCMP_ACT_TRACE(0);
}

/* A row for the native architecture and for each that is listed, as far as the profile names calls of it. */
static GArray *find_newest(const struct spec_seccomp *seccomp)
{
	GArray *newest = g_array_new(FALSE, FALSE, sizeof(struct seccomp_newest));
	g_autoptr(GArray) tokens = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	uint32_t token = seccomp_arch_native();

	g_array_append_val(tokens, token);
	for (const char **name = seccomp->architectures; name && *name; name++) {
		uint32_t listed = seccomp_find_word(seccomp_archs, *name)->value;

		if (listed != token)
			g_array_append_val(tokens, listed);
	}
	for (guint t = 0; t < tokens->len; t++) {
		struct seccomp_newest row = { .token = g_array_index(tokens, uint32_t, t) };
		bool any = false;

		for (size_t i = 0; i < seccomp->n_syscalls; i++)
			for (const char **name = seccomp->syscalls[i].names; *name; name++) {
				int number = seccomp_syscall_resolve_name_arch(row.token, *name);

				if (number < 0)
					continue;
				row.number = MAX(row.number, (uint32_t)number);
				any = true;
			}
		if (row.token == SCMP_ARCH_X32)
			row.number |= X32_BIT;
		if (any)
			g_array_append_val(newest, row);
	}
	return newest;
}

static GArray *export_program(scmp_filter_ctx ctx, GArray *program, GError **error)
{
	auto_fd fd = sys_scratch_file("seccomp");
	int err = fd < 0 ? fd : seccomp_export_bpf(ctx, fd);
	off_t size = err < 0 ? 0 : lseek(fd, 0, SEEK_END);
	guint before = program->len, n = (guint)(size / (off_t)sizeof(struct sock_filter));

	if (err == 0 && (n == 0 || before + n > BPF_MAXINSNS))
		err = -E2BIG;
	if (err == 0) {
		ssize_t got;

		g_array_set_size(program, before + n);
		got = pread(fd, &g_array_index(program, struct sock_filter, before), (size_t)size, 0);
		err = got == size ? 0 : got < 0 ? -errno : -EIO;
	}
	if (err == 0)
		return g_array_ref(program);
	fail_with(error, err, "linux.seccomp: export the filter (%u instructions)", n);
	return NULL;
}

GArray *seccomp_build(const struct spec_seccomp *seccomp, GError **error)
{
	g_auto(scmp_filter_ctx) ctx = NULL;
	g_autoptr(GArray) newest = NULL;
	g_autoptr(GArray) program = NULL;
	uint32_t default_action;

	if (!read_action(seccomp->default_action, &seccomp->default_errno_ret, "linux.seccomp.defaultAction",
		    "linux.seccomp.defaultErrnoRet", &default_action, error))
		return NULL;
	ctx = seccomp_init(default_action);
	if (!ctx) {
		fail(error, "linux.seccomp.defaultAction: the kernel does not know %s", seccomp->default_action);
		return NULL;
	}
	/* Whether to set no_new_privs is process.noNewPrivileges' business. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) < 0 || !add_archs(ctx, seccomp, error))
		return NULL;
	if (seccomp->n_syscalls > 0)
		(void)seccomp_attr_set(
			ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* libseccomp 2.5; faster filters, same answers */
	for (size_t i = 0; i < seccomp->n_syscalls; i++)
		if (!add_syscall(ctx, &seccomp->syscalls[i], i, default_action, error))
			return NULL;
	newest =
		is_permissive(default_action) || default_action == SCMP_ACT_ERRNO(ENOSYS) ? NULL : find_newest(seccomp);
	program = newest ? seccomp_stub((const struct seccomp_newest *)(const void *)newest->data, newest->len)
			 : g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
	return export_program(ctx, program, error);
}
