/* What tallyrun reads that others have written. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/proc.h"
#include "fuzz.h"
#include "common/caps.h"
#include "runtime/cgroup_convert.h"
#include "runtime/cgroup_internal.h"
#include "runtime/cgroupfs.h"
#include "runtime/device_rules.h"
#include "runtime/exec_process.h"
#include "runtime/idmap.h"
#include "runtime/mount_options.h"
#include "runtime/procvalues.h"
#include "runtime/ps_table.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_internal.h"
#include "runtime/signals.h"
#include "runtime/spec.h"
#include "runtime/state.h"
#include "runtime/state_json.h"
#include "runtime/stats.h"
#include "runtime/units.h"

/* Everything that is made of resources without touching a cgroup. */
static void use_resources(const struct spec_resources *r)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) rules = device_rules_from_spec(r, &error);
	char text[2 * NUM_MAX];

	fuzz_check_error(rules != NULL, &error);
	if (rules) {
		g_autoptr(GArray) program = device_rules_program(rules);
		g_autoptr(GArray) lines = device_rules_for_v1(rules, &error);

		g_assert_nonnull(program);
		fuzz_check_error(lines != NULL, &error);
	}
	if (!r)
		return;
	if (r->memory)
		(void)cgroup_swap_max(r->memory->limit, r->memory->swap, text);
	if (r->cpu) {
		cgroup_cpu_max(r->cpu->quota, r->cpu->period, "max 100000", text);
		g_assert_cmpuint(cgroup_weight_from_shares(r->cpu->shares.value), <=, 10000);
	}
	if (r->pids_limit.set)
		cgroup_pids_max(r->pids_limit.value, text);
}

static void use_process(const struct spec_process *p)
{
	const struct spec_capabilities *k = p->capabilities;

	if (k) {
		g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);

		(void)caps_mask(k->bounding, caps_last(), unknown);
		(void)caps_mask(k->ambient, caps_last(), NULL);
	}
	for (size_t i = 0; i < p->n_rlimits; i++)
		g_assert_cmpint(procvalues_rlimit(p->rlimits[i].type), >=, 0);
	g_assert_true(p->cwd && p->cwd[0] == '/');
	g_assert_true(p->args && p->args[0]);
}

static void use_spec(const struct spec *spec)
{
	g_assert_nonnull(spec->root_path);
	for (size_t i = 0; i < spec->n_mounts; i++) {
		struct mount_options options;
		struct idmap map;

		mount_options_parse(spec->mounts[i].options, &options);
		if (options.id_map_text && idmap_parse_option(options.id_map_text, &map)) {
			g_assert_cmpuint(map.n_uids, >, 0);
			g_free((void *)map.uids);
			g_free((void *)map.gids);
		}
		mount_options_clear(&options);
	}
	for (size_t i = 0; i < spec->linux_.sysctl.n_pairs; i++)
		g_free(procvalues_sysctl_key(spec->linux_.sysctl.pairs[i].key));
	if (spec->process)
		use_process(spec->process);
	use_resources(spec->linux_.resources);
}

static void run_config(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(Spec) spec = spec_parse(text, "config.json", &error);

	fuzz_check_error(spec != NULL, &error);
	if (spec)
		use_spec(spec);
}

static void run_process(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Spec) spec = spec_load_process(fuzz_file("process.json", data, size), &error);

	fuzz_check_error(spec != NULL, &error);
	if (spec)
		use_process(spec->process);
}

static void run_resources(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Spec) spec = spec_load_resources(fuzz_file("resources.json", data, size), &error);

	fuzz_check_error(spec != NULL, &error);
	if (spec)
		use_resources(spec->linux_.resources);
}

/* state.json is our own file, but what stands there may have been written by another version, or cut off. */
static void run_state(const uint8_t *data, size_t size)
{
	g_autofree char *root = g_path_get_dirname(fuzz_dir());
	g_autofree char *id = g_path_get_basename(fuzz_dir());
	g_autoptr(GError) error = NULL;
	g_autoptr(Container) c = NULL;

	(void)fuzz_file(STATE_FILE, data, size);
	c = container_open(root, id, &error);
	fuzz_check_error(c != NULL, &error);
	if (c) {
		g_autoptr(JsonWriter) w = json_writer_new("  ");

		g_assert_cmpint(c->pid, >=, 2);
		state_put_json(w, c, STATUS_STOPPED, "");
		g_free(json_writer_text(w));
		g_free(container_oci_state(c, STATUS_STOPPED, 0));
	}
}

/* The profile as it stands in config.json, to a filter. */
static void run_seccomp(const uint8_t *data, size_t size)
{
	g_autofree char *profile = fuzz_text(data, size);
	g_autofree char *text = g_strdup_printf(
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":%s}}", profile);
	g_autoptr(GError) error = NULL;
	g_autoptr(Spec) spec = spec_parse(text, "config.json", &error);
	struct seccomp_filter filter = { 0 };
	bool ok;

	fuzz_check_error(spec != NULL, &error);
	if (!spec || !spec->linux_.seccomp)
		return;
	g_free(seccomp_key(spec->linux_.seccomp));
	ok = seccomp_compile(spec->linux_.seccomp, NULL, &filter, &error);
	fuzz_check_error(ok, &error);
	if (ok && filter.program) {
		g_assert_cmpuint(g_bytes_get_size(filter.program), >, 0);
		g_assert_cmpuint(g_bytes_get_size(filter.program) % sizeof(struct sock_filter), ==, 0);
	}
	seccomp_filter_clear(&filter);
}

/* exec --user: nothing but whole numbers, and what is accepted means what stands there. */
static void run_user(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	uint32_t uid = 7, gid = 7;
	bool ok = exec_parse_user(text, &uid, &gid, &error);

	fuzz_check_error(ok, &error);
	if (!ok) {
		g_assert_cmpuint(uid, ==, 7);
		g_assert_cmpuint(gid, ==, 7);
		return;
	}
	g_assert_cmpuint(strspn(text, "0123456789:"), ==, strlen(text));
	g_assert_cmpuint(uid, ==, g_ascii_strtoull(text, NULL, 10));
	if (strchr(text, ':'))
		g_assert_cmpuint(gid, ==, g_ascii_strtoull(strchr(text, ':') + 1, NULL, 10));
	else
		g_assert_cmpuint(gid, ==, 7);
}

/* Words of the command line and of config.json. */
static void run_words(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autoptr(GError) error = NULL;
	gulong mask[4] = { 0 };
	int64_t number;
	int sig;

	if (units_parse_size(text, &number))
		g_assert_cmpint(number, >=, -1);
	if (units_parse_duration(text, &number) && *text != '-')
		g_assert_cmpint(number, >=, 0);
	(void)signal_parse(text, &sig);
	g_assert_true(procvalues_cpu_list(text, mask, G_N_ELEMENTS(mask)) <= procvalues_cpu_list(text, NULL, 0));
	g_free(procvalues_sysctl_key(text));
	if (container_check_id(text, &error))
		g_assert_null(strchr(text, '/'));
	g_clear_error(&error);
	g_array_unref(stats_parse_list(text));
	(void)caps_number(text);
}

/* What /proc/self/cgroup, mountinfo and control files say. */
static void run_cgroup(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autofree char *line = g_strdup(text);
	auto_fd dir_fd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *controllers, *path, *mount, *root, buf[64], cpu[2 * NUM_MAX];
	uint64_t value;

	if (cgroup_host_split(line, &controllers, &path))
		g_assert_cmpint(*path, ==, '/');
	for (int i = 0; i < 2; i++)
		if (cgroup_host_match_mount(text, i ? "cpu" : "", &mount, &root)) {
			g_free(mount);
			g_free(root);
		}
	(void)fuzz_file("control", data, size);
	(void)cgroupfs_read_u64(dir_fd, "control", &value);
	(void)cgroupfs_read_key(dir_fd, "control", "oom_kill", &value);
	if (cgroupfs_read(dir_fd, "control", buf, sizeof buf) >= 0)
		cgroup_cpu_max((struct spec_int){ 0 }, (struct spec_uint){ true, 20000 }, buf, cpu);
	g_array_unref(stats_parse_list(text));
}

static void run_proc(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
	g_autoptr(GError) error = NULL;
	g_autofree char *table = NULL;
	const pid_t pid = 42;
	struct proc_stat st;

	(void)proc_parse_stat(text, &st);
	g_array_append_val(pids, pid);
	table = ps_table_filter(text, pids, &error);
	fuzz_check_error(table != NULL, &error);
}

const struct fuzz_target fuzz_targets[] = {
	{ "config", run_config },
	{ "process", run_process },
	{ "resources", run_resources },
	{ "state", run_state },
	{ "seccomp", run_seccomp },
	{ "user", run_user },
	{ "words", run_words },
	{ "cgroup", run_cgroup },
	{ "proc", run_proc },
};
const size_t n_fuzz_targets = G_N_ELEMENTS(fuzz_targets);
