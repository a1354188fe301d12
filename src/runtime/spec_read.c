/* The reader of config.json: walks a table of fields over a JSON object. Unknown members are ignored; wrong types,
 * numbers that do not fit and missing members are errors that name the JSON path. Strings are borrowed from the tree. */
#include "runtime/spec_table.h"

#include <string.h>

#include "common/error.h"
#include "runtime/spec.h"

struct SpecPool {
	GPtrArray *blocks;
};

SpecPool *spec_pool_new(void)
{
	SpecPool *pool = g_new0(SpecPool, 1);

	pool->blocks = g_ptr_array_new_with_free_func(g_free);
	return pool;
}

void *spec_pool_take(SpecPool *pool, void *block)
{
	g_ptr_array_add(pool->blocks, block);
	return block;
}

void *spec_pool_zalloc(SpecPool *pool, size_t size)
{
	return spec_pool_take(pool, g_malloc0(size ? size : 1));
}

void spec_pool_free(SpecPool *pool)
{
	if (!pool)
		return;
	g_ptr_array_unref(pool->blocks);
	g_free(pool);
}

/* Where we are in the document; only an error makes text of it. */
struct where {
	const struct where *up;
	const char *name; /* NULL: an array's element */
	size_t index;
};

static char *where_text(const struct where *w)
{
	g_autofree char *up = w->up ? where_text(w->up) : NULL;

	if (!w->name)
		return g_strdup_printf("%s[%zu]", up ?: "", w->index);
	return up && *up ? g_strdup_printf("%s.%s", up, w->name) : g_strdup(w->name);
}

static void put_pointer(void *member, const void *value)
{
	memcpy(member, &value, sizeof value);
}

static bool read_object(SpecPool *pool, const struct object_table *table, yajl_val value, const struct where *w,
	void *out, GError **error);

static const char *type_name(yajl_val v)
{
	if (YAJL_IS_STRING(v))
		return "a string";
	if (YAJL_IS_NUMBER(v))
		return "a number";
	if (YAJL_IS_OBJECT(v))
		return "an object";
	if (YAJL_IS_ARRAY(v))
		return "an array";
	return YAJL_IS_NULL(v) ? "null" : "a boolean";
}

static bool fail_at(const struct where *w, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool fail_at(const struct where *w, GError **error, const char *format, ...)
{
	g_autofree char *path = where_text(w);
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	return fail(error, "%s%s", *path ? path : "the document", text);
}

static bool wrong_type(const struct where *w, const char *expected, yajl_val v, GError **error)
{
	return fail_at(w, error, ": expected %s, found %s", expected, type_name(v));
}

static bool is_bool(yajl_val v)
{
	return YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v);
}

static bool read_string(yajl_val v, const struct where *w, const char **out, GError **error)
{
	if (!YAJL_IS_STRING(v))
		return wrong_type(w, "a string", v, error);
	*out = YAJL_GET_STRING(v);
	return true;
}

static bool read_int(yajl_val v, const struct where *w, int64_t *out, GError **error)
{
	if (!YAJL_IS_NUMBER(v))
		return wrong_type(w, "a number", v, error);
	return json_int64(v, out) || fail_at(w, error, ": %s is not a 64-bit integer", YAJL_GET_NUMBER(v));
}

static bool read_uint(yajl_val v, const struct where *w, uint64_t max, uint64_t *out, GError **error)
{
	uint64_t n;

	if (!YAJL_IS_NUMBER(v))
		return wrong_type(w, "a number", v, error);
	if (!json_uint64(v, &n) || n > max)
		return fail_at(
			w, error, ": %s is not an integer from 0 to %" G_GUINT64_FORMAT, YAJL_GET_NUMBER(v), max);
	*out = n;
	return true;
}

static bool read_strings(SpecPool *pool, yajl_val v, const struct where *w, const char ***out, GError **error)
{
	const char **list;

	if (!YAJL_IS_ARRAY(v))
		return wrong_type(w, "an array", v, error);
	list = spec_pool_zalloc(pool, (v->u.array.len + 1) * sizeof *list);
	for (size_t i = 0; i < v->u.array.len; i++) {
		const struct where item = { w, NULL, i };

		if (!read_string(v->u.array.values[i], &item, &list[i], error))
			return false;
	}
	*out = list;
	return true;
}

static bool read_ids(SpecPool *pool, yajl_val v, const struct where *w, uint32_t **out, size_t *ret_n, GError **error)
{
	uint32_t *list;

	if (!YAJL_IS_ARRAY(v))
		return wrong_type(w, "an array", v, error);
	list = spec_pool_zalloc(pool, v->u.array.len * sizeof *list);
	for (size_t i = 0; i < v->u.array.len; i++) {
		const struct where item = { w, NULL, i };
		uint64_t id;

		if (!read_uint(v->u.array.values[i], &item, UINT32_MAX - 1, &id, error))
			return false;
		list[i] = (uint32_t)id;
	}
	*out = list;
	*ret_n = v->u.array.len;
	return true;
}

static bool read_map(SpecPool *pool, yajl_val v, const struct where *w, struct spec_map *out, GError **error)
{
	if (!YAJL_IS_OBJECT(v))
		return wrong_type(w, "an object", v, error);
	out->pairs = spec_pool_zalloc(pool, v->u.object.len * sizeof *out->pairs);
	for (size_t i = 0; i < v->u.object.len; i++) {
		const struct where item = { w, v->u.object.keys[i], 0 };
		struct spec_pair pair = { .key = v->u.object.keys[i] };
		size_t at = 0;

		if (!read_string(v->u.object.values[i], &item, &pair.value, error))
			return false;
		while (at < out->n_pairs && strcmp(out->pairs[at].key, pair.key) != 0)
			at++;
		out->pairs[at] = pair; /* of duplicate keys the last wins */
		if (at == out->n_pairs)
			out->n_pairs++;
	}
	return true;
}

static bool read_array(SpecPool *pool, const struct object_table *table, yajl_val v, const struct where *w, void *out,
	size_t *ret_n, GError **error)
{
	char *items;

	if (!YAJL_IS_ARRAY(v))
		return wrong_type(w, "an array", v, error);
	items = spec_pool_zalloc(pool, v->u.array.len * table->size);
	for (size_t i = 0; i < v->u.array.len; i++) {
		const struct where item = { w, NULL, i };

		if (!read_object(pool, table, v->u.array.values[i], &item, items + i * table->size, error))
			return false;
	}
	put_pointer(out, items);
	*ret_n = v->u.array.len;
	return true;
}

static bool read_keyed(SpecPool *pool, const struct object_table *table, yajl_val v, const struct where *w, void *out,
	size_t *ret_n, GError **error)
{
	char *items;

	if (!YAJL_IS_OBJECT(v))
		return wrong_type(w, "an object", v, error);
	items = spec_pool_zalloc(pool, v->u.object.len * table->size);
	for (size_t i = 0; i < v->u.object.len; i++) {
		const struct where item = { w, v->u.object.keys[i], 0 };

		put_pointer(items + i * table->size, v->u.object.keys[i]);
		if (!read_object(pool, table, v->u.object.values[i], &item, items + i * table->size, error))
			return false;
	}
	put_pointer(out, items);
	*ret_n = v->u.object.len;
	return true;
}

static bool refuse(yajl_val v, const struct where *w, GError **error)
{
	bool silent = YAJL_IS_FALSE(v) || (YAJL_IS_STRING(v) && *YAJL_GET_STRING(v) == '\0') ||
		      (YAJL_IS_ARRAY(v) && v->u.array.len == 0) || (YAJL_IS_OBJECT(v) && v->u.object.len == 0);

	return silent || fail_at(w, error, " is not supported");
}

static bool read_field(
	SpecPool *pool, const struct field *f, yajl_val v, const struct where *w, void *out, GError **error)
{
	void *at = (char *)out + f->offset;
	size_t *count = (size_t *)((char *)out + f->count_offset);
	const char *text = NULL;
	void *inner;
	uint64_t n = 0;

	switch (f->type) {
	case FIELD_STRING:
		return read_string(v, w, at, error);
	case FIELD_TEXT:
		if (!read_string(v, w, &text, error))
			return false;
		*(const char **)at = *text ? text : NULL;
		return true;
	case FIELD_BOOL:
		if (!is_bool(v))
			return wrong_type(w, "a boolean", v, error);
		*(bool *)at = YAJL_IS_TRUE(v);
		return true;
	case FIELD_INT:
		return read_int(v, w, at, error);
	case FIELD_UINT:
		return read_uint(v, w, UINT64_MAX, at, error);
	case FIELD_ID:
	case FIELD_UINT32:
		if (!read_uint(v, w, f->type == FIELD_ID ? UINT32_MAX - 1 : UINT32_MAX, &n, error))
			return false;
		*(uint32_t *)at = (uint32_t)n;
		return true;
	case FIELD_OPT_INT:
		((struct spec_int *)at)->set = true;
		return read_int(v, w, &((struct spec_int *)at)->value, error);
	case FIELD_OPT_UINT:
		((struct spec_uint *)at)->set = true;
		return read_uint(v, w, UINT64_MAX, &((struct spec_uint *)at)->value, error);
	case FIELD_STRINGS:
		return read_strings(pool, v, w, at, error);
	case FIELD_IDS:
		return read_ids(pool, v, w, at, count, error);
	case FIELD_MAP:
		return read_map(pool, v, w, at, error);
	case FIELD_INLINE:
		return read_object(pool, f->table, v, w, out, error);
	case FIELD_INTO:
		return read_object(pool, f->table, v, w, at, error);
	case FIELD_OBJECT:
		inner = spec_pool_zalloc(pool, f->table->size);
		put_pointer(at, inner);
		return read_object(pool, f->table, v, w, inner, error);
	case FIELD_ARRAY:
		return read_array(pool, f->table, v, w, at, count, error);
	case FIELD_KEYED:
		return read_keyed(pool, f->table, v, w, at, count, error);
	case FIELD_LIST:
		/* struct { items *, size_t n } */
		return read_array(pool, f->table, v, w, at, (size_t *)((char *)at + sizeof(void *)), error);
	case FIELD_JSON:
		*(yajl_val *)at = v;
		return true;
	case FIELD_REFUSED:
		return refuse(v, w, error);
	}
	g_return_val_if_reached(false);
}

static bool read_object(SpecPool *pool, const struct object_table *table, yajl_val value, const struct where *w,
	void *out, GError **error)
{
	if (!YAJL_IS_OBJECT(value))
		return wrong_type(w, "an object", value, error);
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct field *f = &table->fields[i];
		/* A field named "" is about the object as a whole. */
		yajl_val v = *f->name ? json_get(value, f->name) : value;
		const struct where inner = { w, f->name, 0 };

		if (!v && !f->required)
			continue;
		if (!v && f->missing)
			return fail(error, "%s", f->missing);
		if (!v)
			return fail_at(&inner, error, " is required");
		if (!read_field(pool, f, v, *f->name ? &inner : w, out, error))
			return false;
	}
	return true;
}

bool spec_read_object(
	SpecPool *pool, const struct object_table *table, yajl_val value, const char *name, void *out, GError **error)
{
	const struct where top = { NULL, name, 0 };

	return read_object(pool, table, value, &top, out, error);
}
