/* JSON in (yajl's tree) and out (yajl's generator). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

/* g_autoptr(JsonValue) owns a tree: the same pointer as yajl_val. */
typedef struct yajl_val_s JsonValue;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonValue, yajl_tree_free)

/* Parses one JSON document (UTF-8 checked, no comments). Free with yajl_tree_free or g_autoptr(JsonValue).
 * NULL with a one-line error that has yajl's reason. */
yajl_val json_parse(const char *text, GError **error);

/* Reads and parses a file. The error names the path. */
yajl_val json_parse_file(const char *path, GError **error);

/* The member of an object, NULL when absent, null, or when object is not an object. Of duplicate keys the last wins. */
yajl_val json_get(yajl_val object, const char *key);

/* The member as text (borrowed), or NULL when absent or of another type. */
const char *json_get_string(yajl_val object, const char *key);

/* Exact integer of the member: false when absent, not an integer, or out of range. */
bool json_get_int64(yajl_val object, const char *key, int64_t *ret_value);

/* Exact integers of a value: false when it is not one or out of range. Doubles are never involved. */
bool json_int64(yajl_val value, int64_t *ret_value);
bool json_uint64(yajl_val value, uint64_t *ret_value);

/* A writer: the calls nest as the document does. */
typedef struct JsonWriter JsonWriter;

/* indent: blanks for each level ("  "), or NULL for one compact line. */
JsonWriter *json_writer_new(const char *indent);
void json_writer_free(JsonWriter *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonWriter, json_writer_free)

void json_object_open(JsonWriter *w, const char *key); /* key: NULL inside arrays and at the top */
void json_object_close(JsonWriter *w);
void json_array_open(JsonWriter *w, const char *key);
void json_array_close(JsonWriter *w);
void json_put_string(JsonWriter *w, const char *key, const char *value); /* value NULL: null; invalid UTF-8 replaced */
void json_put_int(JsonWriter *w, const char *key, int64_t value);
void json_put_uint(JsonWriter *w, const char *key, uint64_t value);
void json_put_number(JsonWriter *w, const char *key, const char *digits); /* a JSON number as text, not checked */
void json_put_bool(JsonWriter *w, const char *key, bool value);
void json_put_null(JsonWriter *w, const char *key);

/* Writes a parsed value as it is (numbers with their original digits). */
void json_put_value(JsonWriter *w, const char *key, yajl_val value);

/* The document as text, no newline at the end; free with g_free. */
char *json_writer_text(JsonWriter *w);
