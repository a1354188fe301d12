/* Whether there is SELinux and knows a label, and labels of mounts. */
#include "runtime/selinux.h"

#include <errno.h>
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

/* Where the kernel is asked whether a label is one; NULL: SELinux is off. Its file system mounted read-only, as containers
 * get it, means that it is not for us (selinux(8)); before a policy is loaded everything is "kernel". */
static const char *context_file(void)
{
	static const char *const files[] = { "/sys/fs/selinux/context", "/selinux/context" };
	char label[4096];
	struct statfs fs;

	if (rw_read_file(AT_FDCWD, "/proc/self/attr/current", label, sizeof label) <= 0 ||
		strcmp(g_strchomp(label), "kernel") == 0)
		return NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
		if (statfs(files[i], &fs) == 0 && (unsigned int)fs.f_type == SELINUX_MAGIC &&
			!((unsigned long)fs.f_flags & ST_RDONLY))
			return files[i];
	return NULL;
}

/* A policy may forbid to ask: then the kernel says so when the label is used. */
static bool check_label(const char *file, const char *place, const char *label, GError **error)
{
	if (!label)
		return true;
	if (!file)
		return fail(error, "%s: " OFF, place);
	if (rw_write_control(AT_FDCWD, file, label) == -EINVAL)
		return fail(error, "%s: SELinux's policy does not know the label %s", place, label);
	return true;
}

bool selinux_check(const struct spec_process *process, const struct spec_linux *linux_, GError **error)
{
	const char *mounts = linux_ ? linux_->mount_label : NULL;
	const char *file = process->selinux_label || mounts ? context_file() : NULL;

	return check_label(file, "process.selinuxLabel", process->selinux_label, error) &&
	       check_label(file, "linux.mountLabel", mounts, error);
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
