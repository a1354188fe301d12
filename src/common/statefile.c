/* Small files that others read: whole or not at all. */
#include "common/statefile.h"

#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/rw.h"
#include "common/error.h"

bool statefile_write(int dir_fd, const char *name, const char *text, mode_t mode, GError **error)
{
	int r = rw_replace_file(dir_fd, name, text, strlen(text), mode);

	return r == 0 || fail_with(error, r, "write %s", name);
}

bool statefile_write_pid(const char *path, pid_t pid, GError **error)
{
	char text[NUM_MAX];

	num_format_i64(text, pid);
	return statefile_write(AT_FDCWD, path, text, 0666, error) || fail_prefix(error, "pid file");
}

bool statefile_read_pid(int dir_fd, const char *name, pid_t *ret_pid, GError **error)
{
	char text[64];
	int64_t pid;
	ssize_t n = rw_read_file(dir_fd, name, text, sizeof text);

	if (n < 0)
		return fail_with(error, (int)n, "read pid file %s", name);
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	if (num_parse_i64(text, 2, INT32_MAX, &pid) < 0)
		return fail(error, "read pid file %s: \"%s\" is not a pid", name, text);
	*ret_pid = (pid_t)pid;
	return true;
}
