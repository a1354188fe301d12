/* The end: records, last words, exit command. In this order, which watchers rely on: log complete, inherited
 * descriptors closed, clients closed, persist file, exit.json, exit file, last line on the sync pipe, attach socket gone, exit
 * command. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/sys.h"
#include "relay/relay.h"

#define FORK_TRIES   50          /* with FORK_REST between them: what filled the pids limit ends with the container */
#define FORK_REST_NS 100000000
#define WAIT_TRIES   3

static void reserve(struct relay *r, struct record_file *f, uint32_t size)
{
	int err = record_reserve(f, size);

	if (err < 0)
		r->set.say(RELAY_WARNING, "reserve", f->path, -err, r->set.user);
}

void finish_reserve(struct relay *r)
{
	reserve(r, &r->set.persist_file, NUM_MAX);
	reserve(r, &r->set.exit_file, NUM_MAX);
	reserve(r, &r->set.json_file, RECORD_JSON_RESERVE);
	reserve(r, &r->set.persist_json_file, RECORD_JSON_RESERVE);
}

static void commit(struct relay *r, struct record_file *f, const char *text, uint32_t len, struct record_file *spare)
{
	int err = record_commit(f, text, len, spare);

	if (err < 0)
		r->set.say(RELAY_ERROR, "write exit record", f->path, -err, r->set.user);
}

static void close_inherited(struct relay *r)
{
	for (unsigned int i = 0; i < r->set.n_inherited; i++) {
		int fd = r->set.inherited[i];

		fd_close(&fd);
	}
	r->set.n_inherited = 0;
}

/* Newlines of a stream, by whichever driver looked for them. */
static uint64_t count_lines(const struct relay *r, enum stream s)
{
	for (const struct k8s_log *log = &r->log; log; log = log->next)
		if (log->fd >= 0)
			return log->stream[s].lines.whole;
	return r->journal.wanted ? r->journal.stream[s].lines.whole : END_UNCOUNTED;
}

static void complete_cause(struct relay *r)
{
	struct end *e = &r->end;

	if (!r->exited)
		reaper_measure(r);
	if (r->timed_out) {
		e->cause = END_TIMEOUT;
		e->code = -1;
	} else if (e->cause == END_SIGNAL && e->signal == SIGKILL && oom_struck_last(&r->oom)) {
		e->cause = END_OOM;
	} else if (e->stop.count && (e->cause == END_EXIT || (e->cause == END_SIGNAL && (e->stop.signals >> e->signal & 1)))) {
		e->cause = END_STOP; /* what died of another signal than was asked for did not die of the asking */
	}
}

static void complete_end(struct relay *r)
{
	struct end *e = &r->end;

	e->timeout_s = r->set.timeout_s;
	e->oom_kills = r->oom.loop ? r->oom.kills : CGROUP_UNKNOWN;
	e->oom_kills_local = r->oom.loop ? r->oom.local : CGROUP_UNKNOWN;
	e->stdin_bytes = r->input.bytes;
	e->clients_cut = r->attach.n_cut;
	e->clients_skipped = r->attach.n_skipped;
	for (int s = 0; s < N_STREAMS; s++) {
		e->stream[s] = (struct end_stream){
			.bytes = r->spool.pos[s],
			.lines = count_lines(r, (enum stream)s),
			.records = r->journal.stream[s].entries,
			.dropped = r->journal.stream[s].dropped,
			.dropped_records = r->journal.stream[s].dropped_entries,
		};
		for (const struct k8s_log *log = &r->log; log; log = log->next) {
			e->stream[s].records += log->stream[s].records;
			e->stream[s].dropped += log->stream[s].dropped;
			e->stream[s].dropped_records += log->stream[s].dropped_records;
		}
	}
	if (e->stream[STREAM_OUT].dropped + e->stream[STREAM_ERR].dropped > 0)
		r->set.say(RELAY_WARNING, "not all output is in the log, see exit.json", r->log.path, 0, r->set.user);
}

static void commit_json(struct relay *r)
{
	char json[RECORD_JSON_MAX], path[RECORD_PATH_MAX];
	uint32_t len;

	complete_end(r);
	r->end.cgroup = !r->set.exec && cgroups_path(&r->cgroups, path, sizeof path) ? path : NULL;
	len = record_json(&r->end, json, sizeof json); /* 0 for an id of thousands of bytes */
	if (len) {
		commit(r, &r->set.json_file, json, len, NULL);
		commit(r, &r->set.persist_json_file, json, len, NULL);
	} else {
		r->set.say(RELAY_ERROR, "exit.json would be too long", NULL, 0, r->set.user);
		record_cancel(&r->set.json_file);
		record_cancel(&r->set.persist_json_file);
	}
}

void finish_failure(struct relay *r, const char *message, uint32_t len)
{
	int err;

	/* There was no container, so there is no status: engines look for one in the plain files. */
	record_cancel(&r->set.persist_file);
	record_cancel(&r->set.exit_file);
	r->end.cause = END_RUNTIME_ERROR;
	r->end.reason = message;
	r->end.reason_len = len;
	r->end.code = -1;
	reaper_measure(r);
	commit_json(r);
	err = syncpipe_send(&r->sync, -1, message, len);
	if (err < 0)
		r->set.say(RELAY_ERROR, "tell the caller on the sync pipe", NULL, -err, r->set.user);
	pump_stop(&r->pump);
	compress_stop(&r->compress);
	attach_close_all(&r->attach);
	r->status = 1;
}

/* What is written must reach the disk some day soon, but nobody should wait for a slow disk to learn the status: the
 * child keeps nothing of ours but the log. */
static _Noreturn void sync_log_child(int log_fd)
{
	if (dup2(log_fd, STDIN_FILENO) == STDIN_FILENO && sys_close_range(STDIN_FILENO + 1, ~0u, 0) == 0)
		log_fd = STDIN_FILENO;
	(void)fsync(log_fd); /* nobody is left to tell */
	_exit(0);
}

static void sync_logs(struct relay *r)
{
	for (const struct k8s_log *log = &r->log; log && !r->set.no_sync_log; log = log->next) {
		pid_t pid;

		if (!log->regular || log->fd < 0 ||
			log->stream[STREAM_OUT].records + log->stream[STREAM_ERR].records == 0)
			continue;
		pid = fork();
		if (pid == 0)
			sync_log_child(log->fd);
		if (pid < 0)
			r->set.say(RELAY_WARNING, "fork to sync the log", log->path, errno, r->set.user);
	}
}

void finish_record(struct relay *r)
{
	char plain[NUM_MAX];
	const char *message = r->timed_out ? "command timed out" : NULL;
	uint32_t plain_len;
	int err;

	pump_stop(&r->pump);
	pump_end_logs(&r->pump);
	compress_stop(&r->compress);
	close_inherited(r);
	attach_close_all(&r->attach);
	attach_clear(&r->attach);
	complete_cause(r);
	plain_len = (uint32_t)num_format_i64(plain, r->end.code);
	commit(r, &r->set.persist_file, plain, plain_len, &r->set.persist_json_file);
	/* Who waits for the exit file finds exit.json; and the status is in its place before space is needed for more. */
	(void)record_write(&r->set.exit_file, plain, plain_len, &r->set.json_file); /* publishing tells */
	commit_json(r);
	err = record_publish(&r->set.exit_file, plain, plain_len);
	if (err < 0)
		r->set.say(RELAY_ERROR, "write exit record", r->set.exit_file.path, -err, r->set.user);
	if (r->set.exec) {
		err = syncpipe_send(&r->sync, r->end.code, message, message ? (uint32_t)strlen(message) : 0);
		if (err < 0)
			r->set.say(RELAY_ERROR, "tell the exit code on the sync pipe", NULL, -err, r->set.user);
	}
	if (r->set.attach_path)
		(void)unlink(r->set.attach_path); /* the engine may have removed it already */
	sync_logs(r);
	r->status = r->end.code & 0xff;
}

/* There is no event for "a process may be made again". */
static pid_t spawn_patiently(const struct spawn *s)
{
	pid_t pid = spawn(s);

	for (int tries = 0; (pid == -EAGAIN || pid == -ENOMEM) && tries < FORK_TRIES; tries++) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = FORK_REST_NS }, NULL);
		pid = spawn(s);
	}
	return pid;
}

void finish_exit_command(struct relay *r)
{
	pid_t pid;

	fd_close(&r->sync.fd);
	close_inherited(r); /* after a failure; else it was done before the records */
	if (r->set.exit_command.path) {
		(void)sys_set_subreaper(false); /* what it leaves behind is not ours */
		pid = spawn_patiently(&r->set.exit_command);
		if (pid < 0) {
			r->set.say(RELAY_ERROR, "start exit command", r->set.exit_command.path, -pid, r->set.user);
		} else {
			int status = 0, tries = 0;

			/* It is there until it is reaped: what disturbs the wait is tried again. */
			while (waitpid(pid, &status, 0) < 0 && (errno == EINTR || tries++ < WAIT_TRIES))
				;
			if (status != 0)
				r->set.say(RELAY_WARNING, "exit command failed", r->set.exit_command.path, 0, r->set.user);
		}
	}
	if (r->set.socket_link)
		(void)unlink(r->set.socket_link); /* tidiness only */
}
