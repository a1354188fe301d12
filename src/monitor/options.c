/* The monitor's command line. */
#include "monitor/options.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/error.h"
#include "relay/attach.h"

static const struct option_spec specs[] = {
#define OPTION(field, type, name, short_name, value, help)                                                             \
	OPTION_SPEC(struct monitor_options, field, type, name, short_name, value, help)
#define ALIAS OPTION
#include "monitor/options.def"
#undef OPTION
#undef ALIAS
};

bool monitor_options_parse(struct monitor_options *o, int argc, char **argv, GError **error)
{
	g_autofree char **copy = g_memdup2(argv, sizeof *argv * ((size_t)argc + 1));
	char **args = copy;

	*o = (struct monitor_options){ .log_size_max = -1, .log_global_size_max = -1, .log_max_files = 1 };
	return options_parse("- monitor one container or exec session", NULL, specs, G_N_ELEMENTS(specs), o, OPTIONS_DEFAULT,
		&argc, &args, error);
}

void monitor_options_clear(struct monitor_options *o)
{
	options_clear(specs, G_N_ELEMENTS(specs), o);
}

bool monitor_options_check_early(struct monitor_options *o, GError **error)
{
	if (o->log_max_files < 0)
		return fail(error, "log-max-files must be non-negative, got %d", o->log_max_files);
	if (o->log_rotate && o->log_max_files < 1)
		return fail(error, "log-max-files must be at least 1 when log-rotate is enabled, got %d", o->log_max_files);
	if (!o->cid)
		return fail(error, "Container ID not provided. Use --cid");
	return true;
}

static bool check_level(struct monitor_options *o, GError **error)
{
	static const struct {
		const char *name;
		enum diag_level level;
	} levels[] = {
		{ "error", DIAG_ERROR }, { "fatal", DIAG_ERROR }, { "panic", DIAG_ERROR }, { "warn", DIAG_WARNING },
		{ "warning", DIAG_WARNING }, { "info", DIAG_INFO }, { "debug", DIAG_DEBUG }, { "trace", DIAG_DEBUG },
	};

	o->level = DIAG_WARNING;
	if (!o->log_level)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(levels); i++)
		if (g_ascii_strcasecmp(o->log_level, levels[i].name) == 0) {
			o->level = (int)levels[i].level;
			return true;
		}
	return fail(error, "No such log level %s", o->log_level);
}

/* What a session's client does not take cannot be had from anywhere else, so it is waited for. */
static bool check_attach(struct monitor_options *o, GError **error)
{
	static const char *const names[] = {
		[ATTACH_DISCONNECT] = "disconnect",
		[ATTACH_SKIP] = "skip",
		[ATTACH_BLOCK] = "block",
	};

	o->overflow = o->exec ? ATTACH_BLOCK : ATTACH_DISCONNECT;
	for (int i = 0; o->attach_overflow; i++) {
		if (i == G_N_ELEMENTS(names))
			return fail(error, "--attach-overflow %s: must be disconnect, skip or block", o->attach_overflow);
		if (strcmp(o->attach_overflow, names[i]) == 0) {
			o->overflow = i;
			break;
		}
	}
	if (o->attach_replay < 0 || o->attach_replay > REPLAY_MAX)
		return fail(error, "--attach-replay must be between 0 and %u, got %" G_GINT64_FORMAT, REPLAY_MAX,
			o->attach_replay);
	if (o->exec && !o->bundle && (o->attach_overflow || o->attach_replay))
		return fail(error, "--attach-overflow and --attach-replay need --bundle: without it nobody can attach");
	return true;
}

/* Also with the six characters that a reservation has behind it. */
static bool is_file_name(const char *id)
{
	return *id && !strchr(id, '/') && strcmp(id, ".") != 0 && strcmp(id, "..") != 0 && strlen(id) <= NAME_MAX - 7;
}

bool monitor_options_check(struct monitor_options *o, GError **error)
{
	if (!check_level(o, error))
		return false;
	if (o->restore && o->exec)
		return fail(error, "Cannot use 'exec' and 'restore' at the same time");
	if (!o->exec && o->exec_attach)
		return fail(error, "Attach can only be specified with exec");
	if (!o->api_version && o->exec_attach)
		return fail(error, "Attach can only be specified for a non-legacy exec session");
	if (!o->cuuid && (!o->exec || o->api_version))
		return fail(error, "Container UUID not provided. Use --cuuid");
	if (!o->runtime)
		return fail(error, "Runtime path not provided. Use --runtime");
	if (access(o->runtime, X_OK) < 0)
		return fail(error, "Runtime path %s is not valid: %s", o->runtime, strerror(errno));
	if (o->exec && !o->exec_process_spec)
		return fail(error, "Exec process spec path not provided. Use --exec-process-spec");
	if (o->exit_dir && !is_file_name(o->cid))
		return fail(error, "Container ID \"%s\" cannot be the name of a file in --exit-dir", o->cid);
	if (o->log_compress && strcmp(o->log_compress, "gzip") != 0 && strcmp(o->log_compress, "zstd") != 0)
		return fail(error, "--log-compress %s: neither gzip nor zstd", o->log_compress);
	if (o->log_compress && !o->log_rotate)
		return fail(error, "--log-compress %s: without --log-rotate there are no old files to compress",
			o->log_compress);
	if (o->exit_delay < 0)
		return fail(error, "Delay before invoking exit command must be greater than or equal to 0");
	if (!check_attach(o, error))
		return false;
	return true;
}
