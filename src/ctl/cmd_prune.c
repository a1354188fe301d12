/* tallyctl prune: removes every container that has ended. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"

#define LOCK_SECONDS 30

struct options {
	gboolean dry_run;
};

static const struct option_spec specs[] = { OPTION_SPEC(
	struct options, dry_run, FLAG, "dry-run", 'n', NULL, "Only say which ones") };

/* Whether nothing of it runs, nor will. With the lock in our hands nobody is creating it. */
static bool is_over(const Container *c, bool locked)
{
	struct ending e;
	enum container_status status = container_status(c, &e);

	ending_clear(&e);
	return status == STATUS_EXITED || status == STATUS_LOST || status == STATUS_BROKEN ||
	       (locked && status == STATUS_CREATING);
}

/* Under the lock it is looked at again: it may have been somebody's who was still at it. */
static bool remove_container(const struct ctl *ctl, Container *c, bool *ret_removed, GError **error)
{
	g_autofree char *runtime = NULL;

	*ret_removed = false;
	if (!container_lock(c, LOCK_SECONDS, error))
		return access(c->path, F_OK) < 0 && errno == ENOENT; /* by another tool */
	if (!is_over(c, true)) {
		container_unlock(c);
		return true;
	}
	runtime = ctl_runtime(ctl, c->has_record ? c->record.runtime : NULL, error);
	*ret_removed = runtime && container_destroy(c, runtime, error);
	return *ret_removed;
}

/* The ids of those that were removed, or would be; *ret_failed: how many could not be, each said on stderr. */
static GPtrArray *prune(const struct ctl *ctl, bool dry_run, guint *ret_failed, GError **error)
{
	g_autoptr(GPtrArray) ids = store_list(ctl, error), removed = NULL;

	*ret_failed = 0;
	if (!ids)
		return NULL;
	removed = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < ids->len; i++) {
		g_autoptr(Container) c =
			container_open(ctl, ids->pdata[i], NULL); /* gone meanwhile, or no container's name */
		g_autoptr(GError) failure = NULL;
		bool gone = true;

		if (!c || !is_over(c, false))
			continue;
		if (!dry_run && !remove_container(ctl, c, &gone, &failure)) {
			diag_error("%s", failure->message);
			++*ret_failed;
		}
		if (gone)
			g_ptr_array_add(removed, g_strdup(c->id));
	}
	return g_steal_pointer(&removed);
}

static void print(const GPtrArray *ids, bool json)
{
	g_autoptr(JsonWriter) w = json_writer_new("  ");
	g_autofree char *text = NULL;

	json_array_open(w, NULL);
	for (guint i = 0; i < ids->len; i++) {
		json_put_string(w, NULL, ids->pdata[i]);
		if (!json)
			printf("%s\n", (const char *)ids->pdata[i]);
	}
	json_array_close(w);
	text = json_writer_text(w);
	if (json)
		printf("%s\n", text);
}

static int prune_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	g_autoptr(GPtrArray) removed = NULL;
	struct options o = { 0 };
	guint failed;

	if (!options_parse(cmd_prune.args, cmd_prune.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		return -1;
	if (argc > 1) {
		fail(error, "prune: unexpected \"%s\"", argv[1]);
		return -1;
	}
	removed = prune(ctl, o.dry_run, &failed, error);
	if (!removed)
		return -1;
	print(removed, ctl->json);
	return failed ? CTL_ERROR : 0;
}

const struct command cmd_prune = {
	.name = "prune",
	.args = "",
	.help = "Remove all containers that have ended",
	.run = prune_run,
};
