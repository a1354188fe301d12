/* criu's wire format: what is written is read again, and nothing that comes in is believed. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "runtime/criu.h"
#include "runtime/criu_wire.h"

static void assert_bytes(const GByteArray *got, const char *wanted)
{
	g_autoptr(GString) hex = g_string_new(NULL);

	for (guint i = 0; i < got->len; i++)
		g_string_append_printf(hex, "%02x", got->data[i]);
	g_assert_cmpstr(hex->str, ==, wanted);
}

/* The bytes are those of protobuf's own documentation and of protoc. */
static void test_write(void)
{
	g_autoptr(GByteArray) m = g_byte_array_new(), inner = g_byte_array_new(), outer = g_byte_array_new();
	g_autoptr(GByteArray) negative = g_byte_array_new();

	wire_put_number(m, 1, 150);
	assert_bytes(m, "089601");
	wire_put_text(m, 2, "testing");
	assert_bytes(m, "089601120774657374696e67");
	wire_put_number(inner, 1, 150);
	wire_put_message(outer, 3, inner);
	assert_bytes(outer, "1a03089601");
	wire_put_number(negative, 64, -1);
	assert_bytes(negative, "8004ffffffffffffffffff01");
}

static void test_read(void)
{
	g_autoptr(GByteArray) m = g_byte_array_new();
	struct wire_reader r;
	struct wire_field f;

	wire_put_number(m, 64, -1);
	wire_put_text(m, 2, "x");
	wire_put_number(m, 3, 0);
	r = (struct wire_reader){ m->data, m->data + m->len };
	g_assert_cmpint(wire_next(&r, &f), ==, 1);
	g_assert_cmpuint(f.field, ==, 64);
	g_assert_cmpuint(f.number, ==, G_MAXUINT64);
	g_assert_null(f.data);
	g_assert_cmpint(wire_next(&r, &f), ==, 1);
	g_assert_cmpuint(f.field, ==, 2);
	g_assert_cmpmem(f.data, f.size, "x", 1);
	g_assert_cmpint(wire_next(&r, &f), ==, 1);
	g_assert_cmpuint(f.field, ==, 3);
	g_assert_cmpuint(f.number, ==, 0);
	g_assert_cmpint(wire_next(&r, &f), ==, 0);
}

static void test_bad(void)
{
	static const struct {
		guint8 bytes[16];
		gsize size;
	} rows[] = {
		{ { 0x08 }, 1 },                   /* a key without a value */
		{ { 0x08, 0x80 }, 2 },             /* a varint that does not end */
		{ { 0x00, 0x01 }, 2 },             /* field 0 */
		{ { 0x12, 0x02, 'x' }, 3 },        /* longer than what there is */
		{ { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 }, 11 },
		{ { 0x0b }, 1 },                   /* a group */
		{ { 0x0d, 1, 2, 3 }, 4 },          /* three of four bytes */
		{ { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, 12 }, /* above 64 bits */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct wire_reader r = { rows[i].bytes, rows[i].bytes + rows[i].size };
		struct wire_field f;

		g_assert_cmpint(wire_next(&r, &f), ==, -EBADMSG);
	}
}

/* A criu that takes the request and does nothing, or writes lines into its log for a while first. */
static void assert_given_up(const char *script, const char *reasons)
{
	g_autofree char *dir = g_dir_make_tmp("criu-XXXXXX", NULL), *program = g_build_filename(dir, "criu", NULL);
	g_autofree char *log = g_build_filename(dir, "log", NULL), *text = g_strdup_printf("#!/bin/sh\n%s\n", script);
	g_autofree char *place = g_strdup_printf(" (log: %s)", log);
	g_autofree char *wanted = g_strdup_printf(
		"criu failed (dump): it has done nothing for 1.5 seconds%s%s", reasons ?: "", reasons ? place : "");
	g_autoptr(GByteArray) opts = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	Criu *criu;

	g_assert_true(g_file_set_contents(program, text, -1, NULL));
	g_assert_cmpint(g_chmod(program, 0700), ==, 0);
	g_setenv("LOG", log, true);
	criu = criu_start(program, NULL, 0, dir, "log", &error);
	g_assert_no_error(error);
	criu_set_silence(criu, 1500);
	g_assert_false(criu_call(criu, CRIU_DUMP, opts, NULL, NULL, &error));
	g_assert_cmpstr(error->message, ==, wanted);
	criu_free(criu);
	g_assert_cmpint(g_unlink(program), ==, 0);
	(void)g_unlink(log);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static void test_silence(void)
{
	assert_given_up("exec cat <&3 >/dev/null", NULL);
}

/* As a restore of lazy pages whose server has gone: it fails, and then waits for what never comes. */
static void test_stuck_after_an_error(void)
{
	assert_given_up("echo '(00.1) Error (criu/uffd.c:1306): uffd: Broken pipe' >\"$LOG\"; exec cat <&3 >/dev/null",
		"; uffd: Broken pipe");
}

static void test_progress(void)
{
	gint64 from, took = 0;

	/* A busy machine may take two of these sleeps for silence, but not each time. */
	for (int i = 0; i < 3 && took <= 2 * 1400000; i++) {
		from = g_get_monotonic_time();
		assert_given_up("for i in 1 2 3 4; do echo $i >>\"$LOG\"; sleep 0.7; done; exec cat <&3 >/dev/null", "");
		took = g_get_monotonic_time() - from;
	}
	g_assert_cmpint(took, >, 2 * 1400000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/criu/a-message-is-written-as-protobuf-has-it", test_write);
	g_test_add_func("/runtime/criu/a-message-is-read-again", test_read);
	g_test_add_func("/runtime/criu/what-is-no-message-is-refused", test_bad);
	g_test_add_func("/runtime/criu/one-that-does-nothing-is-given-up", test_silence);
	g_test_add_func("/runtime/criu/why-one-has-failed-that-then-does-nothing-is-told", test_stuck_after_an_error);
	g_test_add_func("/runtime/criu/one-that-writes-into-its-log-is-not", test_progress);
	return g_test_run();
}
