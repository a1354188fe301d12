/* Where lagging attach clients are served from when no log file can: an unlinked file of bounded size, with the same records
 * as a log. It exists only while somebody lags. */
#pragma once

#include "relay/k8slog.h"
#include "relay/spool.h"

#define SPILL_MAX (64ll * 1024 * 1024)

struct spill {
	struct k8s_log log; /* fd is -1 while nobody needs it */
	struct cursor cursor;
	const char *dir;    /* where the file is made; /tmp when that fails, or has less room than SPILL_MAX */
};

/* Sets up a zeroed object without a file. 0 or -errno. */
int spill_init(struct spill *s, const char *dir);

static inline bool spill_active(const struct spill *s)
{
	return s->log.fd >= 0;
}

/* Makes the file; it will hold everything after from. 0 or -errno. */
int spill_open(struct spill *s, const struct cursor *from);

/* Takes over what is new in the spool. Over SPILL_MAX bytes it only counts what it drops, which ends its use. */
void spill_feed(struct spill *s, const struct spool *spool);

/* Nobody lags any more: the file goes. */
void spill_close(struct spill *s);
