/* Records of Docker's json-file log, as its daemon writes them (daemon/logger/jsonfilelog of moby):
 *
 *	{"log":"text\n","stream":"stdout","attrs":{"tag":"x"},"time":"2026-08-24T11:37:00.1234Z"}
 *
 * A record whose text does not end with a newline is part of a line: the stream's next record goes on with it. Text is
 * UTF-8: every byte that is none becomes \ufffd. Of a line that is too long for one record no character is cut. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "relay/spool.h"

#define JSON_RECORD_MAX 16384u /* bytes of the container in one record, without the newline */
#define JSON_ATTRS_MAX  65536u
#define JSON_TIME_MAX   31u /* "2026-08-24T11:37:00.123456789Z" and NUL */

/* Bytes that a record of n bytes with so long attributes takes at most. */
uint32_t jsonlog_size(uint32_t n, uint32_t attrs_len);

/* Builds a record of n bytes at data (newline: and the one that ended the line) at to, which has room for jsonlog_size
 * bytes; attrs is an object's text, empty for none. Its length. */
uint32_t jsonlog_build(
	char *to, enum stream stream, const char *data, uint32_t n, bool newline, const char *attrs, const char *time);

/* Writes n bytes as the inside of a JSON string, at most six for each; where it ended. */
char *jsonlog_text(char *to, const char *data, uint32_t n);

/* The time as Docker has it: UTC, no zeros at the end of the fraction. */
void jsonlog_time(char to[JSON_TIME_MAX], const struct timespec *when);

/* How many bytes at the end of data begin a character that may go on in what follows: 0 to 3. */
uint32_t jsonlog_unfinished(const char *data, uint32_t n);

/* How many bytes of the container are in the record at p, which we built; *ret_stream: whose they are. */
uint32_t jsonlog_payload(const char *p, enum stream *ret_stream);
