/* How a JSON object becomes a struct: one table of fields for each object (spec_fields.c), one reader (spec_read.c). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json.h"

enum field_type {
	FIELD_STRING,   /* const char * */
	FIELD_TEXT,     /* const char *, "" counts as absent */
	FIELD_BOOL,     /* bool */
	FIELD_INT,      /* int64_t */
	FIELD_UINT,     /* uint64_t */
	FIELD_ID,       /* uint32_t, a user or group id: at most 2^32 - 2 */
	FIELD_UINT32,   /* uint32_t */
	FIELD_OPT_INT,  /* struct spec_int */
	FIELD_OPT_UINT, /* struct spec_uint */
	FIELD_STRINGS,  /* const char ** ending with NULL; NULL when absent */
	FIELD_IDS,      /* uint32_t * and a count */
	FIELD_MAP,      /* struct spec_map */
	FIELD_INLINE,   /* the members of an inner object go into the same struct */
	FIELD_INTO,     /* the inner object is the struct at offset */
	FIELD_OBJECT,   /* pointer to a struct of its own, NULL when absent */
	FIELD_ARRAY,    /* pointer to an array of structs, and a count */
	FIELD_KEYED, /* an object of objects: an array of structs, each with its key in a leading const char *, and a count */
	FIELD_LIST,    /* the array's pointer and count lie in a struct {pointer, count} at offset */
	FIELD_JSON,    /* yajl_val, the object itself */
	FIELD_REFUSED, /* not supported: an error when it says anything (null, "", [], {} and false say nothing) */
};

struct object_table;

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	size_t count_offset;              /* FIELD_ARRAY, FIELD_KEYED, FIELD_IDS */
	const struct object_table *table; /* FIELD_INLINE, _INTO, _OBJECT, _ARRAY, _LIST */
	bool required;
	const char *missing; /* the error when it is absent; NULL: "PATH is required" */
};

struct object_table {
	size_t size; /* of the struct; 0 for tables that are only used inline */
	const struct field *fields;
	size_t n_fields;
};

/* One row: the struct, the name in JSON, the kind without FIELD_, the member. */
#define SPEC_FIELD(owner, json, kind, member)                                                                          \
	{                                                                                                              \
		.name = json, .type = FIELD_##kind, .offset = offsetof(owner, member)                                  \
	}
#define SPEC_REQUIRED(owner, json, kind, member)                                                                       \
	{                                                                                                              \
		.name = json, .type = FIELD_##kind, .offset = offsetof(owner, member), .required = true                \
	}

/* Memory that is freed as a whole. */
typedef struct SpecPool SpecPool;
SpecPool *spec_pool_new(void);
void *spec_pool_zalloc(SpecPool *pool, size_t size); /* aligned for any type */
void *spec_pool_take(SpecPool *pool, void *block);   /* a g_malloc'ed block becomes the pool's */
void spec_pool_free(SpecPool *pool);

/* Fills out (zeroed, table->size bytes) from value, which must be an object; name stands in front of the paths in errors
 * ("" at the top). */
bool spec_read_object(
	SpecPool *pool, const struct object_table *table, yajl_val value, const char *name, void *out, GError **error);

/* The tables of the documents that stand alone. */
extern const struct object_table spec_table_top, spec_table_process, spec_table_resources, spec_table_hook_lists;

/* What the tables cannot say: ranges, names, and fields that depend on each other (spec_check.c). */
struct spec;
struct spec_process;
bool spec_check(const struct spec *spec, GError **error);
bool spec_check_process(const struct spec_process *process, GError **error);
