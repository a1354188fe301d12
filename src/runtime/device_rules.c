/* Device rules: from config.json to lines for cgroup v1 and a program for cgroup v2. */
#include "runtime/device_rules.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/error.h"

#define ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* What every container may do (OCI runtime-spec, default devices; tun as the other runtimes). */
static const struct device_rule default_rules[] = {
	{ true, 'c', DEVICE_ANY, DEVICE_ANY, BPF_DEVCG_ACC_MKNOD },
	{ true, 'b', DEVICE_ANY, DEVICE_ANY, BPF_DEVCG_ACC_MKNOD }, { true, 'c', 1, 3, ACCESS_ALL }, /* null */
	{ true, 'c', 1, 5, ACCESS_ALL },							     /* zero */
	{ true, 'c', 1, 7, ACCESS_ALL },							     /* full */
	{ true, 'c', 1, 8, ACCESS_ALL },							     /* random */
	{ true, 'c', 1, 9, ACCESS_ALL },							     /* urandom */
	{ true, 'c', 5, 0, ACCESS_ALL },							     /* tty */
	{ true, 'c', 5, 2, ACCESS_ALL },							     /* ptmx */
	{ true, 'c', 136, DEVICE_ANY, ACCESS_ALL },						     /* pts */
	{ true, 'c', 10, 200, ACCESS_ALL },							     /* net/tun */
};

/* There are bundles with an "a" among them, as runc has in its tests: none of the three, and not taken for all of them. */
static bool parse_access(const char *text, uint32_t *ret_access)
{
	uint32_t access = 0;

	for (; *text; text++)
		if (*text == 'r')
			access |= BPF_DEVCG_ACC_READ;
		else if (*text == 'w')
			access |= BPF_DEVCG_ACC_WRITE;
		else if (*text == 'm')
			access |= BPF_DEVCG_ACC_MKNOD;
		else if (*text != 'a')
			return false;
	*ret_access = access;
	return access != 0;
}

static bool parse_rule(const struct spec_device_rule *from, size_t i, struct device_rule *ret_rule, GError **error)
{
	struct device_rule rule = {
		.allow = from->allow,
		.type = 'a',
		.major = from->major.set ? from->major.value : DEVICE_ANY,
		.minor = from->minor.set ? from->minor.value : DEVICE_ANY,
	};

	if (from->type && *from->type) {
		if (strlen(from->type) != 1 || !strchr("abc", *from->type))
			return fail(error, "linux.resources.devices[%zu].type: invalid cgroup device type \"%s\"", i,
				from->type);
		rule.type = *from->type;
	}
	if (!from->access || !*from->access)
		return fail(
			error, "linux.resources.devices[%zu].access: device access at %zu field cannot be empty", i, i);
	if (!parse_access(from->access, &rule.access))
		return fail(error, "linux.resources.devices[%zu].access: invalid access \"%s\" (made of r, w and m)", i,
			from->access);
	if (strchr(from->access, 'a'))
		diag_warning("linux.resources.devices[%zu].access: \"a\" in \"%s\" is no access and means nothing", i,
			from->access);
	if (rule.major < DEVICE_ANY || rule.major > UINT32_MAX || rule.minor < DEVICE_ANY || rule.minor > UINT32_MAX)
		return fail(error, "linux.resources.devices[%zu]: device number out of range", i);
	*ret_rule = rule;
	return true;
}

static bool embraces_all(const struct device_rule *r)
{
	return r->type == 'a' && r->major == DEVICE_ANY && r->minor == DEVICE_ANY && r->access == ACCESS_ALL;
}

GArray *device_rules_from_spec(const struct spec_resources *resources, GError **error)
{
	static const struct device_rule deny_all = { false, 'a', DEVICE_ANY, DEVICE_ANY, ACCESS_ALL };
	g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(struct device_rule));

	g_array_append_val(rules, deny_all);
	for (size_t i = 0; resources && i < resources->n_devices; i++) {
		struct device_rule rule;

		if (!parse_rule(&resources->devices[i], i, &rule, error))
			return NULL;
		if (embraces_all(&rule))
			g_array_set_size(rules, 0);
		g_array_append_val(rules, rule);
	}
	g_array_append_vals(rules, default_rules, G_N_ELEMENTS(default_rules));
	return g_steal_pointer(&rules);
}

bool device_rules_allow_all(const GArray *rules)
{
	const struct device_rule *r = (const struct device_rule *)(const void *)rules->data;

	if (rules->len == 0 || !embraces_all(r))
		return false;
	for (guint i = 0; i < rules->len; i++)
		if (!r[i].allow)
			return false;
	return true;
}

static void format_access(uint32_t access, char buf[4])
{
	g_snprintf(buf, 4, "%s%s%s", access & BPF_DEVCG_ACC_READ ? "r" : "", access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* --- v1: a default and exceptions from it, all of them one way --- */

static void format_rule(const struct device_rule *r, char *buf, size_t size)
{
	char major[24] = "*", minor[24] = "*", access[4];

	format_access(r->access, access);
	if (r->major != DEVICE_ANY)
		g_snprintf(major, sizeof major, "%" G_GINT64_FORMAT, r->major);
	if (r->minor != DEVICE_ANY)
		g_snprintf(minor, sizeof minor, "%" G_GINT64_FORMAT, r->minor);
	g_snprintf(buf, size, "%c %s:%s %s", r->type, major, minor, access);
}

static bool covers(int64_t outer, int64_t inner)
{
	return outer == DEVICE_ANY || outer == inner;
}

/* Whether everything that inner speaks of, outer speaks of as well. */
static bool contains(const struct device_rule *outer, const struct device_rule *inner)
{
	return outer->type == inner->type && covers(outer->major, inner->major) && covers(outer->minor, inner->minor);
}

static bool overlaps(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && (covers(a->major, b->major) || covers(b->major, a->major)) &&
	       (covers(a->minor, b->minor) || covers(b->minor, a->minor)) && (a->access & b->access);
}

/* Takes what rule speaks of out of the exceptions. */
static bool drop_exceptions(GArray *exceptions, const struct device_rule *rule, GError **error)
{
	for (guint i = exceptions->len; i-- > 0;) {
		struct device_rule *e = &g_array_index(exceptions, struct device_rule, i);
		char hole[64], whole[64];

		if (!overlaps(e, rule))
			continue;
		if (!contains(rule, e)) {
			format_rule(rule, hole, sizeof hole);
			format_rule(e, whole, sizeof whole);
			return fail(error, "linux.resources.devices: cgroup v1 cannot %s \"%s\" out of \"%s\"",
				rule->allow ? "allow" : "deny", hole, whole);
		}
		e->access &= ~rule->access;
		if (e->access == 0)
			g_array_remove_index(exceptions, i);
	}
	return true;
}

static void add_exception(GArray *exceptions, const struct device_rule *rule)
{
	for (guint i = 0; i < exceptions->len; i++) {
		struct device_rule *e = &g_array_index(exceptions, struct device_rule, i);

		if (contains(e, rule) && contains(rule, e)) {
			e->access |= rule->access;
			return;
		}
	}
	g_array_append_vals(exceptions, rule, 1);
}

/* Sorts the rules into a default and its exceptions. */
static bool settle(const GArray *rules, bool *ret_allow, GArray *exceptions, GError **error)
{
	for (guint i = 0; i < rules->len; i++) {
		const struct device_rule *r = &g_array_index(rules, struct device_rule, i);

		if (embraces_all(r)) {
			*ret_allow = r->allow;
			g_array_set_size(exceptions, 0);
			continue;
		}
		/* v1 takes any line of type 'a' for "everything", whatever its numbers say. */
		for (const char *type = r->type == 'a' ? "bc" : (const char[]){ r->type, '\0' }; *type; type++) {
			struct device_rule one = *r;

			one.type = *type;
			if (one.allow != *ret_allow)
				add_exception(exceptions, &one);
			else if (!drop_exceptions(exceptions, &one, error))
				return false;
		}
	}
	return true;
}

GArray *device_rules_for_v1(const GArray *rules, GError **error)
{
	g_autoptr(GArray) exceptions = g_array_new(FALSE, FALSE, sizeof(struct device_rule));
	GArray *lines;
	struct device_line line;
	bool allow = false;

	if (!settle(rules, &allow, exceptions, error))
		return NULL;
	lines = g_array_new(FALSE, FALSE, sizeof(struct device_line));
	line = (struct device_line){ .file = allow ? "devices.allow" : "devices.deny", .text = "a" };
	g_array_append_val(lines, line);
	for (guint i = 0; i < exceptions->len; i++) {
		line.file = allow ? "devices.deny" : "devices.allow";
		format_rule(&g_array_index(exceptions, struct device_rule, i), line.text, sizeof line.text);
		g_array_append_val(lines, line);
	}
	return lines;
}

/* --- systemd: what is allowed --- */

/* The name of a major number: "Character devices:", lines of "  1 mem", "Block devices:" ... NULL if it has none. */
static char *group_name(const char *groups, bool block, int64_t major)
{
	g_auto(GStrv) lines = g_strsplit(groups, "\n", -1);
	bool here = false;

	for (char **line = lines; *line; line++) {
		char *name;

		if (g_str_has_suffix(*line, "devices:"))
			here = g_str_has_prefix(*line, "Block") == block;
		else if (here && g_ascii_strtoll(*line, &name, 10) == major && *name == ' ' && !strpbrk(name, "'\\"))
			return g_strdup(name + 1);
	}
	return NULL;
}

static void add_allowed(GString *list, const struct device_rule *r, bool block, const char *groups)
{
	const char *kind = block ? "block" : "char";
	g_autofree char *group = NULL;
	char access[4];

	format_access(r->access, access);
	if (r->major == DEVICE_ANY) {
		g_string_append_printf(list, "%s('%s-*', '%s')", list->len > 1 ? ", " : "", kind, access);
	} else if (r->minor != DEVICE_ANY) {
		g_string_append_printf(list, "%s('/dev/%s/%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT "', '%s')",
			list->len > 1 ? ", " : "", kind, r->major, r->minor, access);
	} else {
		group = group_name(groups, block, r->major);
		if (group)
			g_string_append_printf(list, "%s('%s-%s', '%s')", list->len > 1 ? ", " : "", kind, group, access);
	}
}

char *device_rules_for_systemd(const GArray *rules, const char *groups)
{
	const struct device_rule *r = (const struct device_rule *)(const void *)rules->data;
	g_autoptr(GString) list = g_string_new("[");

	if (rules->len == 0 || (embraces_all(r) && r->allow))
		return NULL;
	for (guint i = 0; i < rules->len; i++) {
		if (r[i].allow && r[i].type != 'b')
			add_allowed(list, &r[i], false, groups);
		if (r[i].allow && r[i].type != 'c')
			add_allowed(list, &r[i], true, groups);
	}
	g_string_append_c(list, ']');
	return g_string_free(g_steal_pointer(&list), FALSE);
}

/* --- the program ---
 * r1 is struct bpf_cgroup_dev_ctx. r2: type, r3: access that no rule has decided yet, r4: major, r5: minor. From the
 * last rule to the first, each takes from r3 what it allows and returns 1 when nothing is left, or returns 0 when it
 * denies something of the rest. */

static void emit(GArray *program, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn insn = { .code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm };

	g_array_append_val(program, insn);
}

static void emit_return(GArray *program, int verdict)
{
	emit(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict);
	emit(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_load(GArray *program, uint8_t reg, size_t offset)
{
	emit(program, BPF_LDX | BPF_W | BPF_MEM, reg, BPF_REG_1, (int16_t)offset, 0);
}

/* Jumps over the rule unless reg is value; the target is filled in by end_rule. */
static void emit_unless(GArray *program, uint8_t reg, uint32_t value)
{
	emit(program, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, -1, (int32_t)value);
}

/* Sends the open jumps since start to the next instruction. */
static void end_rule(GArray *program, guint start)
{
	for (guint i = start; i < program->len; i++) {
		struct bpf_insn *insn = &g_array_index(program, struct bpf_insn, i);

		if (BPF_CLASS(insn->code) == BPF_JMP32 && insn->off == -1)
			insn->off = (int16_t)(program->len - i - 1);
	}
}

static void emit_rule(GArray *program, const struct device_rule *r)
{
	guint start = program->len;

	if (r->type != 'a')
		emit_unless(program, BPF_REG_2, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r->major != DEVICE_ANY)
		emit_unless(program, BPF_REG_4, (uint32_t)r->major);
	if (r->minor != DEVICE_ANY)
		emit_unless(program, BPF_REG_5, (uint32_t)r->minor);
	if (r->access == ACCESS_ALL) {
		emit_return(program, r->allow);
	} else if (r->allow) {
		emit(program, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, (int32_t)(ACCESS_ALL & ~r->access));
		emit_unless(program, BPF_REG_3, 0);
		emit_return(program, 1);
	} else {
		emit(program, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_0, BPF_REG_3, 0, 0);
		emit(program, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, (int32_t)r->access);
		emit(program, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_0, 0, -1, 0);
		emit_return(program, 0);
	}
	end_rule(program, start);
}

GArray *device_rules_program(const GArray *rules)
{
	GArray *program = g_array_new(FALSE, FALSE, sizeof(struct bpf_insn));

	emit_load(program, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(program, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(program, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(program, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit_load(program, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(program, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (guint i = rules->len; i-- > 0;) {
		const struct device_rule *r = &g_array_index(rules, struct device_rule, i);

		emit_rule(program, r);
		if (embraces_all(r))
			return program; /* nothing gets past it: the verifier refuses unreachable code */
	}
	emit_return(program, 0);
	return program;
}
