/* Strict decimal numbers, to and from text. No locale, no allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest decimal of 64 bits with sign, and NUL. */
#define NUM_MAX 21

/* Parses text as a whole: digits only, no sign, no blanks. 0, -EINVAL, or -ERANGE when above max. */
int num_parse_u64(const char *text, uint64_t max, uint64_t *ret_value);

/* Parses text as a whole: optional '-', digits. 0, -EINVAL, or -ERANGE when outside min..max. */
int num_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);

/* Writes value in decimal and NUL; returns the length. buf has NUM_MAX bytes. */
size_t num_format_u64(char *buf, uint64_t value);
size_t num_format_i64(char *buf, int64_t value);
