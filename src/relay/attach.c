/* The attach socket: clients that see the container's output and may type into it. */
#include "relay/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

#define BATCH	    32u		  /* packets for one sendmmsg(2) */
#define BEHIND_TURN (256u * 1024) /* bytes from the log for one client before the others' turn */

static const char packet_type[N_STREAMS] = { [STREAM_OUT] = 2, [STREAM_ERR] = 3 };

static void on_client(struct loop_watch *w, uint32_t events, void *user);

/* What was kept for clients that lag may go when none is left. */
static void nobody_behind(struct attach *a)
{
	if (a->n_behind == 0)
		catchup_rest(a->catchup, a->n_clients == 0);
}

/* Closing with unread input would destroy the output that is queued for the client. First nothing more may come, or one
 * that sends all the time would get in between. Then an empty packet and the end look alike, but for the credentials that
 * come with every packet and not with the end. */
static void drop_input(int fd)
{
	char scrap[4096], control[CMSG_SPACE(sizeof(struct ucred))];
	ssize_t n;
	size_t got;

	(void)shutdown(fd, SHUT_RDWR); /* the peer may be gone already */
	(void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)); /* cannot fail */
	do {
		struct iovec iov = { scrap, sizeof scrap };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };

		n = recvmsg(fd, &msg, MSG_DONTWAIT);
		got = n < 0 ? 0 : (size_t)n + msg.msg_controllen;
	} while (got > 0);
}

static void client_close(struct attach_client *c)
{
	struct attach *a = c->attach;

	loop_watch_stop(a->loop, &c->watch);
	drop_input(c->fd);
	fd_close(&c->fd);
	a->n_clients--;
	a->n_behind -= c->behind;
	c->used = c->behind = false;
	nobody_behind(a);
	a->on_progress(a->user);
}

/* What the client is watched for follows from its state alone. */
static void client_update(struct attach_client *c)
{
	uint32_t events = 0;

	if (c->reading && !c->waits_for_stdin)
		events |= EPOLLIN | EPOLLRDHUP;
	if (c->blocked)
		events |= EPOLLOUT;
	if (!events && !c->waits_for_stdin)
		events = EPOLLHUP; /* nothing but its going away */
	/* While its packet waits, a hang-up would be reported without end: it is seen when the packet is through. */
	if (c->waits_for_stdin && !c->blocked)
		events = 0;
	(void)loop_watch_set(c->attach->loop, &c->watch, events); /* cannot fail for a started watch on a socket */
}

/* Sends packets from the spool: 1 when everything was sent, 0 when the socket is full, -errno when the client is gone.
 */
static int send_from_spool(struct attach_client *c)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH][2];
	enum stream stream;
	const char *data;
	uint32_t len;

	while ((len = spool_peek(c->attach->spool, &c->cursor, &stream, &data)) > 0) {
		unsigned int n = 0;
		int sent;

		for (uint32_t done = 0; done < len && n < BATCH; n++) {
			uint32_t part = len - done < ATTACH_PACKET_MAX ? len - done : ATTACH_PACKET_MAX;

			iov[n][0] = (struct iovec){ (void *)&packet_type[stream], 1 };
			iov[n][1] = (struct iovec){ (void *)(data + done), part };
			msgs[n] = (struct mmsghdr){ .msg_hdr = { .msg_iov = iov[n], .msg_iovlen = 2 } };
			done += part;
		}
		do
			sent = sendmmsg(c->fd, msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (sent < 0 && errno == EINTR);
		if (sent < 0)
			return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
		for (int i = 0; i < sent; i++)
			spool_take(&c->cursor, stream, (uint32_t)iov[i][1].iov_len);
	}
	return 1;
}

/* 1, 0 or -errno as above. */
static int send_packet(int fd, enum stream stream, const char *data, uint32_t len)
{
	struct iovec iov[2] = { { (void *)&packet_type[stream], 1 }, { (void *)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t r;

	do
		r = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	return 1;
}

/* Shows what was before it came. 1, 0 or -errno as above. */
static int send_replay(struct attach_client *c)
{
	struct replay_place place = c->replay;
	enum stream stream;
	const char *data;
	uint32_t n;

	_Static_assert(REPLAY_PACKET <= ATTACH_PACKET_MAX, "a packet that was kept has to fit");
	while ((n = replay_next(c->attach->replay, &place, &stream, &data)) > 0) {
		int r = send_packet(c->fd, stream, data, n);

		if (r <= 0)
			return r;
		c->replay = place;
	}
	c->replay = place;
	return 1;
}

/* Serves a client from files until it has caught up with the spool, its socket is full, or its turn is over. */
static int send_from_files(struct attach_client *c)
{
	struct attach *a = c->attach;

	_Static_assert(BACKLOG_PACKET <= ATTACH_PACKET_MAX, "a packet from the log has to fit");
	for (uint32_t turn = 0; turn < BEHIND_TURN;) {
		struct catchup_place place = c->place;
		struct cursor cursor = c->cursor;
		enum stream stream;
		const char *data;
		int n = catchup_pack(a->catchup, &place, cursor.pos, &stream, &data), r;

		if (n == 0) {
			if (!spool_covers(a->spool, &c->cursor))
				return -ENODATA;
			c->behind = false;
			c->cursor.seq = 0;
			a->n_behind--;
			nobody_behind(a);
			return send_from_spool(c);
		}
		if (n < 0)
			return -ENODATA;
		r = send_packet(c->fd, stream, data, (uint32_t)n);
		if (r <= 0)
			return r;
		c->place = place;
		c->cursor = cursor;
		turn += (uint32_t)n;
	}
	return 0; /* its socket has room: the loop comes back at once */
}

/* A client that has all that is in the files needs nothing before their present end. */
static void refresh_place(struct attach_client *c)
{
	const struct catchup *k = c->attach->catchup;

	if (!c->behind && c->cursor.pos[STREAM_OUT] >= catchup_has(k, STREAM_OUT) &&
		c->cursor.pos[STREAM_ERR] >= catchup_has(k, STREAM_ERR))
		c->place = catchup_end(k);
}

/* Nothing has what the client needs next: it goes on with what comes now. */
static void client_skip(struct attach_client *c)
{
	struct attach *a = c->attach;
	struct cursor end = spool_end(a->spool);

	for (int s = 0; s < N_STREAMS; s++)
		a->n_skipped += end.pos[s] - c->cursor.pos[s];
	c->cursor = end;
	a->n_behind -= c->behind;
	c->behind = false;
	nobody_behind(a);
	c->place = catchup_end(a->catchup);
}

/* Whether the client is still there. */
static bool client_lost(struct attach_client *c)
{
	struct attach *a = c->attach;

	if (a->overflow == ATTACH_SKIP) {
		client_skip(c);
		return true;
	}
	a->n_cut++;
	client_close(c);
	return false;
}

/* It has gone, or reads no more: nothing is kept for it, but what it sent before is the container's. */
static void client_is_deaf(struct attach_client *c)
{
	struct attach *a = c->attach;

	if (!c->reading) {
		client_close(c);
		return;
	}
	c->deaf = true;
	c->blocked = false;
	a->n_behind -= c->behind;
	c->behind = false;
	nobody_behind(a);
	client_update(c);
}

/* Gives the client what it can take now. May close it. */
static void client_serve(struct attach_client *c)
{
	int r = replay_pending(&c->replay) ? send_replay(c) : 1;

	if (r > 0)
		r = c->behind ? send_from_files(c) : send_from_spool(c);
	if (r == -ENODATA) {
		if (!client_lost(c))
			return;
		r = 1;
	}
	if (r < 0) {
		client_is_deaf(c);
		return;
	}
	c->blocked = r == 0;
	refresh_place(c);
	client_update(c);
}

/* Takes packets for the container's stdin. Whether the client is still there. */
static bool client_receive(struct attach_client *c, uint32_t events)
{
	struct attach *a = c->attach;
	bool reset = false;

	while (c->reading) {
		ssize_t n;

		if (stdinq_busy(a->input)) {
			c->waits_for_stdin = true;
			client_update(c);
			return true;
		}
		n = stdinq_receive(a->input, c->fd);
		if (n == -EAGAIN)
			break;
		if (n == -ECONNRESET && !reset) {
			reset = true; /* it left with output unread; what it sent comes behind that word */
			continue;
		}
		if (n < 0) {
			if (a->close_stdin)
				stdinq_close(a->input);
			client_close(c);
			return false;
		}
		if (n == 0) {
			if (a->close_stdin)
				stdinq_close(a->input);
			c->reading = !(events & (EPOLLRDHUP | EPOLLHUP)); /* an empty packet, or the end */
			if (c->reading)
				break;
		}
		if (!(events & EPOLLHUP))
			break; /* one packet a turn; of a client that left, all */
	}
	if ((events & (EPOLLHUP | EPOLLERR)) || (c->deaf && !c->reading)) {
		client_close(c);
		return false;
	}
	client_update(c);
	return true;
}

static void on_client(struct loop_watch *w, uint32_t events, void *user)
{
	struct attach_client *c = user;

	(void)w;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && !client_receive(c, events))
		return;
	if ((events & EPOLLOUT) && c->used && !c->deaf) {
		client_serve(c);
		c->attach->on_progress(c->attach->user);
	}
}

/* What a client sent before it left may wait for long until the container takes it. Whoever needs the place goes
 * before: lets go one that has left. Whether there was one. */
static bool evict_gone(struct attach *a)
{
	for (uint32_t i = 0; i < ATTACH_CLIENTS; i++) {
		struct attach_client *c = &a->client[i];
		struct pollfd p = { .fd = c->fd };

		if (c->used && poll(&p, 1, 0) == 1 && (p.revents & POLLHUP)) {
			client_close(c);
			return true;
		}
	}
	return false;
}

static struct attach_client *free_place(struct attach *a)
{
	if (a->n_clients == ATTACH_CLIENTS && !evict_gone(a))
		return NULL;
	for (uint32_t i = 0; i < ATTACH_CLIENTS; i++)
		if (!a->client[i].used)
			return &a->client[i];
	return NULL;
}

static void client_open(struct attach *a, int fd)
{
	struct attach_client *c = a->ending ? NULL : free_place(a);

	if (!c) {
		fd_close(&fd);
		return;
	}
	*c = (struct attach_client){
		.attach = a,
		.fd = fd,
		.watch.fd = -1,
		.cursor = spool_end(a->spool),
		.used = true,
		.reading = true,
	};
	c->place = catchup_end(a->catchup);
	if (a->replay)
		c->replay = replay_start(a->replay);
	c->blocked = replay_pending(&c->replay); /* is served in its own turn */
	if (loop_watch_start(a->loop, &c->watch, fd, EPOLLIN | EPOLLRDHUP | (c->blocked ? EPOLLOUT : 0), on_client, c) < 0) {
		fd_close(&c->fd);
		c->used = false;
		return;
	}
	a->n_clients++;
}

/* Whether somebody was let in. */
static bool accept_one(struct attach *a)
{
	int fd;

	do
		fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && evict_gone(a))
		return true; /* and once more */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && a->reserve_fd >= 0) {
		/* No descriptor is left: refuse the caller instead of being woken by him for ever. */
		fd_close(&a->reserve_fd);
		fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		fd_close(&fd);
		a->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return false;
	}
	if (fd >= 0)
		client_open(a, fd);
	return fd >= 0;
}

static void on_listen(struct loop_watch *w, uint32_t events, void *user)
{
	(void)w;
	(void)events;
	(void)accept_one(user);
}

void attach_accept(struct attach *a)
{
	while (a->listen_fd >= 0 && accept_one(a))
		;
}

int attach_init(struct attach *a, struct loop *loop, struct spool *spool, struct stdinq *input, int listen_fd)
{
	a->loop = loop;
	a->spool = spool;
	a->input = input;
	a->listen_fd = listen_fd;
	a->reserve_fd = -1;
	a->watch.fd = -1;
	a->client = sys_map(ATTACH_CLIENTS * sizeof *a->client);
	if (!a->client)
		return -ENOMEM;
	if (listen_fd < 0)
		return 0;
	a->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return loop_watch_start(loop, &a->watch, listen_fd, EPOLLIN, on_listen, a);
}

void attach_clear(struct attach *a)
{
	attach_close_all(a);
	loop_watch_stop(a->loop, &a->watch);
	fd_close(&a->listen_fd);
	fd_close(&a->reserve_fd);
}

#define FOR_EACH_CLIENT(a, c)                                                                                          \
	for (struct attach_client *c = (a)->client; c < (a)->client + ((a)->n_clients ? ATTACH_CLIENTS : 0); c++)      \
		if (c->used)

#define FOR_EACH_LISTENER(a, c)                                                                                        \
	FOR_EACH_CLIENT(a, c)                                                                                          \
	if (!c->deaf)

void attach_serve(struct attach *a)
{
	if (a->replay)
		replay_feed(a->replay, a->spool);
	FOR_EACH_LISTENER(a, c)
	if (!c->blocked || (c->behind && !catchup_reaches(a->catchup, &c->place)))
		client_serve(c); /* also to let go whom nothing can serve any more */
}

void attach_wanted(const struct attach *a, uint64_t wanted[N_STREAMS])
{
	for (uint32_t i = 0; a->n_clients && i < ATTACH_CLIENTS; i++) {
		const struct attach_client *c = &a->client[i];

		if (!c->used || c->deaf)
			continue;
		for (int s = 0; s < N_STREAMS; s++) {
			/* A client behind meets the spool where the files end: what is not in them yet must be here. */
			uint64_t need = c->behind ? catchup_has(a->catchup, (enum stream)s) : c->cursor.pos[s];

			if (need < wanted[s])
				wanted[s] = need;
		}
	}
}

/* The spill starts with what the spool holds, from the byte that the slowest client needs next. */
static void start_spill(struct attach *a)
{
	struct cursor from = spool_end(a->spool);

	attach_wanted(a, from.pos);
	if (catchup_leave_log(a->catchup, a->spool, from.pos) < 0)
		return; /* then who lags has to go */
	FOR_EACH_CLIENT(a, c)
	if (!c->behind)
		c->place = (struct catchup_place){ true, a->catchup->spill_start };
}

void attach_leave_log(struct attach *a)
{
	if (a->n_behind && !spill_active(&a->catchup->spill))
		start_spill(a);
}

bool attach_make_room(struct attach *a)
{
	bool gained = false;

	if (a->overflow == ATTACH_BLOCK)
		return false;
	FOR_EACH_LISTENER(a, c)
	{
		enum stream stream;
		const char *data;

		if (c->behind || !spool_peek(a->spool, &c->cursor, &stream, &data))
			continue;
		gained = true;
		if (!catchup_reaches(a->catchup, &c->place) && !spill_active(&a->catchup->spill))
			start_spill(a);
		if (catchup_hold(a->catchup, &c->place)) {
			c->behind = true;
			a->n_behind++;
		} else {
			(void)client_lost(c);
		}
	}
	return gained;
}

bool attach_stop_blocking(struct attach *a)
{
	if (a->overflow != ATTACH_BLOCK)
		return false;
	a->overflow = ATTACH_DISCONNECT;
	return attach_make_room(a);
}

void attach_log_retires(struct attach *a)
{
	bool wanted = false;

	FOR_EACH_LISTENER(a, c)
	{
		refresh_place(c);
		wanted = wanted || c->behind || c->place.mark.offset != a->catchup->log.log->size;
	}
	/* Fails when descriptors are short: who needs that file is then let go when he comes to it. */
	if (wanted)
		(void)backlog_hold(&a->catchup->log);
}

void attach_log_replaced(struct attach *a)
{
	uint32_t oldest = a->catchup->log.log->generation;

	FOR_EACH_LISTENER(a, c)
	{
		refresh_place(c);
		if (!c->place.in_spill && c->place.mark.segment < oldest)
			oldest = c->place.mark.segment;
	}
	catchup_drop(a->catchup, oldest);
}

void attach_stdin_ready(struct attach *a)
{
	FOR_EACH_CLIENT(a, c)
	{
		if (!c->waits_for_stdin)
			continue;
		c->waits_for_stdin = false;
		client_update(c);
	}
}

void attach_trim(struct attach *a)
{
	if (a->n_clients && !a->n_behind)
		catchup_trim(a->catchup);
}

static bool client_served(const struct attach_client *c)
{
	const struct spool *spool = c->attach->spool;

	return c->deaf || (!c->behind && !replay_pending(&c->replay) && c->cursor.pos[STREAM_OUT] >= spool->pos[STREAM_OUT] &&
		c->cursor.pos[STREAM_ERR] >= spool->pos[STREAM_ERR]);
}

bool attach_all_served(const struct attach *a)
{
	for (uint32_t i = 0; a->n_clients && i < ATTACH_CLIENTS; i++)
		if (a->client[i].used && !client_served(&a->client[i]))
			return false;
	return true;
}

void attach_close_all(struct attach *a)
{
	a->ending = true;
	FOR_EACH_CLIENT(a, c)
	{
		a->n_cut += !client_served(c);
		client_close(c);
	}
}
