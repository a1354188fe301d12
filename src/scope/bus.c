/* systemd's manager on the bus: org.freedesktop.systemd1(5). */
#include "scope/bus.h"

#include <limits.h>
#include <string.h>

#define NAME         "org.freedesktop.systemd1"
#define PATH         "/org/freedesktop/systemd1"
#define MANAGER      NAME ".Manager"
#define CALL_MS      25000
#define JOB_SECONDS  30

static char *user_address(void)
{
	const char *address = g_getenv("DBUS_SESSION_BUS_ADDRESS"), *runtime = g_getenv("XDG_RUNTIME_DIR");

	if (address && *address)
		return g_strdup(address);
	return runtime && *runtime ? g_strdup_printf("unix:path=%s/bus", runtime) : NULL;
}

/* One line of the greeting, without its end. */
static bool read_line(GInputStream *in, char *line, gsize size, GError **error)
{
	for (gsize n = 0; n < size - 1; n++) {
		if (g_input_stream_read(in, line + n, 1, NULL, error) != 1) {
			if (error && !*error)
				g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the bus hung up");
			return false;
		}
		if (line[n] == '\n') {
			line[n] = '\0';
			g_strchomp(line);
			return true;
		}
	}
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the bus's answer is too long");
	return false;
}

/* The D-Bus specification's EXTERNAL, without naming our uid: the bus takes the one that the socket tells. In a user
 * namespace ours is not the one that it sees, and the library's own greeting would name it. */
static bool greet(GIOStream *stream, GError **error)
{
	static const struct {
		const char *say;
		gsize size;
		const char *answer;
	} turns[] = { { "\0AUTH EXTERNAL\r\n", 16, "DATA" }, { "DATA\r\n", 6, "OK" }, { "BEGIN\r\n", 7, NULL } };
	char line[1024];

	for (gsize i = 0; i < G_N_ELEMENTS(turns); i++) {
		if (!g_output_stream_write_all(
			    g_io_stream_get_output_stream(stream), turns[i].say, turns[i].size, NULL, NULL, error))
			return false;
		if (!turns[i].answer)
			break;
		if (!read_line(g_io_stream_get_input_stream(stream), line, sizeof line, error))
			return false;
		if (!g_str_has_prefix(line, turns[i].answer)) {
			g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "the bus answers %s", line);
			return false;
		}
	}
	return true;
}

static GDBusConnection *connect_to(const char *address, GError **error)
{
	g_autoptr(GIOStream) stream = g_dbus_address_get_stream_sync(address, NULL, NULL, error);
	GSocket *sock;

	if (!stream)
		return NULL;
	sock = G_IS_SOCKET_CONNECTION(stream) ? g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)) : NULL;
	if (sock)
		g_socket_set_timeout(sock, CALL_MS / 1000);
	if (!greet(stream, error))
		return NULL;
	if (sock)
		g_socket_set_timeout(sock, 0); /* from here on each call has its own */
	return g_dbus_connection_new_sync(stream, NULL, G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, error);
}

GDBusConnection *bus_connect(bool user, GError **error)
{
	g_autofree char *address = user ? user_address()
					: g_strdup(g_getenv("DBUS_SYSTEM_BUS_ADDRESS")
							   ?: "unix:path=/run/dbus/system_bus_socket");
	GDBusConnection *bus;

	if (!address) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
			"neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set");
		return NULL;
	}
	bus = connect_to(address, error);
	if (!bus)
		g_prefix_error(error, "connect to the bus at %s: ", address);
	return bus;
}

GVariant *bus_call(GDBusConnection *bus, const char *method, GVariant *args, GError **error)
{
	GVariant *reply = g_dbus_connection_call_sync(
		bus, NAME, PATH, MANAGER, method, args, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, error);

	if (!reply && error)
		g_dbus_error_strip_remote_error(*error);
	return reply;
}

unsigned bus_version(GDBusConnection *bus, GError **error)
{
	g_autoptr(GVariant) value = NULL, reply = g_dbus_connection_call_sync(bus, NAME, PATH, "org.freedesktop.DBus.Properties",
		"Get", g_variant_new("(ss)", MANAGER, "Version"), G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, error);
	g_autofree char *text = NULL;
	guint64 version;

	if (!reply) {
		if (error)
			g_dbus_error_strip_remote_error(*error);
		g_prefix_error(error, "ask for systemd's version: ");
		return 0;
	}
	g_variant_get(reply, "(v)", &value);
	text = g_variant_print(value, FALSE); /* 'v245', '252.38-1~deb12u1' */
	version = g_ascii_strtoull(text + strcspn(text, "0123456789"), NULL, 10);
	return version > 0 && version < UINT_MAX ? (unsigned)version : UINT_MAX;
}

/* What we wait for: the end of one job. It may come before we know the job's name. */
struct job {
	GDBusConnection *bus;
	guint watch, watch_removed, timer;
	GHashTable *ended; /* job to result */
	bool removed; /* some unit has gone since this was last cleared */
	bool late;
};

static void on_job_removed(GDBusConnection *bus, const char *sender, const char *object, const char *interface,
	const char *signal, GVariant *args, gpointer user)
{
	struct job *j = user;
	const char *path, *unit, *result;
	guint32 id;

	(void)bus, (void)sender, (void)object, (void)interface, (void)signal;
	g_variant_get(args, "(u&o&s&s)", &id, &path, &unit, &result);
	g_hash_table_insert(j->ended, g_strdup(path), g_strdup(result));
}

static void on_unit_removed(GDBusConnection *bus, const char *sender, const char *object, const char *interface,
	const char *signal, GVariant *args, gpointer user)
{
	struct job *j = user;

	(void)bus, (void)sender, (void)object, (void)interface, (void)signal, (void)args;
	j->removed = true;
}

static gboolean on_deadline(gpointer user)
{
	struct job *j = user;

	j->late = true;
	return G_SOURCE_CONTINUE;
}

static bool is_taken(const GError *error)
{
	g_autofree char *name = error ? g_dbus_error_get_remote_error(error) : NULL;

	return g_strcmp0(name, NAME ".UnitExists") == 0;
}

/* systemd forgets an ended scope in its own time, and tells when it has. */
static GVariant *start(GDBusConnection *bus, struct job *j, const char *unit, GVariant *properties, GError **error)
{
	for (;;) {
		g_autoptr(GError) local = NULL;
		g_autoptr(GVariant) done = NULL;
		GVariant *reply;
		bool taken;

		j->removed = false;
		reply = g_dbus_connection_call_sync(bus, NAME, PATH, MANAGER, "StartTransientUnit",
			g_variant_new("(ss@a(sv)a(sa(sv)))", unit, "fail", properties, NULL), G_VARIANT_TYPE("(o)"),
			G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, &local);
		if (reply)
			return reply;
		taken = is_taken(local);
		g_dbus_error_strip_remote_error(local);
		if (!taken || j->late) {
			g_propagate_prefixed_error(error, g_steal_pointer(&local), "start unit %s: ", unit);
			return NULL;
		}
		done = bus_call(bus, "ResetFailedUnit", g_variant_new("(s)", unit), NULL); /* it has not failed: fine */
		while (!j->removed && !j->late)
			g_main_context_iteration(NULL, TRUE);
	}
}

static void job_watch(struct job *j, GDBusConnection *bus)
{
	g_autoptr(GVariant) reply = NULL;

	*j = (struct job){ .bus = bus, .ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) };
	j->watch = g_dbus_connection_signal_subscribe(
		bus, NAME, MANAGER, "JobRemoved", PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, j, NULL);
	j->watch_removed = g_dbus_connection_signal_subscribe(
		bus, NAME, MANAGER, "UnitRemoved", PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_unit_removed, j, NULL);
	j->timer = g_timeout_add_seconds(JOB_SECONDS, on_deadline, j);
	/* The manager tells of jobs only when somebody asks for it. */
	reply = bus_call(bus, "Subscribe", NULL, NULL);
}

static void job_forget(struct job *j)
{
	g_dbus_connection_signal_unsubscribe(j->bus, j->watch);
	g_dbus_connection_signal_unsubscribe(j->bus, j->watch_removed);
	g_source_remove(j->timer);
	g_hash_table_unref(j->ended);
}

/* reply: (o), the job; NULL with *error when there is none. */
static bool job_wait(struct job *j, GVariant *reply, const char *what, GError **error)
{
	const char *path, *result;

	if (!reply)
		return false;
	g_variant_get(reply, "(&o)", &path);
	while (!j->late && !g_hash_table_contains(j->ended, path))
		g_main_context_iteration(NULL, TRUE);
	result = g_hash_table_lookup(j->ended, path);
	if (g_strcmp0(result, "done") == 0)
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: systemd's job: %s", what, result ?: "no answer in 30 seconds");
	return false;
}

bool bus_start_unit(GDBusConnection *bus, const char *unit, GVariant *properties, GError **error)
{
	g_autofree char *what = g_strdup_printf("start unit %s", unit);
	g_autoptr(GVariant) kept = g_variant_ref_sink(properties), reply = NULL;
	struct job j;
	bool ok;

	job_watch(&j, bus);
	reply = start(bus, &j, unit, kept, error);
	ok = job_wait(&j, reply, what, error);
	job_forget(&j);
	return ok;
}

static bool is_absent(const GError *error)
{
	g_autofree char *name = error ? g_dbus_error_get_remote_error(error) : NULL;

	return g_strcmp0(name, NAME ".NoSuchUnit") == 0;
}

bool bus_stop_unit(GDBusConnection *bus, const char *unit, GError **error)
{
	g_autofree char *what = g_strdup_printf("stop unit %s", unit);
	g_autoptr(GError) local = NULL;
	g_autoptr(GVariant) reply = NULL, reset = NULL;
	struct job j;
	bool ok;

	job_watch(&j, bus);
	reply = g_dbus_connection_call_sync(bus, NAME, PATH, MANAGER, "StopUnit", g_variant_new("(ss)", unit, "replace"),
		G_VARIANT_TYPE("(o)"), G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, &local);
	ok = is_absent(local) || job_wait(&j, reply, what, &local);
	job_forget(&j);
	reset = bus_call(bus, "ResetFailedUnit", g_variant_new("(s)", unit), NULL); /* it has not failed, or is gone: fine */
	if (!ok) {
		g_dbus_error_strip_remote_error(local);
		g_propagate_error(error, g_steal_pointer(&local));
	}
	return ok;
}

bool bus_set_properties(GDBusConnection *bus, const char *unit, GVariant *properties, GError **error)
{
	g_autoptr(GVariant) reply =
		bus_call(bus, "SetUnitProperties", g_variant_new("(sb@a(sv))", unit, TRUE, properties), error);

	if (!reply)
		g_prefix_error(error, "set properties of unit %s: ", unit);
	return reply;
}

bool bus_attach_process(GDBusConnection *bus, const char *unit, guint32 pid, GError **error)
{
	GVariant *pids = g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &pid, 1, sizeof pid);
	g_autoptr(GVariant) reply = bus_call(bus, "AttachProcessesToUnit", g_variant_new("(ss@au)", unit, "", pids), error);

	if (!reply)
		g_prefix_error(error, "move process %u into unit %s: ", pid, unit);
	return reply;
}
