/* Directory listings without allocation. */
#include "base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

int dir_list(int dir_fd, dir_entry_fn fn, void *user)
{
	_Alignas(struct dirent64) char buf[2048];
	ssize_t n;

	if (lseek(dir_fd, 0, SEEK_SET) < 0)
		return -errno;
	while ((n = getdents64(dir_fd, buf, sizeof buf)) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *e = (const struct dirent64 *)(void *)(buf + at);

			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				fn(dir_fd, e->d_name, user);
			at += e->d_reclen;
		}
	return n < 0 ? -errno : 0;
}
