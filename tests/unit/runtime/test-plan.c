/* The order of the steps against its reasons, and what plans are made of mounts, capabilities and environments. Plans of
 * whole containers open mounts, which only root may: those cases are skipped for others. */
#include <fcntl.h>
#include <glib.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/idmap.h"
#include "runtime/mount_options.h"
#include "runtime/plan.h"
#include "runtime/procvalues.h"
#include "runtime/selinux.h"

static const char head[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"/tmp\",\"readonly\":true},\"hostname\":\"h\","
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"ro\",\"mode=755\"]},"
	"{\"destination\":\"/queue\",\"type\":\"mqueue\",\"source\":\"mqueue\"},"
	"{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/tmp\",\"options\":[\"rbind\",\"rprivate\"]}],";

/* A container with what the plan needs of it, from a process object and the rest of the document. */
struct made {
	Spec *spec;
	Container *container;
	struct self self;
	struct seccomp_filter filter;
	Plan *plan;
};

static void made_clear(struct made *m)
{
	plan_free(m->plan);
	seccomp_filter_clear(&m->filter);
	g_clear_pointer(&m->container->bundle, g_free);
	g_free(m->container->rootfs);
	g_free(m->container->id);
	g_free(m->container);
	spec_free(m->spec);
}

static void make(struct made *m, const char *process, const char *rest, bool wait_for_start, bool filter)
{
	g_autofree char *text =
		g_strdup_printf("%s\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]%s},%s}", head, process, rest);
	g_autoptr(GError) error = NULL;
	struct plan_request request = { .console_fd = -1, .terminal_fd = -1, .go_fd = -1, .start_fd = -1 };

	*m = (struct made){ .spec = spec_parse(text, "config.json", &error) };
	g_assert_no_error(error);
	m->container = g_new0(Container, 1);
	m->container->id = g_strdup("c");
	m->container->bundle = g_strdup("/tmp");
	m->container->rootfs = g_strdup("/tmp");
	for (int t = 0; t < N_NS_TYPES; t++)
		m->container->own[t] = m->spec->linux_.namespaces[t].wanted;
	g_assert_true(self_read(&m->self, &error));
	if (filter)
		m->filter.program = g_bytes_new("\0\0\0\0\0\0\0\0", 8);
	request.spec = m->spec;
	request.process = m->spec->process;
	request.container = m->container;
	request.self = &m->self;
	request.filter = &m->filter;
	if (wait_for_start)
		request.go_fd = request.start_fd = 0;
	m->plan = plan_container(&request, &error);
	g_assert_no_error(error);
}

static bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	g_test_skip("only root may open mounts");
	return false;
}

static int first(const Plan *plan, enum child_step step)
{
	for (guint i = 0; i < plan->ops->len; i++)
		if (g_array_index(plan->ops, struct child_op, i).step == step)
			return (int)i;
	return -1;
}

static int last(const Plan *plan, enum child_step step)
{
	for (guint i = plan->ops->len; i-- > 0;)
		if (g_array_index(plan->ops, struct child_op, i).step == step)
			return (int)i;
	return -1;
}

static void assert_order(const Plan *plan)
{
	for (size_t i = 0; i < n_order_rules; i++) {
		int before = last(plan, order_rules[i].before), after = first(plan, order_rules[i].after);

		if (before >= 0 && after >= 0 && before > after)
			g_error("step %d comes after %d, but: %s", order_rules[i].before, order_rules[i].after,
				order_rules[i].reason);
	}
}

static void test_sequence(void)
{
	for (int step = STEP_NONE + 1; step < N_CHILD_STEPS; step++)
		g_assert_cmpint(order_position((enum child_step)step), >=, 0);
	for (size_t i = 0; i < n_order_rules; i++)
		if (order_position(order_rules[i].before) >= order_position(order_rules[i].after))
			g_error("%d before %d: %s", order_rules[i].before, order_rules[i].after, order_rules[i].reason);
}

static void test_whole_plans(void)
{
	static const char all_ns[] =
		"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
		"{\"type\":\"ipc\"},{\"type\":\"network\"},{\"type\":\"cgroup\"}]";
	static const char user_ns[] =
		"\"linux\":{\"namespaces\":[{\"type\":\"user\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
		"{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]";
	static const char more[] =
		",\"maskedPaths\":[\"/proc/kcore\",\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],"
		"\"rootfsPropagation\":\"shared\",\"personality\":{\"domain\":\"LINUX\"}}";
	static const char hooks[] =
		",\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],\"createContainer\":[{\"path\":\"/b\"}],"
		"\"startContainer\":[{\"path\":\"/c\"}]}";
	static const char rich[] = ",\"noNewPrivileges\":true,\"user\":{\"uid\":5,\"gid\":6},\"scheduler\":{\"policy\":"
				   "\"SCHED_BATCH\"},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\"}";
	const char *const namespaces[] = { all_ns, user_ns };
	const char *const processes[] = { "", rich };

	if (!is_root())
		return;
	for (size_t n = 0; n < G_N_ELEMENTS(namespaces); n++)
		for (size_t p = 0; p < G_N_ELEMENTS(processes); p++)
			for (int bits = 0; bits < 8; bits++) {
				g_autofree char *rest =
					g_strconcat(namespaces[n], bits & 1 ? more : "}", bits & 1 ? hooks : "", NULL);
				struct made m;

				make(&m, processes[p], rest, bits & 2, bits & 4);
				assert_order(m.plan);
				g_assert_cmpint(last(m.plan, STEP_EXEC), ==, (int)m.plan->ops->len - 1);
				g_assert_cmpint(first(m.plan, STEP_CREATED) >= 0, ==, (bits & 2) != 0);
				g_assert_cmpint(first(m.plan, STEP_SECCOMP) >= 0, ==, (bits & 4) != 0);
				g_assert_true(m.plan->in_between == (n == 1));
				for (guint i = 0; i < m.plan->fds->len; i++)
					g_assert_true(fcntl(g_array_index(m.plan->fds, int, i), F_GETFD) & FD_CLOEXEC);
				made_clear(&m);
			}
}

static void test_mask_once(void)
{
	struct made m;

	if (!is_root())
		return;
	make(&m, "",
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}],"
		"\"maskedPaths\":[\"/a\",\"/b\",\"/a\"]}",
		false, false);
	g_assert_cmpint(last(m.plan, STEP_MASKED_PATH) - first(m.plan, STEP_MASKED_PATH), ==, 1);
	made_clear(&m);
}

static const struct op_mount *mount_at(const struct made *m, const char *target)
{
	for (guint i = 0; i < m->plan->ops->len; i++) {
		const struct child_op *op = &g_array_index(m->plan->ops, struct child_op, i);

		if (op->step == STEP_MOUNT && strcmp(op->mount.target, target) == 0)
			return &op->mount;
	}
	g_error("no mount on %s", target);
}

/* What SELinux gets, and where: the host that builds the plan need not have it. */
static void test_labels(void)
{
	static const char rest[] = "\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}],"
				   "\"maskedPaths\":[\"/a\"],\"mountLabel\":\"u:r:t:s0:c1,c2\"}";
	const struct child_op *op;
	struct made m;

	if (!is_root())
		return;
	make(&m, ",\"selinuxLabel\":\"u:r:p:s0\"", rest, false, false);
	op = &g_array_index(m.plan->ops, struct child_op, first(m.plan, STEP_SELINUX));
	g_assert_cmpstr(op->path.path, ==, "u:r:p:s0");
	op = &g_array_index(m.plan->ops, struct child_op, first(m.plan, STEP_KEYRING));
	g_assert_cmpstr(op->keyring.label, ==, "u:r:p:s0");
	op = &g_array_index(m.plan->ops, struct child_op, first(m.plan, STEP_MASKED_PATH));
	g_assert_true(g_str_has_suffix(op->mask.data, ",context=\"u:r:t:s0:c1,c2\""));
	g_assert_cmpstr(mount_at(&m, "/dev")->data, ==, "mode=755,context=\"u:r:t:s0:c1,c2\"");
	g_assert_null(mount_at(&m, "/proc")->data);
	g_assert_null(mount_at(&m, "/x")->data);
	g_assert_null(mount_at(&m, "/queue")->data);
	g_assert_cmpstr(mount_at(&m, "/queue")->label, ==, "u:r:t:s0:c1,c2");
	made_clear(&m);
	make(&m, "",
		"\"annotations\":{\"run.oci.mount_context_type\":\"rootcontext\"},"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}],\"mountLabel\":\"l\"}",
		false, false);
	g_assert_cmpint(first(m.plan, STEP_SELINUX), ==, -1);
	g_assert_cmpstr(mount_at(&m, "/dev")->data, ==, "mode=755,rootcontext=\"l\"");
	made_clear(&m);
}

static void test_label_options(void)
{
	static const struct {
		const char *data, *labelled;
	} rows[] = { { NULL, "context=\"l\"" }, { "", "context=\"l\"" }, { "size=1k", "size=1k,context=\"l\"" },
		{ "size=1k,fscontext=\"x\"", "size=1k,fscontext=\"x\"" }, { "context=y", "context=y" },
		{ "contextual", "contextual,context=\"l\"" } };
	const struct spec_map wrong = { &(struct spec_pair){ "run.oci.mount_context_type", "x" }, 1 };
	g_autoptr(GError) error = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = selinux_mount_data(rows[i].data, "context", "l");

		g_assert_cmpstr(text, ==, rows[i].labelled);
	}
	g_assert_cmpstr(selinux_context_kind(&(struct spec_map){ 0 }, NULL), ==, "context");
	g_assert_null(selinux_context_kind(&wrong, &error));
	g_assert_nonnull(strstr(error->message, "run.oci.mount_context_type"));
}

static void test_environment(void)
{
	struct made m;

	if (!is_root())
		return;
	make(&m, ",\"env\":[\"A=1\",\"B=2\",\"A=3\",\"AB=4\",\"HOME=\"]",
		"\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}", false, false);
	g_assert_cmpstr(m.plan->child.env[0], ==, "B=2");
	g_assert_cmpstr(m.plan->child.env[1], ==, "A=3");
	g_assert_cmpstr(m.plan->child.env[2], ==, "AB=4");
	g_assert_null(m.plan->child.env[3]);
	g_assert_true(
		g_array_index(m.plan->ops, struct child_op, first(m.plan, STEP_ENVIRONMENT)).environment.home_slot ==
		&m.plan->child.env[3]);
	made_clear(&m);
}

static const struct op_credentials *credentials(const struct made *m)
{
	return &g_array_index(m->plan->ops, struct child_op, first(m->plan, STEP_CREDENTIALS)).credentials;
}

static void test_capabilities(void)
{
	static const char process[] = ",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"effective\":["
				      "\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\",\"CAP_FOO\"]}";
	struct made m;

	if (!is_root())
		return;
	make(&m, process, "\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}", false, true);
	g_assert_cmphex(credentials(&m)->effective, ==, 1u << CAP_CHOWN);
	g_assert_cmphex(credentials(&m)->permitted, ==, 1u << CAP_CHOWN);
	g_assert_cmphex(credentials(&m)->inheritable, ==, 0);
	g_assert_cmphex(credentials(&m)->bounding_drop & (1u << CAP_CHOWN | 1u << CAP_KILL), ==, 0);
	/* A filter without no_new_privs is loaded as CAP_SYS_ADMIN, which goes right after it. */
	g_assert_true(credentials(&m)->keep_sys_admin);
	g_assert_cmpint(first(m.plan, STEP_DROP_LAST), ==, first(m.plan, STEP_SECCOMP) + 1);
	made_clear(&m);
	make(&m, ",\"noNewPrivileges\":true", "\"linux\":{\"namespaces\":[{\"type\":\"uts\"}]}", false, true);
	g_assert_false(credentials(&m)->keep_sys_admin);
	g_assert_cmphex(credentials(&m)->permitted, ==, 0);
	g_assert_cmpuint(credentials(&m)->umask, ==, 022);
	made_clear(&m);
}

static void test_mount_options(void)
{
	static const char *const list[] = { "ro", "nosuid", "rw", "noatime", "relatime", "rslave", "shared", "rro",
		"rnoatime", "mode=1777", "size=1k", "defaults", NULL };
	static const char *const of_symlinks[] = { "bind", "src-nofollow", "dest-nofollow", NULL };
	static const char *const copied[] = { "rbind", "copy-symlink", NULL };
	struct mount_options o;
	g_autoptr(GError) error = NULL;

	mount_options_parse(list, &o);
	g_assert_cmphex(o.flags, ==, MS_NOSUID | MS_RELATIME);
	g_assert_cmphex(o.cleared & MS_RDONLY, ==, MS_RDONLY);
	g_assert_cmpstr(o.data->str, ==, "mode=1777,size=1k");
	g_assert_cmpuint(o.propagation->len, ==, 2);
	g_assert_cmphex(g_array_index(o.propagation, unsigned long, 0), ==, MS_SLAVE | MS_REC);
	g_assert_cmphex(o.rec_set, ==, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	g_assert_cmphex(o.rec_clear, ==, MOUNT_ATTR__ATIME);
	g_assert_false(o.bind || o.src_nofollow || o.dest_nofollow || o.copy_symlink);
	mount_options_clear(&o);
	mount_options_parse(of_symlinks, &o);
	g_assert_true(o.bind && o.src_nofollow && o.dest_nofollow && !o.copy_symlink && !o.data);
	mount_options_clear(&o);
	mount_options_parse(copied, &o);
	g_assert_true(o.copy_symlink && !o.src_nofollow && !o.dest_nofollow && !o.data);
	mount_options_clear(&o);
}

static void test_id_map_options(void)
{
	static const struct {
		const char *option, *text;
		bool recursive;
	} cases[] = { { "idmap", NULL, false }, { "ridmap", NULL, true },
		{ "idmap=uids=0-1-2;gids=0-1-2", "uids=0-1-2;gids=0-1-2", false }, { "ridmap=x", "x", true } };

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const list[] = { cases[i].option, NULL };
		struct mount_options o;

		mount_options_parse(list, &o);
		g_assert_true(o.id_map);
		g_assert_true(o.id_map_recursive == cases[i].recursive);
		g_assert_cmpstr(o.id_map_text, ==, cases[i].text);
		g_assert_null(o.data);
		mount_options_clear(&o);
	}
}

static void test_id_map_texts(void)
{
	static const char *const wrong[] = { "", "uids=0-1-2", "uids=0-1-2;gids=", "uids=0-1;gids=0-1-2",
		"gids=0-1-2;gids=0-1-2", "uids=0-1-2;gids=0-1-2;uids=0-1-2", "uids=0-1-4294967296;gids=0-1-2",
		"uids=@0-1-2;gids=0-1-2", "uids=0-1--2;gids=0-1-2" };
	struct idmap map;

	g_assert_true(idmap_parse_option("uids=0-1000-1#1-5000-10;gids=7-8-9", &map));
	g_assert_cmpuint(map.n_uids, ==, 2);
	g_assert_cmpuint(map.uids[1].container_id, ==, 1);
	g_assert_cmpuint(map.uids[1].host_id, ==, 5000);
	g_assert_cmpuint(map.uids[1].size, ==, 10);
	g_assert_cmpuint(map.n_gids, ==, 1);
	g_assert_cmpuint(map.gids[0].host_id, ==, 8);
	g_assert_true(idmap_same("         1       5000         10\n         0       1000          1\n", map.uids, 2));
	g_assert_false(idmap_same("         0       1000          1\n", map.uids, 2));
	g_assert_false(idmap_same("0 1000 1\n1 5000 11\n", map.uids, 2));
	g_assert_false(idmap_same("", map.uids, 2));
	g_free((void *)map.uids);
	g_free((void *)map.gids);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		g_assert_false(idmap_parse_option(wrong[i], &map));
}

static void test_mount_option_table(void)
{
	g_autofree const char **names = mount_options_names();

	for (size_t i = 1; names[i]; i++)
		g_assert_cmpstr(names[i - 1], <, names[i]);
	g_assert_true(g_strv_contains(names, "rro"));
	g_assert_true(g_strv_contains(names, "idmap"));
}

static void test_cpu_lists(void)
{
	gulong mask[2];
	static const char *const bad[] = { "", "a", "1-", "-1", "3-1", "1,,2", "1,", "128", " 1",
		"99999999999999999999" };

	g_assert_true(procvalues_cpu_list("0-3,7,64", mask, 2));
	g_assert_cmphex(mask[0], ==, 0x8f);
	g_assert_cmphex(mask[1], ==, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		if (procvalues_cpu_list(bad[i], mask, 2))
			g_error("\"%s\" was taken for a list", bad[i]);
}

static void test_sysctl_keys(void)
{
	static const char *const rows[][2] = { { "net.ipv4.ip_forward", "net.ipv4.ip_forward" },
		{ "net/ipv4/ip_forward", "net.ipv4.ip_forward" },
		{ "net/ipv4/conf/eth0.1/forwarding", "net.ipv4.conf.eth0/1.forwarding" },
		{ "net.ipv4.conf.eth0/1.forwarding", "net.ipv4.conf.eth0/1.forwarding" } };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *key = procvalues_sysctl_key(rows[i][0]);

		g_assert_cmpstr(key, ==, rows[i][1]);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/order/keeps-every-rule", test_sequence);
	g_test_add_func("/runtime/plan/has-its-steps-in-order", test_whole_plans);
	g_test_add_func("/runtime/plan/masks-a-path-once", test_mask_once);
	g_test_add_func("/runtime/plan/labels-process-keys-and-new-mounts", test_labels);
	g_test_add_func("/runtime/selinux/adds-one-label-to-the-options", test_label_options);
	g_test_add_func("/runtime/plan/keeps-the-last-of-equal-variables", test_environment);
	g_test_add_func("/runtime/plan/gives-no-capability-that-was-not-asked-for", test_capabilities);
	g_test_add_func("/runtime/mount-options/sorts-flags-data-and-propagation", test_mount_options);
	g_test_add_func("/runtime/plan/options-that-map-ids", test_id_map_options);
	g_test_add_func("/runtime/plan/maps-in-options-and-of-namespaces", test_id_map_texts);
	g_test_add_func("/runtime/mount-options/are-sorted-by-name", test_mount_option_table);
	g_test_add_func("/runtime/procvalues/reads-lists-of-cpus", test_cpu_lists);
	g_test_add_func("/runtime/procvalues/reads-sysctl-names-with-both-separators", test_sysctl_keys);
	return g_test_run();
}
