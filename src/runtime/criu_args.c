/* From options to criu's, where checkpoint and restore agree. */
#include "runtime/criu_args.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"
#include "runtime/criu_wire.h"

#define DEFAULT_CONFIG "/etc/criu/runc.conf"

struct word {
	const char *name;
	int value;
};

static const struct word cgroup_modes[] = {
	{ "soft", CRIU_CGROUPS_SOFT },
	{ "full", CRIU_CGROUPS_FULL },
	{ "strict", CRIU_CGROUPS_STRICT },
	{ "ignore", CRIU_CGROUPS_IGNORE },
};

static const struct word network_locks[] = { { "iptables", 1 }, { "nftables", 2 }, { "skip", 3 } };

static bool find_word(
	const struct word *words, size_t n, const char *name, const char *option, int *ret, GError **error)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].name, name) == 0) {
			*ret = words[i].value;
			return true;
		}
	return fail(error, "invalid value for --%s: %s", option, name);
}

static bool open_dir(const char *path, bool make, int *ret_fd, GError **error)
{
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return fail_errno(error, "create directory %s", path);
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 || fail_errno(error, "open directory %s", path);
}

bool criu_dirs_open(struct criu_dirs *d, const char *image_path, const char *work_path, bool make, GError **error)
{
	d->images = g_canonicalize_filename(image_path && *image_path ? image_path : "checkpoint", NULL);
	d->work = work_path && *work_path ? g_canonicalize_filename(work_path, NULL) : g_strdup(d->images);
	return open_dir(d->images, make, &d->images_fd, error) && open_dir(d->work, true, &d->work_fd, error);
}

bool criu_dirs_reopen(const struct criu_dirs *d, GError **error)
{
	auto_fd images = open(d->images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd work = open(d->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (images < 0 || work < 0 || dup3(images, d->images_fd, O_CLOEXEC) < 0 ||
		dup3(work, d->work_fd, O_CLOEXEC) < 0)
		return fail_errno(error, "open directories %s and %s again", d->images, d->work);
	return true;
}

void criu_dirs_clear(struct criu_dirs *d)
{
	g_free(d->images);
	g_free(d->work);
	fd_close(&d->images_fd);
	fd_close(&d->work_fd);
}

static bool put_empty_namespaces(GByteArray *opts, char *const *names, GError **error)
{
	for (; names && *names; names++) {
		if (strcmp(*names, "network") != 0)
			return fail(error, "namespace %s is not supported for --empty-ns", *names);
		wire_put_number(opts, CRIU_EMPTY_NS, CLONE_NEWNET);
	}
	return true;
}

bool criu_shares_cgroups(const Cgroup *cg, pid_t pid, bool *ret_shares, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/cgroup", pid);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, error))
		return false;
	*ret_shares = !cgroup_covers(cg, text);
	return true;
}

bool criu_put_common(GByteArray *opts, const struct criu_common *o, const struct criu_dirs *d,
	const struct spec_map *annotations, GError **error)
{
	const char *config = spec_map_get(annotations, "org.criu.config");
	int mode = o->shares_cgroups ? CRIU_CGROUPS_IGNORE : CRIU_CGROUPS_SOFT, lock = 0;

	if (o->manage_cgroups_mode && !find_word(cgroup_modes, G_N_ELEMENTS(cgroup_modes), o->manage_cgroups_mode,
					      "manage-cgroups-mode", &mode, error))
		return false;
	if (o->network_lock &&
		!find_word(network_locks, G_N_ELEMENTS(network_locks), o->network_lock, "network-lock", &lock, error))
		return false;
	wire_put_number(opts, CRIU_IMAGES_DIR_FD, d->images_fd);
	wire_put_number(opts, CRIU_WORK_DIR_FD, d->work_fd);
	criu_put_flag(opts, CRIU_TCP_ESTABLISHED, o->tcp_established);
	criu_put_flag(opts, CRIU_EXT_UNIX_SK, o->ext_unix_sk);
	criu_put_flag(opts, CRIU_SHELL_JOB, o->shell_job);
	criu_put_flag(opts, CRIU_LAZY_PAGES, o->lazy_pages);
	criu_put_flag(opts, CRIU_FILE_LOCKS, o->file_locks);
	criu_put_flag(opts, CRIU_AUTO_DEDUP, o->auto_dedup);
	criu_put_flag(opts, CRIU_ORPHAN_PTS_MASTER, true);
	criu_put_flag(opts, CRIU_MANAGE_CGROUPS, true); /* what a criu before 2.0 knows of the next one */
	wire_put_number(opts, CRIU_MANAGE_CGROUPS_MODE, mode);
	if (lock)
		wire_put_number(opts, CRIU_NETWORK_LOCK, lock);
	if (!config && access(DEFAULT_CONFIG, R_OK) == 0)
		config = DEFAULT_CONFIG;
	if (config && *config)
		wire_put_text(opts, CRIU_CONFIG_FILE, config);
	return put_empty_namespaces(opts, o->empty_ns, error);
}

const char *criu_program(const struct globals *globals)
{
	return globals->criu && *globals->criu ? globals->criu : "criu";
}

const char *criu_namespace_key(enum spec_namespace_type type)
{
	return type == NS_PID ? "extRootPidNS" : "extRootNetNS";
}

bool criu_mount_is_bind(const struct spec_mount *m)
{
	return g_strcmp0(m->type, "bind") == 0 ||
	       (m->options && (g_strv_contains(m->options, "bind") || g_strv_contains(m->options, "rbind")));
}

bool criu_binds_unified(const struct container *c)
{
	return c->cgroup && cgroup_mode(c->cgroup) == CGROUP_UNIFIED && !c->own[NS_CGROUP];
}
