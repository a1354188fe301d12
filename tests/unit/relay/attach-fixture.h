/* For the tests of the attach socket: a relay without a container, with real pipes, sockets and a real log file, and clients
 * that remember what they received. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rw.h"
#include "relay/pump.h"
#include "relay/rotate.h"
#include "turn.h"

#define REPLAYED 1000000u

struct fixture {
	char *dir, *log_path;
	struct loop loop;
	struct spool spool;
	struct k8s_log log;
	struct catchup catchup;
	struct stdinq input;
	struct replay replay;
	struct attach attach;
	struct feeder feeder;
	struct pump pump;
	struct sockaddr_un addr;
	int out[2], err[2], in[2];
	bool drained;
	int rotations;
};

static void on_drained(void *user)
{
	((struct fixture *)user)->drained = true;
}

static void on_progress(void *user)
{
	pump_continue(&((struct fixture *)user)->pump);
}

static void on_ready(struct feeder *feeder, void *user)
{
	(void)feeder;
	pump_resume(&((struct fixture *)user)->pump);
}

static void on_room(void *user)
{
	attach_stdin_ready(&((struct fixture *)user)->attach);
}

static void on_full(struct k8s_log *log, void *user)
{
	struct fixture *f = user;

	f->rotations++;
	attach_log_retires(&f->attach);
	g_assert_cmpint(rotate_log(log, &(struct rotation){ 0 }), ==, 0);
	attach_log_replaced(&f->attach);
}

static void on_break(struct k8s_log *log, void *user)
{
	(void)log;
	attach_leave_log(&((struct fixture *)user)->attach);
}

/* data: "log" with a log file, "none" without; "block" and "skip" are policies, "replay" shows what was before. */
static void setup(struct fixture *f, gconstpointer data)
{
	int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), log_fd = -1;

	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->log_path = g_build_filename(f->dir, "log", NULL);
	f->addr.sun_family = AF_UNIX;
	g_snprintf(f->addr.sun_path, sizeof f->addr.sun_path, "%s/attach", f->dir);
	g_assert_cmpint(bind(listen_fd, (struct sockaddr *)&f->addr, sizeof f->addr), ==, 0);
	g_assert_cmpint(listen(listen_fd, 10), ==, 0);
	if (strcmp(data, "none") != 0 && strcmp(data, "skip") != 0)
		log_fd = open(f->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	g_assert_cmpint(pipe2(f->out, O_CLOEXEC | O_NONBLOCK) + pipe2(f->err, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(pipe2(f->in, O_CLOEXEC | O_NONBLOCK), ==, 0);
	g_assert_cmpint(loop_init(&f->loop), ==, 0);
	g_assert_cmpint(spool_init(&f->spool), ==, 0);
	g_assert_cmpint(k8s_init(&f->log, log_fd, f->log_path), ==, 0);
	f->log.on_full = on_full;
	f->log.on_break = on_break;
	f->log.user = f;
	g_assert_cmpint(catchup_init(&f->catchup, &f->log, f->dir), ==, 0);
	g_assert_cmpint(stdinq_init(&f->input, &f->loop, f->in[1], on_room, f), ==, 0);
	g_assert_cmpint(attach_init(&f->attach, &f->loop, &f->spool, &f->input, listen_fd), ==, 0);
	f->attach.catchup = &f->catchup;
	f->attach.on_progress = on_progress;
	f->attach.user = f;
	f->attach.close_stdin = true;
	f->attach.overflow = strcmp(data, "block") == 0 ? ATTACH_BLOCK :
		strcmp(data, "skip") == 0		? ATTACH_SKIP :
							  ATTACH_DISCONNECT;
	if (strcmp(data, "replay") == 0) {
		g_assert_cmpint(replay_init(&f->replay, REPLAYED), ==, 0);
		f->attach.replay = &f->replay;
	}
	f->feeder.on_ready = on_ready;
	f->feeder.user = f;
	feeder_init(&f->feeder, &f->loop, &f->spool, &f->log, NULL);
	g_assert_cmpint(pump_init(&f->pump, &f->loop, &f->spool, &f->feeder, 1, &f->attach), ==, 0);
	f->pump.on_drained = on_drained;
	f->pump.user = f;
	g_assert_cmpint(pump_start(&f->pump, STREAM_OUT, f->out[0]), ==, 0);
	g_assert_cmpint(pump_start(&f->pump, STREAM_ERR, f->err[0]), ==, 0);
	pump_release_hold(&f->pump);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	pump_stop(&f->pump);
	attach_clear(&f->attach);
	stdinq_clear(&f->input);
	replay_clear(&f->replay);
	catchup_clear(&f->catchup);
	k8s_clear(&f->log);
	spool_clear(&f->spool);
	loop_clear(&f->loop);
	fd_close(&f->out[1]), fd_close(&f->err[1]), fd_close(&f->in[0]);
	g_unlink(f->log_path);
	g_unlink(f->addr.sun_path);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir), g_free(f->log_path);
}

static void turn(struct fixture *f)
{
	loop_turn_at_once(&f->loop);
}

/* A client with two buffers of what it received. */
struct client {
	int fd;
	GString *got[N_STREAMS];
	bool closed;
};

static struct client client_connect(struct fixture *f)
{
	struct client c = { .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) };

	g_assert_cmpint(connect(c.fd, (struct sockaddr *)&f->addr, sizeof f->addr), ==, 0);
	for (int i = 0; i < N_STREAMS; i++)
		c.got[i] = g_string_new(NULL);
	return c;
}

static struct client client_new(struct fixture *f)
{
	uint32_t before = f->attach.n_clients;
	struct client c = client_connect(f);

	while (f->attach.n_clients == before)
		turn(f);
	return c;
}

static void client_clear(struct client *c)
{
	fd_close(&c->fd);
	for (int i = 0; i < N_STREAMS; i++)
		g_string_free(c->got[i], TRUE);
}

static void client_read(struct client *c, int packets)
{
	char packet[8200];

	while (packets-- > 0 && !c->closed) {
		ssize_t n = recv(c->fd, packet, sizeof packet, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			c->closed = true;
			return;
		}
		g_assert_cmpint(n, >=, 2);
		g_assert_cmpint(n, <=, 8193);
		g_assert_true(packet[0] == 2 || packet[0] == 3);
		g_string_append_len(c->got[packet[0] - 2], packet + 1, n - 1);
	}
}

/* Writes as much of text as the pipe takes. */
static gsize fill(int fd, const GString *text, gsize at, gsize max)
{
	ssize_t n = write(fd, text->str + at, MIN(text->len - at, max));

	return n > 0 ? at + (gsize)n : at;
}
