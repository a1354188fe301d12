/* checkpoint: a container's processes into files, by criu. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "common/error.h"
#include "common/json.h"
#include "common/statefile.h"
#include "runtime/criu_args.h"
#include "runtime/criu_wire.h"
#include "runtime/destroy.h"
#include "runtime/notify.h"
#include "runtime/state.h"

/* Mounts of the container that are the host's business: criu is told that they exist, and restore puts them back. */
static bool put_mounts(GByteArray *opts, const struct spec *s, const struct container *c, GError **error)
{
	struct stat notify;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		g_autofree char *place = g_canonicalize_filename(m->destination, "/");

		/* criu opens the source that restore names, and follows it. */
		if (m->options && g_strv_contains(m->options, "src-nofollow"))
			return fail(error, "mounts[%zu].options: criu cannot restore src-nofollow", i);
		if (criu_mount_is_bind(m))
			criu_put_external(opts, "mnt[%s]:%s", place, place);
	}
	if (fstatat(c->dir_fd, STATE_NOTIFY, &notify, AT_SYMLINK_NOFOLLOW) == 0)
		criu_put_external(opts, "mnt[" NOTIFY_PLACE "]:" NOTIFY_PLACE);
	for (size_t i = 0; s->linux_.masked_paths && s->linux_.masked_paths[i]; i++) {
		g_autofree char *path = g_strdup_printf("/proc/%d/root%s", c->pid, s->linux_.masked_paths[i]);
		struct stat st;

		if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
			criu_put_external(opts, "mnt[%s]:/dev/null", s->linux_.masked_paths[i]);
	}
	return true;
}

/* Those of cgroup v1, which are the host's, and cgroup2 without a cgroup namespace, which is bound from there; their places
 * are in the container's list of mounts. */
static bool put_cgroup_mounts(GByteArray *opts, const struct container *c, GError **error)
{
	const char *type = criu_binds_unified(c) ? " - cgroup2 " : " - cgroup ";
	g_autofree char *path = g_strdup_printf("/proc/%d/mountinfo", c->pid);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		char place[4096];

		if (strstr(*line, type) && sscanf(*line, "%*d %*d %*s %*s %4095s", place) == 1)
			criu_put_external(opts, "mnt[%s]:%s", place, place);
	}
	return true;
}

static bool put_namespaces(GByteArray *opts, const struct spec *s, GError **error)
{
	static const enum spec_namespace_type kinds[] = { NS_NETWORK, NS_PID };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const char *path = s->linux_.namespaces[kinds[i]].path;
		struct stat st;

		if (!path)
			continue;
		if (stat(path, &st) < 0)
			return fail_errno(error, "namespace path %s", path);
		criu_put_external(opts, "%s[%lu]:%s", spec_namespace_infos[kinds[i]].proc_name,
			(unsigned long)st.st_ino, criu_namespace_key(kinds[i]));
	}
	return true;
}

/* Where criu stops the processes: the freezer, or cgroup2. */
static void put_freezer(GByteArray *opts, const struct container *c)
{
	const struct cgroup_hierarchy *list;
	size_t n;

	if (!c->cgroup)
		return;
	list = cgroup_hierarchies(c->cgroup, &n);
	for (size_t i = 0; i < n; i++) {
		g_autofree char *path = g_strconcat(list[i].mount, list[i].path, NULL);

		if (strcmp(list[i].controllers, "freezer") == 0 ||
			(!*list[i].controllers && cgroup_mode(c->cgroup) == CGROUP_UNIFIED)) {
			wire_put_text(opts, CRIU_FREEZE_CGROUP, path);
			return;
		}
	}
}

static bool put_page_server(GByteArray *opts, const char *text, GError **error)
{
	const char *colon = strrchr(text, ':');
	g_autofree char *address = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
	g_autoptr(GByteArray) inner = g_byte_array_new();
	uint64_t port;

	if (!colon || colon == text || num_parse_u64(colon + 1, 65535, &port) < 0 || port == 0)
		return fail(error, "use --page-server ADDRESS:PORT to specify page server: %s", text);
	wire_put_text(inner, 1, address);
	wire_put_number(inner, 2, (int64_t)port);
	wire_put_message(opts, CRIU_PAGE_SERVER, inner);
	return true;
}

static bool put_parent(GByteArray *opts, const struct checkpoint_cli *o, const struct criu_dirs *d, GError **error)
{
	g_autofree char *parent = NULL;

	if (!o->parent_path || !*o->parent_path)
		return true;
	if (g_path_is_absolute(o->parent_path) || !g_str_has_prefix(o->parent_path, ".."))
		return fail(
			error, "--parent-path %s: must be relative to the images and begin with ..", o->parent_path);
	parent = g_build_filename(d->images, o->parent_path, NULL);
	if (access(parent, F_OK) < 0)
		return fail_errno(error, "--parent-path %s", parent);
	wire_put_text(opts, CRIU_PARENT_IMG, o->parent_path);
	return true;
}

/* It is for us to write to: criu would count the number among its own descriptors. */
static bool read_status_fd(const char *text, int *ret_fd, GError **error)
{
	uint64_t fd;

	if (!text || strcmp(text, "-1") == 0)
		return true;
	if (num_parse_u64(text, INT32_MAX, &fd) < 0)
		return fail(error, "invalid --status-fd: %s", text);
	if (fcntl((int)fd, F_GETFD) < 0)
		return fail_errno(error, "invalid --status-fd argument %s", text);
	*ret_fd = (int)fd;
	return true;
}

static bool make_options(GByteArray *opts, const struct container *c, const struct spec *s,
	const struct checkpoint_cli *o, const struct criu_dirs *d, int *ret_status_fd, GError **error)
{
	struct criu_common common = CRIU_COMMON(o);

	if (!criu_shares_cgroups(c->cgroup, c->pid, &common.shares_cgroups, error))
		return false;
	wire_put_number(opts, CRIU_PID, c->pid);
	wire_put_text(opts, CRIU_ROOT, c->rootfs);
	criu_put_flag(opts, CRIU_LEAVE_RUNNING, o->leave_running);
	criu_put_flag(opts, CRIU_TCP_SKIP_IN_FLIGHT, o->tcp_skip_in_flight);
	criu_put_flag(opts, CRIU_LINK_REMAP, o->link_remap);
	criu_put_flag(opts, CRIU_TRACK_MEM, o->pre_dump || (o->parent_path && *o->parent_path));
	if (o->page_server && *o->page_server && !put_page_server(opts, o->page_server, error))
		return false;
	if (!criu_put_common(opts, &common, d, &c->annotations, error) || !put_parent(opts, o, d, error) ||
		!read_status_fd(o->status_fd, ret_status_fd, error))
		return false;
	if (o->pre_dump)
		return true;
	put_freezer(opts, c);
	return put_mounts(opts, s, c, error) && put_cgroup_mounts(opts, c, error) && put_namespaces(opts, s, error);
}

/* What restore must give to the processes as their 0, 1 and 2. */
static bool save_descriptors(const struct container *c, const struct criu_dirs *d, GError **error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_array_open(w, NULL);
	for (char **p = c->external_descriptors; p && *p; p++)
		json_put_string(w, NULL, *p);
	json_array_close(w);
	text = json_writer_text(w);
	return statefile_write(d->images_fd, CRIU_DESCRIPTORS, text, 0600, error) ||
	       fail_prefix(error, "%s", d->images);
}

/* criu listens for lazy pages: whoever waits for that is told. */
static bool on_notify(const char *what, pid_t pid, int fd, void *user, GError **error)
{
	const int *status_fd = user;

	(void)pid;
	(void)fd;
	if (strcmp(what, "status-ready") == 0 && *status_fd >= 0 && write(*status_fd, "", 1) != 1)
		return fail_errno(error, "write to --status-fd %d", *status_fd);
	return true;
}

static bool dump(const struct globals *globals, const struct container *c, const struct checkpoint_cli *o,
	const struct criu_dirs *d, GError **error)
{
	g_autoptr(GByteArray) opts = g_byte_array_new();
	g_autofree char *config = g_build_filename(c->bundle, "config.json", NULL);
	g_autoptr(Spec) spec = spec_load(config, error);
	g_autoptr(Criu) criu = NULL;
	int status_fd = -1;

	if (!spec || !make_options(opts, c, spec, o, d, &status_fd, error))
		return false;
	if (!o->pre_dump && !save_descriptors(c, d, error))
		return false;
	criu = criu_start(criu_program(globals), NULL, 0, d->work, "dump.log", error);
	/* Who is to fetch the pages may come when he likes. */
	if (criu && o->lazy_pages)
		criu_set_silence(criu, -1);
	return criu && criu_call(criu, o->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, opts, on_notify, &status_fd, error);
}

static bool checkpoint(
	const struct globals *globals, const struct container *c, const struct checkpoint_cli *o, GError **error)
{
	struct criu_dirs dirs = CRIU_DIRS_INIT;
	enum status status = container_status(c);
	bool ok;

	if (geteuid() != 0)
		return fail(error, "cannot checkpoint a rootless container: criu needs root");
	if (status != STATUS_RUNNING && status != STATUS_PAUSED)
		return fail(error, "container cannot be checkpointed in %s state", status_name(status));
	if (o->pre_dump && o->lazy_pages)
		return fail(error, "--pre-dump and --lazy-pages exclude each other");
	ok = criu_dirs_open(&dirs, o->image_path, o->work_path, true, error) && dump(globals, c, o, &dirs, error);
	criu_dirs_clear(&dirs);
	/* A criu that died has left it frozen. */
	if (!ok && status == STATUS_RUNNING && c->cgroup && cgroup_frozen(c->cgroup))
		(void)cgroup_thaw(c->cgroup, NULL); /* what is to be told is why it was frozen */
	return ok;
}

static int checkpoint_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	const struct checkpoint_cli *o = options;
	g_autoptr(Container) c = container_open(globals->root, args[0], error);

	(void)n_args;
	if (!c || !checkpoint(globals, c, o, error))
		return 1;
	if (o->leave_running || o->pre_dump)
		return 0;
	return destroy_container(globals, c, error) ? 0 : 1;
}

#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct checkpoint_cli, field, type, name, short_name, value, help)
static const struct option_spec specs[] = {
#include "runtime/checkpoint_options.def"
};
#undef OPTION

const struct command cmd_checkpoint = {
	.name = "checkpoint",
	.args = "CONTAINER",
	.help = "save a running container to files",
	.options = specs,
	.n_options = G_N_ELEMENTS(specs),
	.options_size = sizeof(struct checkpoint_cli),
	.min_args = 1,
	.max_args = 1,
	.run = checkpoint_run,
};
