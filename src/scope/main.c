/* tallyrun-scope: what tallyrun asks of systemd.
 *
 *	tallyrun-scope [--user] start UNIT SLICE DESCRIPTION [NAME=GVARIANT...]
 *	tallyrun-scope [--user] sync UNIT CGROUP
 *	tallyrun-scope [--user] attach UNIT PID
 *	tallyrun-scope [--user] stop UNIT
 *
 * start makes a scope with ourselves in it, and says where it is: "cgroup PATH" on standard output. Then it obeys standard
 * input, a byte each: 's' tells systemd the limits that stand in the cgroup's files, answered by "done". At its end we leave,
 * and systemd keeps the scope for as long as somebody else is in it. sync does only the latter, for a scope that is there;
 * attach moves a process into it, stop ends one that its processes have left. An error is one line on standard error, and status 1. */
#include <gio/gio.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scope/bus.h"
#include "scope/limits.h"

static bool fail(GError **error, const char *text, const char *what)
{
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, text, what);
	return false;
}

/* Seconds of whatever type of number; the text of what is none does not read as one. */
static bool to_microseconds(GVariant *value, guint64 *ret_microseconds)
{
	g_autofree char *text = g_variant_print(value, FALSE);
	char *end;
	double seconds = g_ascii_strtod(text, &end);

	if (end == text || *end || !(seconds >= 0 && seconds < (double)G_MAXINT64 / G_USEC_PER_SEC))
		return false;
	*ret_microseconds = (guint64)(seconds * G_USEC_PER_SEC);
	return true;
}

/* NAME=GVARIANT, GVariant's text form. Times may be given in seconds (NAMESec), as in unit files. */
static bool add_property(GVariantBuilder *b, const char *word, GError **error)
{
	const char *equal = strchr(word, '=');
	g_autofree char *name = equal ? g_strndup(word, (gsize)(equal - word)) : NULL, *usec = NULL;
	g_autoptr(GVariant) value = NULL;

	if (!name || !*name)
		return fail(error, "%s is no NAME=VALUE", word);
	value = g_variant_parse(NULL, equal + 1, NULL, NULL, error);
	if (!value) {
		g_prefix_error(error, "property %s: ", name);
		return false;
	}
	if (g_str_has_suffix(name, "Sec") && !g_str_has_suffix(name, "USec")) {
		guint64 microseconds;

		if (!to_microseconds(value, &microseconds))
			return fail(error, "property %s: not a number of seconds", name);
		usec = g_strdup_printf("%.*sUSec", (int)(strlen(name) - 3), name);
		g_variant_builder_add(b, "(sv)", usec, g_variant_new_uint64(microseconds));
		return true;
	}
	g_variant_builder_add(b, "(sv)", name, value);
	return true;
}

static GVariant *make_properties(const char *slice, const char *description, char **words, GError **error)
{
	guint32 self = (guint32)getpid();
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("a(sv)"));
	g_variant_builder_add(&b, "(sv)", "Description", g_variant_new_string(description));
	g_variant_builder_add(&b, "(sv)", "Slice", g_variant_new_string(slice));
	g_variant_builder_add(&b, "(sv)", "Delegate", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&b, "(sv)", "CPUAccounting", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&b, "(sv)", "MemoryAccounting", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&b, "(sv)", "IOAccounting", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&b, "(sv)", "TasksAccounting", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&b, "(sv)", "DefaultDependencies", g_variant_new_boolean(FALSE));
	/* A scope that failed (somebody in it was killed for lack of memory) is not kept as a monument. */
	g_variant_builder_add(&b, "(sv)", "CollectMode", g_variant_new_string("inactive-or-failed"));
	g_variant_builder_add(
		&b, "(sv)", "PIDs", g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &self, 1, sizeof self));
	for (; *words; words++)
		if (!add_property(&b, *words, error)) {
			g_variant_builder_clear(&b);
			return NULL;
		}
	return g_variant_builder_end(&b);
}

/* Our own cgroup in the hierarchy that systemd manages: "0::/PATH", or "1:name=systemd:/PATH" on version 1. */
static char *own_cgroup(GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	const char *unified = NULL;

	if (!g_file_get_contents("/proc/self/cgroup", &text, NULL, error))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		const char *named = strstr(*line, ":name=systemd:");

		if (named)
			return g_strdup(named + strlen(":name=systemd:"));
		if (g_str_has_prefix(*line, "0::"))
			unified = *line + 3;
	}
	if (!unified)
		fail(error, "%s has no cgroup that systemd manages", "/proc/self/cgroup");
	return g_strdup(unified);
}

static bool sync_limits(GDBusConnection *bus, const char *unit, const char *path, GError **error)
{
	g_autofree char *dir = g_build_filename("/sys/fs/cgroup", path, NULL);
	g_autoptr(GVariant) settled = NULL;
	g_auto(LimitsKept) kept = { 0 };
	unsigned version = bus_version(bus, error);

	if (version == 0)
		return false;
	limits_keep(dir, &kept);
	if (!bus_set_properties(bus, unit, limits_read(dir, version), error))
		return false;
	/* It writes to the cgroup before it hears the next call. */
	settled = bus_call(bus, "GetUnit", g_variant_new("(s)", unit), error);
	return settled && limits_restore(dir, &kept, error);
}

static bool attach(GDBusConnection *bus, const char *unit, const char *number, GError **error)
{
	guint64 pid;

	if (!g_ascii_string_to_unsigned(number, 10, 1, G_MAXINT32, &pid, error))
		return false;
	return bus_attach_process(bus, unit, (guint32)pid, error);
}

static bool start(GDBusConnection *bus, char **words, GError **error)
{
	GVariant *properties = make_properties(words[1], words[2], words + 3, error);
	g_autofree char *path = NULL;
	char byte;

	if (!properties || !bus_start_unit(bus, words[0], properties, error))
		return false;
	path = own_cgroup(error);
	if (!path)
		return false;
	printf("cgroup %s\n", path);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		if (!sync_limits(bus, words[0], path, error))
			return false;
		puts("done");
		fflush(stdout);
	}
	return true;
}

static bool run(int n, char **words, GError **error)
{
	bool user = n > 0 && strcmp(words[0], "--user") == 0, starts, stops, attaches;
	g_autoptr(GDBusConnection) bus = NULL;

	if (user)
		n--, words++;
	starts = n >= 4 && strcmp(words[0], "start") == 0;
	stops = n == 2 && strcmp(words[0], "stop") == 0;
	attaches = n == 3 && strcmp(words[0], "attach") == 0;
	if (!starts && !stops && !attaches && !(n == 3 && strcmp(words[0], "sync") == 0))
		return fail(error, "usage: %s [--user] start UNIT SLICE DESCRIPTION [NAME=GVARIANT...] | sync UNIT CGROUP | "
				   "attach UNIT PID | stop UNIT",
			g_get_prgname());
	bus = bus_connect(user, error);
	if (!bus)
		return false;
	if (starts)
		return start(bus, words + 1, error);
	if (attaches)
		return attach(bus, words[1], words[2], error);
	return stops ? bus_stop_unit(bus, words[1], error) : sync_limits(bus, words[1], words[2], error);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	g_set_prgname("tallyrun-scope");
	if (argc > 0 && run(argc - 1, argv + 1, &error))
		return 0;
	fprintf(stderr, "systemd: %s\n", error ? error->message : "no arguments");
	return 1;
}
