/* ROOT/ID/state.json and what follows from it. The outer keys are runc's; what only we need is below "tallyrun". */
#include "runtime/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "common/error.h"
#include "common/statefile.h"
#include "runtime/spec_table.h"
#include "runtime/version.h"

const char *status_name(enum status status)
{
	static const char *const names[] = {
		[STATUS_CREATING] = "creating",
		[STATUS_CREATED] = "created",
		[STATUS_RUNNING] = "running",
		[STATUS_PAUSED] = "paused",
		[STATUS_STOPPED] = "stopped",
	};

	return names[status];
}

bool container_check_id(const char *id, GError **error)
{
	if (!*id)
		return fail(error, "container id cannot be empty");
	if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return fail(error, "invalid container ID format");
	for (const char *p = id; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr("_+-.", *p))
			return fail(error, "invalid container ID format");
	return true;
}

static struct container *container_alloc(const char *root, const char *id)
{
	struct container *c = g_new0(struct container, 1);

	c->id = g_strdup(id);
	c->path = g_build_filename(root, id, NULL);
	c->dir_fd = c->pid_fd = -1;
	c->pool = spec_pool_new();
	return c;
}

static char *format_now(void)
{
	g_autoptr(GDateTime) date = NULL;
	g_autofree char *text = NULL;
	struct timespec now;
	char fraction[16];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	/* Not gmtime(3), which reads the local zone's file. */
	date = g_date_time_new_from_unix_utc(now.tv_sec);
	text = g_date_time_format(date, "%Y-%m-%dT%H:%M:%S");
	g_snprintf(fraction, sizeof fraction, ".%09ld", now.tv_nsec);
	for (n = strlen(fraction); n > 0 && fraction[n - 1] == '0'; n--)
		;
	if (n == 1)
		n = 0;
	return g_strdup_printf("%s%.*sZ", text, (int)n, fraction);
}

struct container *container_new(const char *root, const char *id, GError **error)
{
	g_autoptr(Container) c = NULL;

	if (!container_check_id(id, error))
		return NULL;
	if (g_mkdir_with_parents(root, 0700) < 0) {
		fail_errno(error, "create state directory %s", root);
		return NULL;
	}
	c = container_alloc(root, id);
	if (mkdir(c->path, 0711) < 0) {
		if (errno == EEXIST)
			fail(error, "container with given ID already exists");
		else
			fail_errno(error, "create state directory %s", c->path);
		return NULL;
	}
	c->dir_fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd < 0) {
		fail_errno(error, "open state directory %s", c->path);
		(void)rmdir(c->path); /* it is ours, and empty */
		return NULL;
	}
	c->created = format_now();
	c->devices = g_ptr_array_new_with_free_func(g_free);
	return g_steal_pointer(&c);
}

/* Opens a pidfd, and keeps it if the process is still the one that was recorded. Not having been able to look is an
 * error: a container that runs must not pass for one that has stopped. A first thread that has ended shows as a zombie,
 * while the others go on: container_status asks the pidfd, which knows. */
static bool open_init(struct container *c, GError **error)
{
	struct proc_stat st;
	auto_fd fd = sys_pidfd_open(c->pid, 0);
	int r = fd < 0 ? fd : proc_read_stat(c->pid, &st);

	if (r == -ESRCH)
		return true;
	if (r < 0)
		return fail_with(error, r, "look at the container's init, process %d", c->pid);
	if (st.start_ticks == c->start_ticks && st.state != 'X')
		c->pid_fd = steal_fd(&fd);
	return true;
}

/* Where tables put what is read into structs. */
struct private_part {
	const char *bundle, *personality, *systemd_unit, *listener_path, *listener_metadata;
	const char *memory_policy_mode, *memory_policy_nodes, *alt_syscall;
	const char **memory_policy_flags;
	struct spec_uint securebits;
	bool core_sched;
	struct spec_map annotations;
	const char **own;
	bool shared_pid_namespace, no_new_keyring, no_cgroup, systemd_user;
	struct spec_hook_list hooks[N_HOOK_KINDS];
};

struct outer_part {
	uint64_t pid, start;
	const char *created, *rootfs;
	const char **descriptors;
	struct private_part inner;
};

static const struct field private_fields[] = {
	SPEC_REQUIRED(struct private_part, "bundle", STRING, bundle),
	SPEC_FIELD(struct private_part, "annotations", MAP, annotations),
	SPEC_FIELD(struct private_part, "ownNamespaces", STRINGS, own),
	SPEC_FIELD(struct private_part, "sharedPidNamespace", BOOL, shared_pid_namespace),
	SPEC_FIELD(struct private_part, "noNewKeyring", BOOL, no_new_keyring),
	SPEC_FIELD(struct private_part, "noCgroup", BOOL, no_cgroup),
	SPEC_FIELD(struct private_part, "systemdUnit", STRING, systemd_unit),
	SPEC_FIELD(struct private_part, "systemdUser", BOOL, systemd_user),
	SPEC_FIELD(struct private_part, "personality", STRING, personality),
	SPEC_FIELD(struct private_part, "altSyscall", STRING, alt_syscall),
	SPEC_FIELD(struct private_part, "securebits", OPT_UINT, securebits),
	SPEC_FIELD(struct private_part, "coreSched", BOOL, core_sched),
	SPEC_FIELD(struct private_part, "memoryPolicyMode", STRING, memory_policy_mode),
	SPEC_FIELD(struct private_part, "memoryPolicyNodes", STRING, memory_policy_nodes),
	SPEC_FIELD(struct private_part, "memoryPolicyFlags", STRINGS, memory_policy_flags),
	SPEC_FIELD(struct private_part, "seccompListenerPath", STRING, listener_path),
	SPEC_FIELD(struct private_part, "seccompListenerMetadata", STRING, listener_metadata),
	{ .name = "hooks",
		.type = FIELD_INTO,
		.offset = offsetof(struct private_part, hooks),
		.table = &spec_table_hook_lists },
};
static const struct object_table private_table = { sizeof(struct private_part), private_fields,
	G_N_ELEMENTS(private_fields) };
static const struct field config_fields[] = { SPEC_REQUIRED(struct outer_part, "rootfs", STRING, rootfs) };
static const struct object_table config_table = { 0, config_fields, G_N_ELEMENTS(config_fields) };
static const struct field outer_fields[] = {
	SPEC_REQUIRED(struct outer_part, "init_process_pid", UINT, pid),
	SPEC_REQUIRED(struct outer_part, "init_process_start", UINT, start),
	SPEC_REQUIRED(struct outer_part, "created", STRING, created),
	SPEC_FIELD(struct outer_part, "external_descriptors", STRINGS, descriptors),
	{ .name = "config", .type = FIELD_INLINE, .table = &config_table, .required = true },
	{ .name = "tallyrun",
		.type = FIELD_INTO,
		.offset = offsetof(struct outer_part, inner),
		.table = &private_table,
		.required = true },
};
static const struct object_table outer_table = { sizeof(struct outer_part), outer_fields, G_N_ELEMENTS(outer_fields) };

static bool read_state(struct container *c, GError **error)
{
	struct outer_part o = { 0 };

	if (!spec_read_object(c->pool, &outer_table, c->json, "", &o, error))
		return false;
	if (o.pid < 2 || o.pid > G_MAXINT)
		return fail(error, "init_process_pid: %" G_GUINT64_FORMAT " is not a pid", o.pid);
	c->pid = (pid_t)o.pid;
	c->start_ticks = o.start;
	c->created = g_strdup(o.created);
	c->rootfs = g_strdup(o.rootfs);
	c->bundle = g_strdup(o.inner.bundle);
	c->annotations = o.inner.annotations;
	c->shared_pid_namespace = o.inner.shared_pid_namespace;
	c->no_new_keyring = o.inner.no_new_keyring;
	c->systemd_unit = g_strdup(o.inner.systemd_unit);
	c->systemd_user = o.inner.systemd_user;
	c->personality = g_strdup(o.inner.personality);
	c->alt_syscall = g_strdup(o.inner.alt_syscall);
	c->securebits = o.inner.securebits;
	c->core_sched = o.inner.core_sched;
	c->memory_policy_mode = o.inner.memory_policy_mode;
	c->memory_policy_nodes = o.inner.memory_policy_nodes;
	c->memory_policy_flags = o.inner.memory_policy_flags;
	c->listener_path = g_strdup(o.inner.listener_path);
	c->listener_metadata = g_strdup(o.inner.listener_metadata);
	c->poststart = o.inner.hooks[HOOK_POSTSTART];
	c->poststop = o.inner.hooks[HOOK_POSTSTOP];
	c->external_descriptors = g_strdupv((char **)o.descriptors);
	for (int t = 0; t < N_NS_TYPES && o.inner.own; t++)
		c->own[t] = g_strv_contains(o.inner.own, spec_namespace_infos[t].name);
	c->rdt = rdt_from_state(json_get(json_get(c->json, "tallyrun"), "intelRdt"));
	if (o.inner.no_cgroup)
		return true;
	c->cgroup = cgroup_from_state(json_get(c->json, "cgroup_paths"), error);
	return c->cgroup != NULL;
}

struct container *container_open(const char *root, const char *id, GError **error)
{
	g_autoptr(Container) c = container_alloc(root, id);
	g_autofree char *path = g_build_filename(c->path, STATE_FILE, NULL);
	g_autoptr(GError) local = NULL;

	if (!*id) {
		fail(error, "container id cannot be empty");
		return NULL;
	}
	if (!container_check_id(id, NULL)) {
		g_set_error(error, TALLY_ERROR, ENOENT, "container does not exist");
		return NULL;
	}
	c->dir_fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir_fd >= 0)
		c->json = json_parse_file(path, &local);
	else
		fail_errno(&local, "open state directory %s", c->path);
	if (!c->json && (local->code == ENOENT || local->code == ENOTDIR || local->code == ELOOP)) {
		g_set_error(error, TALLY_ERROR, ENOENT, "container does not exist");
		return NULL;
	}
	if (!c->json) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	if (!read_state(c, error)) {
		fail_prefix(error, "%s", path);
		return NULL;
	}
	return open_init(c, error) ? g_steal_pointer(&c) : NULL;
}

static void put_text(JsonWriter *w, const char *key, const char *text)
{
	if (text)
		json_put_string(w, key, text);
}

static void put_strings(JsonWriter *w, const char *key, const char *const *list)
{
	if (!list)
		return;
	json_array_open(w, key);
	for (; *list; list++)
		json_put_string(w, NULL, *list);
	json_array_close(w);
}

static void put_map(JsonWriter *w, const char *key, const struct spec_map *map)
{
	json_object_open(w, key);
	for (size_t i = 0; i < map->n_pairs; i++)
		json_put_string(w, map->pairs[i].key, map->pairs[i].value);
	json_object_close(w);
}

static void put_hooks(JsonWriter *w, const char *key, const struct spec_hook_list *list)
{
	if (!list->n_hooks)
		return;
	json_array_open(w, key);
	for (size_t i = 0; i < list->n_hooks; i++) {
		const struct spec_hook *h = &list->hooks[i];

		json_object_open(w, NULL);
		json_put_string(w, "path", h->path);
		put_strings(w, "args", h->args);
		put_strings(w, "env", h->env);
		if (h->timeout.set)
			json_put_int(w, "timeout", h->timeout.value);
		json_object_close(w);
	}
	json_array_close(w);
}

/* What cAdvisor and the like look for: labels as key=value, with the bundle among them. */
static void put_config(JsonWriter *w, const struct container *c)
{
	json_object_open(w, "config");
	json_put_string(w, "rootfs", c->rootfs);
	json_array_open(w, "labels");
	for (size_t i = 0; i < c->annotations.n_pairs; i++) {
		g_autofree char *label =
			g_strdup_printf("%s=%s", c->annotations.pairs[i].key, c->annotations.pairs[i].value);

		json_put_string(w, NULL, label);
	}
	{
		g_autofree char *label = g_strdup_printf("bundle=%s", c->bundle);

		json_put_string(w, NULL, label);
	}
	json_array_close(w);
	json_object_close(w);
}

static void put_private(JsonWriter *w, const struct container *c)
{
	json_object_open(w, "tallyrun");
	json_put_string(w, "bundle", c->bundle);
	put_map(w, "annotations", &c->annotations);
	json_array_open(w, "ownNamespaces");
	for (int t = 0; t < N_NS_TYPES; t++)
		if (c->own[t])
			json_put_string(w, NULL, spec_namespace_infos[t].name);
	json_array_close(w);
	json_put_bool(w, "sharedPidNamespace", c->shared_pid_namespace);
	json_put_bool(w, "noNewKeyring", c->no_new_keyring);
	json_put_bool(w, "noCgroup", !c->cgroup);
	put_text(w, "systemdUnit", c->systemd_unit);
	json_put_bool(w, "systemdUser", c->systemd_user);
	put_text(w, "personality", c->personality);
	put_text(w, "altSyscall", c->alt_syscall);
	if (c->securebits.set)
		json_put_uint(w, "securebits", c->securebits.value);
	json_put_bool(w, "coreSched", c->core_sched);
	put_text(w, "memoryPolicyMode", c->memory_policy_mode);
	put_text(w, "memoryPolicyNodes", c->memory_policy_nodes);
	put_strings(w, "memoryPolicyFlags", c->memory_policy_flags);
	put_text(w, "seccompListenerPath", c->listener_path);
	put_text(w, "seccompListenerMetadata", c->listener_metadata);
	if (c->rdt)
		rdt_put_state(c->rdt, w);
	json_object_open(w, "hooks");
	put_hooks(w, "poststart", &c->poststart);
	put_hooks(w, "poststop", &c->poststop);
	json_object_close(w);
	json_object_close(w);
}

bool container_save(const struct container *c, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "id", c->id);
	json_put_int(w, "init_process_pid", c->pid);
	json_put_uint(w, "init_process_start", c->start_ticks);
	json_put_string(w, "created", c->created);
	put_config(w, c);
	json_put_bool(w, "rootless", false);
	if (c->cgroup)
		cgroup_put_state(c->cgroup, w);
	json_object_open(w, "namespace_paths");
	for (int t = 0; t < N_NS_TYPES; t++) {
		g_autofree char *path = g_strdup_printf("/proc/%d/ns/%s", c->pid, spec_namespace_infos[t].proc_name);

		json_put_string(w, spec_namespace_infos[t].state_name, path);
	}
	json_object_close(w);
	put_strings(w, "external_descriptors", (const char *const *)c->external_descriptors);
	json_put_string(w, "intel_rdt_path", c->rdt ? rdt_path(c->rdt) : "");
	put_private(w, c);
	json_object_close(w);
	text = json_writer_text(w);
	if (!statefile_write(c->dir_fd, STATE_FILE, text, 0600, error))
		return fail_prefix(error, "%s", c->path);
	(void)unlinkat(c->dir_fd, STATE_NOTE, 0); /* without cgroups there is none; one that stays is not looked at */
	return true;
}

bool container_note(const struct container *c, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	if (c->cgroup)
		cgroup_put_state(c->cgroup, w);
	if (c->rdt)
		rdt_put_state(c->rdt, w);
	json_array_open(w, "deviceMapper");
	for (guint i = 0; c->devices && i < c->devices->len; i++)
		json_put_string(w, NULL, g_ptr_array_index(c->devices, i));
	json_array_close(w);
	json_object_close(w);
	text = json_writer_text(w);
	return statefile_write(c->dir_fd, STATE_NOTE, text, 0600, error) || fail_prefix(error, "%s", c->path);
}

bool container_note_device(const struct container *c, const char *name, GError **error)
{
	g_ptr_array_add(c->devices, g_strdup(name));
	return container_note(c, error);
}

struct container_left container_left_over(const char *root, const char *id)
{
	g_autofree char *path = g_build_filename(root, id, STATE_NOTE, NULL);
	g_autoptr(JsonValue) note = json_parse_file(path, NULL);
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	struct container_left left = { NULL };
	yajl_val list;

	if (!note)
		return left;
	if (json_get(note, "cgroup_paths"))
		left.cgroup = cgroup_from_state(json_get(note, "cgroup_paths"), NULL);
	left.rdt = rdt_from_state(json_get(note, "intelRdt"));
	list = json_get(note, "deviceMapper");
	for (size_t i = 0; YAJL_IS_ARRAY(list) && i < list->u.array.len; i++)
		if (YAJL_IS_STRING(list->u.array.values[i]))
			g_strv_builder_add(names, YAJL_GET_STRING(list->u.array.values[i]));
	left.devices = g_strv_builder_end(names);
	return left;
}

void container_left_clear(struct container_left *left)
{
	cgroup_free(left->cgroup);
	rdt_free(left->rdt);
	g_strfreev(left->devices);
}

enum status container_status(const struct container *c)
{
	struct stat st;

	/* A dead init is stopped whatever the freezer says. */
	if (c->pid_fd < 0 || sys_pidfd_wait(c->pid_fd, 0) > 0)
		return STATUS_STOPPED;
	if (c->cgroup && cgroup_frozen(c->cgroup))
		return STATUS_PAUSED;
	return fstatat(c->dir_fd, STATE_FIFO, &st, AT_SYMLINK_NOFOLLOW) == 0 ? STATUS_CREATED : STATUS_RUNNING;
}

/* Empties a directory of files and of empty directories. */
static int empty_dir(int dir_fd)
{
	DIR *dir = fdopendir(dir_fd); /* takes the descriptor */
	const struct dirent *e;
	int err = 0;

	if (!dir) {
		err = errno;
		fd_close(&dir_fd);
		return -err;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
			unlinkat(dirfd(dir), e->d_name, 0) < 0 &&
			(errno != EISDIR || unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR) < 0) && errno != ENOENT)
			err = errno;
	closedir(dir);
	return -err;
}

/* The directory of the socket for readiness, if there is one. */
static int remove_notify(int dir_fd)
{
	int fd = openat(dir_fd, STATE_NOTIFY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? empty_dir(fd) : errno == ENOENT ? 0 : -errno;
}

bool container_remove_dir(const char *root, const char *id, GError **error)
{
	g_autofree char *path = g_build_filename(root, id, NULL);
	int fd, notify, r;

	if (!container_check_id(id, error))
		return false;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || fail_errno(error, "open state directory %s", path);
	notify = remove_notify(fd);
	r = empty_dir(fd) ?: notify;
	if (r < 0)
		return fail_with(error, r, "empty state directory %s", path);
	return rmdir(path) == 0 || errno == ENOENT || fail_errno(error, "remove state directory %s", path);
}

void container_put_oci_state(JsonWriter *w, const char *key, const struct container *c, enum status status, pid_t pid)
{
	json_object_open(w, key);
	json_put_string(w, "ociVersion", VERSION_OCI);
	json_put_string(w, "id", c->id);
	json_put_string(w, "status", status_name(status));
	if (pid > 0)
		json_put_int(w, "pid", pid);
	json_put_string(w, "bundle", c->bundle);
	if (c->annotations.n_pairs)
		put_map(w, "annotations", &c->annotations);
	json_object_close(w);
}

char *container_oci_state(const struct container *c, enum status status, pid_t pid)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);

	container_put_oci_state(w, NULL, c, status, pid);
	return json_writer_text(w);
}

void container_free(struct container *c)
{
	if (!c)
		return;
	g_free(c->id);
	g_free(c->path);
	g_free(c->bundle);
	g_free(c->rootfs);
	g_free(c->created);
	g_free(c->personality);
	g_free(c->alt_syscall);
	g_free(c->systemd_unit);
	g_free(c->listener_path);
	g_free(c->listener_metadata);
	g_strfreev(c->external_descriptors);
	rdt_free(c->rdt);
	if (c->devices)
		g_ptr_array_unref(c->devices);
	cgroup_free(c->cgroup);
	fd_close(&c->dir_fd);
	fd_close(&c->pid_fd);
	yajl_tree_free(c->json);
	spec_pool_free(c->pool);
	g_free(c);
}
