/* systemd's manager on the bus. Every call has a deadline. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* The manager of the system, or of the user that we are (in a user namespace: the one who made it). NULL with *error. */
GDBusConnection *bus_connect(bool user, GError **error);

/* Calls a method of org.freedesktop.systemd1.Manager; the reply (unref it) or NULL with *error. args is consumed when
 * floating. */
GVariant *bus_call(GDBusConnection *bus, const char *method, GVariant *args, GError **error);

/* Which release of systemd it is: 252; 0 with *error. Where its text names none it is taken for the newest: UINT_MAX. */
unsigned bus_version(GDBusConnection *bus, GError **error);

/* Starts a transient unit and waits, at most thirty seconds, until systemd says that it is there. One of this name that has
 * ended and is not forgotten yet is forgotten first. properties is an a(sv). */
bool bus_start_unit(GDBusConnection *bus, const char *unit, GVariant *properties, GError **error);

/* Has the manager move a process into a unit. */
bool bus_attach_process(GDBusConnection *bus, const char *unit, guint32 pid, GError **error);

/* Stops a unit and waits, as above; one that is not there is fine. It is forgotten also when it had failed. */
bool bus_stop_unit(GDBusConnection *bus, const char *unit, GError **error);

/* Changes properties of a unit, until the next boot. */
bool bus_set_properties(GDBusConnection *bus, const char *unit, GVariant *properties, GError **error);
