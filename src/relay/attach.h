/* The attach socket: clients that see the container's output and may type into it.
 *
 * To a client: packets of one byte (2 stdout, 3 stderr) and at most 8192 bytes. From a client: bytes for stdin. A
 * client never slows a container: it takes from the spool at its own pace, is served from the log or a spill file when the
 * spool has to go on without it (catchup.h), and only when those cannot serve it is let go, or misses what it has not
 * taken, as was chosen. An exec session waits for its client instead. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "relay/catchup.h"
#include "relay/replay.h"
#include "relay/spool.h"
#include "relay/stdinq.h"

#define ATTACH_CLIENTS    128u
#define ATTACH_PACKET_MAX 8192u

/* What happens when the spool is full of what a client has not taken: it is served from files, and if they cannot serve it
 * let go (ATTACH_DISCONNECT) or shown only what comes from then on (ATTACH_SKIP); or the container waits for it. */
enum attach_overflow { ATTACH_DISCONNECT, ATTACH_SKIP, ATTACH_BLOCK };

struct attach;

struct attach_client {
	struct loop_watch watch;
	struct attach *attach;
	struct cursor cursor;
	struct replay_place replay; /* what is still to be shown of the time before it came */
	struct catchup_place place; /* everything at and after it covers what the cursor has not taken */
	int fd;
	bool used;           /* false: the place is free */
	bool behind;         /* served from the log or the spill */
	bool blocked;        /* its socket takes nothing at the moment */
	bool reading;        /* it may still send */
	bool deaf;           /* it takes no output any more; what it sent may still wait to be read */
	bool waits_for_stdin;/* its next packet has to wait until the container takes the present one */
};

struct attach {
	struct loop *loop;
	struct spool *spool;
	struct catchup *catchup; /* what lagging clients are served from */
	struct replay *replay;   /* NULL: nobody is shown what was before he came */
	struct stdinq *input;
	enum attach_overflow overflow;
	bool close_stdin;        /* a client's end of input is the container's */
	bool ending;             /* nobody new is let in */
	int listen_fd, reserve_fd;
	uint32_t n_clients, n_behind;
	uint64_t n_cut;          /* clients let go because they could not be served */
	uint64_t n_skipped;      /* bytes that clients were not shown for that reason */
	struct loop_watch watch;
	struct attach_client *client; /* ATTACH_CLIENTS */
	void (*on_progress)(void *user); /* the spool may be freer than before */
	void *user;
};

/* Sets up a zeroed object; the listening socket may be -1 (no attach socket). 0 or -errno. */
int attach_init(struct attach *a, struct loop *loop, struct spool *spool, struct stdinq *input, int listen_fd);
void attach_clear(struct attach *a);

/* Lets in everybody who has connected by now: to be called before bytes are read that they have a right to, when the loop
 * may not have come to the socket yet. */
void attach_accept(struct attach *a);

/* New bytes are in the spool (and in the log): serves every client that can take them. */
void attach_serve(struct attach *a);

/* Lowers wanted[] to what clients still need from the spool. */
void attach_wanted(const struct attach *a, uint64_t wanted[N_STREAMS]);

/* The spool is full: lets lagging clients of a container go on from files. Whether anything was gained. */
bool attach_make_room(struct attach *a);

/* The log is about to lose bytes, or takes none: who is served from it goes on from the spill where it ends. */
void attach_leave_log(struct attach *a);

/* The log is about to be replaced / was replaced by a new file. */
void attach_log_retires(struct attach *a);
void attach_log_replaced(struct attach *a);

/* The container took what was waiting for its stdin. */
void attach_stdin_ready(struct attach *a);

/* The container is gone, so that nobody can slow it any more, but its record can be held up: from now on no client is
 * waited for at the cost of the log. Whether there may be room in the spool now. */
bool attach_stop_blocking(struct attach *a);

/* Output has been quiet: gives memory back that only lagging clients need. */
void attach_trim(struct attach *a);

/* Whether every client has everything. */
bool attach_all_served(const struct attach *a);

/* Ends all clients, and counts who did not get everything: their receive queues are emptied first, since closing with unread input would destroy the output
 * that is queued for them. */
void attach_close_all(struct attach *a);
