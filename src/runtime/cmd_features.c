/* features: what this runtime can do, read from the tables by which it does it (runtime-spec, Features structure). */
#include "runtime/command.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/error.h"
#include "common/json.h"
#include "runtime/mount_options.h"
#include "runtime/scope.h"
#include "runtime/seccomp_names.h"
#include "runtime/spec.h"
#include "runtime/version.h"

static void put_enabled(JsonWriter *w, const char *key, bool enabled)
{
	json_object_open(w, key);
	json_put_bool(w, "enabled", enabled);
	json_object_close(w);
}

static void put_names(JsonWriter *w, const char *key, const char *const *names, size_t n)
{
	json_array_open(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, names[i]);
	json_array_close(w);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_namespaces(JsonWriter *w)
{
	const char *names[N_NS_TYPES];

	for (int t = 0; t < N_NS_TYPES; t++)
		names[t] = spec_namespace_infos[t].name;
	qsort(names, N_NS_TYPES, sizeof *names, by_name);
	put_names(w, "namespaces", names, N_NS_TYPES);
}

/* As far as the running kernel has them: a later one is ignored with a warning. */
static void put_capabilities(JsonWriter *w)
{
	int last = caps_last();

	json_array_open(w, "capabilities");
	for (int i = 0; i <= last && caps_name(i); i++)
		json_put_string(w, NULL, caps_name(i));
	json_array_close(w);
}

static void put_words(JsonWriter *w, const char *key, const struct seccomp_word *words)
{
	json_array_open(w, key);
	for (; words->name; words++)
		json_put_string(w, NULL, words->name);
	json_array_close(w);
}

/* A filter at address 0 is a fault to a kernel that knows the flag, and a bad flag to one that does not. */
static bool kernel_has_flag(uint32_t flag)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static void put_seccomp(JsonWriter *w)
{
	json_object_open(w, "seccomp");
	json_put_bool(w, "enabled", true);
	json_array_open(w, "actions");
	for (const struct seccomp_action *a = seccomp_actions; a->name; a++)
		json_put_string(w, NULL, a->name);
	json_array_close(w);
	put_words(w, "operators", seccomp_operators);
	put_words(w, "archs", seccomp_archs);
	put_words(w, "knownFlags", seccomp_flags);
	json_array_open(w, "supportedFlags");
	for (const struct seccomp_word *f = seccomp_flags; f->name; f++)
		if (kernel_has_flag(f->value))
			json_put_string(w, NULL, f->name);
	json_array_close(w);
	json_object_close(w);
}

static void put_linux(JsonWriter *w, const struct globals *globals)
{
	bool systemd = scope_available(globals->program);

	json_object_open(w, "linux");
	put_namespaces(w);
	put_capabilities(w);
	json_object_open(w, "cgroup");
	json_put_bool(w, "v1", true);
	json_put_bool(w, "v2", true);
	json_put_bool(w, "systemd", systemd);
	json_put_bool(w, "systemdUser", systemd);
	json_put_bool(w, "rdma", true);
	json_object_close(w);
	put_seccomp(w);
	put_enabled(w, "apparmor", true);
	put_enabled(w, "selinux", true);
	json_object_open(w, "intelRdt");
	json_put_bool(w, "enabled", true);
	json_put_bool(w, "schemata", true);
	json_put_bool(w, "monitoring", true);
	json_object_close(w);
	json_object_open(w, "mountExtensions");
	put_enabled(w, "idmap", true);
	json_object_close(w);
	put_enabled(w, "netDevices", true);
	json_object_close(w);
}

static void put_annotations(JsonWriter *w)
{
	const struct scmp_version *v = seccomp_version();
	g_autofree char *version = g_strdup_printf("%u.%u.%u", v->major, v->minor, v->micro);
	g_autofree char *criu = g_find_program_in_path("criu");

	json_object_open(w, "annotations");
	json_put_string(w, "io.github.seccomp.libseccomp.version", version);
	json_put_string(w, "org.opencontainers.runc.checkpoint.enabled", criu ? "true" : "false");
	json_object_close(w);
}

static int features_run(const struct globals *globals, const void *options, int n_args, char **args, GError **error)
{
	static const char *const unsafe[] = { "org.criu.config", "run.oci.hooks.stderr", "run.oci.hooks.stdout",
		"run.oci.keep_original_groups" };
	g_autoptr(JsonWriter) w = json_writer_new("    ");
	g_autofree const char **mount_options = mount_options_names();
	g_autofree char *text = NULL;

	(void)options;
	(void)n_args;
	(void)args;
	json_object_open(w, NULL);
	json_put_string(w, "ociVersionMin", VERSION_OCI_MIN);
	json_put_string(w, "ociVersionMax", VERSION_OCI);
	put_names(w, "hooks", spec_hook_names, N_OCI_HOOK_KINDS);
	put_names(w, "mountOptions", mount_options, g_strv_length((char **)mount_options));
	put_linux(w, globals);
	put_annotations(w);
	/* Of a config.json that a stranger wrote: a criu configuration can name programs, a hook's
	 * output any file. */
	put_names(w, "potentiallyUnsafeConfigAnnotations", unsafe, G_N_ELEMENTS(unsafe));
	json_object_close(w);
	text = json_writer_text(w);
	return puts(text) >= 0 && fflush(stdout) == 0 ? 0 : (fail_errno(error, "write to standard output"), 1);
}

const struct command cmd_features = {
	.name = "features",
	.args = "",
	.help = "Show what this runtime can do",
	.run = features_run,
};
