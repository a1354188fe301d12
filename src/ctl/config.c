/* config.json of a bundle: copied value by value; only what has to change is written anew. */
#include "ctl/config.h"

#include <string.h>
#include <sys/prctl.h>

#include "common/caps.h"
#include "common/error.h"

yajl_val config_load(const char *bundle, GError **error)
{
	g_autofree char *path = g_build_filename(bundle, "config.json", NULL);
	g_autoptr(JsonValue) config = json_parse_file(path, error);
	const char *wrong = NULL;

	if (!config)
		return NULL;
	if (!YAJL_IS_OBJECT(config))
		wrong = "is not an object";
	else if (!json_get_string(json_get(config, "root"), "path"))
		wrong = "root.path is missing or not a string";
	else if (!YAJL_IS_OBJECT(json_get(config, "process")))
		wrong = "process is missing or not an object";
	else if (!YAJL_IS_ARRAY(json_get(json_get(config, "process"), "args")))
		wrong = "process.args is missing or not an array";
	if (wrong) {
		fail(error, "%s: %s", path, wrong);
		return NULL;
	}
	return g_steal_pointer(&config);
}

void config_put_others(JsonWriter *w, yajl_val object, const char *const *without)
{
	for (size_t i = 0; i < object->u.object.len; i++)
		if (!g_strv_contains(without, object->u.object.keys[i]))
			json_put_value(w, object->u.object.keys[i], object->u.object.values[i]);
}

void config_put_strings(JsonWriter *w, const char *key, const char *const *strings)
{
	json_array_open(w, key);
	for (; *strings; strings++)
		json_put_string(w, NULL, *strings);
	json_array_close(w);
}

static bool env_has(yajl_val env, const char *name)
{
	for (size_t i = 0; YAJL_IS_ARRAY(env) && i < env->u.array.len; i++) {
		const char *entry = YAJL_GET_STRING(env->u.array.values[i]);

		if (entry && g_str_has_prefix(entry, name) && entry[strlen(name)] == '=')
			return true;
	}
	return false;
}

static bool list_has(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (g_str_has_prefix(*list, name) && (*list)[strlen(name)] == '=')
			return true;
	return false;
}

/* The environment: base without what drops says, then more; a terminal's program is told its kind. */
static void put_env(JsonWriter *w, yajl_val base, const char *drop, const char *const *more, bool terminal)
{
	json_array_open(w, "env");
	for (size_t i = 0; YAJL_IS_ARRAY(base) && i < base->u.array.len; i++) {
		yajl_val v = base->u.array.values[i];

		if (!drop || !YAJL_IS_STRING(v) || !g_str_has_prefix(YAJL_GET_STRING(v), drop))
			json_put_value(w, NULL, v);
	}
	if (terminal && !env_has(base, "TERM") && !list_has(more, "TERM"))
		json_put_string(w, NULL, "TERM=xterm");
	for (; more && *more; more++)
		json_put_string(w, NULL, *more);
	json_array_close(w);
}

static void put_process(JsonWriter *w, yajl_val process, const struct config_changes *ch)
{
	static const char *const changed[] = { "args", "terminal", "env", "user", NULL };
	yajl_val env = json_get(process, "env");

	json_object_open(w, "process");
	config_put_others(w, process, changed);
	json_put_bool(w, "terminal", ch->terminal);
	put_env(w, env, NULL, !env && ch->oci ? ch->oci->env : NULL, ch->terminal);
	config_put_args(w, json_get(process, "args"), ch);
	config_put_user(w, process, ch);
	json_object_close(w);
}

static char *absolute(const char *path, const char *bundle)
{
	return g_path_is_absolute(path) ? g_strdup(path) : g_build_filename(bundle, path, NULL);
}

static void put_root(JsonWriter *w, yajl_val root, const char *bundle)
{
	static const char *const changed[] = { "path", NULL };
	g_autofree char *path = absolute(json_get_string(root, "path"), bundle);

	json_object_open(w, "root");
	config_put_others(w, root, changed);
	json_put_string(w, "path", path);
	json_object_close(w);
}

static bool is_bind(yajl_val mount)
{
	yajl_val options = json_get(mount, "options");

	if (g_strcmp0(json_get_string(mount, "type"), "bind") == 0)
		return true;
	for (size_t i = 0; YAJL_IS_ARRAY(options) && i < options->u.array.len; i++) {
		const char *o = YAJL_GET_STRING(options->u.array.values[i]);

		if (g_strcmp0(o, "bind") == 0 || g_strcmp0(o, "rbind") == 0)
			return true;
	}
	return false;
}

static void put_mounts(JsonWriter *w, yajl_val mounts, const char *bundle)
{
	static const char *const changed[] = { "source", NULL };

	for (size_t i = 0; i < mounts->u.array.len; i++) {
		yajl_val m = mounts->u.array.values[i];
		const char *source = json_get_string(m, "source");
		g_autofree char *path = NULL;

		if (!source || !is_bind(m)) {
			json_put_value(w, NULL, m);
			continue;
		}
		path = absolute(source, bundle);
		json_object_open(w, NULL);
		config_put_others(w, m, changed);
		json_put_string(w, "source", path);
		json_object_close(w);
	}
}

char *config_private_copy(yajl_val config, const char *bundle, const struct config_changes *ch)
{
	static const char *const changed[] = { "process", "root", "mounts", "hooks", "linux", NULL };
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	yajl_val mounts = json_get(config, "mounts");

	json_object_open(w, NULL);
	config_put_others(w, config, changed);
	put_process(w, json_get(config, "process"), ch);
	put_root(w, json_get(config, "root"), bundle);
	if (mounts && !YAJL_IS_ARRAY(mounts)) {
		json_put_value(w, "mounts", mounts); /* wrong, and the runtime says so */
	} else if (mounts || ch->binds || ch->init) {
		json_array_open(w, "mounts");
		if (mounts)
			put_mounts(w, mounts, bundle);
		config_put_new_mounts(w, ch);
		json_array_close(w);
	}
	config_put_hooks(w, json_get(config, "hooks"), ch);
	config_put_linux(w, json_get(config, "linux"), ch);
	json_object_close(w);
	return json_writer_text(w);
}

char *config_command(yajl_val config)
{
	yajl_val args = json_get(json_get(config, "process"), "args");
	GString *text = g_string_new(NULL);

	for (size_t i = 0; YAJL_IS_ARRAY(args) && i < args->u.array.len; i++)
		g_string_append_printf(text, "%s%s", i ? " " : "", YAJL_GET_STRING(args->u.array.values[i]) ?: "?");
	return g_string_free(text, FALSE);
}

static void put_user(JsonWriter *w, const struct exec_user *user)
{
	json_object_open(w, "user");
	json_put_uint(w, "uid", user->uid);
	json_put_uint(w, "gid", user->gid);
	if (user->n_additional_gids > 0) {
		json_array_open(w, "additionalGids");
		for (size_t i = 0; i < user->n_additional_gids; i++)
			json_put_uint(w, NULL, user->additional_gids[i]);
		json_array_close(w);
	}
	json_object_close(w);
}

static void put_bounding_only(JsonWriter *w, yajl_val capabilities)
{
	json_object_open(w, "capabilities");
	if (json_get(capabilities, "bounding"))
		json_put_value(w, "bounding", json_get(capabilities, "bounding"));
	json_object_close(w);
}

/* All that we could give ourselves, for root in full; for another user as the bound of what programs may give. */
static void put_all_capabilities(JsonWriter *w, bool root)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	json_object_open(w, "capabilities");
	for (size_t i = 0; i < (root ? G_N_ELEMENTS(sets) : 1); i++) {
		json_array_open(w, sets[i]);
		for (int cap = 0; cap <= caps_last(); cap++)
			if (caps_name(cap) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
				json_put_string(w, NULL, caps_name(cap));
		json_array_close(w);
	}
	json_object_close(w);
}

static void put_capabilities(JsonWriter *w, yajl_val process, const struct exec_options *o)
{
	yajl_val own = json_get(process, "capabilities");
	int64_t uid = 0;

	if (o->user)
		uid = o->user->uid;
	else
		(void)json_get_int64(json_get(process, "user"), "uid", &uid); /* absent: root */
	if (o->privileged)
		put_all_capabilities(w, uid == 0);
	else if (o->user && uid != 0)
		put_bounding_only(w, own);
	else if (own)
		json_put_value(w, "capabilities", own);
}

char *config_exec_process(yajl_val config, const struct exec_options *o)
{
	static const char *const changed[] = { "args", "terminal", "env", "cwd", "user", "capabilities", "consoleSize",
		NULL };
	static const char *const changed_privileged[] = { "args", "terminal", "env", "cwd", "user", "capabilities",
		"consoleSize", "apparmorProfile", NULL };
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	yajl_val process = json_get(config, "process");
	const char *cwd = o->cwd ?: json_get_string(process, "cwd");

	json_object_open(w, NULL);
	config_put_others(w, process, o->privileged ? changed_privileged : changed);
	json_put_bool(w, "terminal", o->terminal);
	config_put_strings(w, "args", o->args);
	put_env(w, json_get(process, "env"), o->user ? "HOME=" : NULL, o->env, o->terminal);
	json_put_string(w, "cwd", cwd ?: "/");
	if (o->user)
		put_user(w, o->user);
	else if (json_get(process, "user"))
		json_put_value(w, "user", json_get(process, "user"));
	put_capabilities(w, process, o);
	json_object_close(w);
	return json_writer_text(w);
}
