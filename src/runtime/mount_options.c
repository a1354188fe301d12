/* Mount options as a table (runtime-spec: Linux mount options). */
#include "runtime/mount_options.h"

#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MS_LAZYTIME
#define MS_LAZYTIME (1 << 25)
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

enum kind { SET, CLEAR, BIND, PROPAGATION, REC_SET, REC_CLEAR, COPY_UP, ID_MAP, LOOP, SYMLINK };

/* The values of SYMLINK. */
enum { OF_SOURCE, OF_DESTINATION, COPIED };

struct option {
	const char *name;
	enum kind kind;
	uint64_t value;
};

/* Sorted by name. */
static const struct option table[] = {
	{ "async", CLEAR, MS_SYNCHRONOUS },
	{ "atime", CLEAR, MS_NOATIME },
	{ "bind", BIND, 0 },
	{ "copy-symlink", SYMLINK, COPIED },
	{ "defaults", SET, 0 },
	{ "dest-nofollow", SYMLINK, OF_DESTINATION },
	{ "dev", CLEAR, MS_NODEV },
	{ "diratime", CLEAR, MS_NODIRATIME },
	{ "dirsync", SET, MS_DIRSYNC },
	{ "exec", CLEAR, MS_NOEXEC },
	{ "idmap", ID_MAP, 0 },
	{ "iversion", SET, MS_I_VERSION },
	{ "lazytime", SET, MS_LAZYTIME },
	{ "loop", LOOP, 0 },
	{ "loud", CLEAR, MS_SILENT },
	{ "mand", SET, MS_MANDLOCK },
	{ "noatime", SET, MS_NOATIME },
	{ "nodev", SET, MS_NODEV },
	{ "nodiratime", SET, MS_NODIRATIME },
	{ "noexec", SET, MS_NOEXEC },
	{ "noiversion", CLEAR, MS_I_VERSION },
	{ "nolazytime", CLEAR, MS_LAZYTIME },
	{ "nomand", CLEAR, MS_MANDLOCK },
	{ "norelatime", CLEAR, MS_RELATIME },
	{ "nostrictatime", CLEAR, MS_STRICTATIME },
	{ "nosuid", SET, MS_NOSUID },
	{ "nosymfollow", SET, MS_NOSYMFOLLOW },
	{ "private", PROPAGATION, MS_PRIVATE },
	{ "ratime", REC_CLEAR, MOUNT_ATTR_NOATIME },
	{ "rbind", BIND, MS_REC },
	{ "rdev", REC_CLEAR, MOUNT_ATTR_NODEV },
	{ "rdiratime", REC_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", SET, MS_RELATIME },
	{ "remount", SET, MS_REMOUNT },
	{ "rexec", REC_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "ridmap", ID_MAP, MS_REC },
	{ "rnoatime", REC_SET, MOUNT_ATTR_NOATIME },
	{ "rnodev", REC_SET, MOUNT_ATTR_NODEV },
	{ "rnodiratime", REC_SET, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", REC_SET, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", REC_CLEAR, MOUNT_ATTR_RELATIME },
	{ "rnostrictatime", REC_CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", REC_SET, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", REC_SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", SET, MS_RDONLY },
	{ "rprivate", PROPAGATION, MS_PRIVATE | MS_REC },
	{ "rrelatime", REC_SET, MOUNT_ATTR_RELATIME },
	{ "rro", REC_SET, MOUNT_ATTR_RDONLY },
	{ "rrw", REC_CLEAR, MOUNT_ATTR_RDONLY },
	{ "rshared", PROPAGATION, MS_SHARED | MS_REC },
	{ "rslave", PROPAGATION, MS_SLAVE | MS_REC },
	{ "rstrictatime", REC_SET, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", REC_CLEAR, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", REC_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "rw", CLEAR, MS_RDONLY },
	{ "shared", PROPAGATION, MS_SHARED },
	{ "silent", SET, MS_SILENT },
	{ "slave", PROPAGATION, MS_SLAVE },
	{ "src-nofollow", SYMLINK, OF_SOURCE },
	{ "strictatime", SET, MS_STRICTATIME },
	{ "suid", CLEAR, MS_NOSUID },
	{ "symfollow", CLEAR, MS_NOSYMFOLLOW },
	{ "sync", SET, MS_SYNCHRONOUS },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE },
};

static bool is_rec_atime(const char *name)
{
	static const char *const names[] = { "ratime", "rnoatime", "rnorelatime", "rnostrictatime", "rrelatime",
		"rstrictatime", NULL };

	return g_strv_contains(names, name);
}

static void apply(struct mount_options *o, const struct option *t)
{
	unsigned long flag = (unsigned long)t->value;

	switch (t->kind) {
	case SET:
		if (flag & ATIME_FLAGS)
			o->flags &= ~(unsigned long)ATIME_FLAGS;
		o->flags |= flag;
		o->cleared &= ~flag;
		break;
	case CLEAR:
		o->flags &= ~flag;
		o->cleared |= flag;
		break;
	case BIND:
		o->bind = true;
		o->recursive |= flag == MS_REC;
		break;
	case PROPAGATION:
		if (!o->propagation)
			o->propagation = g_array_new(FALSE, FALSE, sizeof(unsigned long));
		g_array_append_val(o->propagation, flag);
		break;
	case REC_SET:
		o->rec_set |= t->value;
		o->rec_clear &= ~t->value;
		break;
	case REC_CLEAR:
		o->rec_set &= ~t->value;
		o->rec_clear |= t->value;
		break;
	case COPY_UP:
		o->copy_up = true;
		break;
	case LOOP:
		o->loop = true;
		break;
	case SYMLINK:
		o->src_nofollow |= t->value == OF_SOURCE;
		o->dest_nofollow |= t->value == OF_DESTINATION;
		o->copy_symlink |= t->value == COPIED;
		break;
	case ID_MAP:
		o->id_map = true;
		o->id_map_recursive = flag == MS_REC;
		break;
	}
	/* The kernel changes the kind of atime as a whole. */
	if (is_rec_atime(t->name)) {
		o->rec_set = (o->rec_set & ~(uint64_t)MOUNT_ATTR__ATIME) | (t->kind == REC_SET ? t->value : 0);
		o->rec_clear |= MOUNT_ATTR__ATIME;
	}
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

void mount_options_parse(const char *const *options, struct mount_options *ret_options)
{
	*ret_options = (struct mount_options){ 0 };
	for (; options && *options; options++) {
		bool with_maps = g_str_has_prefix(*options, "idmap=") || g_str_has_prefix(*options, "ridmap=");
		g_autofree char *name = with_maps ? g_strndup(*options, strcspn(*options, "=")) : g_strdup(*options);
		const struct option *t = find(name);

		if (t) {
			apply(ret_options, t);
			if (with_maps)
				ret_options->id_map_text = strchr(*options, '=') + 1;
			continue;
		}
		if (g_str_has_prefix(*options, "dm=")) {
			ret_options->dm_table = *options + strlen("dm=");
			continue;
		}
		if (!ret_options->data)
			ret_options->data = g_string_new(NULL);
		g_string_append_printf(ret_options->data, "%s%s", ret_options->data->len ? "," : "", *options);
	}
}

void mount_options_clear(struct mount_options *o)
{
	g_clear_pointer(&o->propagation, g_array_unref);
	if (o->data)
		g_string_free(o->data, TRUE);
	o->data = NULL;
}

uint64_t mount_options_attributes(unsigned long flags)
{
	static const struct {
		unsigned long flag;
		uint64_t attribute;
	} pairs[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID },
		{ MS_NODEV, MOUNT_ATTR_NODEV },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
		{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME },
		{ MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
	};
	uint64_t attributes = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
		if (flags & pairs[i].flag)
			attributes |= pairs[i].attribute;
	return attributes;
}

const char **mount_options_names(void)
{
	const char **names = g_new0(const char *, G_N_ELEMENTS(table) + 1);
	size_t n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		names[n++] = table[i].name;
	return names;
}
