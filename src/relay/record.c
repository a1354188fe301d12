/* How it ended. */
#include "relay/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"

int record_reserve(struct record_file *f, uint32_t size)
{
	if (!f->path)
		return 0;
	rw_temp_suffix(stpcpy(f->temp, f->path));
	f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return -errno;
	if (fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, size) < 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
		int r = -errno;

		record_cancel(f);
		return r;
	}
	return 0;
}

void record_cancel(struct record_file *f)
{
	if (f->fd < 0)
		return;
	fd_close(&f->fd);
	(void)unlink(f->temp); /* its directory may be gone: then so is the file */
}

static int write_once(struct record_file *f, const char *text, uint32_t len)
{
	int r = f->fd < 0 ? record_reserve(f, len) : 0;

	if (r < 0)
		return r;
	r = rw_write_all(f->fd, text, len);
	f->written = r == 0;
	if (r < 0)
		record_cancel(f);
	fd_close(&f->fd); /* before the name appears: watchers see one event for it */
	return r;
}

static bool no_space(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

int record_write(struct record_file *f, const char *text, uint32_t len, struct record_file *spare)
{
	int r = f->path ? write_once(f, text, len) : 0;

	if (no_space(r) && spare && spare->fd >= 0) {
		record_cancel(spare);
		r = write_once(f, text, len);
	}
	return r;
}

int record_publish(struct record_file *f, const char *text, uint32_t len)
{
	int r = 0, again;

	if (!f->path || (f->written && rename(f->temp, f->path) == 0))
		return 0;
	if (f->written) {
		r = -errno;
		(void)unlink(f->temp); /* the error above is the one that counts */
	}
	/* The directory may have been replaced since: one more try from scratch. */
	again = rw_replace_file(AT_FDCWD, f->path, text, len, 0666);
	return again < 0 && r < 0 ? r : again;
}

int record_commit(struct record_file *f, const char *text, uint32_t len, struct record_file *spare)
{
	int r = record_write(f, text, len, spare), published = record_publish(f, text, len);

	return published < 0 && r < 0 ? r : published;
}
