/* Sizes and durations as people write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "64m", "1.5g", "100kb", "2GiB", "4096", "-1": bytes, units of 1024. False when it is none or too large. */
bool units_parse_size(const char *text, int64_t *ret_bytes);

/* "5s", "100ms", "1m30s", "1.5h" (Go's time.Duration): nanoseconds. False when it is none or too large. */
bool units_parse_duration(const char *text, int64_t *ret_ns);
