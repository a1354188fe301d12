/* Whether there is SELinux, and labels of mounts. */
#include "runtime/selinux.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "base/rw.h"
#include "common/error.h"

#ifndef SELINUX_MAGIC
#define SELINUX_MAGIC 0xf97cff8c
#endif

#define OFF "selinux label is specified in config, but selinux is disabled or not supported"

static const char *const context_kinds[] = { "context", "fscontext", "defcontext", "rootcontext", NULL };

/* Read-only, as containers get it, means that it is not for us (selinux(8)). */
static bool has_selinuxfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned int)fs.f_type == SELINUX_MAGIC &&
	       !((unsigned long)fs.f_flags & ST_RDONLY);
}

bool selinux_enabled(void)
{
	char label[4096];

	if (!has_selinuxfs("/sys/fs/selinux") && !has_selinuxfs("/selinux"))
		return false;
	/* Before a policy is loaded everything is "kernel". */
	return rw_read_file(AT_FDCWD, "/proc/self/attr/current", label, sizeof label) > 0 &&
	       strcmp(g_strchomp(label), "kernel") != 0;
}

bool selinux_check(const struct spec_process *process, const struct spec_linux *linux_, GError **error)
{
	bool mounts = linux_ && linux_->mount_label;

	if ((!process->selinux_label && !mounts) || selinux_enabled())
		return true;
	return fail(error, "%s: " OFF, process->selinux_label ? "process.selinuxLabel" : "linux.mountLabel");
}

static bool names_context(const char *data)
{
	g_auto(GStrv) words = g_strsplit(data, ",", -1);

	for (char **word = words; *word; word++)
		for (const char *const *kind = context_kinds; *kind; kind++)
			if (g_str_has_prefix(*word, *kind) && (*word)[strlen(*kind)] == '=')
				return true;
	return false;
}

char *selinux_mount_data(const char *data, const char *kind, const char *label)
{
	if (data && names_context(data))
		return g_strdup(data);
	/* In quotes, for the commas between categories. */
	return g_strdup_printf("%s%s%s=\"%s\"", data ?: "", data && *data ? "," : "", kind, label);
}

const char *selinux_context_kind(const struct spec_map *annotations, GError **error)
{
	static const char key[] = "run.oci.mount_context_type";
	const char *kind = spec_map_get(annotations, key) ?: context_kinds[0];

	if (g_strv_contains(context_kinds, kind))
		return kind;
	fail(error, "annotations[\"%s\"]: \"%s\" is not context, fscontext, defcontext or rootcontext", key, kind);
	return NULL;
}
