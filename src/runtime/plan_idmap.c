/* Mounts whose files show other owners: the maps become a user namespace, which mount_setattr(2) takes them from. */
#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>

#include "common/error.h"
#include "runtime/idmap.h"

/* The maps that hold: the mount's own, those in the option, else the container's. */
static bool choose(
	Plan *plan, const struct spec_mount *m, const struct mount_options *o, struct idmap *map, GError **error)
{
	const struct spec_linux *l = &plan->request.spec->linux_;
	struct idmap parsed;

	if (m->n_uid_mappings || m->n_gid_mappings) {
		map->uids = m->uid_mappings;
		map->gids = m->gid_mappings;
		map->n_uids = m->n_uid_mappings;
		map->n_gids = m->n_gid_mappings;
	} else if (o->id_map_text) {
		if (!idmap_parse_option(o->id_map_text, &parsed))
			return fail(error, "%s.options: invalid mappings \"%s\" (as in uids=0-1000-1;gids=0-1000-1)",
				map->where, o->id_map_text);
		map->uids = spec_pool_take(plan->pool, (void *)parsed.uids);
		map->gids = spec_pool_take(plan->pool, (void *)parsed.gids);
		map->n_uids = parsed.n_uids;
		map->n_gids = parsed.n_gids;
	} else if (l->namespaces[NS_USER].wanted) {
		const char *where = map->where;

		*map = idmap_of_container(l);
		map->where = where;
	}
	if (!map->n_uids || !map->n_gids)
		return fail(error, "id-mapped mounts must have both uid and gid mappings specified (%s)", map->where);
	return true;
}

bool plan_mount_idmap(Plan *plan, const struct spec_mount *m, const struct mount_options *o, int number,
	struct op_tree *t, GError **error)
{
	const struct spec_namespace *user = &plan->request.spec->linux_.namespaces[NS_USER];
	struct idmap map = { .where = plan_printf(plan, "mounts[%d]", number) };
	bool own = m->n_uid_mappings || m->n_gid_mappings || o->id_map_text;
	int fd = -1;

	if (!own && !o->id_map)
		return true;
	if (!own && user->path) {
		/* That namespace knows its maps, whatever the document says of them. */
		fd = open(user->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return fail_errno(error, "open user namespace %s", user->path);
	} else if (!choose(plan, m, o, &map, error) || !idmap_open_namespace(&map, plan->request.self, &fd, error)) {
		return false;
	}
	t->id_map_fd = plan_take_fd(plan, fd);
	t->id_map_recursive = o->id_map_recursive;
	return true;
}

char *plan_idmap_text(const struct op_tree *t, int number, int err)
{
	const char *why = err == EINVAL || err == EOPNOTSUPP ? " (its file system, or one below, cannot)"
			  : err == ENOSYS                    ? " (Linux 5.12 can)"
			  : err == EPERM ? " (only who may mount its file system can, and only once)"
					 : "";

	return g_strdup_printf("mounts[%d].uidMappings: map the owners of the files in %s%s: %s", number, t->path, why,
		errno_text(err));
}
