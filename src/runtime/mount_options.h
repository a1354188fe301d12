/* The options of a mount in config.json, by one table (which `features` lists as well). */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct mount_options {
	bool bind, recursive;        /* bind; rbind */
	unsigned long flags;         /* MS_* set, without MS_BIND, MS_REC and propagation */
	unsigned long cleared;       /* MS_* that were asked to be off */
	GArray *propagation;         /* unsigned long, MS_SHARED | MS_REC ..., in order; NULL: none */
	uint64_t rec_set, rec_clear; /* MOUNT_ATTR_* for the whole tree */
	bool copy_up;
	bool id_map, id_map_recursive; /* idmap; ridmap */
	bool loop;                     /* the source is a file, for a loop device */
	bool src_nofollow;             /* a source that is a symlink is bound itself */
	bool dest_nofollow;            /* a destination that is a symlink is the place itself */
	bool copy_symlink;             /* a source that is a symlink is made again, in the place of a mount */
	const char *dm_table;          /* of "dm=TABLE", borrowed; NULL: none */
	const char *id_map_text;       /* of "idmap=TEXT", borrowed; NULL: none */
	GString *data;                 /* the file system's own, joined by ","; NULL: none */
};

/* Sorts the options (NULL-terminated; NULL: none). Later ones win. Clear it. */
void mount_options_parse(const char *const *options, struct mount_options *ret_options);

void mount_options_clear(struct mount_options *options);

/* MS_* flags of one mount as MOUNT_ATTR_*; the ones of the super block are left out. */
uint64_t mount_options_attributes(unsigned long flags);

/* Every name in the table, NULL-terminated, sorted; borrowed but for the vector (g_free). */
const char **mount_options_names(void);
