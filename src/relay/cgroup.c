/* Where a process's cgroups are, and what was counted in them. */
#include "relay/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"

static const char *const v1_controllers[N_CGROUP_USES] = { "memory", "pids", "cpuacct" };

static bool has_controller(const char *list, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *p = list, *end = list + len; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p)) ?: end;

		if ((size_t)(comma - p) == name_len && memcmp(p, name, name_len) == 0)
			return true;
		p = comma + 1;
	}
	return false;
}

/* In lines "N:CONTROLLERS:PATH" the path of the v1 hierarchy with this controller, of v2's ("0::PATH") for NULL. Ends
 * there with a newline, or with the text. */
static char *find_path(char *text, const char *controller)
{
	for (char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		char *end = strchrnul(line, '\n');
		char *list = memchr(line, ':', (size_t)(end - line));
		char *path = list ? memchr(list + 1, ':', (size_t)(end - list - 1)) : NULL;

		if (!path)
			continue;
		if (controller ? has_controller(list + 1, (size_t)(path - list - 1), controller)
			       : path == list + 1 && list == line + 1 && *line == '0')
			return path + 1;
	}
	return NULL;
}

/* Descriptor of root_fd/hierarchy/path, or -1. */
static int open_group(int root_fd, const char *hierarchy, char *path)
{
	auto_fd top_fd = openat(root_fd, hierarchy, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *end = strchrnul(path, '\n'), was = *end;
	int fd = -1;

	/* The root is everybody's; one that begins with ".." lies outside of what our cgroup namespace shows. */
	if (top_fd < 0 || path[0] != '/' || end == path + 1 || strncmp(path, "/..", 3) == 0)
		return -1;
	*end = '\0';
	fd = openat(top_fd, path + 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*end = was;
	return fd;
}

int cgroups_find(struct cgroups *c, const char *root, char *text)
{
	auto_fd root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *v2_path = find_path(text, NULL);
	struct statfs fs;
	bool unified;

	if (root_fd < 0 || fstatfs(root_fd, &fs) < 0)
		return -errno;
	unified = fs.f_type == CGROUP2_SUPER_MAGIC;
	for (int i = 0; i < N_CGROUP_USES; i++) {
		char *path = unified ? NULL : find_path(text, v1_controllers[i]);

		c->v2[i] = !path;
		if (path)
			c->dir_fd[i] = open_group(root_fd, v1_controllers[i], path);
		else if (v2_path)
			c->dir_fd[i] = open_group(root_fd, unified ? "." : "unified", v2_path);
	}
	return 0;
}

int cgroups_open(struct cgroups *c, pid_t pid)
{
	char file[NUM_MAX + 16] = "/proc/", text[8192];
	ssize_t n;

	for (int i = 0; i < N_CGROUP_USES; i++)
		c->dir_fd[i] = -1;
	strcat(file + 6 + num_format_i64(file + 6, pid), "/cgroup");
	n = rw_read_file(AT_FDCWD, file, text, sizeof text);
	return n < 0 ? (int)n : cgroups_find(c, CGROUP_ROOT, text);
}

bool cgroups_path(const struct cgroups *c, char *buf, size_t size)
{
	static const char removed[] = " (deleted)"; /* d_path(): what a removed directory's name ends with */
	char link[NUM_MAX + 16] = "/proc/self/fd/";
	ssize_t n;

	if (c->dir_fd[CGROUP_MEMORY] < 0)
		return false;
	num_format_i64(link + strlen(link), c->dir_fd[CGROUP_MEMORY]);
	n = readlink(link, buf, size);
	if (n < 0 || (size_t)n == size)
		return false;
	buf[n] = '\0';
	return (size_t)n < sizeof removed || memcmp(buf + n - (sizeof removed - 1), removed, sizeof removed) != 0;
}

void cgroups_close(struct cgroups *c)
{
	for (int i = 0; i < N_CGROUP_USES; i++)
		fd_close(&c->dir_fd[i]);
}

bool cgroup_counter(const char *text, const char *name, uint64_t *ret_value)
{
	size_t len = strlen(name);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, len) == 0 && p[len] == ' ') {
			uint64_t value = 0;

			for (p += len + 1; *p >= '0' && *p <= '9'; p++)
				value = value * 10 + (uint64_t)(*p - '0');
			*ret_value = value;
			return true;
		}
	return false;
}

static uint64_t read_number(int dir_fd, const char *file)
{
	char text[NUM_MAX + 1];
	uint64_t value;
	ssize_t n = rw_read_file(dir_fd, file, text, sizeof text);

	if (n <= 0)
		return CGROUP_UNKNOWN;
	text[n - 1] = '\0'; /* its newline */
	return num_parse_u64(text, CGROUP_UNKNOWN - 1, &value) == 0 ? value : CGROUP_UNKNOWN;
}

static uint64_t cpu_us(int dir_fd, bool v2)
{
	char text[1024];
	uint64_t value;

	if (!v2) {
		value = read_number(dir_fd, "cpuacct.usage");
		return value == CGROUP_UNKNOWN ? value : value / 1000;
	}
	return rw_read_file(dir_fd, "cpu.stat", text, sizeof text) > 0 && cgroup_counter(text, "usage_usec", &value)
		       ? value
		       : CGROUP_UNKNOWN;
}

void cgroups_measure(const struct cgroups *c, uint64_t ret_value[N_CGROUP_USES])
{
	static const char *const memory[] = { "memory.max_usage_in_bytes", "memory.peak" };

	for (int i = 0; i < N_CGROUP_USES; i++) {
		int fd = c->dir_fd[i];

		if (fd < 0)
			ret_value[i] = CGROUP_UNKNOWN;
		else if (i == CGROUP_CPU)
			ret_value[i] = cpu_us(fd, c->v2[i]);
		else
			ret_value[i] = read_number(fd, i == CGROUP_PIDS ? "pids.peak" : memory[c->v2[i]]);
	}
}
