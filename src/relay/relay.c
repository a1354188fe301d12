/* The resident part of the monitor. */
#include "relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/rw.h"
#include "base/sys.h"
#include "relay/dump.h"

#define S 1000000000ull

/* Once the container is gone: */
#define DRAIN_TOTAL     (10 * S)   /* how long leftover writers can keep the streams from being empty */
#define SERVE_PATIENCE  (5 * S)    /* how long clients may go without taking anything of what is left for them */
#define SERVE_TOTAL     (60 * S)   /* and take altogether; a session's own client has as long as he lives */
#define SERVE_STEP      (S / 2)

static void say(struct relay *r, enum relay_level level, const char *what, const char *object, int err)
{
	r->set.say(level, what, object, err < 0 ? -err : err, r->set.user);
}

static int on_master(int master_fd, void *user)
{
	struct relay *r = user;
	/* One descriptor each, so that closing the input leaves output and size alone. */
	int in = fcntl(master_fd, F_DUPFD_CLOEXEC, 3), out = in < 0 ? -1 : fcntl(master_fd, F_DUPFD_CLOEXEC, 3), err;

	r->pump.terminal = true;
	err = out < 0 ? -errno : pump_start(&r->pump, STREAM_OUT, out);
	stdinq_set_fd(&r->input, in);
	if (err < 0)
		say(r, RELAY_ERROR, "read from the terminal", NULL, err);
	return err;
}

static void on_dump(struct loop_timer *t, void *user)
{
	struct relay *r = user;
	int err = r->set.dump_path ? dump_write(r) : 0;

	(void)t;
	if (err < 0)
		say(r, RELAY_WARNING, "write", r->set.dump_path, err);
}

static void on_ctl(const struct ctl_line *line, void *user)
{
	struct relay *r = user;

	switch (line->request) {
	case CTL_NONE:
		break;
	case CTL_RESIZE: /* without a terminal it means nothing, and is forgotten */
		if (r->set.terminal)
			console_resize(&r->console, line->rows, line->cols);
		break;
	case CTL_REOPEN:
		logs_reopen(r);
		break;
	case CTL_DUMP: /* once for all who have asked by the end of this turn */
		loop_timer_start(&r->loop, &r->dump, 0, on_dump, r);
		break;
	case CTL_POLICY:
		logs_set_policy(r, line->streams, line->policy);
		break;
	}
}

static void on_stdin_room(void *user)
{
	struct relay *r = user;

	attach_stdin_ready(&r->attach);
}

static void touch(struct relay *r, const char *path)
{
	int fd;

	if (!path)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
	if (fd < 0)
		say(r, RELAY_WARNING, "create", path, errno);
	fd_close(&fd);
}

static void on_oom(void *user)
{
	struct relay *r = user;

	if (r->set.exec)
		return; /* the container's own monitor tells */
	say(r, RELAY_INFO, "out of memory in the container's cgroup", r->set.id, 0);
	touch(r, r->set.persist_oom_path);
	touch(r, r->set.oom_path);
}

static void on_cgroup_gone(void *user)
{
	struct relay *r = user;

	if (!r->set.exec)
		say(r, RELAY_INFO, "Cgroup appears to have been removed, no more watching for out of memory", r->set.id, 0);
}

static void on_timeout(struct loop_timer *t, void *user)
{
	(void)t;
	relay_event(user, LIFE_TIMED_OUT);
}

/* ---- the end of the streams ---- */

static uint64_t progress(const struct relay *r)
{
	uint64_t sum = r->spool.pos[STREAM_OUT] + r->spool.pos[STREAM_ERR];

	for (const struct k8s_log *log = &r->log; log; log = log->next)
		sum += log->total;
	for (uint32_t i = 0; i < ATTACH_CLIENTS; i++)
		if (r->attach.client[i].used)
			sum += r->attach.client[i].replay.at + r->attach.client[i].cursor.pos[STREAM_OUT] +
				r->attach.client[i].cursor.pos[STREAM_ERR];
	return sum;
}

/* What a timeout has killed is waited for too, but no longer than for its output. */
static bool all_over(const struct relay *r)
{
	return r->drained && r->exited && attach_all_served(&r->attach);
}

static void on_drain_deadline(struct loop_timer *t, void *user)
{
	struct relay *r = user;
	uint64_t now = sys_clock_ns(CLOCK_BOOTTIME), seen = progress(r);
	bool own_client = r->attach.overflow == ATTACH_BLOCK && r->attach.n_clients > 0, patient;

	(void)t;
	if (all_over(r)) {
		relay_event(r, LIFE_DRAINED);
		return;
	}
	if (seen != r->drain_progress)
		r->drain_progress_ns = now;
	r->drain_progress = seen;
	if ((r->drained && r->exited) || pump_waits_for_log(&r->pump))
		patient = now - r->drain_progress_ns < SERVE_PATIENCE && now - r->drain_start_ns < SERVE_TOTAL;
	else
		patient = now - r->drain_start_ns < DRAIN_TOTAL;
	if (!patient && !r->drained && pump_waits_for_log(&r->pump)) {
		say(r, RELAY_WARNING, "the log did not take all output in time", r->set.id, 0);
		r->drain_start_ns = now; /* what is left in the pipes comes now, to be counted */
		pump_give_up(&r->pump);
		patient = true;
	}
	if (r->state != LIFE_DRAINING)
		return; /* that was all there was to wait for */
	if (patient || own_client) {
		loop_timer_start(&r->loop, &r->drain_deadline, SERVE_STEP, on_drain_deadline, r);
		return;
	}
	if (!attach_all_served(&r->attach))
		say(r, RELAY_WARNING, "attach clients did not take all output in time", r->set.id, 0);
	relay_event(r, LIFE_DRAIN_DEADLINE);
}

static void check_served(struct relay *r)
{
	if (r->state == LIFE_DRAINING && all_over(r))
		relay_event(r, LIFE_DRAINED);
}

static void on_drained(void *user)
{
	struct relay *r = user;

	r->drained = true;
	check_served(r);
}

/* A client took something or left. Runs inside the client's own turn: it only makes further turns possible. */
static void on_client_progress(void *user)
{
	struct relay *r = user;

	pump_continue(&r->pump);
	if (r->state == LIFE_DRAINING && all_over(r))
		loop_timer_start(&r->loop, &r->drain_deadline, 0, on_drain_deadline, r);
}

static void start_drain(struct relay *r)
{
	r->drain_start_ns = r->drain_progress_ns = sys_clock_ns(CLOCK_BOOTTIME);
	r->drain_progress = progress(r);
	loop_timer_stop(&r->loop, &r->timeout);
	loop_timer_start(&r->loop, &r->drain_deadline, SERVE_STEP, on_drain_deadline, r);
	/* A session's own client decides himself how long he is waited for; but a timeout is a timeout. */
	if ((!r->set.exec || r->timed_out) && attach_stop_blocking(&r->attach))
		pump_continue(&r->pump);
	pump_drain(&r->pump);
}

/* ---- actions of the life cycle ---- */

static void announce(struct relay *r)
{
	int err = r->set.tell_pid ? syncpipe_send(&r->sync, r->container_pid, NULL, 0) : 0;

	if (err < 0)
		say(r, RELAY_ERROR, "tell the pid on the sync pipe", NULL, err);
	r->end.pid = r->container_pid;
	clock_gettime(CLOCK_REALTIME, &r->end.start_real);
	r->end.start_boot_ns = sys_clock_ns(CLOCK_BOOTTIME);
	err = cgroups_open(&r->cgroups, r->container_pid);
	if (err == 0)
		err = oom_start(&r->oom, &r->loop, r->cgroups.dir_fd[CGROUP_MEMORY], r->cgroups.v2[CGROUP_MEMORY]);
	if (err < 0 && err != -ENOENT && err != -ESRCH && !r->set.exec)
		say(r, RELAY_WARNING, "watch for out of memory", r->set.id, err);
	if (r->set.timeout_s)
		loop_timer_start(&r->loop, &r->timeout, r->set.timeout_s * S, on_timeout, r);
	logs_compress(r);
	pump_release_hold(&r->pump);
	reaper_watch_container(r);
	sys_forget_stack(); /* start-up went deep; an idle monitor should not keep that */
}

/* The caller has the whole text; our own messages get one line of it. */
static void say_failure(struct relay *r, const char *message, uint32_t len)
{
	char line[512];
	uint32_t n = 0;

	for (; n < len && n < sizeof line - 1; n++)
		line[n] = (unsigned char)message[n] < ' ' ? ' ' : message[n];
	while (n > 0 && line[n - 1] == ' ')
		n--;
	line[n] = '\0';
	say(r, RELAY_ERROR, r->set.exec ? "start the session:" : "create the container:", line, 0);
}

/* The runtime's own words are the best message; then what we know ourselves. */
static void report_failure(struct relay *r)
{
	static const char no_pid[] = "runtime left no pid in its pid file ";
	char text[sizeof no_pid + PATH_MAX] = "runtime left with status ";
	const char *message = text;
	uint32_t len;

	pump_poll(&r->pump);
	len = pump_words(&r->pump, &message);
	while (len > 0 && message[len - 1] == '\0')
		len--;
	if (!len) {
		message = text;
		if (r->status)
			num_format_i64(text + strlen(text), r->status);
		else if (r->set.terminal && r->console.master_fd < 0)
			message = "Runtime did not set up terminal";
		else
			strncpy(stpcpy(text, no_pid), r->set.pid_file, PATH_MAX - 1);
		len = (uint32_t)strlen(message);
	}
	say_failure(r, message, len);
	finish_failure(r, message, len);
	loop_quit(&r->loop);
}

/* With its process group, if it leads one: only then are its members the container's. By number only what is pinned to
 * it: a child of ours has its pid, and its group that number, until we reap it. */
static void kill_container(struct relay *r)
{
	pid_t pid = r->container_pid;
	bool child;

	r->timed_out = true;
	if (r->exited)
		return;
	if (r->container_pidfd >= 0 && pid != getpgrp() && sys_pidfd_signal_group(r->container_pidfd, SIGKILL) == 0)
		return;
	child = reaper_is_child(pid);
	if (child && getpgid(pid) == pid && sys_kill_group(pid, SIGKILL) == 0)
		return;
	/* Gone by now: then it needs no signal. */
	if (r->container_pidfd >= 0)
		(void)sys_pidfd_send_signal(r->container_pidfd, SIGKILL);
	else if (child)
		(void)sys_kill_process(pid, SIGKILL);
}

/* What the runtime wrote into its pid file; 0 when that is no process that could be the container. */
static pid_t read_pid(const struct relay *r)
{
	char text[64] = "";
	int64_t pid = 0;
	ssize_t n = -ENOENT;

	/* There is a container by now: a read that fails in passing must not make it nobody's. */
	for (int tries = 0; n < 0 && tries < 3; tries++)
		n = rw_read_file(AT_FDCWD, r->set.pid_file, text, sizeof text);
	text[n > 0 ? strcspn(text, " \t\r\n") : 0] = '\0';
	return num_parse_i64(text, 2, INT32_MAX, &pid) == 0 && pid != getpid() ? (pid_t)pid : 0;
}

void relay_event(struct relay *r, enum life_event event)
{
	struct life_step step;

	if (event == LIFE_RUNTIME_OK) {
		r->container_pid = read_pid(r);
		if (!r->container_pid || (r->set.terminal && r->console.master_fd < 0))
			event = LIFE_RUNTIME_FAILED;
	}
	step = life_step(r->state, event);
	r->state = step.next;
	switch (step.action) {
	case LIFE_NOTHING:
		break;
	case LIFE_ANNOUNCE:
		announce(r);
		break;
	case LIFE_REPORT_FAILURE:
		report_failure(r);
		break;
	case LIFE_KILL_AND_DRAIN:
		kill_container(r);
		start_drain(r);
		break;
	case LIFE_DRAIN:
		start_drain(r);
		break;
	case LIFE_CHECK_DRAINED:
		check_served(r);
		break;
	case LIFE_FINISH:
		finish_record(r);
		loop_quit(&r->loop);
		break;
	case LIFE_BUG:
		say(r, RELAY_ERROR, "event in a state where it cannot come", life_event_name(event), 0);
		break;
	}
}

/* ---- start ---- */

static int start_io(struct relay *r)
{
	const struct relay_setup *set = &r->set;
	int err;

	r->compress = (struct compress){ .program = set->compressor.path ? &r->set.compressor : NULL,
		.suffix = set->compressed_suffix,
		.null_fd = set->null_fd };
	err = spool_init(&r->spool) ?: logs_start(r) ?: catchup_init(&r->catchup, &r->log, set->spill_dir);
	if (err == 0 && set->journal_fields)
		err = journal_init(&r->journal, JOURNAL_SOCKET, set->journal_fields, set->journal_partial);
	r->journal.prefixes = set->journal_prefixes;
	if (err < 0)
		return err;
	err = stdinq_init(&r->input, &r->loop, set->stdin_fd, on_stdin_room, r) ?:
		replay_init(&r->replay, set->attach_replay) ?:
		attach_init(&r->attach, &r->loop, &r->spool, &r->input, set->attach_fd);
	if (err < 0)
		return err;
	r->input.expected = set->console_fd >= 0;
	r->attach.catchup = &r->catchup;
	r->attach.replay = set->attach_replay ? &r->replay : NULL;
	r->attach.close_stdin = set->close_stdin;
	r->attach.overflow = set->attach_overflow;
	r->attach.on_progress = on_client_progress;
	r->attach.user = r;
	err = pump_init(&r->pump, &r->loop, &r->spool, r->feeder, logs_start_feeders(r), &r->attach);
	if (err < 0)
		return err;
	r->pump.on_drained = on_drained;
	r->pump.user = r;
	if (set->stdout_fd >= 0)
		err = pump_start(&r->pump, STREAM_OUT, set->stdout_fd);
	if (err == 0 && set->stderr_fd >= 0)
		err = pump_start(&r->pump, STREAM_ERR, set->stderr_fd);
	return err;
}

static int start_control(struct relay *r)
{
	r->oom.on_oom = on_oom;
	r->oom.on_gone = on_cgroup_gone;
	r->oom.user = r;
	r->ctl.on_line = r->winsz.on_line = on_ctl;
	r->ctl.user = r->winsz.user = r;
	if (r->set.notify_host)
		r->notify.host = *r->set.notify_host;
	r->notify.host_len = r->set.notify_host_len;
	return console_start(&r->console, &r->loop) ?: notify_start(&r->notify, &r->loop, r->set.notify_fd) ?: ctl_start(&r->ctl, &r->loop, r->set.ctl_fd, false) ?:
		ctl_start(&r->winsz, &r->loop, r->set.winsz_fd, true) ?: reaper_start(r);
}

static int start_runtime(struct relay *r)
{
	pid_t pid = spawn(&r->set.runtime);

	if (pid < 0)
		return pid;
	r->runtime_pid = pid;
	r->runtime_pidfd = sys_pidfd_open(pid, 0); /* an unreaped child: fails only without descriptors, then no forwarding */
	for (int i = 0; i < 3; i++) {
		fd_close(&r->set.runtime_fds[i]);
		if (r->set.passthrough)
			(void)dup2(r->set.null_fd, i); /* both exist */
	}
	fd_close(&r->set.runtime.wait_fd);
	return 0;
}

static int start(struct relay *r)
{
	const char *step = "set up the event loop";
	int err = loop_init(&r->loop);

	if (err == 0) {
		step = "set up streams";
		err = start_io(r);
	}
	if (err == 0) {
		step = "set up control channels";
		err = start_control(r);
	}
	if (err == 0) {
		finish_reserve(r);
		step = "fork for the runtime";
		err = start_runtime(r);
	}
	if (err < 0) {
		char text[128];
		size_t n = strlen(step);

		say(r, RELAY_ERROR, step, r->set.id, err);
		memcpy(text, step, n);
		memcpy(text + n, ": ", 2);
		strcpy(text + n + 2, strerrorname_np(-err) ?: "unknown error");
		finish_failure(r, text, (uint32_t)strlen(text));
	}
	return err;
}

/* No events any more: what is known is told, the rest is unknown. */
static void give_up(struct relay *r, int err)
{
	static const char text[] = "wait for events";

	say(r, RELAY_ERROR, text, r->set.id, err);
	if (r->state == LIFE_CREATING) {
		finish_failure(r, text, sizeof text - 1);
	} else if (r->state != LIFE_ENDED) {
		if (!r->exited)
			reaper_set_unknown(r, "the monitor could not wait for events any more");
		finish_record(r);
	}
}

int relay_run(struct relay *r)
{
	const struct relay_setup *set = &r->set;

	/* Field by field: most of it is buffers that a quiet container never touches. */
	r->sync = (struct syncpipe){ set->sync_fd, set->sync_key };
	r->signal_fd = r->runtime_pidfd = r->container_pidfd = -1;
	r->ctl.fd = r->winsz.fd = r->notify.fd = -1;
	r->console = (struct console){
		.listen_fd = set->console_fd,
		.conn_fd = -1,
		.master_fd = -1,
		.path = set->console_path,
		.dir = set->console_dir,
		.on_master = on_master,
		.user = r,
	};
	for (int i = 0; i < N_CGROUP_USES; i++)
		r->cgroups.dir_fd[i] = -1;
	r->end.id = set->id;
	r->end.exec = set->exec;
	if (start(r) == 0) {
		int err = loop_run(&r->loop);

		if (err < 0)
			give_up(r, err);
	}
	console_clear(&r->console);
	oom_stop(&r->oom);
	cgroups_close(&r->cgroups);
	notify_stop(&r->notify);
	ctl_stop(&r->ctl);
	ctl_stop(&r->winsz);
	reaper_stop(r);
	finish_exit_command(r);
	return r->status;
}
