/* What an exec session runs, and how. The keys are those of engines' session records. */
#include "ctl/session_config.h"

#include <stddef.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/detach_keys.h"

#define PRESERVE_FDS_MAX 1024

static const struct {
	const char *key;
	size_t offset;
} string_fields[] = {
	{ "user", offsetof(struct session_config, user) },
	{ "workDir", offsetof(struct session_config, work_dir) },
	{ "detachKeys", offsetof(struct session_config, detach_keys) },
};

static const struct {
	const char *key;
	size_t offset;
} bool_fields[] = {
	{ "terminal", offsetof(struct session_config, terminal) },
	{ "openStdin", offsetof(struct session_config, open_stdin) },
	{ "attachStdin", offsetof(struct session_config, attach_stdin) },
	{ "attachStdout", offsetof(struct session_config, attach_stdout) },
	{ "attachStderr", offsetof(struct session_config, attach_stderr) },
	{ "privileged", offsetof(struct session_config, privileged) },
};

#define MEMBER(config, offset, type)       ((type *)(void *)((char *)(config) + (offset)))
#define CONST_MEMBER(config, offset, type) ((const type *)(const void *)((const char *)(config) + (offset)))

/* JSON, in which the runtime is told all this, has no other text; a replacement would be another command. */
static bool check_text(const char *text, const char *what, GError **error)
{
	return !text || g_utf8_validate(text, -1, NULL) ||
	       fail_status(error, CTL_BAD_ARGUMENT, "%s is not UTF-8: it cannot be passed on as it is", what);
}

static bool check_texts(const struct session_config *c, GError **error)
{
	for (char **arg = c->command; *arg; arg++)
		if (!check_text(*arg, "an argument of the command", error))
			return false;
	for (char **e = c->environment; e && *e; e++)
		if (!check_text(*e, "a variable of --env", error))
			return false;
	return check_text(c->user, "--user", error) && check_text(c->work_dir, "--cwd", error);
}

bool session_config_check(const struct session_config *c, GError **error)
{
	g_autoptr(GError) keys_error = NULL;
	struct detach_keys keys;

	if (!c->command || !*c->command || !**c->command)
		return fail_status(error, CTL_BAD_ARGUMENT, "no command given");
	if (!check_texts(c, error))
		return false;
	if (c->terminal && (c->attach_stdin || c->attach_stdout || c->attach_stderr))
		return fail_status(error, CTL_BAD_ARGUMENT,
			"a terminal is one stream for all: --attach-stdin, --attach-stdout and --attach-stderr cannot be given "
			"with it");
	if (c->work_dir && !g_path_is_absolute(c->work_dir))
		return fail_status(error, CTL_BAD_ARGUMENT, "--cwd %s is not absolute", c->work_dir);
	if (c->preserve_fds < 0 || c->preserve_fds > PRESERVE_FDS_MAX)
		return fail_status(error, CTL_BAD_ARGUMENT, "--preserve-fds %d is not in the range 0 to %d",
			c->preserve_fds, PRESERVE_FDS_MAX);
	return detach_keys_parse(&keys, c->detach_keys ?: DETACH_KEYS_DEFAULT, &keys_error) ||
	       fail_status(error, CTL_BAD_ARGUMENT, "%s", keys_error->message);
}

static void set_variable(GPtrArray *env, char *entry)
{
	size_t name = strcspn(entry, "=") + 1;

	for (guint i = 0; i < env->len; i++)
		if (strncmp(env->pdata[i], entry, name) == 0) {
			g_free(env->pdata[i]);
			env->pdata[i] = entry;
			return;
		}
	g_ptr_array_add(env, entry);
}

char **session_config_environment(char *const *words, GError **error)
{
	g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);

	for (char *const *e = words; e && *e; e++) {
		if (**e == '\0' || **e == '=') {
			fail_status(error, CTL_BAD_ARGUMENT, "--env \"%s\" has no name", *e);
			return NULL;
		}
		if (strchr(*e, '='))
			set_variable(env, g_strdup(*e));
		else if (g_getenv(*e))
			set_variable(env, g_strdup_printf("%s=%s", *e, g_getenv(*e)));
	}
	g_ptr_array_add(env, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&env), FALSE);
}

void session_config_put(JsonWriter *w, const struct session_config *c)
{
	json_array_open(w, "command");
	for (char **arg = c->command; arg && *arg; arg++)
		json_put_string(w, NULL, *arg);
	json_array_close(w);
	for (size_t i = 0; i < G_N_ELEMENTS(bool_fields); i++)
		if (*CONST_MEMBER(c, bool_fields[i].offset, bool))
			json_put_bool(w, bool_fields[i].key, true);
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++) {
		const char *text = *CONST_MEMBER(c, string_fields[i].offset, char *);

		if (text)
			json_put_string(w, string_fields[i].key, text);
	}
	if (c->environment && *c->environment) {
		json_object_open(w, "environment");
		for (char **e = c->environment; *e; e++) {
			g_autofree char *name = g_strndup(*e, strcspn(*e, "="));

			json_put_string(w, name, *e + strlen(name) + 1);
		}
		json_object_close(w);
	}
	if (c->preserve_fds > 0)
		json_put_int(w, "preserveFds", c->preserve_fds);
}

static char **read_command(yajl_val list)
{
	GPtrArray *words = g_ptr_array_new();

	for (size_t i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++)
		g_ptr_array_add(words, g_strdup(YAJL_GET_STRING(list->u.array.values[i]) ?: ""));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

static char **read_environment(yajl_val object)
{
	GPtrArray *env = g_ptr_array_new();

	for (size_t i = 0; YAJL_IS_OBJECT(object) && i < object->u.object.len; i++)
		g_ptr_array_add(env, g_strdup_printf("%s=%s", object->u.object.keys[i],
					     YAJL_GET_STRING(object->u.object.values[i]) ?: ""));
	g_ptr_array_add(env, NULL);
	return (char **)g_ptr_array_free(env, FALSE);
}

bool session_config_read(yajl_val object, struct session_config *ret_config, GError **error)
{
	struct session_config c = { 0 };
	int64_t fds = 0;

	if (!YAJL_IS_ARRAY(json_get(object, "command")))
		return fail(error, "config.command is not a list");
	(void)json_get_int64(object, "preserveFds", &fds);
	c.preserve_fds = (int)CLAMP(fds, 0, PRESERVE_FDS_MAX);
	c.command = read_command(json_get(object, "command"));
	c.environment = read_environment(json_get(object, "environment"));
	for (size_t i = 0; i < G_N_ELEMENTS(bool_fields); i++)
		*MEMBER(&c, bool_fields[i].offset, bool) = YAJL_IS_TRUE(json_get(object, bool_fields[i].key));
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++)
		*MEMBER(&c, string_fields[i].offset, char *) = g_strdup(json_get_string(object, string_fields[i].key));
	*ret_config = c;
	return true;
}

void session_config_clear(struct session_config *c)
{
	g_clear_pointer(&c->command, g_strfreev);
	g_clear_pointer(&c->environment, g_strfreev);
	for (size_t i = 0; i < G_N_ELEMENTS(string_fields); i++)
		g_clear_pointer(MEMBER(c, string_fields[i].offset, char *), g_free);
}
