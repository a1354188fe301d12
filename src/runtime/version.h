/* What --version and features say about the program. */
#pragma once

/* The runtime-spec version that state, hooks and features name. */
#define VERSION_OCI     "1.2.0"
#define VERSION_OCI_MIN "1.0.0"

/* Prints the lines that engines parse ("NAME version X", "commit: ", "spec: ", ...) on standard output. */
void version_print(const char *name);
