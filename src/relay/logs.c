/* The container's logs: set up, replaced, and what is said when they take less than they should. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "relay/relay.h"

#define LOSS_INTERVAL 10000000000ull /* between messages that output is dropped */

static void say(struct relay *r, enum relay_level level, const char *what, const char *object, int err)
{
	r->set.say(level, what, object, err < 0 ? -err : err, r->set.user);
}

void logs_compress(struct relay *r)
{
	const struct k8s_log *log = &r->log;
	int err;

	if (!r->compress.program || r->runtime_pid)
		return;
	err = compress_next(&r->compress, &r->log, &log);
	if (err < 0)
		say(r, RELAY_WARNING, "compress old files of log", log->path, err);
}

void relay_child_gone(struct relay *r, pid_t pid, int status)
{
	const struct k8s_log *log;
	int err;

	if (!compress_reaped(&r->compress, pid, status, &err, &log))
		return;
	if (err < 0) /* the next rotation tries again */
		say(r, RELAY_WARNING, "compress old files of log", log->path, err == -ECHILD ? 0 : err);
	else
		logs_compress(r);
}

static void reopen_log(struct k8s_log *log, void *user)
{
	struct relay *r = user;
	bool serves_clients = log == &r->log;
	int err;

	k8s_flush(log);
	if (!log->regular)
		return; /* no file, a device or a pipe: nothing to replace */
	if (serves_clients)
		attach_log_retires(&r->attach);
	err = rotate_log(log, &r->set.rotation);
	if (err < 0)
		say(r, RELAY_WARNING, "replace log file, going on in the old one", log->path, err);
	if (serves_clients)
		attach_log_replaced(&r->attach);
	logs_compress(r);
}

void logs_reopen(struct relay *r)
{
	for (struct k8s_log *log = &r->log; log; log = log->next)
		reopen_log(log, r);
}

void logs_set_policy(struct relay *r, uint32_t streams, enum log_policy policy)
{
	for (uint32_t i = 0; i < r->pump.n_feeders; i++)
		for (enum stream s = 0; s < N_STREAMS; s++)
			if (streams >> s & 1)
				feeder_set_policy(&r->feeder[i], s, policy);
	say(r, RELAY_INFO, "log policy is now", feeder_policy_name(policy), 0);
	pump_resume(&r->pump);
}

static void on_log_break(struct k8s_log *log, void *user)
{
	struct relay *r = user;

	(void)log;
	attach_leave_log(&r->attach);
}

static void on_log_ready(struct feeder *f, void *user)
{
	struct relay *r = user;

	(void)f;
	pump_resume(&r->pump);
}

static void on_log_loss(struct feeder *f, void *user)
{
	struct relay *r = user;
	uint64_t now = sys_clock_ns(CLOCK_BOOTTIME);
	char text[96];

	if (r->told_loss_ns && now - r->told_loss_ns < LOSS_INTERVAL)
		return;
	r->told_loss_ns = now;
	snprintf(text, sizeof text, "output is dropped, %llu bytes so far, that should be in log",
		(unsigned long long)feeder_dropped(f));
	say(r, RELAY_WARNING, text, f->log ? f->log->path : "journald", f->log ? f->log->error : 0);
}

int logs_start(struct relay *r)
{
	static const struct relay_log none = { .fd = -1 };
	const struct relay_setup *set = &r->set;
	struct k8s_log *log = &r->log;
	int err = 0;

	if (set->n_logs > 1) {
		r->more_logs = sys_map((RELAY_LOGS - 1) * sizeof *r->more_logs);
		if (!r->more_logs)
			return -ENOMEM;
	}
	for (unsigned int i = 0; err == 0 && (i == 0 || i < set->n_logs); i++) {
		const struct relay_log *s = set->n_logs ? &set->log[i] : &none;

		if (i > 0)
			log = log->next = &r->more_logs[i - 1];
		err = k8s_init(log, s->fd, s->path);
		log->json = s->json;
		log->utc = s->utc;
		log->attrs = s->attrs;
		log->size_max = set->log_size_max;
		log->total_max = set->log_total_max;
		log->marker = set->log_marker;
		log->on_full = reopen_log;
		log->on_break = i == 0 ? on_log_break : NULL; /* the one that serves clients */
		log->user = r;
	}
	return err;
}

static void start_feeder(struct relay *r, uint32_t i, struct k8s_log *log, struct journal *journal)
{
	struct feeder *f = &r->feeder[i];

	memcpy(f->policy, r->set.log_policy, sizeof f->policy);
	memcpy(f->rate, r->set.log_rate, sizeof f->rate);
	f->on_ready = on_log_ready;
	f->on_loss = on_log_loss;
	f->user = r;
	feeder_init(f, &r->loop, &r->spool, log, journal);
}

uint32_t logs_start_feeders(struct relay *r)
{
	uint32_t n = 0;

	for (struct k8s_log *log = &r->log; log; log = log->next)
		start_feeder(r, n++, log, NULL);
	if (r->journal.wanted)
		start_feeder(r, n++, NULL, &r->journal);
	return n;
}
