/* tallyctl: containers without an engine. A table of contents: options, the verb, its exit status. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "common/diag.h"
#include "common/json.h"
#include "ctl/command.h"

#define OPTIONS_FILE "ctl/ctl.def"
#include "common/options_table.h"

static const struct command *const commands[] = {
	&cmd_run,
	&cmd_create,
	&cmd_start,
	&cmd_exec,
	&cmd_session,
	&cmd_attach,
	&cmd_logs,
	&cmd_ps,
	&cmd_top,
	&cmd_stats,
	&cmd_events,
	&cmd_inspect,
	&cmd_state,
	&cmd_exists,
	&cmd_wait,
	&cmd_stop,
	&cmd_kill,
	&cmd_pause,
	&cmd_resume,
	&cmd_update,
	&cmd_rm,
	&cmd_destroy,
	&cmd_prune,
	&cmd_oci,
	&cmd_doctor,
	&cmd_cleanup,
	&cmd_fifos,
	&cmd_oci_hooks,
};

static char *summary(void)
{
	GString *s = g_string_new("Run and look after containers with a monitor and an OCI runtime.\n\nVerbs (VERB "
				  "--help tells more):\n");

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (commands[i]->help)
			g_string_append_printf(s, "  %-8s%s\n", commands[i]->name, commands[i]->help);
	g_string_append_printf(s,
		"\nExit status: that of the process for run and exec in the foreground (128 + n for signal n). Else 0, "
		"or\n"
		"  1    exists: there is no such container; doctor: something is wrong with the host\n"
		"  %d  session: what was asked for makes no sense\n"
		"  %d  session: there is none of this id\n"
		"  %d  session: it is in the wrong state\n"
		"  %d  session: it did not end in time\n"
		"  %d  the process ended, and nobody observed how\n"
		"  %d  tallyctl, the monitor or the runtime failed\n"
		"  %d  the command cannot be executed\n"
		"  %d  the command does not exist",
		CTL_BAD_ARGUMENT, CTL_NO_SUCH, CTL_WRONG_STATE, CTL_TIMEOUT, CTL_UNKNOWN_END, CTL_ERROR, CTL_NOT_EXECUTABLE, CTL_NOT_FOUND);
	return g_string_free(s, FALSE);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/* Descriptors 0 to 2 are open, and no other one reaches a child by accident: a monitor lives for long. */
static bool settle_descriptors(GError **error)
{
	int fd, r;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		return fail_errno(error, "open /dev/null");
	close(fd);
	r = sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	return r == 0 || fail_with(error, r, "set inherited descriptors close-on-exec");
}

static bool fill_ctl(struct ctl *ctl, const struct options *o, GError **error)
{
	ctl->root = o->root ? g_canonicalize_filename(o->root, NULL) : ctl_root_default(error);
	ctl->monitor = o->monitor;
	ctl->runtime = o->runtime;
	ctl->json = o->json;
	return ctl->root;
}

static int dispatch(const struct options *o, int argc, char **argv, GError **error)
{
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	g_autofree char *name = NULL;
	struct ctl ctl = { 0 };
	int status;

	if (argc < 2)
		fail(error, "no verb given (see tallyctl --help)");
	else if (!command)
		fail(error, "unknown verb \"%s\" (see tallyctl --help)", argv[1]);
	if (*error || !fill_ctl(&ctl, o, error))
		return -1;
	name = g_strdup_printf("tallyctl %s", argv[1]);
	g_set_prgname(name);
	status = command->run(&ctl, argc - 1, argv + 1, error);
	g_free(ctl.root);
	return status;
}

/* For programs: one object on stderr. */
static void print_error(const GError *error)
{
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	g_autofree char *text = NULL;

	json_object_open(w, NULL);
	json_put_string(w, "error", error->message);
	json_put_string(w, "kind", ctl_status_kind(ctl_error_status(error)));
	json_put_int(w, "status", ctl_error_status(error));
	json_object_close(w);
	text = json_writer_text(w);
	fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct options o = { 0 };
	g_autofree char *name = g_path_get_basename(argc > 0 ? argv[0] : "tallyctl");
	bool json;
	int status = -1;

	if (strcmp(name, "run_oci") == 0) {
		g_set_prgname(name);
		return settle_descriptors(&error) ? oci_program(argv) : (diag_error("%s", error->message), CTL_ERROR);
	}
	g_set_prgname("tallyctl");
	text = summary();
	if (settle_descriptors(&error) && options_parse("VERB [ARG...]", text, specs, G_N_ELEMENTS(specs), &o,
						  OPTIONS_STOP_AT_POSITIONAL, &argc, &argv, &error)) {
		if (o.version) {
			printf("tallyctl version %s\n", PACKAGE_VERSION);
			status = 0;
		} else {
			status = dispatch(&o, argc, argv, &error);
		}
	}
	json = o.json;
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	if (status == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		fail_errno(&error, "write to standard output");
	if (!error)
		return status;
	if (json)
		print_error(error);
	else
		diag_error("%s", error->message);
	return ctl_error_status(error);
}
