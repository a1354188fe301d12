/* criu's wire format: what is written is read again, and nothing that comes in is believed. */
#include <errno.h>
#include <glib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/runtime/criu/a-message-is-written-as-protobuf-has-it", test_write);
	g_test_add_func("/runtime/criu/a-message-is-read-again", test_read);
	g_test_add_func("/runtime/criu/what-is-no-message-is-refused", test_bad);
	return g_test_run();
}
