/* As much of protocol buffers (proto2, the wire format) as criu's RPC needs: numbers, texts, messages in messages. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Append one field to a message. Negative numbers are sign-extended, as int32 and enum are on the wire. */
void wire_put_number(GByteArray *message, unsigned int field, int64_t value);
void wire_put_text(GByteArray *message, unsigned int field, const char *text);
void wire_put_message(GByteArray *message, unsigned int field, const GByteArray *inner);

/* A field that was read: number for varints, else data (borrowed). */
struct wire_field {
	unsigned int field;
	uint64_t number;
	const uint8_t *data; /* NULL for numbers */
	size_t size;
};

struct wire_reader {
	const uint8_t *pos, *end;
};

/* Reads the next field. 1: *ret_field; 0: the end; -EBADMSG: not a message. */
int wire_next(struct wire_reader *r, struct wire_field *ret_field);
