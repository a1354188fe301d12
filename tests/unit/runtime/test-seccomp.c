/* Profiles are compiled and then asked, by an interpreter of classic BPF, what they say about single calls. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/seccomp_internal.h"

#define X32_BIT 0x40000000

static uint32_t run_program(const void *program, guint len, const struct seccomp_data *data)
{
	const struct sock_filter *insns = program;
	uint32_t a = 0, x = 0, mem[16] = { 0 };

	for (guint pc = 0; pc < len; pc++) {
		const struct sock_filter *f = &insns[pc];
		uint32_t operand = BPF_SRC(f->code) == BPF_X ? x : f->k;
		bool taken;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (BPF_MODE(f->code) == BPF_ABS)
				memcpy(&a, (const char *)data + f->k, 4);
			else
				a = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : f->k;
			continue;
		case BPF_LDX:
			x = BPF_MODE(f->code) == BPF_MEM ? mem[f->k] : f->k;
			continue;
		case BPF_ST:
			mem[f->k] = a;
			continue;
		case BPF_ALU:
			g_assert_cmpint(BPF_OP(f->code), ==, BPF_AND);
			a &= operand;
			continue;
		case BPF_RET:
			return f->k;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA) {
				pc += f->k;
				continue;
			}
			taken = BPF_OP(f->code) == BPF_JEQ   ? a == operand
				: BPF_OP(f->code) == BPF_JGT ? a > operand
				: BPF_OP(f->code) == BPF_JGE ? a >= operand
							     : (a & operand) != 0;
			pc += taken ? f->jt : f->jf;
			continue;
		default:
			g_error("unexpected instruction %#x", f->code);
		}
	}
	g_error("fell off the end");
}

static uint32_t ask_arg(GBytes *program, uint32_t arch, int nr, uint64_t arg0, uint64_t arg1)
{
	const struct seccomp_data data = { .nr = nr, .arch = arch, .args = { arg0, arg1 } };

	return run_program(g_bytes_get_data(program, NULL),
		(guint)(g_bytes_get_size(program) / sizeof(struct sock_filter)), &data);
}

static uint32_t ask(GBytes *program, uint32_t arch, int nr)
{
	return ask_arg(program, arch, nr, 0, 0);
}

static GBytes *compile(const struct spec_seccomp *profile)
{
	struct seccomp_filter filter = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(seccomp_compile(profile, NULL, &filter, &error));
	g_assert_no_error(error);
	return filter.program;
}

static const char *names_a[] = { "read", "write", "no_such_call", "openat", NULL };
static const char *names_b[] = { "mkdir", NULL };

static void test_actions(void)
{
	static const struct {
		const char *action;
		struct spec_uint number;
		uint32_t verdict;
	} rows[] = {
		{ "SCMP_ACT_ALLOW", { false }, SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_ERRNO", { false }, SECCOMP_RET_ERRNO | EPERM },
		{ "SCMP_ACT_ERRNO", { true, 99 }, SECCOMP_RET_ERRNO | 99 },
		{ "SCMP_ACT_ERRNO", { true, 0 }, SECCOMP_RET_ERRNO },
		{ "SCMP_ACT_TRACE", { true, 7 }, SECCOMP_RET_TRACE | 7 },
		{ "SCMP_ACT_TRAP", { false }, SECCOMP_RET_TRAP },
		{ "SCMP_ACT_LOG", { false }, SECCOMP_RET_LOG },
		{ "SCMP_ACT_KILL", { false }, SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", { false }, SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", { false }, SECCOMP_RET_KILL_PROCESS },
	};
	int mkdir_nr = seccomp_syscall_resolve_name("mkdir"), read_nr = seccomp_syscall_resolve_name("read");

	if (mkdir_nr < 0) {
		g_test_skip("this architecture has no mkdir");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct spec_syscall call = { .names = names_b, .action = rows[i].action, .errno_ret = rows[i].number };
		struct spec_seccomp as_rule = {
			.default_action = "SCMP_ACT_ALLOW", .syscalls = &call, .n_syscalls = 1
		};
		struct spec_syscall allow = { .names = names_a, .action = "SCMP_ACT_ALLOW" };
		struct spec_seccomp as_default = { .default_action = rows[i].action,
			.default_errno_ret = rows[i].number,
			.syscalls = &allow,
			.n_syscalls = 1 };
		g_autoptr(GBytes) a = compile(&as_rule);
		g_autoptr(GBytes) b = compile(&as_default);
		uint32_t native = seccomp_arch_native();

		g_assert_cmphex(ask(a, native, mkdir_nr), ==, rows[i].verdict);
		g_assert_cmphex(ask(a, native, read_nr), ==, SECCOMP_RET_ALLOW);
		g_assert_cmphex(ask(b, native, mkdir_nr), ==, rows[i].verdict);
		g_assert_cmphex(ask(b, native, read_nr), ==, SECCOMP_RET_ALLOW);
		g_assert_cmphex(ask(a, 0x12345678, read_nr), ==, SECCOMP_RET_KILL_THREAD);
	}
}

static void test_arguments(void)
{
	static const struct {
		const char *op;
		uint64_t value, value_two, datum;
		bool matches;
	} rows[] = {
		{ "SCMP_CMP_EQ", 5, 0, 5, true },
		{ "SCMP_CMP_EQ", 5, 0, 6, false },
		{ "SCMP_CMP_NE", 5, 0, 6, true },
		{ "SCMP_CMP_NE", 5, 0, 5, false },
		{ "SCMP_CMP_LT", 5, 0, 4, true },
		{ "SCMP_CMP_LT", 5, 0, 5, false },
		{ "SCMP_CMP_LE", 5, 0, 5, true },
		{ "SCMP_CMP_LE", 5, 0, 6, false },
		{ "SCMP_CMP_GE", 5, 0, 5, true },
		{ "SCMP_CMP_GE", 5, 0, 4, false },
		{ "SCMP_CMP_GT", 5, 0, 6, true },
		{ "SCMP_CMP_GT", 5, 0, 5, false },
		{ "SCMP_CMP_MASKED_EQ", 0xf0, 0x30, 0x3f, true },
		{ "SCMP_CMP_MASKED_EQ", 0xf0, 0x30, 0x4f, false },
		{ "SCMP_CMP_EQ", UINT64_MAX, 0, UINT64_MAX, true },
		{ "SCMP_CMP_EQ", UINT64_MAX, 0, UINT32_MAX, false },
	};
	int nr = seccomp_syscall_resolve_name("write");

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct spec_seccomp_arg arg = { 1, rows[i].value, rows[i].value_two, rows[i].op };
		static const char *names[] = { "write", NULL };
		struct spec_syscall call = { .names = names, .action = "SCMP_ACT_ERRNO", .args = &arg, .n_args = 1 };
		struct spec_seccomp profile = {
			.default_action = "SCMP_ACT_ALLOW", .syscalls = &call, .n_syscalls = 1
		};
		g_autoptr(GBytes) program = compile(&profile);

		g_assert_cmphex(ask_arg(program, seccomp_arch_native(), nr, 0, rows[i].datum), ==,
			rows[i].matches ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_ALLOW);
	}
}

static void test_argument_lists(void)
{
	static const char *names[] = { "write", NULL };
	struct spec_seccomp_arg both[] = { { 0, 1, 0, "SCMP_CMP_EQ" }, { 1, 2, 0, "SCMP_CMP_EQ" } };
	struct spec_seccomp_arg either[] = { { 0, 1, 0, "SCMP_CMP_EQ" }, { 0, 2, 0, "SCMP_CMP_EQ" } };
	struct spec_syscall call = { .names = names, .action = "SCMP_ACT_ERRNO", .args = both, .n_args = 2 };
	struct spec_seccomp profile = { .default_action = "SCMP_ACT_ALLOW", .syscalls = &call, .n_syscalls = 1 };
	uint32_t native = seccomp_arch_native(), eperm = SECCOMP_RET_ERRNO | EPERM;
	int nr = seccomp_syscall_resolve_name("write");
	g_autoptr(GBytes) and = compile(&profile);
	g_autoptr(GBytes) or = NULL;

	call.args = either;
	or = compile(&profile);
	g_assert_cmphex(ask_arg(and, native, nr, 1, 2), ==, eperm);
	g_assert_cmphex(ask_arg(and, native, nr, 1, 3), ==, SECCOMP_RET_ALLOW);
	g_assert_cmphex(ask_arg(or, native, nr, 1, 9), ==, eperm);
	g_assert_cmphex(ask_arg(or, native, nr, 2, 9), ==, eperm);
	g_assert_cmphex(ask_arg(or, native, nr, 3, 9), ==, SECCOMP_RET_ALLOW);
}

static void test_stub(void)
{
#ifdef __x86_64__
	static const char *archs[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", NULL };
	struct spec_syscall call = { .names = names_a, .action = "SCMP_ACT_ALLOW" };
	struct spec_seccomp profile = {
		.default_action = "SCMP_ACT_ERRNO", .architectures = archs, .syscalls = &call, .n_syscalls = 1
	};
	uint32_t eperm = SECCOMP_RET_ERRNO | EPERM, enosys = SECCOMP_RET_ERRNO | ENOSYS;
	g_autoptr(GBytes) all = compile(&profile);
	g_autoptr(GBytes) native = NULL;
	g_autoptr(GBytes) without = NULL;

	profile.architectures = NULL;
	native = compile(&profile);
	profile.default_errno_ret = (struct spec_uint){ true, ENOSYS };
	without = compile(&profile);
	/* openat is the newest: 257 on x86_64 and x32, 295 on i386 */
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, 257), ==, SECCOMP_RET_ALLOW);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, 256), ==, eperm);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, 258), ==, enosys);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, 435), ==, enosys);
	g_assert_cmphex(ask(all, AUDIT_ARCH_I386, 295), ==, SECCOMP_RET_ALLOW);
	g_assert_cmphex(ask(all, AUDIT_ARCH_I386, 294), ==, eperm);
	g_assert_cmphex(ask(all, AUDIT_ARCH_I386, 296), ==, enosys);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, X32_BIT | 257), ==, SECCOMP_RET_ALLOW);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, X32_BIT | 256), ==, eperm);
	g_assert_cmphex(ask(all, AUDIT_ARCH_X86_64, X32_BIT | 258), ==, enosys);
	g_assert_cmphex(ask(all, AUDIT_ARCH_AARCH64, 1), ==, SECCOMP_RET_KILL_THREAD);
	g_assert_cmphex(ask(native, AUDIT_ARCH_X86_64, 258), ==, enosys);
	g_assert_cmphex(ask(native, AUDIT_ARCH_I386, 296), ==, SECCOMP_RET_KILL_THREAD);
	g_assert_cmphex(ask(native, AUDIT_ARCH_X86_64, X32_BIT | 257), ==, SECCOMP_RET_KILL_THREAD);
	g_assert_cmphex(ask(native, AUDIT_ARCH_X86_64, X32_BIT | 999), ==, SECCOMP_RET_KILL_THREAD);
	g_assert_cmphex(ask(without, AUDIT_ARCH_X86_64, 256), ==, enosys);
	g_assert_cmpuint(g_bytes_get_size(without), <, g_bytes_get_size(native));
#else
	g_test_skip("written for x86_64's numbers");
#endif
}

static void test_errors(void)
{
	static const char *bad_arch[] = { "SCMP_ARCH_X86", "SCMP_ARCH_FOO", NULL };
	static const char *bad_flag[] = { "FOO", NULL };
	static const char *killable_flag[] = { "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };
	static const char *no_names[] = { NULL };
	static const char *names_notify[] = { "mkdir", NULL };
	struct spec_seccomp_arg bad_op = { 0, 1, 0, "FOO" }, bad_index = { 6, 1, 0, "SCMP_CMP_EQ" };
	struct spec_syscall calls[] = {
		{ .names = names_a, .action = "SCMP_ACT_FOO" },
		{ .names = names_a, .action = NULL },
		{ .names = names_notify, .action = "SCMP_ACT_NOTIFY" },
		{ .names = names_a, .action = "SCMP_ACT_ALLOW", .errno_ret = { true, 1 } },
		{ .names = names_a, .action = "SCMP_ACT_ERRNO", .errno_ret = { true, 4096 } },
		{ .names = names_a, .action = "SCMP_ACT_ERRNO", .args = &bad_op, .n_args = 1 },
		{ .names = names_a, .action = "SCMP_ACT_ERRNO", .args = &bad_index, .n_args = 1 },
		{ .names = no_names, .action = "SCMP_ACT_ERRNO" },
	};
	const struct {
		struct spec_seccomp profile;
		const char *text;
	} rows[] = {
		{ { .default_action = "SCMP_ACT_FOO" },
			"linux.seccomp.defaultAction: string SCMP_ACT_FOO is not a valid action for seccomp" },
		{ { .default_action = "SCMP_ACT_NOTIFY" },
			"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action" },
		{ { .default_action = "SCMP_ACT_ALLOW", .default_errno_ret = { true, 1 } },
			"linux.seccomp.defaultErrnoRet: errno value specified for action SCMP_ACT_ALLOW" },
		{ { .default_action = "SCMP_ACT_ALLOW", .architectures = bad_arch },
			"linux.seccomp.architectures[1]: string SCMP_ARCH_FOO is not a valid arch for seccomp" },
		{ { .default_action = "SCMP_ACT_ALLOW", .flags = bad_flag },
			"linux.seccomp.flags[0]: seccomp flag FOO is not known to tallyrun" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[0], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].action: string SCMP_ACT_FOO is not a valid action for seccomp" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[1], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].action: missing" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[2], .n_syscalls = 1 },
			"linux.seccomp.listenerPath: seccomp listenerPath is not set, but SCMP_ACT_NOTIFY is used" },
		{ { .default_action = "SCMP_ACT_ALLOW", .flags = killable_flag },
			"linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for SCMP_ACT_NOTIFY, which is "
			"not used" },
		{ { .default_action = "SCMP_ACT_KILL", .syscalls = &calls[3], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].errnoRet: errno value specified for action SCMP_ACT_ALLOW" },
		{ { .default_action = "SCMP_ACT_KILL", .syscalls = &calls[4], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].errnoRet: 4096 is not an errno value" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[5], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].args[0].op: string FOO is not a valid operator for seccomp" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[6], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].args[0].index: a system call has arguments 0 to 5" },
		{ { .default_action = "SCMP_ACT_ALLOW", .syscalls = &calls[7], .n_syscalls = 1 },
			"linux.seccomp.syscalls[0].names: missing" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct seccomp_filter filter = { 0 };
		g_autoptr(GError) error = NULL;

		g_assert_false(seccomp_compile(&rows[i].profile, NULL, &filter, &error));
		g_assert_cmpstr(error->message, ==, rows[i].text);
		g_assert_null(filter.program);
	}
}

static void test_flags(void)
{
	static const char *none[] = { NULL };
	static const char *both[] = { "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", NULL };
	const struct {
		const char **flags;
		unsigned int value;
	} rows[] = { { NULL, SECCOMP_FILTER_FLAG_SPEC_ALLOW }, { none, 0 },
		{ both, SECCOMP_FILTER_FLAG_LOG } };
	struct seccomp_filter off = { .flags = 1 };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct spec_seccomp profile = { .default_action = "SCMP_ACT_ALLOW", .flags = rows[i].flags };
		struct seccomp_filter filter = { 0 };

		g_assert_true(seccomp_compile(&profile, NULL, &filter, NULL));
		g_assert_cmphex(filter.flags, ==, rows[i].value);
		seccomp_filter_clear(&filter);
	}
	g_assert_true(seccomp_compile(&(struct spec_seccomp){ .default_action = NULL }, NULL, &off, NULL));
	g_assert_null(off.program);
}

/* --- cache --- */

static char *entry_of(const char *dir)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	const char *name = d ? g_dir_read_name(d) : NULL;

	g_assert_nonnull(name);
	return g_build_filename(dir, name, NULL);
}

static void test_cache(void)
{
	static const char *three[] = { "read", "write", "mkdir", NULL };
	struct spec_syscall call = { .names = names_a, .action = "SCMP_ACT_ALLOW" };
	struct spec_seccomp profile = { .default_action = "SCMP_ACT_ERRNO", .syscalls = &call, .n_syscalls = 1 };
	g_autofree char *base = g_dir_make_tmp("tally-seccomp-XXXXXX", NULL);
	g_autofree char *dir = g_build_filename(base, "cache", NULL);
	g_autofree char *key = seccomp_key(&profile);
	g_autofree char *other = NULL, *file = NULL;
	g_autoptr(GArray) loaded = NULL;
	g_autoptr(GBytes) plain = compile(&profile);
	struct seccomp_filter filter = { 0 };
	struct stat st;

	g_assert_null(seccomp_cache_load(dir, key));
	g_assert_true(seccomp_compile(&profile, dir, &filter, NULL));
	g_assert_true(g_bytes_equal(filter.program, plain));
	seccomp_filter_clear(&filter);
	g_assert_cmpint(stat(dir, &st), ==, 0);
	g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
	file = entry_of(dir);
	g_assert_cmpint(stat(file, &st), ==, 0);
	g_assert_cmpint(st.st_mode, ==, S_IFREG | 0600);
	loaded = seccomp_cache_load(dir, key);
	g_assert_nonnull(loaded);
	g_assert_cmpmem(loaded->data, loaded->len * sizeof(struct sock_filter), g_bytes_get_data(plain, NULL),
		g_bytes_get_size(plain));
	/* Another profile has another key, and an entry does not answer to another's name. */
	call.names = three;
	other = seccomp_key(&profile);
	g_assert_cmpstr(other, !=, key);
	{
		g_autofree char *wrong = g_build_filename(dir, other, NULL);

		g_assert_cmpint(g_rename(file, wrong), ==, 0);
		g_assert_null(seccomp_cache_load(dir, other));
		g_assert_cmpint(g_rename(wrong, file), ==, 0);
	}
	g_assert_cmpint(g_unlink(file), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	g_assert_cmpint(g_rmdir(base), ==, 0);
}

/* Every bit that is turned over, every length that is cut, every mode that others can use: absent. */
static void test_cache_distrust(void)
{
	static const char *one[] = { "read", NULL };
	struct spec_syscall call = { .names = one, .action = "SCMP_ACT_ALLOW" };
	struct spec_seccomp profile = { .default_action = "SCMP_ACT_ERRNO", .syscalls = &call, .n_syscalls = 1 };
	g_autofree char *dir = g_dir_make_tmp("tally-seccomp-XXXXXX", NULL);
	g_autofree char *key = seccomp_key(&profile);
	g_autofree char *file = g_build_filename(dir, key, NULL), *data = NULL;
	g_autofree char *link = g_strconcat(file, ".link", NULL);
	struct seccomp_filter filter = { 0 };
	gsize len;

	g_assert_true(seccomp_compile(&profile, dir, &filter, NULL));
	seccomp_filter_clear(&filter);
	g_assert_true(g_file_get_contents(file, &data, &len, NULL));
	for (gsize i = 0; i < len; i++) {
		int fd = open(file, O_WRONLY | O_CLOEXEC);
		char bad = data[i] ^ (char)(1 << i % 8);

		g_assert_cmpint(pwrite(fd, &bad, 1, (off_t)i), ==, 1);
		g_assert_null(seccomp_cache_load(dir, key));
		g_assert_cmpint(pwrite(fd, &data[i], 1, (off_t)i), ==, 1);
		close(fd);
	}
	{
		g_autoptr(GArray) good = seccomp_cache_load(dir, key);

		g_assert_nonnull(good);
	}
	g_assert_cmpint(chmod(file, 0640), ==, 0);
	g_assert_null(seccomp_cache_load(dir, key));
	g_assert_cmpint(chmod(file, 0600), ==, 0);
	g_assert_cmpint(chmod(dir, 0755), ==, 0);
	g_assert_null(seccomp_cache_load(dir, key));
	g_assert_cmpint(chmod(dir, 0700), ==, 0);
	g_assert_cmpint(linkat(AT_FDCWD, file, AT_FDCWD, link, 0), ==, 0);
	g_assert_null(seccomp_cache_load(dir, key));
	g_assert_cmpint(g_unlink(file), ==, 0);
	g_assert_cmpint(symlink(link, file), ==, 0);
	g_assert_null(seccomp_cache_load(dir, key));
	g_assert_cmpint(g_unlink(file), ==, 0);
	g_assert_cmpint(g_rename(link, file), ==, 0);
	for (gsize cut = 0; cut < len; cut += 3) {
		g_assert_cmpint(truncate(file, (off_t)cut), ==, 0);
		g_assert_null(seccomp_cache_load(dir, key));
		g_assert_cmpint(g_unlink(file), ==, 0);
		g_assert_true(g_file_set_contents(file, data, (gssize)len, NULL));
		g_assert_cmpint(chmod(file, 0600), ==, 0);
	}
	g_assert_cmpint(truncate(file, (off_t)len + 1), ==, 0);
	g_assert_null(seccomp_cache_load(dir, key));
	/* And it is made anew. */
	g_assert_true(seccomp_compile(&profile, dir, &filter, NULL));
	seccomp_filter_clear(&filter);
	{
		g_autoptr(GArray) good = seccomp_cache_load(dir, key);

		g_assert_nonnull(good);
	}
	g_assert_cmpint(g_unlink(file), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_cache_stays_small(void)
{
	g_autofree char *dir = g_dir_make_tmp("tally-seccomp-XXXXXX", NULL);
	g_autoptr(GArray) program = g_array_new(FALSE, TRUE, sizeof(struct sock_filter));
	g_autoptr(GDir) d = NULL;
	const char *name;
	guint n = 0;

	g_array_set_size(program, 1);
	for (int i = 0; i < 70; i++) {
		g_autofree char *key = g_strdup_printf("key%d", i);

		seccomp_cache_store(dir, key, program);
	}
	d = g_dir_open(dir, 0, NULL);
	while ((name = g_dir_read_name(d))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		n++;
		g_assert_cmpint(g_unlink(path), ==, 0);
	}
	g_assert_cmpuint(n, ==, 64);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/seccomp/actions-as-default-and-as-rule", test_actions);
	g_test_add_func("/runtime/seccomp/operators", test_arguments);
	g_test_add_func("/runtime/seccomp/conditions-are-and-on-different-arguments-or-on-one", test_argument_lists);
	g_test_add_func("/runtime/seccomp/calls-newer-than-the-profile-are-enosys", test_stub);
	g_test_add_func("/runtime/seccomp/errors-name-the-json-path", test_errors);
	g_test_add_func("/runtime/seccomp/flags", test_flags);
	g_test_add_func("/runtime/seccomp/cache-gives-back-what-was-compiled", test_cache);
	g_test_add_func("/runtime/seccomp/cache-believes-only-its-own", test_cache_distrust);
	g_test_add_func("/runtime/seccomp/cache-stays-small", test_cache_stays_small);
	return g_test_run();
}
