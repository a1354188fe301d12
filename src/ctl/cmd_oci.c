/* tallyctl oci, and tallyctl under the name run_oci: run_oci's command line. Options may stand before and behind its
 * command; underscores in their names are as good as dashes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/oci.h"
#include "ctl/signals.h"

#define FAILED         255
#define UNKNOWN_OPTION 1

#define OPTIONS_FILE "ctl/oci.def"
#include "common/options_table.h"

static int show_usage(int status)
{
	fprintf(stderr, "Usage: %s [OPTION...] %s (--help tells more)\n", g_get_prgname(), cmd_oci.args);
	return status;
}

static struct oci_request request_of(const struct options *o, char *id, char **extra)
{
	return (struct oci_request){
		.id = id,
		.bundle = o->bundle,
		.args = (const char *const *)extra,
		.state_dir = o->state_dir,
		.options = { .bind_mounts = o->bind_mounts,
			.cgroup_parent = o->cgroup_parent,
			.log_dir = o->log_dir,
			.current_user = o->current_user,
			.init = o->init },
	};
}

static int on_run(const struct ctl *ctl, const struct options *o, char *id, char **extra, GError **error)
{
	const struct oci_request r = request_of(o, id, extra);

	return oci_run(ctl, &r, error);
}

static int on_start(const struct ctl *ctl, const struct options *o, char *id, char **extra, GError **error)
{
	const struct oci_request r = request_of(o, id, extra);

	return oci_start(ctl, &r, error) ? 0 : -1;
}

static int on_kill(const struct ctl *ctl, const struct options *o, char *id, char **extra, GError **error)
{
	int sig = SIGTERM;

	(void)ctl;
	(void)extra;
	return (!o->signal || signal_parse(o->signal, &sig, error)) && oci_kill(o->state_dir, id, sig, error) ? 0 : -1;
}

static int on_destroy(const struct ctl *ctl, const struct options *o, char *id, char **extra, GError **error)
{
	(void)extra;
	return oci_destroy(ctl, o->state_dir, id, error) ? 0 : -1;
}

static const struct {
	const char *name;
	int (*run)(const struct ctl *ctl, const struct options *o, char *id, char **extra, GError **error);
} verbs[] = { { "run", on_run }, { "start", on_start }, { "kill", on_kill }, { "destroy", on_destroy } };

static bool fill_ctl(struct ctl *ctl, const struct options *o, GError **error)
{
	if (o->root || !ctl->root) {
		g_free(ctl->root);
		ctl->root = o->root ? g_canonicalize_filename(o->root, NULL) : ctl_root_default(error);
	}
	if (o->monitor)
		ctl->monitor = o->monitor;
	if (o->runtime)
		ctl->runtime = o->runtime;
	return ctl->root;
}

static bool binds_are_whole(char *const *binds)
{
	for (; binds && *binds; binds++) {
		const char *colon = strrchr(*binds, ':');

		if (!colon || colon == *binds || !colon[1])
			return false;
	}
	return true;
}

/* words: the command, the id, and what is to be added to the arguments. */
static int dispatch(const struct ctl *given, const struct options *o, char **words)
{
	struct ctl ctl = { .root = g_strdup(given->root), .monitor = given->monitor, .runtime = given->runtime };
	g_autoptr(GError) error = NULL;
	guint n = g_strv_length(words);
	int status = -1;

	if (n == 0)
		diag_error("no command given");
	else if (n == 1)
		diag_error("no container id given");
	else if (!binds_are_whole(o->bind_mounts))
		diag_error("--bind-mount: this is not OUT:IN");
	else
		for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
			if (strcmp(words[0], verbs[i].name) == 0) {
				if (fill_ctl(&ctl, o, &error))
					status = verbs[i].run(&ctl, o, words[1], words + 2, &error);
				g_free(ctl.root);
				if (error)
					diag_error("%s", error->message);
				return status < 0 ? FAILED : status;
			}
	if (n > 1 && binds_are_whole(o->bind_mounts))
		diag_error("unknown command \"%s\"", words[0]);
	g_free(ctl.root);
	return show_usage(FAILED);
}

/* What options_parse is given: the words in front of "--", with dashes in the names of options. Strings are borrowed or
 * the array's own: free with g_ptr_array_unref. */
static GPtrArray *front_of(char **argv, char ***ret_rest)
{
	GPtrArray *front = g_ptr_array_new_with_free_func(g_free);

	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		char *word = g_strdup(*argv);

		if (g_str_has_prefix(word, "--"))
			for (char *c = word; *c && *c != '='; c++)
				if (*c == '_')
					*c = '-';
		g_ptr_array_add(front, word);
	}
	*ret_rest = *argv ? argv + 1 : argv;
	g_ptr_array_add(front, NULL);
	return front;
}

static int oci_main(const struct ctl *ctl, char **argv)
{
	char **rest;
	g_autoptr(GPtrArray) front = front_of(argv, &rest);
	g_autofree char **words = g_memdup2(front->pdata, front->len * sizeof(char *)), **all = NULL;
	int argc = (int)front->len - 1, status;
	char **left = words;
	g_autoptr(GError) error = NULL;
	struct options o = { 0 };

	oci_messages_begin();
	if (!options_parse(cmd_oci.args, cmd_oci.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc, &left,
		    &error)) {
		diag_error("%s", error->message);
		status = show_usage(UNKNOWN_OPTION);
	} else {
		all = g_new0(char *, (gsize)argc + g_strv_length(rest));
		memcpy(all, left + 1, (size_t)(argc - 1) * sizeof *all);
		memcpy(all + argc - 1, rest, g_strv_length(rest) * sizeof *all);
		status = dispatch(ctl, &o, all);
	}
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

int oci_program(char **argv)
{
	const struct ctl ctl = { 0 };

	return oci_main(&ctl, argv);
}

static int oci_command(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	(void)argc;
	(void)error;
	return oci_main(ctl, argv);
}

const struct command cmd_oci = {
	.name = "oci",
	.args = "run|start|kill|destroy ID [-- ARG...]",
	.help = "run_oci's command line: containers with hooks and a directory of their own",
	.run = oci_command,
};
