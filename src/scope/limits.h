/* A cgroup's limits as systemd's properties: what stands in the control files is what systemd is told, so that a reload of
 * its configuration changes nothing (but that it rounds a quota up to whole percents). */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* The properties (a(sv), floating) of the cgroup v2 directory. What is left out: files that are not there, and what a systemd
 * of this version does not know and would refuse everything for. */
GVariant *limits_read(const char *dir, unsigned version);

/* Files that systemd writes as often as it writes others, from properties that nobody has told it of, or that it does not
 * have: what stands in them (NULL: they are not there). Free with limits_kept_free. */
#define LIMITS_N_KEPT 6
typedef struct limits_kept {
	char *text[LIMITS_N_KEPT];
} LimitsKept;
void limits_keep(const char *dir, LimitsKept *ret_kept);

/* Writes that again where it has been changed. */
bool limits_restore(const char *dir, const LimitsKept *kept, GError **error);

void limits_kept_free(LimitsKept *kept);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LimitsKept, limits_kept_free)

/* "0-2,5" as the bitmap of systemd's AllowedCPUs (ay, floating), least significant byte first. */
GVariant *limits_bitmap(const char *list);
