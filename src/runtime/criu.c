/* One criu, one request. */
#include "runtime/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/fdpass.h"
#include "base/sys.h"
#include "common/diag.h"
#include "common/error.h"
#include "runtime/criu_wait.h"
#include "runtime/criu_wire.h"

#define CRIU_LOG_DEBUG 4

/* Of criu_req and criu_resp. */
enum { REQ_TYPE = 1, REQ_OPTS = 2, REQ_NOTIFY_SUCCESS = 3 };
enum { RESP_TYPE = 1, RESP_SUCCESS = 2, RESP_NOTIFY = 5, RESP_ERRNO = 7, RESP_MESSAGE = 9 };
enum { NOTIFY_SCRIPT = 1, NOTIFY_PID = 2 };
enum { TYPE_NOTIFY = 6 };

#define MAX_ANSWER 65536

/* Reasons quoted from a log: the first ones say most. */
#define MAX_REASONS 4
#define MAX_LOG     (4 << 20)

struct Criu {
	struct criu_wait wait;
	int sock_fd;
	int output_fd; /* what it prints before it has a log */
	char *log_path;
	char *log_file;
};

struct answer {
	uint64_t type, success, err, notify_pid;
	char *script, *message;
};

static void answer_clear(struct answer *a)
{
	g_free(a->script);
	g_free(a->message);
}

static int spawn(Criu *c, const char *program, const int *inherit, int n, int sock_fd)
{
	const int sock_number = 3 + n;
	g_autofree char *number = g_strdup_printf("%d", sock_number);
	char *argv[] = { (char *)program, (char *)"swrk", number, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* The numbers of ours are above all targets (criu_start), so that none is overwritten before it has moved. Output is
	 * caught; standard input stays, an inherited descriptor like the others. */
	for (int i = 0; i < n; i++)
		posix_spawn_file_actions_adddup2(&actions, inherit[i], 3 + i);
	posix_spawn_file_actions_adddup2(&actions, sock_fd, sock_number);
	posix_spawn_file_actions_adddup2(&actions, c->output_fd, 1);
	posix_spawn_file_actions_adddup2(&actions, c->output_fd, 2);
	err = posix_spawnp(&c->wait.pid, program, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		c->wait.pid = 0;
	return -err;
}

/* A copy of fd whose number is at least above; takes fd. */
static int move_up(int fd, int above)
{
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, above);

	fd_close(&fd);
	return copy;
}

Criu *criu_start(
	const char *program, const int *inherit, int n, const char *work_dir, const char *log_file, GError **error)
{
	g_autoptr(Criu) c = g_new0(Criu, 1);
	g_autofree int *high = g_new0(int, (gsize)n + 1);
	int pair[2], r;

	*c = (Criu){ .wait = CRIU_WAIT_INIT, .sock_fd = -1 };
	c->output_fd = move_up(sys_scratch_file("criu"), 4 + n);
	c->log_path = g_build_filename(work_dir, log_file, NULL);
	c->log_file = g_strdup(log_file);
	if (c->output_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail_errno(error, "prepare for criu"), NULL;
	c->sock_fd = move_up(pair[0], 4 + n);
	pair[1] = move_up(pair[1], 4 + n);
	for (int i = 0; i < n; i++)
		high[i] = fcntl(inherit[i], F_DUPFD_CLOEXEC, 4 + n);
	/* What is left of an earlier one would be taken for this one's. */
	(void)unlink(c->log_path);
	r = spawn(c, program, high, n, pair[1]);
	fd_close(&pair[1]);
	for (int i = 0; i < n; i++)
		fd_close(&high[i]);
	if (r < 0)
		return fail_with(error, r, "execute %s (is criu installed?)", program), NULL;
	c->wait.log_path = c->log_path;
	c->wait.pid_fd = sys_pidfd_open(c->wait.pid, 0);
	if (c->wait.pid_fd < 0)
		return fail_with(error, c->wait.pid_fd, "open pidfd of criu"), NULL;
	return g_steal_pointer(&c);
}

void criu_set_silence(Criu *c, int ms)
{
	c->wait.silence_ms = ms;
}

pid_t criu_pid(const Criu *c)
{
	return c->wait.pid;
}

/* "(00.004) Error (criu/vdso.c:381): vdso: Unexpected" is "vdso: Unexpected". NULL for other lines. */
static char *reason_in(const char *line)
{
	const char *at = strstr(line, "Error (");

	at = at ? strstr(at, "): ") : NULL;
	return at ? g_strstrip(g_strdup(at + 3)) : NULL;
}

static void collect_reasons(char *text, GPtrArray *reasons)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line && reasons->len < MAX_REASONS; line++) {
		char *reason = reason_in(*line);

		if (reason && *reason)
			g_ptr_array_add(reasons, reason);
		else
			g_free(reason);
	}
}

static char *read_text(int fd)
{
	g_autofree char *text = g_malloc(MAX_LOG + 1);
	ssize_t n = pread(fd, text, MAX_LOG, 0);

	text[n > 0 ? n : 0] = '\0';
	return g_steal_pointer(&text);
}

/* What criu has said about why, in its log or before it had one. */
static GPtrArray *find_reasons(const Criu *c, bool *ret_logged)
{
	GPtrArray *reasons = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *printed = read_text(c->output_fd);
	auto_fd fd = open(c->log_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	g_autofree char *logged = fd >= 0 ? read_text(fd) : NULL;

	if (logged)
		collect_reasons(logged, reasons);
	if (reasons->len == 0)
		collect_reasons(printed, reasons);
	*ret_logged = logged != NULL;
	return reasons;
}

static bool fail_for(const Criu *c, GPtrArray *reasons, bool logged, const char *what, GError **error)
{
	g_autofree char *text = NULL;

	g_ptr_array_add(reasons, NULL);
	text = g_strjoinv("; ", (char **)reasons->pdata);
	if (logged)
		return fail(error, "%s: %s (log: %s)", what, text, c->log_path);
	return fail(error, "%s: %s", what, text);
}

static bool fail_with_reasons(const Criu *c, const struct answer *a, bool alive, const char *what, GError **error)
{
	bool logged;
	g_autoptr(GPtrArray) reasons = find_reasons(c, &logged);
	g_autofree char *cause = alive ? NULL : criu_wait_cause(&c->wait);

	if (reasons->len == 0 && a->message && *a->message)
		g_ptr_array_add(reasons, g_strdup(a->message));
	if (cause)
		g_ptr_array_add(reasons, g_steal_pointer(&cause));
	if (reasons->len == 0)
		g_ptr_array_add(reasons, g_strdup(a->err ? g_strerror((int)a->err) : "it gave no reason"));
	return fail_for(c, reasons, logged, what, error);
}

/* Given up while it was at it: what it complained of may be why it took so long. */
static bool fail_waiting(const Criu *c, const GError *why, const char *what, GError **error)
{
	bool logged;
	g_autoptr(GPtrArray) reasons = find_reasons(c, &logged);

	g_ptr_array_insert(reasons, 0, g_strdup(why->message));
	return fail_for(c, reasons, logged, what, error);
}

static int send_message(const Criu *c, const GByteArray *message)
{
	ssize_t n;

	do
		n = send(c->sock_fd, message->data, message->len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static bool read_notify(const struct wire_field *inner, struct answer *ret)
{
	struct wire_reader r = { inner->data, inner->data + inner->size };
	struct wire_field f;
	int more;

	while ((more = wire_next(&r, &f)) > 0) {
		if (f.field == NOTIFY_SCRIPT && f.data && !ret->script)
			ret->script = g_strndup((const char *)f.data, f.size);
		if (f.field == NOTIFY_PID && !f.data)
			ret->notify_pid = f.number;
	}
	return more == 0;
}

static bool read_answer(const uint8_t *data, size_t size, struct answer *ret)
{
	struct wire_reader r = { data, data + size };
	struct wire_field f;
	int more;

	while ((more = wire_next(&r, &f)) > 0) {
		if (f.field == RESP_NOTIFY && f.data && !read_notify(&f, ret))
			return false;
		if (f.field == RESP_MESSAGE && f.data && !ret->message)
			ret->message = g_strndup((const char *)f.data, f.size);
		if (f.data)
			continue;
		if (f.field == RESP_TYPE)
			ret->type = f.number;
		if (f.field == RESP_SUCCESS)
			ret->success = f.number;
		if (f.field == RESP_ERRNO)
			ret->err = f.number;
	}
	return more == 0;
}

/* Takes a notification to whom it concerns, and criu the answer. */
static bool pass_on(const Criu *c, const struct answer *a, int fd, criu_notify_fn notify, void *user, GError **error)
{
	g_autoptr(GByteArray) reply = g_byte_array_new();
	bool ok;

	diag_debug("criu: %s", a->script ? a->script : "notification without a name");
	ok = !notify || !a->script || notify(a->script, (pid_t)a->notify_pid, fd, user, error);
	wire_put_number(reply, REQ_TYPE, TYPE_NOTIFY);
	wire_put_number(reply, REQ_NOTIFY_SUCCESS, ok);
	(void)send_message(c, reply); /* that it is gone is seen when its next word does not come */
	return ok;
}

static ssize_t recv_word(const Criu *c, int *ret_fd, uint8_t *buf)
{
	struct pollfd ready = { .fd = c->sock_fd, .events = POLLIN };

	return poll(&ready, 1, 0) > 0 ? fdpass_recv(c->sock_fd, ret_fd, buf, MAX_ANSWER) : 0;
}

/* Until its last word, which is for what was asked. */
static bool converse(
	const Criu *c, enum criu_type type, const char *what, criu_notify_fn notify, void *user, GError **error)
{
	g_autofree uint8_t *buf = g_malloc(MAX_ANSWER);
	bool refused = false;

	for (;;) {
		struct answer a = { 0 };
		g_autoptr(GError) why = NULL;
		auto_fd fd = -1;
		ssize_t n;
		bool done;

		if (!criu_wait_word(&c->wait, c->sock_fd, &why))
			return refused ? false : fail_waiting(c, why, what, error);
		/* Never blocks: where criu has died, somebody it has started may have the other end. */
		n = recv_word(c, &fd, buf);
		if (n > 0 && !read_answer(buf, (size_t)n, &a)) {
			answer_clear(&a);
			return refused ? false : fail(error, "%s: an answer that makes no sense", what);
		}
		if (n > 0 && a.type == TYPE_NOTIFY) {
			refused |= !pass_on(c, &a, fd, notify, user, refused ? NULL : error);
			answer_clear(&a);
			continue;
		}
		done = n > 0 && a.success && a.type == type;
		if (!done && !refused)
			fail_with_reasons(c, &a, n > 0, what, error);
		answer_clear(&a);
		return done && !refused;
	}
}

bool criu_call(Criu *c, enum criu_type type, const GByteArray *opts, criu_notify_fn notify, void *user, GError **error)
{
	g_autofree char *what = g_strdup_printf("criu failed (%s)", type == CRIU_RESTORE ? "restore" : "dump");
	g_autoptr(GByteArray) request = g_byte_array_new(), all = g_byte_array_new();
	bool ok;

	g_byte_array_append(all, opts->data, opts->len);
	wire_put_number(all, CRIU_LOG_LEVEL, CRIU_LOG_DEBUG);
	wire_put_text(all, CRIU_LOG_FILE, c->log_file);
	wire_put_number(all, CRIU_NOTIFY_SCRIPTS, 1);
	wire_put_number(request, REQ_TYPE, type);
	wire_put_message(request, REQ_OPTS, all);
	if (!criu_wait_begin(&c->wait, error))
		return false;
	(void)send_message(c, request); /* that it is gone is seen when its first word does not come */
	ok = converse(c, type, what, notify, user, error);
	criu_wait_end(&c->wait);
	return ok;
}

void criu_free(Criu *c)
{
	if (!c)
		return;
	fd_close(&c->sock_fd); /* it ends by itself */
	criu_wait_reap(&c->wait);
	fd_close(&c->output_fd);
	g_free(c->log_path);
	g_free(c->log_file);
	g_free(c);
}

void criu_put_external(GByteArray *opts, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	wire_put_text(opts, CRIU_EXTERNAL, text);
}

void criu_put_inherit(GByteArray *opts, const char *key, int fd)
{
	g_autoptr(GByteArray) inner = g_byte_array_new();

	wire_put_text(inner, 1, key);
	wire_put_number(inner, 2, fd);
	wire_put_message(opts, CRIU_INHERIT_FD, inner);
}

void criu_put_flag(GByteArray *opts, enum criu_opt option, bool on)
{
	if (on)
		wire_put_number(opts, option, 1);
}
