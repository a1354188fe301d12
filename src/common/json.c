/* JSON in (yajl's tree) and out (yajl's generator). */
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "common/error.h"

yajl_val json_parse(const char *text, GError **error)
{
	char reason[512] = "";
	yajl_val root = yajl_tree_parse(text, reason, sizeof reason);

	if (!root) {
		/* yajl draws an arrow on further lines: the first line says it all. */
		g_strdelimit(reason, "\n", '\0');
		fail(error, "invalid JSON: %s", reason[0] ? reason : "empty document");
	}
	return root;
}

/* Not g_file_get_contents: callers go by the errno value, which it does not keep. */
static GString *read_text(const char *path, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	auto_fd fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[16384];
	ssize_t n;

	if (fd < 0)
		return fail_errno(error, "open %s", path), NULL;
	while ((n = rw_read(fd, buf, sizeof buf)) > 0)
		g_string_append_len(text, buf, n);
	if (n < 0)
		return fail_with(error, (int)n, "read %s", path), NULL;
	return g_steal_pointer(&text);
}

yajl_val json_parse_file(const char *path, GError **error)
{
	g_autoptr(GString) text = read_text(path, error);
	yajl_val root;

	if (!text)
		return NULL;
	if (strlen(text->str) != text->len) {
		fail(error, "parse %s: invalid JSON: contains a NUL byte", path);
		return NULL;
	}
	root = json_parse(text->str, error);
	if (!root)
		fail_prefix(error, "parse %s", path);
	return root;
}

yajl_val json_get(yajl_val object, const char *key)
{
	if (!YAJL_IS_OBJECT(object))
		return NULL;
	for (size_t i = object->u.object.len; i-- > 0;)
		if (strcmp(object->u.object.keys[i], key) == 0) {
			yajl_val v = object->u.object.values[i];

			return YAJL_IS_NULL(v) ? NULL : v;
		}
	return NULL;
}

const char *json_get_string(yajl_val object, const char *key)
{
	return YAJL_GET_STRING(json_get(object, key));
}

bool json_int64(yajl_val value, int64_t *ret_value)
{
	return YAJL_IS_NUMBER(value) && num_parse_i64(YAJL_GET_NUMBER(value), INT64_MIN, INT64_MAX, ret_value) == 0;
}

bool json_uint64(yajl_val value, uint64_t *ret_value)
{
	return YAJL_IS_NUMBER(value) && num_parse_u64(YAJL_GET_NUMBER(value), UINT64_MAX, ret_value) == 0;
}

bool json_get_int64(yajl_val object, const char *key, int64_t *ret_value)
{
	return json_int64(json_get(object, key), ret_value);
}

struct JsonWriter {
	yajl_gen gen;
};

JsonWriter *json_writer_new(const char *indent)
{
	JsonWriter *w = g_new0(JsonWriter, 1);

	w->gen = yajl_gen_alloc(NULL);
	if (indent) {
		yajl_gen_config(w->gen, yajl_gen_beautify, 1);
		yajl_gen_config(w->gen, yajl_gen_indent_string, indent);
	}
	return w;
}

void json_writer_free(JsonWriter *w)
{
	if (!w)
		return;
	yajl_gen_free(w->gen);
	g_free(w);
}

static void put_text(JsonWriter *w, const char *text)
{
	g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);
	const char *s = valid ?: text;

	yajl_gen_string(w->gen, (const unsigned char *)s, strlen(s));
}

static void put_key(JsonWriter *w, const char *key)
{
	if (key)
		put_text(w, key);
}

void json_object_open(JsonWriter *w, const char *key)
{
	put_key(w, key);
	yajl_gen_map_open(w->gen);
}

void json_object_close(JsonWriter *w)
{
	yajl_gen_map_close(w->gen);
}

void json_array_open(JsonWriter *w, const char *key)
{
	put_key(w, key);
	yajl_gen_array_open(w->gen);
}

void json_array_close(JsonWriter *w)
{
	yajl_gen_array_close(w->gen);
}

void json_put_string(JsonWriter *w, const char *key, const char *value)
{
	put_key(w, key);
	if (value)
		put_text(w, value);
	else
		yajl_gen_null(w->gen);
}

void json_put_int(JsonWriter *w, const char *key, int64_t value)
{
	put_key(w, key);
	yajl_gen_integer(w->gen, value);
}

void json_put_uint(JsonWriter *w, const char *key, uint64_t value)
{
	char text[NUM_MAX];

	put_key(w, key);
	yajl_gen_number(w->gen, text, num_format_u64(text, value));
}

void json_put_number(JsonWriter *w, const char *key, const char *digits)
{
	put_key(w, key);
	yajl_gen_number(w->gen, digits, strlen(digits));
}

void json_put_bool(JsonWriter *w, const char *key, bool value)
{
	put_key(w, key);
	yajl_gen_bool(w->gen, value);
}

void json_put_null(JsonWriter *w, const char *key)
{
	put_key(w, key);
	yajl_gen_null(w->gen);
}

void json_put_value(JsonWriter *w, const char *key, yajl_val v)
{
	if (YAJL_IS_OBJECT(v)) {
		json_object_open(w, key);
		for (size_t i = 0; i < v->u.object.len; i++)
			json_put_value(w, v->u.object.keys[i], v->u.object.values[i]);
		json_object_close(w);
	} else if (YAJL_IS_ARRAY(v)) {
		json_array_open(w, key);
		for (size_t i = 0; i < v->u.array.len; i++)
			json_put_value(w, NULL, v->u.array.values[i]);
		json_array_close(w);
	} else if (YAJL_IS_STRING(v)) {
		json_put_string(w, key, YAJL_GET_STRING(v));
	} else if (YAJL_IS_NUMBER(v)) {
		put_key(w, key);
		yajl_gen_number(w->gen, YAJL_GET_NUMBER(v), strlen(YAJL_GET_NUMBER(v)));
	} else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v)) {
		json_put_bool(w, key, YAJL_IS_TRUE(v));
	} else {
		json_put_null(w, key);
	}
}

char *json_writer_text(JsonWriter *w)
{
	const unsigned char *buf = NULL;
	size_t len = 0;

	yajl_gen_get_buf(w->gen, &buf, &len);
	while (len > 0 && buf[len - 1] == '\n')
		len--; /* the beautifier ends with one */
	return g_strndup((const char *)buf, len);
}
