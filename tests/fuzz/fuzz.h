/* Fuzz targets. Each takes any bytes; what must hold for every input is asserted, the rest is left to the sanitizers. */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
	const char *name; /* also the directory of its corpus */
	void (*run)(const uint8_t *data, size_t size);
};

/* Of the program that is being built: one of fuzz_runtime.c, fuzz_monitor.c, fuzz_ctl.c. */
extern const struct fuzz_target fuzz_targets[];
extern const size_t n_fuzz_targets;

/* The input as text up to its first NUL; free with g_free. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return g_strndup((const char *)data, size);
}

/* A result comes without an error, no result with one that has text. Clears the error. */
void fuzz_check_error(gboolean ok, GError **error);

/* A directory of our own for this process, removed at its end; and a file in it with this content, whose path is
 * borrowed until the next call. */
const char *fuzz_dir(void);
const char *fuzz_file(const char *name, const uint8_t *data, size_t size);
