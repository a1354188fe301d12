/* Conversions, device rules, parsers: what of the cgroup code needs no cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "runtime/cgroup_convert.h"
#include "runtime/cgroup_internal.h"
#include "runtime/cgroupfs.h"
#include "runtime/device_rules.h"

#define SET(v)                                                                                                         \
	{                                                                                                              \
		true, v                                                                                                \
	}
#define UNSET                                                                                                          \
	{                                                                                                              \
		false, 0                                                                                               \
	}

static void test_weights(void)
{
	static const uint64_t shares[][2] = { { 0, 0 }, { 1, 1 }, { 2, 1 }, { 100, 17 }, { 512, 59 }, { 1024, 100 },
		{ 2048, 174 }, { 4096, 303 }, { 262143, 10000 }, { 262144, 10000 }, { UINT64_MAX, 10000 } };
	static const uint64_t io[][2] = { { 0, 0 }, { 1, 1 }, { 10, 1 }, { 100, 910 }, { 500, 4950 }, { 1000, 10000 } };
	uint64_t last = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(shares); i++)
		g_assert_cmpuint(cgroup_weight_from_shares(shares[i][0]), ==, shares[i][1]);
	for (uint64_t s = 1; s < 300000; s += 7) {
		uint64_t w = cgroup_weight_from_shares(s);

		g_assert_cmpuint(w, >=, MAX(last, 1));
		g_assert_cmpuint(w, <=, 10000);
		last = w;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(io); i++)
		g_assert_cmpuint(cgroup_io_weight(io[i][0]), ==, io[i][1]);
}

static void test_swap(void)
{
	static const struct {
		struct spec_int limit, swap;
		const char *text, *error;
	} rows[] = {
		{ UNSET, UNSET, "", NULL },
		{ SET(1000), UNSET, "", NULL },
		{ SET(1000), SET(0), "", NULL },
		{ SET(1000), SET(1000), "0", NULL },
		{ SET(1000), SET(3000), "2000", NULL },
		{ SET(1000), SET(-1), "max", NULL },
		{ SET(-1), UNSET, "max", NULL },
		{ SET(-1), SET(-1), "max", NULL },
		{ SET(-1), SET(5000), "5000", NULL },
		{ UNSET, SET(-1), "max", NULL },
		{ UNSET, SET(1000), "", "unable to set swap limit without memory limit" },
		{ SET(0), SET(1000), "", "unable to set swap limit without memory limit" },
		{ SET(1000), SET(999), "", "memory+swap limit should be >= memory limit" },
		{ SET(1000), SET(-2), "", "invalid memory+swap limit" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char text[NUM_MAX];

		g_assert_cmpstr(cgroup_swap_max(rows[i].limit, rows[i].swap, text), ==, rows[i].error);
		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

static void test_cpu_max(void)
{
	static const struct {
		struct spec_int quota;
		struct spec_uint period;
		const char *current, *text;
	} rows[] = {
		{ UNSET, UNSET, "max 100000", "" },
		{ SET(0), SET(0), "max 100000", "" },
		{ SET(5000), UNSET, "max 100000", "5000" },
		{ SET(5000), SET(20000), "max 100000", "5000 20000" },
		{ SET(-1), UNSET, "5000 100000", "max" },
		{ SET(-1), SET(20000), "5000 100000", "max 20000" },
		{ UNSET, SET(20000), "max 100000", "max 20000" },
		{ UNSET, SET(20000), "5000 100000", "5000 20000" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char text[2 * NUM_MAX];

		cgroup_cpu_max(rows[i].quota, rows[i].period, rows[i].current, text);
		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

static void test_pids(void)
{
	char text[NUM_MAX];

	cgroup_pids_max(-1, text);
	g_assert_cmpstr(text, ==, "max");
	cgroup_pids_max(0, text);
	g_assert_cmpstr(text, ==, "1");
	cgroup_pids_max(5, text);
	g_assert_cmpstr(text, ==, "5");
}

/* --- device rules --- */

/* What the kernel's interpreter would answer: only the instructions that we emit. */
static int run_program(const GArray *program, uint32_t type, uint32_t access, uint32_t major, uint32_t minor)
{
	const struct bpf_cgroup_dev_ctx ctx = { access << 16 | type, major, minor };
	uint64_t r[11] = { 0 };
	guint steps = 0;

	for (guint pc = 0; pc < program->len; pc++) {
		const struct bpf_insn *in = &g_array_index(program, struct bpf_insn, pc);
		uint64_t source = BPF_SRC(in->code) == BPF_X ? r[in->src_reg] : (uint64_t)(int64_t)in->imm;

		g_assert_cmpuint(++steps, <, 100000);
		switch (in->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			g_assert_cmpint(in->src_reg, ==, BPF_REG_1);
			r[in->dst_reg] = *(const uint32_t *)(const void *)((const char *)&ctx + in->off);
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
		case BPF_ALU | BPF_MOV | BPF_X:
			r[in->dst_reg] = source;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[in->dst_reg] = (uint32_t)(r[in->dst_reg] & source);
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[in->dst_reg] >>= source;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			g_assert_cmpint(in->off, >=, 0);
			pc += (uint32_t)r[in->dst_reg] != (uint32_t)source ? (guint)in->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			g_assert_cmpint(in->off, >=, 0);
			pc += (uint32_t)r[in->dst_reg] == (uint32_t)source ? (guint)in->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			g_error("instruction %u: unexpected code %#x", pc, in->code);
		}
	}
	g_error("fell off the end");
}

/* The same question answered the slow way: bit by bit, last word wins. */
static int ask_rules(const GArray *rules, uint32_t type, uint32_t access, uint32_t major, uint32_t minor)
{
	for (uint32_t bit = 1; bit <= 4; bit <<= 1) {
		bool allow = false;

		for (guint i = 0; i < rules->len; i++) {
			const struct device_rule *r = &g_array_index(rules, struct device_rule, i);

			if ((r->type == 'a' || (r->type == 'b') == (type == BPF_DEVCG_DEV_BLOCK)) &&
				(r->access & bit) && (r->major == DEVICE_ANY || r->major == major) &&
				(r->minor == DEVICE_ANY || r->minor == minor))
				allow = r->allow;
		}
		if ((access & bit) && !allow)
			return 0;
	}
	return 1;
}

/* The kernel's reading of the lines (security/device_cgroup.c): a default, exceptions that are merged and removed only
 * when type and numbers are the same, and a request that is granted by one exception that has all of it. */
static int ask_lines(const GArray *lines, char type, uint32_t access, uint32_t major, uint32_t minor)
{
	const struct device_line *first = &g_array_index(lines, struct device_line, 0);
	bool allow = strcmp(first->file, "devices.allow") == 0;
	int verdict = allow;

	g_assert_cmpstr(first->text, ==, "a");
	for (guint i = 1; i < lines->len; i++) {
		const struct device_line *line = &g_array_index(lines, struct device_line, i);
		g_auto(GStrv) f = g_strsplit_set(line->text, " :", -1);
		uint32_t bits = (strchr(f[3], 'r') ? BPF_DEVCG_ACC_READ : 0) |
				(strchr(f[3], 'w') ? BPF_DEVCG_ACC_WRITE : 0) |
				(strchr(f[3], 'm') ? BPF_DEVCG_ACC_MKNOD : 0);

		g_assert_cmpstr(line->file, ==, allow ? "devices.deny" : "devices.allow");
		if (f[0][0] != type || (strcmp(f[1], "*") != 0 && (uint32_t)atoi(f[1]) != major) ||
			(strcmp(f[2], "*") != 0 && (uint32_t)atoi(f[2]) != minor))
			continue;
		/* Allowed by one that has it all; denied by one that has a part. */
		if (allow ? (access & bits) != 0 : (access & ~bits) == 0)
			verdict = !allow;
	}
	return verdict;
}

/* Single bits only: a request for two of them can, on v1, not be granted by two exceptions together. */
static void check_lines(const GArray *rules, const GArray *lines)
{
	for (uint32_t q = 0; q < 2 * 3 * 4 * 4; q++) {
		bool block = q & 1;
		uint32_t access = 1u << q / 2 % 3, major = q / 6 % 4, minor = q / 24;

		g_assert_cmpint(ask_lines(lines, block ? 'b' : 'c', access, major, minor), ==,
			ask_rules(rules, block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, access, major, minor));
	}
}

static void test_device_program(void)
{
	for (int round = 0; round < 3000; round++) {
		struct spec_device_rule given[8];
		struct spec_resources resources = { .devices = given,
			.n_devices = (size_t)g_test_rand_int_range(0, 8) };
		g_autoptr(GArray) rules = NULL;
		g_autoptr(GArray) program = NULL;
		g_autoptr(GArray) lines = NULL;

		for (size_t i = 0; i < resources.n_devices; i++) {
			static const char *const accesses[] = { "r", "w", "m", "rw", "rm", "wm", "rwm", "mwr" };
			static const char *const types[] = { "a", "b", "c", NULL };

			given[i] = (struct spec_device_rule){
				.allow = g_test_rand_bit(),
				.type = types[g_test_rand_int_range(0, 4)],
				.major = { g_test_rand_bit(), g_test_rand_int_range(-1, 3) },
				.minor = { g_test_rand_bit(), g_test_rand_int_range(-1, 3) },
				.access = accesses[g_test_rand_int_range(0, 8)],
			};
		}
		rules = device_rules_from_spec(&resources, NULL);
		g_assert_nonnull(rules);
		program = device_rules_program(rules);
		lines = device_rules_for_v1(rules, NULL);
		if (lines)
			check_lines(rules, lines);
		for (uint32_t q = 0; q < 2 * 7 * 4 * 4; q++) {
			uint32_t type = q & 1 ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
			uint32_t access = q / 2 % 7 + 1, major = q / 14 % 4, minor = q / 56;

			g_assert_cmpint(run_program(program, type, access, major, minor), ==,
				ask_rules(rules, type, access, major, minor));
			if (device_rules_allow_all(rules))
				g_assert_cmpint(ask_rules(rules, type, access, major, minor), ==, 1);
		}
	}
}

static void test_devices_for_systemd(void)
{
	static const char groups[] = "Character devices:\n  1 mem\n  7 vcs\n136 pts\n\nBlock devices:\n  7 loop\n 65 sd\n";
	struct spec_device_rule given[] = {
		{ .allow = true, .type = "b", .major = { true, 7 }, .access = "r" },
		{ .allow = true, .major = { true, 9 }, .minor = { true, 1 }, .access = "wr" },
		{ .allow = true, .type = "c", .major = { true, 99 }, .access = "rwm" },
	};
	struct spec_resources resources = { .devices = given, .n_devices = G_N_ELEMENTS(given) };
	g_autoptr(GArray) rules = device_rules_from_spec(&resources, NULL);
	g_autofree char *text = device_rules_for_systemd(rules, groups), *none = NULL;
	g_autoptr(GVariant) value = g_variant_parse(G_VARIANT_TYPE("a(ss)"), text, NULL, NULL, NULL);

	g_assert_nonnull(value);
	g_assert_cmpstr(text, ==,
		"[('block-loop', 'r'), ('/dev/char/9:1', 'rw'), ('/dev/block/9:1', 'rw'), ('char-*', 'm'), ('block-*', 'm'), "
		"('/dev/char/1:3', 'rwm'), ('/dev/char/1:5', 'rwm'), ('/dev/char/1:7', 'rwm'), ('/dev/char/1:8', 'rwm'), "
		"('/dev/char/1:9', 'rwm'), ('/dev/char/5:0', 'rwm'), ('/dev/char/5:2', 'rwm'), ('char-pts', 'rwm'), "
		"('/dev/char/10:200', 'rwm')]");
	given[0] = (struct spec_device_rule){ .allow = true, .access = "rwm" };
	given[1].allow = false;
	g_array_unref(rules);
	rules = device_rules_from_spec(&resources, NULL);
	none = device_rules_for_systemd(rules, groups);
	g_assert_null(none);
}

static void assert_lines(const struct spec_resources *resources, const char *expected)
{
	g_autoptr(GArray) rules = device_rules_from_spec(resources, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) lines = device_rules_for_v1(rules, &error);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; lines && i < lines->len; i++) {
		const struct device_line *line = &g_array_index(lines, struct device_line, i);

		g_string_append_printf(text, "%s %s;", line->file + strlen("devices."), line->text);
	}
	if (lines)
		check_lines(rules, lines);
	g_string_append(text, error ? error->message : "");
	g_assert_true(g_str_has_prefix(text->str, expected));
}

static void test_device_lines(void)
{
	struct spec_device_rule deny = { .allow = false, .access = "rwm" };
	struct spec_device_rule all = { .allow = true, .type = "a", .access = "rwm" };
	struct spec_device_rule odd[] = { deny, { .allow = true, .type = "a", .major = SET(8), .access = "wr" } };
	struct spec_device_rule block[] = { all,
		{ .allow = false, .type = "b", .major = SET(8), .minor = SET(0), .access = "wm" } };
	struct spec_device_rule part[] = { deny,
		{ .allow = true, .type = "c", .major = SET(1), .minor = SET(11), .access = "rw" },
		{ .allow = false, .type = "c", .major = SET(1), .access = "r" } };
	struct spec_device_rule hole[] = { deny, { .allow = true, .type = "c", .major = SET(1), .access = "rwm" },
		{ .allow = false, .type = "c", .major = SET(1), .minor = SET(11), .access = "r" } };

	assert_lines(NULL, "deny a;allow c *:* m;allow b *:* m;allow c 1:3 rwm;");
	assert_lines(&(struct spec_resources){ .devices = &deny, .n_devices = 1 }, "deny a;allow c *:* m;");
	assert_lines(&(struct spec_resources){ .devices = &all, .n_devices = 1 }, "allow a;");
	assert_lines(
		&(struct spec_resources){ .devices = odd, .n_devices = 2 }, "deny a;allow b 8:* rw;allow c 8:* rw;");
	assert_lines(&(struct spec_resources){ .devices = block, .n_devices = 2 }, "allow a;deny b 8:0 w;");
	assert_lines(
		&(struct spec_resources){ .devices = part, .n_devices = 3 }, "deny a;allow c 1:11 w;allow c *:* m;");
	assert_lines(&(struct spec_resources){ .devices = hole, .n_devices = 3 },
		"linux.resources.devices: cgroup v1 cannot deny \"c 1:11 r\" out of \"c 1:* rwm\"");
}

static void test_device_errors(void)
{
	static const struct {
		struct spec_device_rule rule;
		const char *text;
	} rows[] = {
		{ { .access = NULL }, "linux.resources.devices[0].access: device access at 0 field cannot be empty" },
		{ { .access = "" }, "linux.resources.devices[0].access: device access at 0 field cannot be empty" },
		{ { .access = "rwx" },
			"linux.resources.devices[0].access: invalid access \"rwx\" (made of r, w and m)" },
		{ { .access = "r", .type = "z" }, "linux.resources.devices[0].type: invalid cgroup device type \"z\"" },
		{ { .access = "r", .type = "ab" },
			"linux.resources.devices[0].type: invalid cgroup device type \"ab\"" },
		{ { .access = "r", .major = SET(-2) }, "linux.resources.devices[0]: device number out of range" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct spec_device_rule rule = rows[i].rule;
		struct spec_resources resources = { .devices = &rule, .n_devices = 1 };
		g_autoptr(GError) error = NULL;

		g_assert_null(device_rules_from_spec(&resources, &error));
		g_assert_cmpstr(error->message, ==, rows[i].text);
	}
}

/* --- parsers --- */

static void test_cgroup_lines(void)
{
	static const char *const bad[] = { "", "5", "5:cpu", "5:cpu:", "5:cpu:relative", ":", "::" };
	char good[] = "5:cpu,cpuacct:/a:b/c", v2[] = "0::/";
	char *controllers, *path;

	g_assert_true(cgroup_host_split(good, &controllers, &path));
	g_assert_cmpstr(controllers, ==, "cpu,cpuacct");
	g_assert_cmpstr(path, ==, "/a:b/c");
	g_assert_true(cgroup_host_split(v2, &controllers, &path));
	g_assert_cmpstr(controllers, ==, "");
	g_assert_cmpstr(path, ==, "/");
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *line = g_strdup(bad[i]);

		g_assert_false(cgroup_host_split(line, &controllers, &path));
	}
}

static void test_mount_lines(void)
{
	static const struct {
		const char *line, *controller, *mount, *root;
	} rows[] = {
		{ "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct",
			"cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/" },
		{ "32 31 0:29 /docker/x /cg\\040v1 rw - cgroup cgroup rw,cpu,cpuacct", "cpu", "/cg v1", "/docker/x" },
		{ "32 31 0:29 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct", "cpu", NULL, NULL },
		{ "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd", "name=systemd",
			"/sys/fs/cgroup/systemd", "/" },
		{ "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate", "",
			"/sys/fs/cgroup/unified", "/" },
		{ "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,cpu", "cpu", NULL, NULL },
		{ "32 31 0:29 / /sys/fs/cgroup/cpu rw - tmpfs cpu rw,cpu", "cpu", NULL, NULL },
		{ "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup", "cpu", NULL, NULL },
		{ "32 31 0:29 / /x rw shared:1 master:2", "cpu", NULL, NULL },
		{ "", "", NULL, NULL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *mount = NULL, *root = NULL;

		g_assert_cmpint(
			cgroup_host_match_mount(rows[i].line, rows[i].controller, &mount, &root), ==, !!rows[i].mount);
		g_assert_cmpstr(mount, ==, rows[i].mount);
		g_assert_cmpstr(root, ==, rows[i].root);
	}
}

static void put_file(int dir_fd, const char *name, const char *text)
{
	auto_fd fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
}

/* On an ordinary directory, which has all that matters here. */
static void test_files(void)
{
	g_autofree char *path = g_dir_make_tmp("tally-cgroupfs-XXXXXX", NULL);
	auto_fd root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_fd dir_fd = -1;
	unsigned int made;
	char text[16];
	uint64_t value;

	g_assert_cmpint(cgroupfs_open_root(path, true), ==, -EMEDIUMTYPE);
	g_assert_cmpint(cgroupfs_open_dir(root, "/a/b/c"), ==, -ENOENT);
	dir_fd = cgroupfs_make_dir(root, "/a/b/c", &made);
	g_assert_cmpint(dir_fd, >=, 0);
	g_assert_cmpuint(made, ==, 3);
	put_file(dir_fd, "max", "max\n");
	put_file(dir_fd, "number", "18446744073709551615\n");
	put_file(dir_fd, "text", "12x\n");
	put_file(dir_fd, "long", "0123456789abcdef");
	put_file(dir_fd, "events", "low 0\noom 3\noom_kill 7\nnotanumber x");
	g_assert_cmpint(cgroupfs_read_u64(dir_fd, "max", &value), ==, 0);
	g_assert_cmpuint(value, ==, UINT64_MAX);
	g_assert_cmpint(cgroupfs_read_u64(dir_fd, "number", &value), ==, 0);
	g_assert_cmpint(cgroupfs_read_u64(dir_fd, "text", &value), ==, -EINVAL);
	g_assert_cmpint((int)cgroupfs_read(dir_fd, "long", text, sizeof text), ==, -EFBIG);
	g_assert_cmpint(cgroupfs_read_key(dir_fd, "events", "oom_kill", &value), ==, 0);
	g_assert_cmpuint(value, ==, 7);
	g_assert_cmpint(cgroupfs_read_key(dir_fd, "events", "oom_k", &value), ==, -ENODATA);
	g_assert_cmpint(cgroupfs_read_key(dir_fd, "events", "notanumber", &value), ==, -EINVAL);
	g_assert_cmpint(cgroupfs_open(dir_fd, "../c/max", O_RDONLY), ==, -EINVAL);
	g_assert_cmpint(cgroupfs_open(dir_fd, "..", O_RDONLY), ==, -EINVAL);
	g_assert_cmpint(symlinkat("max", dir_fd, "link"), ==, 0);
	g_assert_cmpint(cgroupfs_open(dir_fd, "link", O_RDONLY), ==, -ELOOP);
	g_assert_cmpint(symlinkat("/etc", root, "out"), ==, 0);
	g_assert_cmpint(cgroupfs_open_dir(root, "/out"), ==, -ELOOP);
	g_assert_cmpint(cgroupfs_open_dir(root, "/a/../../etc"), ==, -EXDEV);
	g_assert_cmpint(cgroupfs_make_dir(root, "/x/../y", &made), ==, -EINVAL);
	g_assert_cmpint(cgroupfs_wait_key(dir_fd, "events", "oom", 3, 0), ==, 0);
	for (const char *const *name = (const char *const[]){ "max", "number", "text", "long", "events", "link", NULL };
		*name; name++)
		g_assert_cmpint(unlinkat(dir_fd, *name, 0), ==, 0);
	g_assert_cmpint(mkdirat(dir_fd, "d", 0700), ==, 0);
	g_assert_cmpint(cgroupfs_unmake_dir(root, "/a/b/c", 3), ==, -ENOTEMPTY);
	g_assert_cmpint(cgroupfs_remove_children(dir_fd), ==, 0);
	g_assert_cmpint(cgroupfs_unmake_dir(root, "/a/b/c", 2), ==, 0);
	g_assert_cmpint(faccessat(root, "a/b", F_OK, 0), ==, -1);
	g_assert_cmpint(unlinkat(root, "a", AT_REMOVEDIR), ==, 0);
	g_assert_cmpint(faccessat(root, "x", F_OK, 0), ==, -1);
	g_assert_cmpint(unlinkat(root, "out", 0), ==, 0);
	g_assert_cmpint(rmdir(path), ==, 0);
}

static void test_covers(void)
{
	static const struct {
		const char *hierarchies, *memberships;
		bool covers;
	} cases[] = {
		{ "", "", true },
		{ "", "0::/\n", false },
		{ "unified", "0::/\n", true },
		{ "unified", "1:pids:/\n0::/t\n", false },
		{ "cpu,cpuacct pids", "2:cpu,cpuacct:/t\n1:pids:/p\n", true },
		{ "cpu,cpuacct pids", "2:cpu,cpuacct:/t\n1:pids:/p\n0::/\n", false },
		{ "cpu", "1:cpuset:/\n", false },
		{ "cpu", "3:name=other:/\n1:cpu:/t\n", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		Cgroup *cg = g_new0(Cgroup, 1);
		g_auto(GStrv) list = g_strsplit(cases[i].hierarchies, " ", -1);

		for (char **h = list; *h; h++) {
			bool v2 = strcmp(*h, "unified") == 0;

			cgroup_add(cg, g_strdup(v2 ? "" : *h), NULL, NULL, v2, -1);
		}
		g_assert_cmpint(cgroup_covers(cg, cases[i].memberships), ==, cases[i].covers);
		cgroup_free(cg);
	}
	g_assert_false(cgroup_covers(NULL, "0::/\n"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/cgroup/weights-follow-the-curve", test_weights);
	g_test_add_func("/runtime/cgroup/swap-is-what-is-above-memory", test_swap);
	g_test_add_func("/runtime/cgroup/cpu-max-keeps-what-is-not-given", test_cpu_max);
	g_test_add_func("/runtime/cgroup/pids-limit-zero-is-one", test_pids);
	g_test_add_func("/runtime/devices/program-says-what-the-rules-say", test_device_program);
	g_test_add_func("/runtime/devices/lines-for-v1", test_device_lines);
	g_test_add_func("/runtime/devices/list-for-systemd", test_devices_for_systemd);
	g_test_add_func("/runtime/devices/bad-rules-are-refused-by-path", test_device_errors);
	g_test_add_func("/runtime/cgroup/reads-proc-self-cgroup", test_cgroup_lines);
	g_test_add_func("/runtime/cgroup/hierarchies-of-others-are-not-covered", test_covers);
	g_test_add_func("/runtime/cgroup/reads-mountinfo", test_mount_lines);
	g_test_add_func("/runtime/cgroup/stays-below-its-directory", test_files);
	return g_test_run();
}
