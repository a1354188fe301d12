/* src/common: JSON and options. */
#include <glib.h>

#include "common/error.h"
#include "common/json.h"
#include "common/options.h"

static void test_numbers_stay_exact(void)
{
	g_autoptr(JsonValue) v = json_parse("{\"a\": 18446744073709551615, \"b\": -9223372036854775808, \"c\": 1.5}", NULL);
	uint64_t u;
	int64_t i;

	g_assert_true(json_uint64(json_get(v, "a"), &u));
	g_assert_cmpuint(u, ==, UINT64_MAX);
	g_assert_true(json_get_int64(v, "b", &i));
	g_assert_cmpint(i, ==, INT64_MIN);
	g_assert_false(json_get_int64(v, "a", &i));
	g_assert_false(json_get_int64(v, "c", &i));
	g_assert_false(json_get_int64(v, "absent", &i));
}

static void test_the_last_duplicate_wins_and_null_is_absent(void)
{
	g_autoptr(JsonValue) v = json_parse("{\"a\": \"x\", \"a\": \"y\", \"n\": null}", NULL);

	g_assert_cmpstr(json_get_string(v, "a"), ==, "y");
	g_assert_null(json_get(v, "n"));
}

static void test_an_error_is_one_line(void)
{
	static const char *const bad[] = { "", "{", "[1,]", "{\"a\" 1}", "nul" };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(json_parse(bad[i], &error));
		g_assert_nonnull(error);
		g_assert_null(strchr(error->message, '\n'));
		g_assert_cmpuint(strlen(error->message), >, strlen("invalid JSON: "));
	}
}

static void test_a_written_document_reads_back(void)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "s", "a\"\n\x01");
	json_put_string(w, "bad", "\xff");
	json_put_uint(w, "u", UINT64_MAX);
	json_array_open(w, "l");
	json_put_bool(w, NULL, true);
	json_put_null(w, NULL);
	json_array_close(w);
	json_object_close(w);
	text = json_writer_text(w);
	g_assert_cmpstr(text, ==,
		"{\"s\":\"a\\\"\\n\\u0001\",\"bad\":\"\xef\xbf\xbd\",\"u\":18446744073709551615,\"l\":[true,null]}");
}

struct opts {
	gboolean flag;
	char *name;
	char **list;
	int n;
};

static const struct option_spec specs[] = {
	OPTION_SPEC(struct opts, flag, FLAG, "flag", 'f', NULL, "a flag")
	OPTION_SPEC(struct opts, name, STRING, "name", 'n', "NAME", "a name")
	OPTION_SPEC(struct opts, list, ARRAY, "list", 0, "X", "many")
	OPTION_SPEC(struct opts, n, INT, "num", 0, "N", "a number")
};

static bool parse(struct opts *o, enum option_flags flags, GPtrArray *left, GError **error, const char *line)
{
	g_auto(GStrv) argv = g_strsplit(line, " ", -1);
	g_autofree char **copy = g_memdup2(argv, (g_strv_length(argv) + 1) * sizeof *argv);
	char **args = copy;
	int argc = (int)g_strv_length(argv);
	bool ok = options_parse("ID", NULL, specs, G_N_ELEMENTS(specs), o, flags, &argc, &args, error);

	for (int i = 1; ok && i < argc; i++)
		g_ptr_array_add(left, g_strdup(args[i]));
	return ok;
}

static void test_options_come_from_the_table(void)
{
	g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	struct opts o = { .n = 7 };

	g_assert_true(parse(&o, OPTIONS_DEFAULT, left, &error, "x --list --a id --name=b --list c -f -- -z"));
	g_assert_true(o.flag);
	g_assert_cmpstr(o.name, ==, "b");
	g_assert_cmpuint(g_strv_length(o.list), ==, 2);
	g_assert_cmpstr(o.list[0], ==, "--a");
	g_assert_cmpint(o.n, ==, 7);
	g_assert_cmpuint(left->len, ==, 2);
	g_assert_cmpstr(left->pdata[0], ==, "id");
	g_assert_cmpstr(left->pdata[1], ==, "-z");
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	g_assert_null(o.name);
}

static void test_posix_order_stops_at_the_first_word(void)
{
	g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	struct opts o = { 0 };

	g_assert_true(parse(&o, OPTIONS_STOP_AT_POSITIONAL, left, &error, "x id ls -f -- y"));
	g_assert_false(o.flag);
	g_assert_cmpuint(left->len, ==, 5);
	g_assert_false(parse(&o, OPTIONS_DEFAULT, left, &error, "x --nope"));
	g_assert_nonnull(strstr(error->message, "--nope"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/common/json/numbers-stay-exact", test_numbers_stay_exact);
	g_test_add_func("/common/json/the-last-duplicate-wins-and-null-is-absent",
		test_the_last_duplicate_wins_and_null_is_absent);
	g_test_add_func("/common/json/an-error-is-one-line", test_an_error_is_one_line);
	g_test_add_func("/common/json/a-written-document-reads-back", test_a_written_document_reads_back);
	g_test_add_func("/common/options/come-from-the-table", test_options_come_from_the_table);
	g_test_add_func("/common/options/posix-order-stops-at-the-first-word", test_posix_order_stops_at_the_first_word);
	return g_test_run();
}
