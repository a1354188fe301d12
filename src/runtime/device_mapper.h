/* Block devices made of others by the kernel's device-mapper, as dm-verity's are. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* One line of a table, as dmsetup(8) has it: "0 1638400 verity 1 /dev/loop0 ...". */
struct device_mapper_line {
	uint64_t start, length; /* in sectors of 512 bytes */
	char type[16];          /* "verity" */
	char *params;           /* free with g_free */
};

/* Reads "START LENGTH TYPE PARAMETERS"; "@DEV@" in the parameters stands for device. */
bool device_mapper_parse(const char *text, const char *device, struct device_mapper_line *ret_line, GError **error);

/* Makes a read-only device of that name (below 128 bytes) and line. It goes by itself as soon as nobody holds it: neither *ret_fd, which is the
 * caller's to close, nor a mount. *ret_device is its path; free with g_free. */
bool device_mapper_create(
	const char *name, const struct device_mapper_line *line, int *ret_fd, char **ret_device, GError **error);

/* Removes a device of that name as soon as nobody holds it, which is at once when it has never come to be opened. One that is
 * not there, or not any more, is no error. */
bool device_mapper_remove(const char *name, GError **error);
