/* config.json: what is read, what is refused, and where an error says it is. */
#include <glib.h>
#include <string.h>

#include "runtime/spec.h"
#include "runtime/spec_table.h"

/* The least that is valid. */
#define ROOT    "\"root\":{\"path\":\"rootfs\"}"
#define PROCESS "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}"
#define HEAD    "{\"ociVersion\":\"1.0.2\"," ROOT

static struct spec *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	struct spec *spec = spec_parse(text, "config.json", &error);

	g_assert_no_error(error);
	g_assert_nonnull(spec);
	return spec;
}

static void test_minimal(void)
{
	g_autoptr(Spec) spec = parse(HEAD "," PROCESS "}");

	g_assert_cmpstr(spec->root_path, ==, "rootfs");
	g_assert_cmpstr(spec->process->args[0], ==, "sh");
	g_assert_null(spec->process->args[1]);
	g_assert_null(spec->linux_.resources);
	g_assert_false(spec->linux_.namespaces[NS_PID].wanted);
}

static void test_exact_numbers(void)
{
	g_autoptr(Spec) spec =
		parse(HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"x\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\","
			   "\"soft\":9007199254740993,\"hard\":18446744073709551615}]},"
			   "\"linux\":{\"resources\":{\"memory\":{\"limit\":-1,\"swap\":9223372036854775807}}}}");

	g_assert_cmpuint(spec->process->rlimits[0].soft, ==, 9007199254740993u);
	g_assert_cmpuint(spec->process->rlimits[0].hard, ==, G_MAXUINT64);
	g_assert_cmpint(spec->linux_.resources->memory->limit.value, ==, -1);
	g_assert_cmpint(spec->linux_.resources->memory->swap.value, ==, G_MAXINT64);
	g_assert_false(spec->linux_.resources->memory->reservation.set);
}

static void test_what_engines_send(void)
{
	g_autoptr(Spec) spec =
		parse(HEAD "," PROCESS ",\"unknown\":{\"x\":[1]},\"annotations\":{\"a\":\"b\",\"c\":\"d\"},"
			   "\"hostname\":\"\",\"linux\":{\"mountLabel\":\"\",\"seccomp\":{},\"intelRdt\":{},"
			   "\"maskedPaths\":null,\"resources\":null,\"bar\":2}}");

	g_assert_null(spec->hostname);
	g_assert_null(spec->linux_.seccomp);
	g_assert_null(spec->linux_.mount_label);
	g_assert_cmpstr(spec_map_get(&spec->annotations, "c"), ==, "d");
}

static void test_last_duplicate_wins(void)
{
	g_autoptr(Spec) spec = parse("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"a\",\"path\":\"b\"}}");

	g_assert_cmpstr(spec->root_path, ==, "b");
	g_assert_null(spec->process);
}

static void test_namespaces(void)
{
	g_autoptr(Spec) spec = parse(HEAD ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\","
					  "\"path\":\"/run/netns/x\"},{\"type\":\"ipc\",\"path\":\"\"}]}}");

	g_assert_true(spec->linux_.namespaces[NS_PID].wanted);
	g_assert_null(spec->linux_.namespaces[NS_PID].path);
	g_assert_cmpstr(spec->linux_.namespaces[NS_NETWORK].path, ==, "/run/netns/x");
	g_assert_null(spec->linux_.namespaces[NS_IPC].path);
	g_assert_false(spec->linux_.namespaces[NS_MOUNT].wanted);
}

static void test_hooks(void)
{
	g_autoptr(Spec) spec =
		parse(HEAD ",\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],\"poststop\":[{\"path\":\"/b\","
			   "\"args\":[\"b\",\"c\"],\"env\":[\"K=V\"],\"timeout\":5},{\"path\":\"/c\"}]}}");

	g_assert_cmpuint(spec->hooks[HOOK_PRESTART].n_hooks, ==, 1);
	g_assert_cmpuint(spec->hooks[HOOK_POSTSTART].n_hooks, ==, 0);
	g_assert_cmpuint(spec->hooks[HOOK_POSTSTOP].n_hooks, ==, 2);
	g_assert_cmpstr(spec->hooks[HOOK_POSTSTOP].hooks[0].args[1], ==, "c");
	g_assert_cmpint(spec->hooks[HOOK_POSTSTOP].hooks[0].timeout.value, ==, 5);
	g_assert_false(spec->hooks[HOOK_POSTSTOP].hooks[1].timeout.set);
}

/* A member of the document, and what the error must contain. */
static void test_refused(void)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "config.json: invalid JSON" },
		{ "{", "config.json: invalid JSON" },
		{ "[]", "expected an object, found an array" },
		{ "{}", "ociVersion is required" },
		{ "{\"ociVersion\":\"1.0\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":\"2.0.0\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":\"1.0.0x\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":\" 1.0.0\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":\"1.-1.0\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":\"1.0.\"," ROOT "}", "ociVersion" },
		{ "{\"ociVersion\":1," ROOT "}", "ociVersion: expected a string, found a number" },
		{ "{\"ociVersion\":\"1.0.2\"}", "root must be specified" },
		{ "{\"ociVersion\":\"1.0.2\",\"root\":{}}", "root.path is required" },
		{ "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"\"}}", "root must be specified" },
		{ "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"x\",\"readonly\":1}}",
			"root.readonly: expected a boolean, found a number" },
		{ HEAD ",\"process\":{\"args\":[\"x\"]}}", "Cwd property must not be empty" },
		{ HEAD ",\"process\":{\"cwd\":\"\",\"args\":[\"x\"]}}", "Cwd property must not be empty" },
		{ HEAD ",\"process\":{\"cwd\":\"x\",\"args\":[\"x\"]}}", "Cwd must be an absolute path" },
		{ HEAD ",\"process\":{\"cwd\":\"/\"}}", "args must not be empty" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[]}}", "args must not be empty" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\",1]}}",
			"process.args[1]: expected a string, found a number" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":-1}}}", "process.user.uid: -1" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"uid\":1.5}}}",
			"process.user.uid: 1.5" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"gid\":4294967295}}}",
			"process.user.gid: 4294967295" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{\"additionalGids\":[1,-2]}}}",
			"process.user.additionalGids[1]: -2" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[\"A=b\",\"C\"]}}",
			"missing '=' (process.env[1])" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,"
		       "\"hard\":1}]}}",
			"wrong rlimit value: RLIMIT_X (process.rlimits[0].type)" },
		{ HEAD ",\"process\":{\"cwd\":\"/"
		       "\",\"args\":[\"a\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":1}]}}",
			"process.rlimits[0].hard is required" },
		{ HEAD ",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"scheduler\":{\"policy\":\"SCHED_OTHER\","
		       "\"nice\":30}}}",
			"invalid scheduler.nice: 30 when scheduler.policy is SCHED_OTHER" },
		{ HEAD ",\"mounts\":[{\"source\":\"x\"}]}", "mounts[0].destination is required" },
		{ HEAD ",\"mounts\":[{\"destination\":\"/x\",\"options\":\"ro\"}]}",
			"mounts[0].options: expected an array, found a string" },
		{ HEAD ",\"mounts\":[{\"destination\":\"/"
		       "x\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]}",
			"id-mapped mounts must have both uid and gid mappings specified (mounts[0].gidMappings)" },
		{ HEAD ",\"hooks\":{\"prestart\":[{}]}}", "hooks.prestart[0].path is required" },
		{ HEAD ",\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":0}]}}", "hooks.prestart[0].timeout: 0" },
		{ HEAD ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]}}", "linux.namespaces[1]" },
		{ HEAD ",\"linux\":{\"namespaces\":[{\"type\":\"foo\"}]}}", "does not exist (linux.namespaces[0])" },
		{ HEAD ",\"linux\":{\"namespaces\":[{}]}}", "linux.namespaces[0].type is required" },
		{ HEAD ",\"mounts\":[{\"destination\":\"/x\",\"options\":[\"gid=5\"]}],"
		       "\"linux\":{\"namespaces\":[{\"type\":\"user\"}]}}",
			"no uid mappings found (linux.uidMappings)" },
		{ HEAD ",\"linux\":{\"intelRdt\":{\"closID\":\"x/y\"}}}", "invalid intelRdt.ClosID \"x/y\"" },
		{ HEAD ",\"linux\":{\"intelRdt\":{\"closID\":\"..\"}}}", "invalid intelRdt.ClosID \"..\"" },
		{ HEAD ",\"linux\":{\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}}}", "linux.intelRdt.memBwSchema" },
		{ HEAD ",\"linux\":{\"intelRdt\":{\"schemata\":[\"MB:0=1\",\"L3:0=1\\n\"]}}}",
			"linux.intelRdt.schemata[1]: there is a newline" },
		{ HEAD ",\"linux\":{\"intelRdt\":{\"enableCMT\":true}}}", "linux.intelRdt.enableCMT is not supported" },
		{ HEAD ",\"linux\":{\"netDevices\":{\"eth0\":{}}}}", "without a NET namespace" },
		{ HEAD ",\"linux\":{\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"eth0\":{\"name\":\"a/"
		       "b\"}}}}",
			"invalid network device name \"a/b\" (linux.netDevices.eth0.name)" },
		{ HEAD ",\"linux\":{\"resources\":{\"rdma\":{\"x\":1}}}}",
			"linux.resources.rdma.x: expected an object" },
		{ HEAD ",\"linux\":{\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}}}",
			"linux.personality.flags is not supported" },
		{ HEAD ",\"linux\":{\"resources\":{\"devices\":[{}]}}}",
			"linux.resources.devices[0].allow is required" },
		{ HEAD ",\"linux\":{\"resources\":{\"pids\":{}}}}", "linux.resources.pids.limit is required" },
		{ HEAD ",\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}]}}",
			"linux.devices[0].minor is required" },
		{ HEAD ",\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"z\"}]}}",
			"invalid device type \"z\" (linux.devices[0].type)" },
		{ HEAD ",\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"x\"]}"
		       "]}}}",
			"linux.seccomp.syscalls[0].action is required" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"vm.x\":\"1\"}}}", "is not in a separate kernel namespace" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net/../kernel/x\":\"1\"}}}", "is not a name" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net.//.kernel.x\":\"1\"}}}", "is not a name" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net./.x\":\"1\"}}}", "is not a name" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net..x\":\"1\"}}}", "is not a name" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net.x.\":\"1\"}}}", "is not a name" },
		{ HEAD ",\"linux\":{\"sysctl\":{\"net.ipv4.x\":1}}}", "linux.sysctl.net.ipv4.x: expected a string" },
		{ HEAD ",\"linux\":{\"mountLabel\":\"x\\\"y\"}}", "linux.mountLabel: a quotation mark is in it" },
		{ HEAD ",\"hostname\":\"x\"}", "unable to set hostname without a private UTS namespace" },
		{ HEAD ",\"annotations\":{\"\":\"x\"}}", "annotations: a key is empty" },
		{ HEAD ",\"hostname\":\"a\\u0000b\"}", "NUL" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		struct spec *spec = spec_parse(rows[i].text, "config.json", &error);

		if (spec || !strstr(error->message, rows[i].error))
			g_error("%s\n  gave: %s\n  instead of: %s", rows[i].text, spec ? "no error" : error->message,
				rows[i].error);
		g_assert_null(strchr(error->message, '\n'));
	}
}

/* An escaped backslash before u0000 is no NUL. */
static void test_no_nul(void)
{
	g_autoptr(Spec) spec = parse(HEAD ",\"annotations\":{\"a\":\"\\\\u0000\"}}");

	g_assert_cmpstr(spec_map_get(&spec->annotations, "a"), ==, "\\u0000");
}

/* Every way to cut a document short is an error, never a crash. */
static void test_cut_short(void)
{
	static const char whole[] =
		HEAD "," PROCESS ",\"linux\":{\"namespaces\":[{\"type\":\"pid\"}],\"maskedPaths\":[\"/x\"]}}";

	for (size_t n = 0; n < sizeof whole - 1; n++) {
		g_autofree char *text = g_strndup(whole, n);
		g_autoptr(GError) error = NULL;

		g_assert_null(spec_parse(text, "config.json", &error));
		g_assert_nonnull(error);
	}
}

/* Every field of the specification is read, or refused by name, or meant to be ignored; a new one has to be decided. */
static const char *const all_fields[] = {
#include "spec-fields.inc"
};

static const char *const refused_fields[] = { "linux.personality.flags", NULL };

/* Other platforms', and what is read by hand. */
static const char *const ignored_fields[] = { "freebsd", "solaris", "vm", "windows", "zos", "process.commandLine",
	"process.user.username", "linux.namespaces[].type", "linux.namespaces[].path", NULL };

static const struct field *find_field(const struct object_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_fields; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

static const struct field *find_path(const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	const struct object_table *table = &spec_table_top;
	const struct field *f = NULL;

	for (char **part = parts; *part; part++) {
		if (strcmp(*part, "*") == 0) {
			g_assert_true(f && f->type == FIELD_KEYED);
			continue;
		}
		(*part)[strcspn(*part, "[")] = '\0';
		f = table ? find_field(table, *part) : NULL;
		if (!f || f->type == FIELD_REFUSED)
			return f;
		table = f->table;
	}
	return f;
}

static void test_fields(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(all_fields); i++) {
		const struct field *f;

		if (g_strv_contains(ignored_fields, all_fields[i])) {
			continue;
		}
		f = find_path(all_fields[i]);
		if (!f)
			g_error("%s is neither read nor refused nor meant to be ignored", all_fields[i]);
		if (f->type == FIELD_REFUSED) {
			bool known = false;

			for (const char *const *r = refused_fields; *r; r++)
				known |= g_str_has_prefix(all_fields[i], *r);
			if (!known)
				g_error("%s is refused", all_fields[i]);
		}
	}
	for (const char *const *r = refused_fields; *r; r++)
		g_assert_cmpint(find_path(*r)->type, ==, FIELD_REFUSED);
}

/* What is read beyond the specification, with all below it: of its versions 1.1 and 1.2, refused by name; of
 * run_oci. */
static const char *const more_fields[] = { "linux.intelRdt.enableCMT", "linux.intelRdt.enableMBM",
	"mounts[].performInIntermediateNamespace", "hooks.prechroot", "process.umask", "linux.devices[].dynamicMajor",
	"linux.devices[].dynamicMinor", "linux.altSyscall", "linux.skipSecurebits", "linux.coreSched",
	"linux.seccomp.syscalls[].name", "linux.seccomp.syscalls[].args[].value2", NULL };

static bool is_more(const char *name)
{
	for (const char *const *m = more_fields; *m; m++)
		if (g_str_has_prefix(name, *m))
			return true;
	return false;
}

/* The other way round: nothing else is read that the specification does not know. */
static void check_known(const struct object_table *table, const char *path)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct field *f = &table->fields[i];
		g_autofree char *name = *path ? g_strdup_printf("%s.%s", path, f->name) : g_strdup(f->name);
		g_autofree char *inner = g_strdup_printf("%s%s", name,
			f->type == FIELD_KEYED                            ? ".*"
			: f->type == FIELD_ARRAY || f->type == FIELD_LIST ? "[]"
									  : "");
		bool known = !*f->name || is_more(name);

		for (size_t j = 0; j < G_N_ELEMENTS(all_fields) && !known; j++)
			known = strcmp(all_fields[j], name) == 0 || g_str_has_prefix(all_fields[j], inner);
		if (!known)
			g_error("%s is not in the specification", name);
		if (f->table)
			check_known(f->table, inner);
	}
}

static void test_known(void)
{
	check_known(&spec_table_top, "");
}

static void test_rdma(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Spec) spec =
		spec_parse("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":"
			   "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3},\"mlx4_0\":{\"hcaObjects\":1000}}}}}",
			"x", &error);

	g_assert_no_error(error);
	g_assert_cmpuint(spec->linux_.resources->n_rdma, ==, 2);
	g_assert_cmpstr(spec->linux_.resources->rdma[0].device, ==, "mlx5_1");
	g_assert_true(spec->linux_.resources->rdma[0].handles.set);
	g_assert_false(spec->linux_.resources->rdma[0].objects.set);
	g_assert_cmpuint(spec->linux_.resources->rdma[1].objects.value, ==, 1000);
	g_assert_null(spec_parse("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":"
				 "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":-3}}}}}",
		"x", &error));
	g_assert_nonnull(strstr(error->message, "linux.resources.rdma.mlx5_1.hcaHandles"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/spec/reads-the-least-that-is-valid", test_minimal);
	g_test_add_func("/runtime/spec/keeps-64-bit-numbers-exact", test_exact_numbers);
	g_test_add_func("/runtime/spec/accepts-what-says-nothing", test_what_engines_send);
	g_test_add_func("/runtime/spec/takes-the-last-of-duplicate-keys", test_last_duplicate_wins);
	g_test_add_func("/runtime/spec/tells-made-from-joined-namespaces", test_namespaces);
	g_test_add_func("/runtime/spec/reads-hooks-of-all-kinds", test_hooks);
	g_test_add_func("/runtime/spec/refuses-with-the-path", test_refused);
	g_test_add_func("/runtime/spec/knows-an-escaped-backslash-from-a-nul", test_no_nul);
	g_test_add_func("/runtime/spec/survives-being-cut-short", test_cut_short);
	g_test_add_func("/runtime/spec/every-field-of-the-specification-is-decided", test_fields);
	g_test_add_func("/runtime/spec/only-fields-of-the-specification-are-read", test_known);
	g_test_add_func("/runtime/spec/rdma-limits-by-device", test_rdma);
	return g_test_run();
}
