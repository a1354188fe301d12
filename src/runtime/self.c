/* The calling process: what it was given, and its own program file. */
#include "runtime/self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mnt.h"
#include "base/rw.h"
#include "common/error.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* memfd_create(2), Linux 6.3; EINVAL before */
#endif
#define COPY_MODE 0700
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static bool read_mask(const char *status, const char *name, uint64_t *ret_mask)
{
	const char *at = strstr(status, name);

	if (!at)
		return false;
	*ret_mask = g_ascii_strtoull(at + strlen(name), NULL, 16);
	return true;
}

bool self_read(struct self *ret_self, GError **error)
{
	char text[8192];
	ssize_t n = rw_read_file(AT_FDCWD, "/proc/self/status", text, sizeof text);

	if (n < 0)
		return fail_with(error, (int)n, "read /proc/self/status");
	if (!read_mask(text, "\nSigIgn:\t", &ret_self->ignored_signals) ||
		!read_mask(text, "\nCapPrm:\t", &ret_self->permitted_caps) ||
		!read_mask(text, "\nCapEff:\t", &ret_self->effective_caps) ||
		!read_mask(text, "\nCapBnd:\t", &ret_self->bounding_caps))
		return fail(error, "read /proc/self/status: a line is missing");
	return true;
}

bool self_has_cap(const struct self *self, int cap)
{
	return self->effective_caps >> cap & 1;
}

bool self_can_return(const struct self *self)
{
	auto_fd own = self_has_cap(self, CAP_SYS_ADMIN) ? open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC) : -1;

	return own >= 0 && setns(own, CLONE_NEWPID) == 0;
}

bool self_in_user_namespace(void)
{
	unsigned int inside, outside, size;
	char text[256];

	if (rw_read_file(AT_FDCWD, "/proc/self/uid_map", text, sizeof text) <= 0)
		return false;
	return sscanf(text, "%u %u %u", &inside, &outside, &size) != 3 || inside || outside || size != UINT32_MAX;
}

/* Whether writing to the file behind fd is refused whoever asks. */
static bool is_protected(int fd)
{
	struct statvfs fs;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS)
		return true;
	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* Whether the file is a copy as we make it below: without a name, and ours. Nobody can execute it but those who do so
 * already. (A memfd has no name either, and may be somebody's who executes it again and again. A program that an upgrade has
 * removed is not ours.) */
static bool is_nameless(int fd)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd), *target = g_file_read_link(link, NULL);
	struct stat st;

	return target && g_str_has_suffix(target, " (deleted)") && !g_str_has_prefix(target, "/memfd:") &&
	       fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_uid == geteuid() && (st.st_mode & 07777) == COPY_MODE;
}

/* A clone of the mount of one file, read-only and nowhere attached. */
static int open_read_only(const char *path)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd fd = mnt_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || mnt_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0)
		return -1;
	return steal_fd(&fd);
}

static bool copy_all(int from, int to)
{
	off_t at = 0;
	ssize_t n;

	do
		n = sendfile(to, from, &at, 1 << 24);
	while (n > 0);
	return n == 0;
}

/* A sealed copy in memory, for kernels and sandboxes that refuse the mount. */
static int open_sealed_copy(int from)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	auto_fd fd = memfd_create("tallyrun", flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("tallyrun", flags);
	if (fd < 0 || !copy_all(from, fd) || fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0)
		return -1;
	return steal_fd(&fd);
}

/* A copy without a name on a disk, where there are no executable memfds either (sysctl vm.memfd_noexec). While it is executed
 * the kernel lets nobody write to it (self_protect asks), and later nobody executes it. */
static int open_nameless_copy(int from)
{
	static const char *const places[] = { "/var/tmp", "/tmp", "/dev/shm", "/run" };

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		auto_fd fd = open(places[i], O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, COPY_MODE);
		g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
		struct statvfs fs;
		int copy;

		if (fd < 0 || fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_NOEXEC) || fchmod(fd, COPY_MODE) < 0 || !copy_all(from, fd))
			continue;
		/* What is open for writing is not executed. */
		copy = open(link, O_RDONLY | O_CLOEXEC);
		if (copy >= 0)
			return copy;
	}
	return -1;
}

/* Kernels 6.11 and 6.12 let programs that run be written to. */
static bool is_busy(void)
{
	auto_fd fd = open("/proc/self/exe", O_WRONLY | O_CLOEXEC);

	return fd < 0 && errno == ETXTBSY;
}

bool self_protect(char **argv, GError **error)
{
	auto_fd self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_fd copy = -1;

	if (self < 0)
		return fail_errno(error, "open /proc/self/exe");
	if (is_protected(self))
		return true;
	if (is_nameless(self))
		return is_busy() || fail(error, "this kernel lets programs that run be written to, and has neither a read-only "
			"mount nor an executable memfd for ours");
	copy = open_read_only("/proc/self/exe");
	if (copy < 0)
		copy = open_sealed_copy(self);
	if (copy < 0)
		copy = open_nameless_copy(self);
	/* Looked at once more, for else we would execute ourselves for ever. */
	if (copy < 0 || !(is_protected(copy) || is_nameless(copy)))
		return fail_errno(error, "make a copy of the own program that cannot be overwritten");
	syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	if (errno == ENOSYS || errno == EPERM) { /* EPERM: an old seccomp filter around us */
		g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", copy);

		execve(name, argv, environ);
	}
	return fail_errno(error, "execute the protected copy of the own program");
}
