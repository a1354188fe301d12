/* The directory of containers. Other tools may work in it at the same time: what is changed is changed under the
 * container's lock, and what is read was written whole. */
#include "ctl/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/wait.h"

#define ID_MAX 255

bool store_check_id(const char *id, GError **error)
{
	size_t len = strlen(id);

	/* The runtimes' rule. */
	if (len == 0 || len > ID_MAX || strcmp(id, ".") == 0 || strcmp(id, "..") == 0 ||
		strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_+-.") != len)
		return fail(error, "invalid container id \"%s\": letters, digits, _ + - . and at most %d of them", id,
			ID_MAX);
	return true;
}

bool store_check_owner(int fd, const char *path, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_errno(error, "stat %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return fail(error, "%s must belong to uid %u and be writable by nobody else", path, geteuid());
	return true;
}

int store_open(const struct ctl *ctl, bool create, GError **error)
{
	g_autofree char *path = g_build_filename(ctl->root, "containers", NULL);
	g_autofree char *runtime = g_build_filename(ctl->root, "runtime", NULL);
	auto_fd root_fd = -1, fd = -1;

	if (create && (g_mkdir_with_parents(ctl->root, 0700) < 0 || g_mkdir_with_parents(path, 0700) < 0 ||
			      g_mkdir_with_parents(runtime, 0700) < 0)) {
		fail_errno(error, "create %s", path);
		return -1;
	}
	root_fd = open(ctl->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0) {
		fail_errno(error, "open %s", ctl->root);
		return -1;
	}
	if (!store_check_owner(root_fd, ctl->root, error))
		return -1;
	fd = openat(root_fd, "containers", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fail_errno(error, "open %s", path);
	return steal_fd(&fd);
}

static Container *container_at(const struct ctl *ctl, const char *id)
{
	Container *c = g_new0(Container, 1);

	*c = (Container){
		.id = g_strdup(id),
		.path = g_build_filename(ctl->root, "containers", id, NULL),
		.runtime_root = g_build_filename(ctl->root, "runtime", NULL),
		.dir_fd = -1,
		.lock_fd = -1,
	};
	return c;
}

void container_free(Container *c)
{
	if (!c)
		return;
	g_free(c->id);
	g_free(c->path);
	g_free(c->runtime_root);
	fd_close(&c->dir_fd);
	fd_close(&c->lock_fd);
	record_clear(&c->record);
	g_free(c);
}

Container *container_new(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = NULL;
	auto_fd store_fd = -1;

	if (!store_check_id(id, error))
		return NULL;
	store_fd = store_open(ctl, true, error);
	if (store_fd < 0)
		return NULL;
	c = container_at(ctl, id);
	if (mkdirat(store_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			fail(error, "container %s already exists", id);
		else
			fail_errno(error, "create %s", c->path);
		return NULL;
	}
	c->dir_fd = openat(store_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0) {
		fail_errno(error, "open %s", c->path);
		return NULL;
	}
	return container_lock(c, 5, error) ? g_steal_pointer(&c) : NULL;
}

static bool load_record(Container *c, GError **error)
{
	struct record r;

	if (!record_load(c->dir_fd, &r, error))
		return false;
	record_clear(&c->record);
	c->record = r;
	c->has_record = true;
	return true;
}

Container *container_open(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = NULL;
	g_autoptr(GError) no_store = NULL;
	auto_fd store_fd = -1;

	if (!store_check_id(id, error))
		return NULL;
	store_fd = store_open(ctl, false, &no_store);
	if (store_fd < 0 && !g_error_matches(no_store, TALLY_ERROR, ENOENT)) {
		g_propagate_error(error, g_steal_pointer(&no_store));
		return NULL;
	}
	c = container_at(ctl, id);
	if (store_fd >= 0)
		c->dir_fd = openat(store_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0) {
		if (store_fd < 0 || errno == ENOENT)
			fail(error, "container %s does not exist in %s", id, ctl->root);
		else
			fail_errno(error, "open %s", c->path);
		return NULL;
	}
	(void)load_record(c, NULL); /* has_record tells; who needs it asks container_open_known */
	return g_steal_pointer(&c);
}

Container *container_open_known(const struct ctl *ctl, const char *id, GError **error)
{
	g_autoptr(Container) c = container_open(ctl, id, error);

	return c && container_require_record(c, error) ? g_steal_pointer(&c) : NULL;
}

bool container_require_record(Container *c, GError **error)
{
	return c->has_record || load_record(c, error) ||
	       fail_prefix(error, "container %s (tallyctl rm --force removes what is left of it)", c->id);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* flock(2) knows no deadline: a repeated alarm interrupts it, so that none can be missed between the check of the time
 * and the call. */
int store_flock(int fd, int seconds)
{
	deadline_t deadline = deadline_in(seconds);
	const struct itimerval often = { { 0, 100000 }, { 0, 100000 } }, off = { 0 };
	struct sigaction wake = { .sa_handler = on_alarm }, before;
	sigset_t alarm_set, mask;
	int r = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	sigaction(SIGALRM, &wake, &before);
	sigprocmask(SIG_UNBLOCK, &alarm_set, &mask);
	setitimer(ITIMER_REAL, &often, NULL);
	while (flock(fd, LOCK_EX) < 0) {
		r = errno;
		if (r != EINTR || deadline_poll_ms(deadline) == 0)
			break;
		r = 0;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &before, NULL);
	return -r;
}

static bool is_current(const Container *c)
{
	struct stat ours, named;

	return fstat(c->dir_fd, &ours) == 0 && stat(c->path, &named) == 0 && ours.st_ino == named.st_ino &&
	       ours.st_dev == named.st_dev;
}

bool container_lock(Container *c, int seconds, GError **error)
{
	auto_fd fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : store_flock(fd, seconds);

	if (r == -EINTR)
		return fail(error, "container %s is busy: another tallyctl has worked on it for %d seconds", c->id,
			seconds);
	if (r < 0 && r != -ENOENT)
		return fail_with(error, r, "lock %s", c->path);
	if (r == -ENOENT || !is_current(c))
		return fail(error, "container %s was removed by another tool", c->id);
	c->lock_fd = steal_fd(&fd);
	c->has_record = false;
	(void)load_record(c, NULL); /* has_record tells */
	return true;
}

void container_unlock(Container *c)
{
	fd_close(&c->lock_fd);
}

bool container_is_locked(const Container *c)
{
	auto_fd fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

bool container_save(Container *c, GError **error)
{
	c->has_record = true;
	return record_save(c->dir_fd, &c->record, error) || fail_prefix(error, "container %s", c->id);
}

static bool remove_entries(int dir_fd, GError **error)
{
	int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;
	bool ok = true;

	if (!dir) {
		fd_close(&copy);
		return fail_errno(error, "read a directory");
	}
	rewinddir(dir);
	while (ok && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dir_fd, e->d_name, 0) == 0 || errno == ENOENT)
			continue;
		ok = errno == EISDIR || errno == EPERM ? store_remove_tree(dir_fd, e->d_name, error)
						       : fail_errno(error, "remove %s", e->d_name);
	}
	closedir(dir);
	return ok;
}

bool store_remove_tree(int dir_fd, const char *name, GError **error)
{
	auto_fd fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) /* something else has its name */
		return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT || fail_errno(error, "remove %s", name);
	if (fd < 0)
		return errno == ENOENT || fail_errno(error, "open %s", name);
	if (!remove_entries(fd, error))
		return fail_prefix(error, "%s", name);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail_errno(error, "remove %s", name);
	return true;
}

bool container_remove(Container *c, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(c->path);
	auto_fd fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(error, "open %s", parent);
	return store_remove_tree(fd, c->id, error) || fail_prefix(error, "remove container %s", c->id);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *store_list(const struct ctl *ctl, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) local = NULL;
	int fd = store_open(ctl, false, &local);
	struct dirent *e;
	DIR *dir;

	if (fd < 0 && g_error_matches(local, TALLY_ERROR, ENOENT))
		return g_steal_pointer(&ids);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			g_ptr_array_add(ids, g_strdup(e->d_name));
	closedir(dir);
	g_ptr_array_sort(ids, compare_ids);
	return g_steal_pointer(&ids);
}
