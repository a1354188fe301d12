/* A cgroup's limits as systemd's properties: what stands in the control files is what systemd is told, so that a reload of
 * its configuration changes nothing. */
#pragma once

#include <gio/gio.h>

/* The properties (a(sv), floating) of the cgroup v2 directory; files that are not there are left out. */
GVariant *limits_read(const char *dir);

/* "0-2,5" as the bitmap of systemd's AllowedCPUs (ay, floating), least significant byte first. */
GVariant *limits_bitmap(const char *list);
