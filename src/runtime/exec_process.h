/* The process object of an exec: from a file, or the bundle's with what the command line changes. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/options.h"
#include "runtime/spec.h"
#include "runtime/state.h"

#define OPTION(field, type, name, short_name, value, help) OPTION_MEMBER(field, type)
struct exec_cli {
#include "runtime/exec_options.def"
};
#undef OPTION

/* args: the program and its arguments, NULL-terminated. The result has nothing but process that is for use; free with
 * spec_free, before args and options go. */
struct spec *exec_process_load(const struct container *c, const struct exec_cli *options, char **args, GError **error);

/* Parses "UID[:GID]" strictly: whole decimal numbers up to 2^32 - 2 (CVE-2026-30892). Without a GID *gid stays. */
bool exec_parse_user(const char *text, uint32_t *uid, uint32_t *gid, GError **error);
