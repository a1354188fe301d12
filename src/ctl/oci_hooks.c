/* Hooks as run_oci runs them. A hook that fails does not keep the later ones of its stage from running. */
#include "ctl/oci_hooks.h"

#include <string.h>

#include "common/diag.h"
#include "common/error.h"
#include "common/spawn.h"

/* As its hooks look for it. */
#define DIR_ANNOTATION "org.chromium.run_oci.container_root"
#define SECONDS_MAX    (G_MAXINT / 1000)

const char *const oci_stage_names[] = {
	[OCI_PRECREATE] = "precreate",
	[OCI_PRECHROOT] = "prechroot",
	[OCI_PRESTART] = "prestart",
	[OCI_POSTSTART] = "poststart",
	[OCI_POSTSTOP] = "poststop",
	NULL,
};

static const char *const statuses[] = {
	[OCI_PRECREATE] = "creating",
	[OCI_PRECHROOT] = "created",
	[OCI_PRESTART] = "created",
	[OCI_POSTSTART] = "running",
	[OCI_POSTSTOP] = "stopped",
};

static void put_annotations(JsonWriter *w, yajl_val annotations, const char *dir)
{
	json_object_open(w, "annotations");
	for (size_t i = 0; YAJL_IS_OBJECT(annotations) && i < annotations->u.object.len; i++)
		if (strcmp(annotations->u.object.keys[i], DIR_ANNOTATION) != 0)
			json_put_value(w, annotations->u.object.keys[i], annotations->u.object.values[i]);
	json_put_string(w, DIR_ANNOTATION, dir);
	json_object_close(w);
}

char *oci_state_text(const struct oci_state *s, enum oci_stage stage)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "ociVersion", json_get_string(s->config, "ociVersion") ?: "1.0.0");
	json_put_string(w, "id", s->id);
	json_put_string(w, "status", statuses[stage]);
	if (s->pid)
		json_put_int(w, "pid", s->pid);
	json_put_string(w, "bundle", s->bundle);
	put_annotations(w, json_get(s->config, "annotations"), s->dir);
	json_object_close(w);
	text = json_writer_text(w);
	return g_strconcat(text, "\n", NULL);
}

static yajl_val stage_list(yajl_val config, enum oci_stage stage)
{
	return json_get(json_get(config, "hooks"), oci_stage_names[stage]);
}

/* What is wrong with the list of strings, or NULL. assignments: each is NAME=VALUE. */
static const char *wrong_strings(yajl_val list, bool assignments)
{
	if (!list)
		return NULL;
	if (!YAJL_IS_ARRAY(list))
		return "is not an array";
	for (size_t i = 0; i < list->u.array.len; i++) {
		const char *text = YAJL_GET_STRING(list->u.array.values[i]);

		if (!text)
			return "has an element that is no string";
		if (assignments && (!strchr(text, '=') || *text == '='))
			return "has an element that is not NAME=VALUE";
	}
	return NULL;
}

static bool check_hook(yajl_val hook, const char *path, GError **error)
{
	const char *program = json_get_string(hook, "path"), *wrong;
	int64_t timeout;

	if (!program || !g_path_is_absolute(program))
		return fail(error, "%s.path: %s", path, program ? "is not absolute" : "is missing or not a string");
	wrong = wrong_strings(json_get(hook, "args"), false);
	if (wrong)
		return fail(error, "%s.args %s", path, wrong);
	wrong = wrong_strings(json_get(hook, "env"), true);
	if (wrong)
		return fail(error, "%s.env %s", path, wrong);
	if (json_get(hook, "timeout") &&
		(!json_get_int64(hook, "timeout", &timeout) || timeout < 1 || timeout > SECONDS_MAX))
		return fail(error, "%s.timeout is not a number of seconds above 0", path);
	return true;
}

bool oci_hooks_check(yajl_val config, GError **error)
{
	yajl_val hooks = json_get(config, "hooks");

	if (hooks && !YAJL_IS_OBJECT(hooks))
		return fail(error, "hooks is not an object");
	for (enum oci_stage stage = 0; oci_stage_names[stage]; stage++) {
		yajl_val list = stage_list(config, stage);

		if (list && !YAJL_IS_ARRAY(list))
			return fail(error, "hooks.%s is not an array", oci_stage_names[stage]);
		for (size_t i = 0; list && i < list->u.array.len; i++) {
			g_autofree char *path = g_strdup_printf("hooks.%s[%zu]", oci_stage_names[stage], i);

			if (!check_hook(list->u.array.values[i], path, error))
				return false;
		}
	}
	return true;
}

bool oci_hooks_any(yajl_val config, enum oci_stage stage)
{
	yajl_val list = stage_list(config, stage);

	return list && list->u.array.len > 0;
}

/* A NULL-ended array of borrowed strings, first (may be NULL) in the place of the first one. NULL when there would be
 * none. */
static const char **strings_of(yajl_val list, const char *first)
{
	GPtrArray *a = g_ptr_array_new();

	if (first)
		g_ptr_array_add(a, (char *)first);
	for (size_t i = first ? 1 : 0; list && i < list->u.array.len; i++)
		g_ptr_array_add(a, YAJL_GET_STRING(list->u.array.values[i]));
	if (a->len > 0) {
		g_ptr_array_add(a, NULL);
		return (const char **)g_ptr_array_free(a, FALSE);
	}
	g_ptr_array_free(a, TRUE);
	return NULL;
}

static bool run_hook(yajl_val hook, const char *state, GError **error)
{
	const char *path = json_get_string(hook, "path");
	g_autofree const char **argv = strings_of(json_get(hook, "args"), path);
	g_autofree const char **env = strings_of(json_get(hook, "env"), NULL);
	g_autofree char *words = g_strjoinv(" ", (char **)argv), *how = NULL;
	int64_t timeout = 0;
	const bool limited = json_get_int64(hook, "timeout", &timeout);
	const struct spawn_request request = {
		.path = path,
		.argv = argv,
		.env = env,
		.input = state,
		.timeout_ms = limited ? timeout * 1000 : -1,
		.own_output = true,
	};
	struct spawn_result result;
	bool ok;

	if (!spawn_run(&request, &result, error))
		return false;
	ok = !result.timed_out && result.status == 0;
	how = spawn_status_text(result.status);
	if (result.timed_out)
		fail(error, "%s: took longer than %" G_GINT64_FORMAT " seconds", words, timeout);
	else if (!ok)
		fail(error, "%s: %s", words, how);
	spawn_result_clear(&result);
	return ok;
}

bool oci_hooks_run(const struct oci_state *s, enum oci_stage stage, GError **error)
{
	g_autofree char *state = oci_state_text(s, stage);
	yajl_val list = stage_list(s->config, stage);
	size_t failed = 0;

	if (!list || (!s->pid && stage != OCI_PRECREATE))
		return true;
	for (size_t i = 0; i < list->u.array.len; i++) {
		g_autoptr(GError) local = NULL;

		if (run_hook(list->u.array.values[i], state, &local))
			continue;
		diag_error("%s hook #%zu: %s", oci_stage_names[stage], i, local->message);
		failed++;
	}
	return failed == 0 ||
	       fail(error, "%zu of %zu %s hooks failed", failed, list->u.array.len, oci_stage_names[stage]);
}
