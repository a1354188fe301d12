/* Users by name, as a container's own /etc/passwd and /etc/group know them. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Who an exec runs as, instead of the container's user. */
struct exec_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t *additional_gids; /* owned by who filled it */
	size_t n_additional_gids;
};

/* Resolves "USER[:GROUP]", names or numbers. passwd and group are the texts of the files ("" when there are none). A
 * numeric user needs no entry; without GROUP its group is the entry's, else 0, and the additional groups are those that
 * list its name. Free ret_user->additional_gids with g_free. */
bool users_resolve(const char *spec, const char *passwd, const char *group, struct exec_user *ret_user, GError **error);

/* As users_resolve with the files of a running container; pid and start_ticks (proc_stat) name its first process. */
bool users_resolve_in(const char *spec, pid_t pid, uint64_t start_ticks, struct exec_user *ret_user, GError **error);
