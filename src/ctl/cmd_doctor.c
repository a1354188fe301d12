/* tallyctl doctor: what this host offers, what it lacks, and what dead containers have left on it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "ctl/doctor.h"
#include "ctl/store.h"

#define STATUS_TROUBLE 1

#define OPTIONS_FILE "ctl/doctor.def"
#include "common/options_table.h"

static void look_at_programs(struct doctor *d, const struct ctl *ctl)
{
	g_autoptr(GError) no_monitor = NULL, no_runtime = NULL;
	g_autofree char *monitor = ctl_monitor(ctl, NULL, &no_monitor), *runtime = ctl_runtime(ctl, NULL, &no_runtime);
	g_autofree char *dir = runtime ? g_path_get_dirname(runtime) : NULL;
	g_autofree char *scope = dir ? g_build_filename(dir, "tallyrun-scope", NULL) : NULL;

	if (monitor)
		doctor_add(d, "programs", "monitor", DOCTOR_OK, NULL, "%s", monitor);
	else
		doctor_add(d, "programs", "monitor", DOCTOR_PROBLEM, "install it, or name another one", "%s",
			no_monitor->message);
	if (runtime)
		doctor_add(d, "programs", "runtime", DOCTOR_OK, NULL, "%s", runtime);
	else
		doctor_add(d, "programs", "runtime", DOCTOR_PROBLEM, "install it, or name another one", "%s",
			no_runtime->message);
	if (scope && g_str_has_suffix(runtime, "/tallyrun") && access(scope, X_OK) < 0 &&
		access(PKGLIBEXECDIR "/tallyrun-scope", X_OK) < 0)
		doctor_add(d, "programs", "tallyrun-scope",
			doctor_exists(d, "run/systemd/system") ? DOCTOR_WARNING : DOCTOR_NOTE,
			"install it beside tallyrun", "not there: --systemd-cgroup cannot be used");
}

/* The runtime's root of tallyctl has what tallyctl's own containers are in; they are told of once. */
static bool is_in_store(const char *id, const void *user)
{
	g_autoptr(Container) c = container_open(user, id, NULL);

	return c != NULL;
}

static void look_at_leftovers(struct doctor *d, const struct ctl *ctl, char *const *roots)
{
	guint before = d->findings->len;
	g_autofree char *own = g_build_filename(ctl->root, "runtime", NULL);
	g_autofree char *usual = d->uid == 0      ? g_strdup("/run/tallyrun")
				 : d->runtime_dir ? g_build_filename(d->runtime_dir, "tallyrun", NULL)
						  : NULL;

	doctor_left_containers(d, ctl);
	doctor_left_states(d, own, is_in_store, ctl);
	if (usual)
		doctor_left_states(d, usual, NULL, NULL);
	for (; roots && *roots; roots++) {
		g_autofree char *root = g_canonicalize_filename(*roots, NULL);

		doctor_left_states(d, root, NULL, NULL);
	}
	if (d->findings->len == before)
		doctor_add(d, "leftovers", "containers", DOCTOR_OK, NULL, "none has left anything");
}

static void look(struct doctor *d, const struct ctl *ctl, char *const *roots)
{
	doctor_kernel(d, doctor_probe);
	doctor_cgroups(d);
	doctor_security(d);
	doctor_namespaces(d);
	doctor_rootless(d);
	doctor_systemd(d);
	doctor_limits(d);
	look_at_programs(d, ctl);
	look_at_leftovers(d, ctl, roots);
}

/* The program has no NSS: the file says who we are. */
static char *own_name(const struct doctor *d)
{
	g_autofree char *text = doctor_read(d, "etc/passwd");
	g_auto(GStrv) lines = g_strsplit(text ?: "", "\n", -1);
	g_autofree char *uid = g_strdup_printf("%u", d->uid);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) f = g_strsplit(*line, ":", -1);

		if (g_strv_length(f) >= 3 && strcmp(f[2], uid) == 0)
			return g_strdup(f[0]);
	}
	return NULL;
}

static int doctor_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	auto_fd root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct options o = { .json = ctl->json };
	g_autofree char *text = NULL, *name = NULL;
	struct doctor d;
	int status = -1;

	if (!options_parse(cmd_doctor.args, cmd_doctor.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		return -1;
	if (argc > 1) {
		fail(error, "doctor: unexpected \"%s\"", argv[1]);
	} else if (root_fd < 0) {
		fail_errno(error, "open /");
	} else {
		doctor_init(&d, root_fd, geteuid());
		name = own_name(&d);
		d.user = name;
		d.runtime_dir = g_getenv("XDG_RUNTIME_DIR");
		d.path = g_getenv("PATH");
		look(&d, ctl, o.runtime_root);
		text = o.json ? doctor_json(&d) : doctor_table(&d);
		printf("%s%s", text, o.json ? "\n" : "");
		status = doctor_verdict(&d) >= DOCTOR_WARNING ? STATUS_TROUBLE : 0;
		doctor_clear(&d);
	}
	options_clear(specs, G_N_ELEMENTS(specs), &o);
	return status;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.help = "Tell what this host offers to containers, what it lacks, and what dead ones have left on it",
	.run = doctor_run,
};
