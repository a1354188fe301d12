/* tallyctl stats: what containers use, again and again. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "common/diag.h"
#include "ctl/command.h"
#include "ctl/lifecycle.h"
#include "ctl/store.h"
#include "ctl/timefmt.h"
#include "ctl/usage.h"
#include "ctl/wait.h"

#define DEFAULT_SECONDS 2
#define SECONDS_MAX     86400
#define CLEAR_SCREEN    "\033[H\033[2J"

struct options {
	gboolean no_stream;
	int interval;
};

static const struct option_spec specs[] = { OPTION_SPEC(
	struct options, no_stream, FLAG, "no-stream", 0, NULL, "Print the figures of now and end")
		OPTION_SPEC(struct options, interval, INT, "interval", 0, "SECONDS", "How often (default: 2)") };

/* What goes on from one look to the next. */
struct stats {
	const struct ctl *ctl;
	char *const *ids; /* of the command line, ended by NULL; none: all that run */
	GHashTable *last; /* id -> struct usage of the look before */
	guint shown;      /* containers in this look */
};

/* --- printing -------------------------------------------------------------------------------------------------------- */

static char *size_text(int64_t bytes)
{
	return bytes < 0 ? g_strdup("-") : g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS);
}

static char *number_text(int64_t n)
{
	return n < 0 ? g_strdup("-") : g_strdup_printf("%" G_GINT64_FORMAT, n);
}

static void print_head(void)
{
	printf("%-24s  %7s  %12s  %10s  %10s  %6s  %10s  %10s\n", "ID", "CPU %", "CPU TIME", "MEMORY", "LIMIT", "PIDS",
		"READ", "WRITTEN");
}

static void print_row(const char *id, const struct usage *u, double percent)
{
	g_autofree char *memory = size_text(u->memory), *limit = size_text(u->memory_limit), *read = size_text(u->read);
	g_autofree char *written = size_text(u->written), *pids = number_text(u->pids);
	g_autofree char *cpu = percent < 0 ? g_strdup("-") : g_strdup_printf("%.1f", percent);
	g_autofree char *time = u->cpu_ns < 0 ? g_strdup("-") : g_strdup_printf("%.3fs", (double)u->cpu_ns / 1e9);

	printf("%-24s  %7s  %12s  %10s  %10s  %6s  %10s  %10s\n", id, cpu, time, memory, limit, pids, read, written);
}

static void put(JsonWriter *w, const char *key, int64_t value)
{
	if (value < 0)
		json_put_null(w, key);
	else
		json_put_int(w, key, value);
}

static void print_object(const char *id, const struct usage *u, double percent)
{
	g_autofree char *time = time_format((int64_t)sys_clock_ns(CLOCK_REALTIME)), *text = NULL;
	g_autoptr(JsonWriter) w = json_writer_new(NULL);
	char digits[G_ASCII_DTOSTR_BUF_SIZE];

	json_object_open(w, NULL);
	json_put_string(w, "id", id);
	json_put_string(w, "time", time);
	if (percent < 0)
		json_put_null(w, "cpu_percent");
	else
		json_put_number(w, "cpu_percent", g_ascii_formatd(digits, sizeof digits, "%.2f", percent));
	put(w, "cpu_ns", u->cpu_ns);
	put(w, "memory_bytes", u->memory);
	put(w, "memory_limit_bytes", u->memory_limit);
	put(w, "pids", u->pids);
	put(w, "pids_limit", u->pids_limit);
	put(w, "read_bytes", u->read);
	put(w, "written_bytes", u->written);
	json_object_close(w);
	text = json_writer_text(w);
	printf("%s\n", text);
}

/* --- looking --------------------------------------------------------------------------------------------------------- */

static bool has_process(const Container *c)
{
	return c->has_record && container_require_process(c, NULL);
}

static bool show(struct stats *s, const Container *c, GError **error)
{
	g_autofree char *runtime = ctl_runtime(s->ctl, c->record.runtime, error);
	const struct usage *before = g_hash_table_lookup(s->last, c->id);
	g_autoptr(GError) local = NULL;
	struct usage now;
	double percent;

	if (!runtime)
		return false;
	if (!usage_read(c, runtime, &now, &local)) {
		if (!has_process(c))
			return true; /* it has just ended */
		g_prefix_error(&local, "container %s: ", c->id);
		if (*s->ids) {
			g_propagate_error(error, g_steal_pointer(&local));
			return false;
		}
		/* One without cgroups, perhaps: the others have figures. */
		if (!before)
			diag_warning("%s", local->message);
		now = USAGE_NONE;
	}
	percent = before ? usage_cpu_percent(before, &now) : USAGE_UNKNOWN;
	if (s->ctl->json)
		print_object(c->id, &now, percent);
	else
		print_row(c->id, &now, percent);
	g_hash_table_replace(s->last, g_strdup(c->id), g_memdup2(&now, sizeof now));
	s->shown++;
	return true;
}

/* One look at all of them. */
static bool look(struct stats *s, GError **error)
{
	g_autoptr(GPtrArray) all = *s->ids ? NULL : store_list(s->ctl, error);
	guint n = *s->ids ? g_strv_length((char **)s->ids) : all ? all->len : 0;

	if (!*s->ids && !all)
		return false;
	if (!s->ctl->json) {
		if (isatty(STDOUT_FILENO))
			fputs(CLEAR_SCREEN, stdout);
		print_head();
	}
	s->shown = 0;
	for (guint i = 0; i < n; i++) {
		const char *id = all ? all->pdata[i] : s->ids[i];
		g_autoptr(Container) c = container_open(s->ctl, id, NULL); /* removed meanwhile: it has ended */

		if (c && has_process(c) && !show(s, c, error))
			return false;
	}
	return (fflush(stdout) == 0 && !ferror(stdout)) || fail_errno(error, "write to standard output");
}

/* Until told to end, or until the last of those that were named has ended. */
static bool follow(struct stats *s, int interval, GError **error)
{
	auto_fd signal_fd = wait_signals_open(error);
	g_autoptr(GError) waited = NULL;

	while (signal_fd >= 0 && look(s, error)) {
		if (*s->ids && s->shown == 0)
			return true;
		(void)wait_readable(-1, signal_fd, deadline_in(interval), "the next look", &waited);
		if (!g_error_matches(waited, TALLY_ERROR, ETIMEDOUT)) {
			g_propagate_error(error, g_steal_pointer(&waited));
			return false;
		}
		g_clear_error(&waited);
	}
	return false;
}

/* Each id of the command line is there and runs. */
static bool check_ids(const struct ctl *ctl, char *const *ids, GError **error)
{
	for (; *ids; ids++) {
		g_autoptr(Container) c = container_open_known(ctl, *ids, error);

		if (!c || !container_require_process(c, error))
			return false;
	}
	return true;
}

static int stats_run(const struct ctl *ctl, int argc, char **argv, GError **error)
{
	struct options o = { .interval = DEFAULT_SECONDS };
	struct stats s = { .ctl = ctl };
	bool ok;

	if (!options_parse(cmd_stats.args, cmd_stats.help, specs, G_N_ELEMENTS(specs), &o, OPTIONS_DEFAULT, &argc,
		    &argv, error))
		return -1;
	if (o.interval < 1 || o.interval > SECONDS_MAX) {
		fail(error, "stats: --interval %d: not between 1 and %d seconds", o.interval, SECONDS_MAX);
		return -1;
	}
	s.ids = argv + 1;
	if (!check_ids(ctl, s.ids, error))
		return -1;
	s.last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	ok = o.no_stream ? look(&s, error) : follow(&s, o.interval, error);
	g_hash_table_unref(s.last);
	return ok ? 0 : -1;
}

const struct command cmd_stats = {
	.name = "stats",
	.args = "[ID...]",
	.help = "Show what containers use: CPU, memory, processes, I/O",
	.run = stats_run,
};
