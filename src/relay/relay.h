/* The resident part of the monitor: from the moment the runtime is started until the container's end is recorded.
 *
 * The caller (src/monitor) fills the struct relay_setup in struct relay: strings and arrays that stay valid for ever,
 * descriptors that are owned by the relay from then on. While the relay runs it allocates nothing and waits for nobody but
 * the kernel. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "relay/attach.h"
#include "relay/catchup.h"
#include "relay/cgroup.h"
#include "relay/compress.h"
#include "relay/console.h"
#include "relay/ctl.h"
#include "relay/feeder.h"
#include "relay/journal.h"
#include "relay/k8slog.h"
#include "relay/lifecycle.h"
#include "relay/notify.h"
#include "relay/oom.h"
#include "relay/pump.h"
#include "relay/record.h"
#include "relay/rotate.h"
#include "relay/spawn.h"
#include "relay/spool.h"
#include "relay/stdinq.h"
#include "relay/syncpipe.h"

enum relay_level { RELAY_ERROR, RELAY_WARNING, RELAY_INFO };

/* Writes one of our own messages: what was tried, on which object (may be NULL), errno value (0: none). */
typedef void (*relay_say_fn)(enum relay_level level, const char *what, const char *object, int err, void *user);

#define RELAY_LOGS 4u

/* A log file: see struct k8s_log. */
struct relay_log {
	int fd;
	const char *path;
	bool json, utc;
	const char *attrs;
};

struct relay_setup {
	const char *id;
	bool exec;               /* an exec session */
	bool terminal;
	bool no_sync_log;
	bool close_stdin;        /* a client's end of input closes the container's stdin */
	unsigned int timeout_s;  /* 0: none */
	int sync_fd;             /* -1: none */
	const char *sync_key;
	bool tell_pid;           /* on the sync pipe, once it is known */
	int stdin_fd, stdout_fd, stderr_fd; /* our ends, -1: none */
	int console_fd;          /* listening console socket, -1: none */
	const char *console_path, *console_dir;
	int attach_fd;           /* listening, -1: none */
	enum attach_overflow attach_overflow;
	uint32_t attach_replay;  /* bytes of output that who comes later is shown, 0: none */
	const char *attach_path; /* unlinked at the end, NULL: none */
	const char *socket_link; /* the symlink to the bundle, removed last; NULL: none */
	int ctl_fd, winsz_fd;
	const char *dump_path;   /* where the state goes when it is asked for, NULL: nowhere */
	char *dump_temp;         /* room for the same and RECORD_SUFFIX */
	int notify_fd;           /* datagram socket for sd_notify, -1: none */
	const struct sockaddr_un *notify_host; /* its service manager's, NULL: none */
	socklen_t notify_host_len;
	struct relay_log
		log[RELAY_LOGS]; /* the first is the one that lagging clients are served from, if it is a k8s-file */
	unsigned int n_logs;
	const char *spill_dir;   /* where a file for lagging clients may be made; NULL: /tmp */
	int64_t log_size_max, log_total_max;
	enum log_policy log_policy[N_STREAMS];
	struct rate log_rate[N_STREAMS];
	bool log_marker;         /* say in the log what was dropped */
	struct rotation rotation;
	struct spawn compressor; /* of rotated files; path NULL: none */
	const char *compressed_suffix;
	const char *journal_fields; /* NULL: no journald */
	bool journal_partial;    /* mark partial messages */
	bool journal_prefixes;   /* take the priority from a line's prefix */
	const char *pid_file;    /* written by the runtime */
	struct record_file exit_file, persist_file;      /* plain exit files; not yet reserved */
	struct record_file json_file, persist_json_file; /* exit.json */
	const char *oom_path, *persist_oom_path;         /* empty marker files, NULL: none */
	const int *inherited;    /* descriptors that were open when we were started; closed before the exit files appear */
	unsigned int n_inherited;
	struct spawn runtime;    /* stdio are the container's ends; closed once the runtime runs */
	int runtime_fds[3];      /* those ends that are ours to close, -1: none */
	bool passthrough;        /* the runtime has our own stdio: give it up once it runs */
	int null_fd;             /* /dev/null */
	struct spawn exit_command; /* path NULL: none */
	relay_say_fn say;
	void *user;
};

struct relay {
	struct relay_setup set;
	struct loop loop;
	enum life_state state;
	struct syncpipe sync;
	struct spool spool;
	struct k8s_log log; /* the first log file; without any its descriptor is -1 */
	struct k8s_log *more_logs; /* RELAY_LOGS - 1, mapped where there is more than one */
	struct compress compress;
	struct catchup catchup;
	struct journal journal;
	struct stdinq input;
	struct replay replay;
	struct attach attach;
	struct pump pump;
	uint64_t told_loss_ns;   /* when we last said that output was dropped */
	struct console console;
	struct ctl ctl, winsz;
	struct loop_timer dump;  /* due at once when the state was asked for */
	struct notify notify;
	struct cgroups cgroups;
	struct oom oom;
	int signal_fd;
	struct loop_watch signal_watch;
	pid_t runtime_pid;       /* 0: not running (any more) */
	int runtime_pidfd;
	pid_t container_pid;     /* 0: not known yet */
	int container_pidfd;
	struct loop_watch container_watch;
	bool exited;             /* the container's end was seen */
	bool timed_out;
	bool drained;
	struct loop_timer timeout, drain_deadline;
	uint64_t drain_start_ns, drain_progress_ns, drain_progress;
	struct end end;
	int status;              /* our own exit status */
	struct feeder feeder[RELAY_LOGS + 1]; /* the log files', the journal's; last, because most have one */
};

/* Runs from the start of the runtime to the end. All of r but r->set is zero (static memory). Returns the exit status for
 * our own process. */
int relay_run(struct relay *r);

/* Feeds an event to the life cycle and does what follows. */
void relay_event(struct relay *r, enum life_event event);

/* A child that is neither the runtime nor the container was reaped. */
void relay_child_gone(struct relay *r, pid_t pid, int status);

/* logs.c: the log files, the journal, and what feeds them. */
int logs_start(struct relay *r);
uint32_t logs_start_feeders(struct relay *r); /* one for each file and one for the journal: how many */
void logs_reopen(struct relay *r);
void logs_compress(struct relay *r); /* old files that are to be; not while only the runtime is reaped */
void logs_set_policy(struct relay *r, uint32_t streams, enum log_policy policy);

/* reaper.c: signals and children. */
int reaper_start(struct relay *r);
void reaper_watch_container(struct relay *r);
void reaper_check(struct relay *r);
void reaper_set_unknown(struct relay *r, const char *reason);
/* Whether pid is a child of ours that was not reaped yet: until then its number cannot name anything else. */
bool reaper_is_child(pid_t pid);
void reaper_measure(struct relay *r); /* what its cgroup counted, and the time: the end is now */
void reaper_stop(struct relay *r);

/* finish.c: records and last words. */
void finish_reserve(struct relay *r);
void finish_failure(struct relay *r, const char *message, uint32_t len);
void finish_record(struct relay *r);
void finish_exit_command(struct relay *r);
