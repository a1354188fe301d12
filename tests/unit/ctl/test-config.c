/* src/ctl/config.c */
#include <glib.h>
#include <string.h>

#include "ctl/config.h"

static const char *const whole =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":true,\"args\":[\"sh\",\"-l\"],\"cwd\":\"/"
	"w\",\"env\":[\"A=1\",\"HOME=/x\"],"
	"\"user\":{\"uid\":5,\"gid\":6},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":18446744073709551615,\"soft\":"
	"0}],"
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"]}},\"root\":{\"path\":\"rootfs\","
	"\"readonly\":true},"
	"\"mounts\":[{\"destination\":\"/d\",\"source\":\"data\",\"options\":[\"rbind\"]},{\"destination\":\"/"
	"p\",\"type\":\"proc\","
	"\"source\":\"proc\"},{\"destination\":\"/q\",\"type\":\"bind\",\"source\":\"/abs\"}],\"hostname\":\"h\"}";

static yajl_val changed(const char *const *args, bool terminal)
{
	g_autoptr(JsonValue) config = json_parse(whole, NULL);
	const struct config_changes changes = { .args = args, .terminal = terminal };
	g_autofree char *text = config_private_copy(config, "/bundle", &changes);

	return json_parse(text, NULL);
}

static const char *element(yajl_val array, size_t i)
{
	return YAJL_GET_STRING(array->u.array.values[i]);
}

static void test_only_what_must_change_changes(void)
{
	g_autoptr(JsonValue) v = changed(NULL, false);
	yajl_val process = json_get(v, "process"), limit = json_get(process, "rlimits")->u.array.values[0];
	uint64_t hard;

	g_assert_cmpstr(element(json_get(process, "args"), 1), ==, "-l");
	g_assert_true(YAJL_IS_FALSE(json_get(process, "terminal")));
	g_assert_cmpstr(json_get_string(json_get(v, "root"), "path"), ==, "/bundle/rootfs");
	g_assert_true(YAJL_IS_TRUE(json_get(json_get(v, "root"), "readonly")));
	g_assert_cmpstr(json_get_string(v, "hostname"), ==, "h");
	g_assert_true(json_uint64(json_get(limit, "hard"), &hard));
	g_assert_cmpuint(hard, ==, UINT64_MAX);
	g_assert_cmpuint(json_get(process, "env")->u.array.len, ==, 2);
}

static void test_sources_of_bind_mounts_become_absolute(void)
{
	g_autoptr(JsonValue) v = changed(NULL, false);
	yajl_val *mounts = json_get(v, "mounts")->u.array.values;

	g_assert_cmpstr(json_get_string(mounts[0], "source"), ==, "/bundle/data");
	g_assert_cmpstr(json_get_string(mounts[1], "source"), ==, "proc");
	g_assert_cmpstr(json_get_string(mounts[2], "source"), ==, "/abs");
}

static void test_args_and_terminal_are_those_given(void)
{
	static const char *const args[] = { "echo", "x y", NULL };
	g_autoptr(JsonValue) v = changed(args, true);
	yajl_val process = json_get(v, "process");

	g_assert_cmpuint(json_get(process, "args")->u.array.len, ==, 2);
	g_assert_cmpstr(element(json_get(process, "args"), 1), ==, "x y");
	g_assert_true(YAJL_IS_TRUE(json_get(process, "terminal")));
	g_assert_cmpstr(element(json_get(process, "env"), 2), ==, "TERM=xterm");
}

static yajl_val exec_process(struct exec_options o)
{
	static const char *const args[] = { "id", NULL };
	g_autoptr(JsonValue) config = json_parse(whole, NULL);
	g_autofree char *text = NULL;

	o.args = args;
	text = config_exec_process(config, &o);
	return json_parse(text, NULL);
}

static void test_a_session_has_what_the_container_has(void)
{
	static const char *const env[] = { "B=2", NULL };
	g_autoptr(JsonValue) v = exec_process((struct exec_options){ .env = env });
	int64_t uid;

	g_assert_cmpstr(json_get_string(v, "cwd"), ==, "/w");
	g_assert_true(json_get_int64(json_get(v, "user"), "uid", &uid));
	g_assert_cmpint(uid, ==, 5);
	g_assert_nonnull(json_get(json_get(v, "capabilities"), "effective"));
	g_assert_nonnull(json_get(v, "rlimits"));
	g_assert_cmpuint(json_get(v, "env")->u.array.len, ==, 3);
	g_assert_cmpstr(element(json_get(v, "env"), 2), ==, "B=2");
	g_assert_true(YAJL_IS_FALSE(json_get(v, "terminal")));
}

static void test_another_user_has_neither_home_nor_capabilities(void)
{
	uint32_t groups[] = { 7, 8 };
	const struct exec_user user = { 1000, 1001, groups, 2 };
	g_autoptr(JsonValue) v = exec_process((struct exec_options){ .user = &user, .cwd = "/tmp" });
	yajl_val caps = json_get(v, "capabilities");

	g_assert_cmpstr(json_get_string(v, "cwd"), ==, "/tmp");
	g_assert_null(json_get(caps, "effective"));
	g_assert_nonnull(json_get(caps, "bounding"));
	g_assert_cmpuint(json_get(v, "env")->u.array.len, ==, 1);
	g_assert_cmpuint(json_get(json_get(v, "user"), "additionalGids")->u.array.len, ==, 2);
}

static void test_root_keeps_the_capabilities(void)
{
	const struct exec_user root = { 0 };
	g_autoptr(JsonValue) v = exec_process((struct exec_options){ .user = &root });

	g_assert_nonnull(json_get(json_get(v, "capabilities"), "effective"));
}

static yajl_val with(const struct config_changes *changes, const char *text)
{
	g_autoptr(JsonValue) config = json_parse(text, NULL);
	g_autofree char *copy = config_private_copy(config, "/bundle", changes);

	return json_parse(copy, NULL);
}

static void test_arguments_are_added_behind_an_init(void)
{
	static const char *const args[] = { "-x", NULL };
	g_autoptr(JsonValue) v =
		with(&(struct config_changes){ .args = args, .append_args = true, .init = "/run/init" }, whole);
	yajl_val list = json_get(json_get(v, "process"), "args"), mounts = json_get(v, "mounts");

	g_assert_cmpuint(list->u.array.len, ==, 5);
	g_assert_cmpstr(element(list, 0), ==, CONFIG_INIT_PATH);
	g_assert_cmpstr(element(list, 1), ==, "--");
	g_assert_cmpstr(element(list, 2), ==, "sh");
	g_assert_cmpstr(element(list, 4), ==, "-x");
	g_assert_cmpstr(json_get_string(mounts->u.array.values[3], "source"), ==, "/run/init");
}

static void test_a_bind_mounts_source_may_have_a_colon(void)
{
	static const char *const binds[] = { "/a:b:/c", NULL };
	g_autoptr(JsonValue) v = with(&(struct config_changes){ .binds = binds },
		"{\"process\":{\"args\":[\"x\"]},\"root\":{\"path\":\"r\"}}");
	yajl_val mount = json_get(v, "mounts")->u.array.values[0];

	g_assert_cmpstr(json_get_string(mount, "source"), ==, "/a:b");
	g_assert_cmpstr(json_get_string(mount, "destination"), ==, "/c");
}

static void test_the_bundles_cgroup_wins_and_its_user_namespace_does_not(void)
{
	const struct config_changes ch = { .cgroup = "/new", .current_user = true };
	g_autoptr(JsonValue) own =
		with(&ch, "{\"process\":{\"args\":[\"x\"]},\"root\":{\"path\":\"r\"},\"linux\":{\"cgroupsPath\":\"/"
			  "old\",\"namespaces\":"
			  "[{\"type\":\"user\",\"path\":\"/"
			  "p\"},{\"type\":\"pid\"}],\"uidMappings\":[],\"rootfsPropagation\":\"slave\"}}");
	g_autoptr(JsonValue) none = with(&ch, "{\"process\":{\"args\":[\"x\"]},\"root\":{\"path\":\"r\"}}");
	yajl_val part = json_get(own, "linux"), namespaces = json_get(part, "namespaces");

	g_assert_cmpstr(json_get_string(part, "cgroupsPath"), ==, "/old");
	g_assert_cmpstr(json_get_string(part, "rootfsPropagation"), ==, "slave");
	g_assert_cmpuint(namespaces->u.array.len, ==, 2);
	g_assert_null(json_get_string(namespaces->u.array.values[1], "path"));
	g_assert_cmpuint(json_get(part, "uidMappings")->u.array.len, ==, 1);
	g_assert_cmpuint(json_get(part, "gidMappings")->u.array.len, ==, 1);
	g_assert_cmpstr(json_get_string(json_get(none, "linux"), "cgroupsPath"), ==, "/new");
	g_assert_true(config_has_user_namespace(none));
}

static void test_run_ocis_hooks_are_left_out_and_ours_comes_first(void)
{
	static const char *const env[] = { "A=1", NULL }, *const hook[] = { "/self", "x", NULL },
				 *const stages[] = { "prestart", "poststop", NULL };
	const struct config_oci oci = { .env = env, .hook = hook, .stages = stages };
	g_autoptr(JsonValue) v = with(&(struct config_changes){ .oci = &oci },
		"{\"process\":{\"args\":[\"x\"],\"umask\":63},\"root\":{\"path\":\"r\"},\"hooks\":{\"prestart\":[{"
		"\"path\":\"/p\"}],"
		"\"poststart\":[{\"path\":\"/q\"}],\"createRuntime\":[{\"path\":\"/r\"}]}}");
	yajl_val hooks = json_get(v, "hooks"), runtime = json_get(hooks, "createRuntime");
	int64_t mask;

	g_assert_null(json_get(hooks, "prestart"));
	g_assert_nonnull(json_get(hooks, "poststart"));
	g_assert_cmpuint(runtime->u.array.len, ==, 2);
	g_assert_cmpstr(json_get_string(runtime->u.array.values[0], "path"), ==, "/self");
	g_assert_cmpstr(json_get_string(runtime->u.array.values[1], "path"), ==, "/r");
	g_assert_cmpstr(element(json_get(json_get(v, "process"), "env"), 0), ==, "A=1");
	g_assert_true(json_get_int64(json_get(json_get(v, "process"), "user"), "umask", &mask));
	g_assert_cmpint(mask, ==, 63);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctl/config/only-what-must-change-changes", test_only_what_must_change_changes);
	g_test_add_func(
		"/ctl/config/sources-of-bind-mounts-become-absolute", test_sources_of_bind_mounts_become_absolute);
	g_test_add_func("/ctl/config/args-and-terminal-are-those-given", test_args_and_terminal_are_those_given);
	g_test_add_func("/ctl/config/a-session-has-what-the-container-has", test_a_session_has_what_the_container_has);
	g_test_add_func("/ctl/config/another-user-has-neither-home-nor-capabilities",
		test_another_user_has_neither_home_nor_capabilities);
	g_test_add_func("/ctl/config/root-keeps-the-capabilities", test_root_keeps_the_capabilities);
	g_test_add_func("/ctl/config/arguments-are-added-behind-an-init", test_arguments_are_added_behind_an_init);
	g_test_add_func(
		"/ctl/config/a-bind-mounts-source-may-have-a-colon", test_a_bind_mounts_source_may_have_a_colon);
	g_test_add_func("/ctl/config/the-bundles-cgroup-wins-and-its-user-namespace-does-not",
		test_the_bundles_cgroup_wins_and_its_user_namespace_does_not);
	g_test_add_func("/ctl/config/run-ocis-hooks-are-left-out-and-ours-comes-first",
		test_run_ocis_hooks_are_left_out_and_ours_comes_first);
	return g_test_run();
}
