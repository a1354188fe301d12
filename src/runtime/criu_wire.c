/* Protocol buffers by hand: a key (field number, type), then a varint or a length and bytes. */
#include "runtime/criu_wire.h"

#include <errno.h>
#include <string.h>

enum { TYPE_VARINT = 0, TYPE_FIXED64 = 1, TYPE_BYTES = 2, TYPE_FIXED32 = 5 };

static void put_varint(GByteArray *out, uint64_t value)
{
	do {
		guint8 byte = (guint8)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);

		g_byte_array_append(out, &byte, 1);
		value >>= 7;
	} while (value);
}

static void put_bytes(GByteArray *message, unsigned int field, const void *data, size_t size)
{
	put_varint(message, (uint64_t)field << 3 | TYPE_BYTES);
	put_varint(message, size);
	g_byte_array_append(message, data, (guint)size);
}

void wire_put_number(GByteArray *message, unsigned int field, int64_t value)
{
	put_varint(message, (uint64_t)field << 3 | TYPE_VARINT);
	put_varint(message, (uint64_t)value);
}

void wire_put_text(GByteArray *message, unsigned int field, const char *text)
{
	put_bytes(message, field, text, strlen(text));
}

void wire_put_message(GByteArray *message, unsigned int field, const GByteArray *inner)
{
	put_bytes(message, field, inner->data, inner->len);
}

static bool get_varint(struct wire_reader *r, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && r->pos < r->end; shift += 7) {
		uint8_t byte = *r->pos++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

int wire_next(struct wire_reader *r, struct wire_field *ret_field)
{
	struct wire_field f = { 0 };
	uint64_t key, size = 0;

	if (r->pos == r->end)
		return 0;
	if (!get_varint(r, &key) || key >> 3 == 0 || key >> 3 > G_MAXINT)
		return -EBADMSG;
	f.field = (unsigned int)(key >> 3);
	switch (key & 7) {
	case TYPE_VARINT:
		if (!get_varint(r, &f.number))
			return -EBADMSG;
		*ret_field = f;
		return 1;
	case TYPE_BYTES:
		if (!get_varint(r, &size))
			return -EBADMSG;
		break;
	case TYPE_FIXED64:
		size = 8;
		break;
	case TYPE_FIXED32:
		size = 4;
		break;
	default:
		return -EBADMSG;
	}
	if (size > (size_t)(r->end - r->pos))
		return -EBADMSG;
	f.data = r->pos;
	f.size = (size_t)size;
	r->pos += size;
	*ret_field = f;
	return 1;
}
