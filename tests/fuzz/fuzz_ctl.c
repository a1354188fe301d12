/* What tallyctl reads: logs, records, what monitors and runtimes say, a container's passwd and group. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/json.h"
#include "common/users.h"
#include "ctl/config.h"
#include "ctl/cri.h"
#include "ctl/detach_keys.h"
#include "ctl/engine.h"
#include "ctl/log_set.h"
#include "ctl/record.h"
#include "fuzz.h"

static void run_cri(const uint8_t *data, size_t size)
{
	struct cri_record record;
	const char *line = (const char *)data;

	if (!cri_parse(line, size, &record))
		return;
	g_assert_true(record.time >= line && record.time + record.n_time <= line + size);
	g_assert_true(record.text >= line && record.text + record.n_text <= line + size);
	g_assert_true(record.text + record.n_text == line + size);
}

/* A whole log, whatever it has become: the last lines begin somewhere in it, and reading comes to an end. */
static void run_log(const uint8_t *data, size_t size)
{
	auto_fd dir_fd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t starts[LOG_N_STREAMS], total = 0;
	g_autoptr(GError) error = NULL;
	g_autoptr(LogSet) set = NULL;
	char buf[4096];
	ssize_t n;

	(void)fuzz_file("log", data, size);
	set = log_set_open(dir_fd, "log", &error);
	g_assert_no_error(error);
	g_assert_cmpuint(log_set_size(set), ==, size);
	g_assert_true(log_set_find_tail(set, size % 5, starts, &error));
	for (int s = 0; s < LOG_N_STREAMS; s++)
		g_assert_cmpuint(starts[s], <=, size);
	log_set_seek(set, starts[0]);
	while ((n = log_set_read(set, buf, sizeof buf, &error)) > 0)
		total += (uint64_t)n;
	g_assert_no_error(error);
	g_assert_cmpuint(total, ==, size - starts[0]);
}

static void run_record(const uint8_t *data, size_t size)
{
	auto_fd dir_fd = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	struct record record = { 0 };
	bool ok;

	(void)fuzz_file("record.json", data, size);
	ok = record_load(dir_fd, &record, &error);
	fuzz_check_error(ok, &error);
	if (ok) {
		g_assert_true(record_save(dir_fd, &record, &error));
		record_clear(&record);
		g_assert_true(record_load(dir_fd, &record, &error));
		record_clear(&record);
	}
}

static void run_engine(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_autofree char *message = NULL;
	g_autoptr(GError) error = NULL;
	int value;

	fuzz_check_error(engine_parse_line(text, &value, &message, &error), &error);
	g_free(engine_last_error(text));
}

static void run_bundle(const uint8_t *data, size_t size)
{
	static const char *const args[] = { "a", "b", NULL };
	static const char *const binds[] = { "/a:/b", NULL };
	static const struct config_oci oci = { .env = args, .hook = args, .stages = args };
	const struct config_changes changes = { .args = size % 3 ? args : NULL,
		.append_args = size % 2,
		.terminal = size % 2,
		.binds = size % 5 ? NULL : binds,
		.cgroup = size % 7 ? NULL : "/g",
		.current_user = size % 4 == 0,
		.init = size % 11 ? NULL : "/i",
		.oci = size % 4 < 2 ? NULL : &oci };
	static const struct exec_user user = { .uid = 5, .gid = 6 };
	const struct exec_options options = { .args = args, .env = args, .user = size % 2 ? &user : NULL };
	g_autoptr(GError) error = NULL;
	g_autoptr(JsonValue) config = NULL;

	(void)fuzz_file("config.json", data, size);
	config = config_load(fuzz_dir(), &error);
	fuzz_check_error(config != NULL, &error);
	if (config) {
		g_free(config_command(config));
		g_free(config_private_copy(config, "/bundle", &changes));
		g_free(config_exec_process(config, &options));
	}
}

/* "USER[:GROUP]", a line, then passwd, an empty line, group. */
static void run_users(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_auto(GStrv) parts = g_strsplit(text, "\n", 2);
	g_auto(GStrv) files = g_strsplit(parts[0] && parts[1] ? parts[1] : "", "\n\n", 2);
	g_autoptr(GError) error = NULL;
	struct exec_user user = { 0 };
	bool ok = users_resolve(parts[0] ?: "", files[0] ?: "", files[0] && files[1] ? files[1] : "", &user, &error);

	fuzz_check_error(ok, &error);
	g_free(user.additional_gids);
}

/* The keys, a newline, what is typed: nothing is made up or lost. */
static void run_keys(const uint8_t *data, size_t size)
{
	g_autofree char *text = fuzz_text(data, size);
	g_auto(GStrv) parts = g_strsplit(text, "\n", 2);
	g_autofree unsigned char *out = g_malloc(size + DETACH_KEYS_MAX);
	g_autoptr(GError) error = NULL;
	struct detach_keys keys = { 0 };
	bool ok = detach_keys_parse(&keys, parts[0] ?: "", &error);
	const char *typed = parts[0] && parts[1] ? parts[1] : "";
	size_t n = 0;

	fuzz_check_error(ok, &error);
	if (!ok)
		return;
	g_assert_cmpuint(keys.n_keys, <=, DETACH_KEYS_MAX);
	if (!detach_keys_filter(&keys, (const unsigned char *)typed, strlen(typed), out, &n))
		g_assert_cmpuint(n + keys.n_matched, ==, strlen(typed));
	g_assert_cmpint(memcmp(out, typed, n), ==, 0);
}

const struct fuzz_target fuzz_targets[] = {
	{ "cri", run_cri },
	{ "log", run_log },
	{ "record", run_record },
	{ "engine", run_engine },
	{ "bundle", run_bundle },
	{ "users", run_users },
	{ "keys", run_keys },
};
const size_t n_fuzz_targets = G_N_ELEMENTS(fuzz_targets);
