/* The runtime's and the exit command's command lines and environment. */
#include "monitor/launch.h"

#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "common/error.h"

static void add(GPtrArray *argv, const char *word)
{
	g_ptr_array_add(argv, (char *)word);
}

static void add_all(GPtrArray *argv, char *const *words)
{
	for (; words && *words; words++)
		add(argv, *words);
}

static char **finish(GPtrArray *argv)
{
	add(argv, NULL);
	return (char **)g_ptr_array_free(argv, FALSE);
}

static void add_create_options(GPtrArray *argv, const struct monitor_options *o, const char *bundle, const char *pid_file)
{
	add(argv, o->restore ? "restore" : "create");
	add(argv, "--bundle");
	add(argv, bundle);
	add(argv, "--pid-file");
	add(argv, pid_file);
	if (o->no_pivot)
		add(argv, "--no-pivot");
	if (o->no_new_keyring)
		add(argv, "--no-new-keyring");
	if (o->restore) {
		add(argv, "--detach");
		add(argv, "--image-path");
		add(argv, o->restore);
		add(argv, "--work-path");
		add(argv, bundle);
	}
}

char **launch_runtime_argv(const struct monitor_options *o, const char *bundle, const char *pid_file,
	const char *console_path)
{
	GPtrArray *argv = g_ptr_array_new();

	add(argv, o->runtime);
	if (o->systemd_cgroup && !o->exec)
		add(argv, "--systemd-cgroup");
	add_all(argv, o->runtime_arg);
	if (o->exec) {
		add(argv, "exec");
		add(argv, "--pid-file");
		add(argv, pid_file);
		add(argv, "--process");
		add(argv, o->exec_process_spec);
		add(argv, "--detach");
	} else {
		add_create_options(argv, o, bundle, pid_file);
	}
	add_all(argv, o->runtime_opt);
	if (console_path) {
		add(argv, "--console-socket");
		add(argv, console_path);
	}
	add(argv, o->cid);
	return finish(argv);
}

char **launch_exit_argv(const struct monitor_options *o)
{
	GPtrArray *argv;

	if (!o->exit_command)
		return NULL;
	argv = g_ptr_array_new();
	add(argv, o->exit_command);
	add_all(argv, o->exit_command_arg);
	return finish(argv);
}

char *launch_find_program(const char *name)
{
	g_auto(GStrv) dirs = g_strsplit(g_getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin", ":", -1);

	for (char **dir = dirs; *dir; dir++) {
		g_autofree char *path = g_build_filename(*dir, name, NULL);

		if (**dir == '/' && g_file_test(path, G_FILE_TEST_IS_REGULAR) && access(path, X_OK) == 0)
			return g_steal_pointer(&path);
	}
	return NULL;
}

char **launch_environment(const struct monitor_options *o, pid_t self, char **ret_place, GError **error)
{
	static const char name[] = "LISTEN_PID=";
	g_auto(GStrv) env = NULL;
	const char *value = getenv("LISTEN_PID");
	int64_t pid;

	*ret_place = NULL;
	if (!value)
		return environ;
	if (num_parse_i64(value, 1, INT32_MAX, &pid) < 0) {
		fail(error, "Invalid LISTEN_PID %s", value);
		return NULL;
	}
	if (!o->replace_listen_pid && pid != self)
		return environ;
	env = g_strdupv(environ);
	for (char **e = env; *e; e++)
		if (strncmp(*e, name, strlen(name)) == 0) {
			g_free(*e);
			*e = g_malloc0(sizeof name + NUM_MAX);
			*ret_place = stpcpy(*e, name);
		}
	return g_steal_pointer(&env);
}
