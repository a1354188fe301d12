/* The process object of an exec. */
#include "runtime/exec_process.h"

#include <string.h>

#include "base/num.h"
#include "common/error.h"
#include "common/users.h"
#include "runtime/spec_table.h"

static bool has_text(const char *text)
{
	return text && *text;
}

static bool parse_id(const char *text, const char *what, uint32_t *ret_id, GError **error)
{
	uint64_t id;

	if (num_parse_u64(text, UINT32_MAX - 1, &id) < 0)
		return fail(error, "bad %s: %s", what, text);
	*ret_id = (uint32_t)id;
	return true;
}

bool exec_parse_user(const char *text, uint32_t *uid, uint32_t *gid, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	uint32_t u = 0, g = *gid;

	if (!parts[0])
		return fail(error, "bad uid: %s", text);
	if (!parse_id(parts[0], "uid", &u, error) || (parts[1] && !parse_id(parts[1], "gid", &g, error)))
		return false;
	*uid = u;
	*gid = g;
	return true;
}

/* One list after the other, in the spec's memory; the strings stay where they are. */
static const char **join_lists(SpecPool *pool, const char **a, char **b)
{
	size_t n_a = a ? g_strv_length((char **)a) : 0, n_b = b ? g_strv_length(b) : 0;
	const char **list = spec_pool_zalloc(pool, (n_a + n_b + 1) * sizeof *list);

	if (n_a)
		memcpy(list, a, n_a * sizeof *list);
	if (n_b)
		memcpy(list + n_a, b, n_b * sizeof *list);
	return list;
}

/* Bounding, effective, permitted; ambient only for what is inheritable already, and never inheritable itself
 * (CVE-2022-29162). */
static void add_caps(SpecPool *pool, struct spec_process *p, char **caps)
{
	struct spec_capabilities *k = spec_pool_zalloc(pool, sizeof *k);

	if (p->capabilities)
		*k = *p->capabilities;
	k->bounding = join_lists(pool, k->bounding, caps);
	k->effective = join_lists(pool, k->effective, caps);
	k->permitted = join_lists(pool, k->permitted, caps);
	if (k->inheritable && k->inheritable[0])
		k->ambient = join_lists(pool, k->ambient, caps);
	p->capabilities = k;
}

static bool add_groups(SpecPool *pool, struct spec_process *p, char **gids, GError **error)
{
	size_t n = g_strv_length(gids);
	uint32_t *list = spec_pool_zalloc(pool, (p->n_additional_gids + n) * sizeof *list);

	if (p->n_additional_gids)
		memcpy(list, p->additional_gids, p->n_additional_gids * sizeof *list);
	for (size_t i = 0; i < n; i++)
		if (!parse_id(gids[i], "additional gid", &list[p->n_additional_gids + i], error))
			return false;
	p->additional_gids = list;
	p->n_additional_gids += n;
	return true;
}

/* Another user is another user record: nothing of the container's own stays but the group, where none is named. Numbers
 * are taken as they are; names are the container's to resolve, with the groups that they are members of. */
static bool apply_user(
	const struct container *c, SpecPool *pool, struct spec_process *p, const char *text, GError **error)
{
	struct exec_user user = { 0 };
	uint32_t *gids = NULL;

	p->additional_gids = NULL;
	p->n_additional_gids = 0;
	p->umask = (struct spec_uint){ 0 };
	if (strspn(text, G_CSET_DIGITS ":") == strlen(text))
		return exec_parse_user(text, &p->uid, &p->gid, error);
	if (!users_resolve_in(text, c->pid, c->start_ticks, &user, error))
		return fail_prefix(error, "bad user %s", text);
	p->uid = user.uid;
	p->gid = user.gid;
	if (user.n_additional_gids) {
		gids = spec_pool_zalloc(pool, user.n_additional_gids * sizeof *gids);
		memcpy(gids, user.additional_gids, user.n_additional_gids * sizeof *gids);
	}
	p->additional_gids = gids;
	p->n_additional_gids = user.n_additional_gids;
	g_free(user.additional_gids);
	return true;
}

static bool apply_options(const struct container *c, SpecPool *pool, struct spec_process *p, const struct exec_cli *o,
	char **args, GError **error)
{
	p->args = join_lists(pool, NULL, args);
	p->terminal = o->tty || has_text(o->console);
	p->console_height.value = p->console_width.value = 0;
	if (has_text(o->cwd))
		p->cwd = o->cwd;
	if (o->env)
		p->env = join_lists(pool, p->env, o->env);
	if (o->no_new_privs)
		p->no_new_privileges = true;
	if (has_text(o->apparmor))
		p->apparmor_profile = o->apparmor;
	if (has_text(o->process_label))
		p->selinux_label = o->process_label;
	if (o->cap)
		add_caps(pool, p, o->cap);
	if (has_text(o->user) && !apply_user(c, pool, p, o->user, error))
		return false;
	return (!o->additional_gids || add_groups(pool, p, o->additional_gids, error)) && spec_check_process(p, error);
}

struct spec *exec_process_load(const struct container *c, const struct exec_cli *o, char **args, GError **error)
{
	g_autofree char *path = NULL;
	g_autoptr(Spec) spec = NULL;

	if (o->process) {
		spec = spec_load_process(o->process, error);
		if (spec && has_text(o->console))
			spec->process->terminal = true;
		return g_steal_pointer(&spec);
	}
	if (!args[0]) {
		fail(error, "exec args cannot be empty");
		return NULL;
	}
	path = g_build_filename(c->path, STATE_PROCESS, NULL);
	spec = spec_load_process(path, error);
	return spec && apply_options(c, spec->pool, spec->process, o, args, error) ? g_steal_pointer(&spec) : NULL;
}
