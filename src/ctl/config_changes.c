/* What a container's own config.json has otherwise than its bundle's: arguments, user, mounts, hooks, cgroup and user
 * namespace. */
#include <string.h>
#include <unistd.h>

#include "ctl/config.h"

void config_put_args(JsonWriter *w, yajl_val args, const struct config_changes *ch)
{
	json_array_open(w, "args");
	if (ch->init) {
		json_put_string(w, NULL, CONFIG_INIT_PATH);
		json_put_string(w, NULL, "--");
	}
	if (!ch->args || ch->append_args)
		for (size_t i = 0; i < args->u.array.len; i++)
			json_put_value(w, NULL, args->u.array.values[i]);
	for (const char *const *a = ch->args; a && *a; a++)
		json_put_string(w, NULL, *a);
	json_array_close(w);
}

void config_put_user(JsonWriter *w, yajl_val process, const struct config_changes *ch)
{
	static const char *const changed[] = { "umask", NULL };
	yajl_val user = json_get(process, "user"), mask = ch->oci ? json_get(process, "umask") : NULL;

	if (!mask || (user && !YAJL_IS_OBJECT(user))) {
		if (user)
			json_put_value(w, "user", user);
		return;
	}
	json_object_open(w, "user");
	if (user)
		config_put_others(w, user, changed);
	json_put_value(w, "umask", mask);
	json_object_close(w);
}

static void put_bind(JsonWriter *w, const char *source, const char *destination, const char *const *options)
{
	json_object_open(w, NULL);
	json_put_string(w, "destination", destination);
	json_put_string(w, "type", "bind");
	json_put_string(w, "source", source);
	config_put_strings(w, "options", options);
	json_object_close(w);
}

void config_put_new_mounts(JsonWriter *w, const struct config_changes *ch)
{
	/* exec: where our own directory is, programs often may not be executed. */
	static const char *const plain[] = { "bind", NULL };
	static const char *const program[] = { "bind", "ro", "exec", "nosuid", "nodev", NULL };

	for (const char *const *b = ch->binds; b && *b; b++) {
		const char *colon = strrchr(*b, ':');
		g_autofree char *source = g_strndup(*b, (gsize)(colon - *b));

		put_bind(w, source, colon + 1, plain);
	}
	if (ch->init)
		put_bind(w, ch->init, CONFIG_INIT_PATH, program);
}

static void put_first_hook(JsonWriter *w, const char *const *argv)
{
	json_object_open(w, NULL);
	json_put_string(w, "path", argv[0]);
	config_put_strings(w, "args", argv);
	/* Hooks without an environment of their own have ours. */
	config_put_strings(w, "env", (const char *const *)environ);
	json_object_close(w);
}

void config_put_hooks(JsonWriter *w, yajl_val hooks, const struct config_changes *ch)
{
	static const char *const runtime_stage = "createRuntime";
	yajl_val own = json_get(hooks, runtime_stage);
	g_autoptr(GPtrArray) without = g_ptr_array_new();

	if (!ch->oci || (hooks && !YAJL_IS_OBJECT(hooks))) {
		if (hooks)
			json_put_value(w, "hooks", hooks);
		return;
	}
	for (const char *const *s = ch->oci->stages; *s; s++)
		g_ptr_array_add(without, (char *)*s);
	if (ch->oci->hook)
		g_ptr_array_add(without, (char *)runtime_stage);
	g_ptr_array_add(without, NULL);
	json_object_open(w, "hooks");
	if (hooks)
		config_put_others(w, hooks, (const char *const *)without->pdata);
	if (ch->oci->hook) {
		json_array_open(w, runtime_stage);
		put_first_hook(w, ch->oci->hook);
		for (size_t i = 0; YAJL_IS_ARRAY(own) && i < own->u.array.len; i++)
			json_put_value(w, NULL, own->u.array.values[i]);
		json_array_close(w);
	}
	json_object_close(w);
}

static void put_map(JsonWriter *w, const char *key, uint32_t id)
{
	json_array_open(w, key);
	json_object_open(w, NULL);
	json_put_uint(w, "containerID", 0);
	json_put_uint(w, "hostID", id);
	json_put_uint(w, "size", 1);
	json_object_close(w);
	json_array_close(w);
}

static bool is_user_namespace(yajl_val namespace)
{
	return g_strcmp0(json_get_string(namespace, "type"), "user") == 0;
}

bool config_has_user_namespace(yajl_val config)
{
	yajl_val list = json_get(json_get(config, "linux"), "namespaces");

	for (size_t i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++)
		if (is_user_namespace(list->u.array.values[i]))
			return true;
	return false;
}

/* The bundle's namespaces, and a new user namespace in the place of any that is there. */
static void put_namespaces(JsonWriter *w, yajl_val namespaces)
{
	json_array_open(w, "namespaces");
	for (size_t i = 0; YAJL_IS_ARRAY(namespaces) && i < namespaces->u.array.len; i++)
		if (!is_user_namespace(namespaces->u.array.values[i]))
			json_put_value(w, NULL, namespaces->u.array.values[i]);
	json_object_open(w, NULL);
	json_put_string(w, "type", "user");
	json_object_close(w);
	json_array_close(w);
}

void config_put_linux(JsonWriter *w, yajl_val part, const struct config_changes *ch)
{
	static const char *const user_keys[] = { "cgroupsPath", "namespaces", "uidMappings", "gidMappings", NULL };
	static const char *const cgroup_keys[] = { "cgroupsPath", NULL };
	const char *cgroup = json_get_string(part, "cgroupsPath") ?: ch->cgroup;

	if ((!ch->cgroup && !ch->current_user) || (part && !YAJL_IS_OBJECT(part))) {
		if (part)
			json_put_value(w, "linux", part);
		return;
	}
	json_object_open(w, "linux");
	if (part)
		config_put_others(w, part, ch->current_user ? user_keys : cgroup_keys);
	if (cgroup)
		json_put_string(w, "cgroupsPath", cgroup);
	if (ch->current_user) {
		put_namespaces(w, json_get(part, "namespaces"));
		put_map(w, "uidMappings", geteuid());
		put_map(w, "gidMappings", getegid());
	}
	json_object_close(w);
}
