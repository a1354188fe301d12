/* Directory listings without allocation (getdents64(2)). */
#pragma once

/* Called for each entry but "." and "..". */
typedef void (*dir_entry_fn)(int dir_fd, const char *name, void *user);

/* Lists the directory open at dir_fd, from its beginning. Entries may be removed meanwhile. 0 or -errno. */
int dir_list(int dir_fd, dir_entry_fn fn, void *user);
