/* src/relay/journal, against a journal daemon of our own: a datagram socket. */
#include <endian.h>
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "relay/journal.h"

struct fixture {
	char *dir;
	struct sockaddr_un addr;
	int fd;
	struct journal j;
};

static int listen_at(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_assert_cmpint(bind(fd, (const struct sockaddr *)addr, sizeof *addr), ==, 0);
	return fd;
}

static void setup(struct fixture *f, gconstpointer data)
{
	f->dir = g_dir_make_tmp("tally-XXXXXX", NULL);
	f->addr.sun_family = AF_UNIX;
	g_snprintf(f->addr.sun_path, sizeof f->addr.sun_path, "%s/socket", f->dir);
	f->fd = listen_at(&f->addr);
	g_assert_cmpint(journal_init(&f->j, f->addr.sun_path, "CONTAINER_ID=abc\n", data == NULL), ==, 0);
}

static void teardown(struct fixture *f, gconstpointer data)
{
	(void)data;
	journal_clear(&f->j);
	fd_close(&f->fd);
	g_unlink(f->addr.sun_path);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir);
}

/* The next entry as "LENGTH rest of fields", with the message itself in *ret_message. NULL: none. */
static char *next_entry(struct fixture *f, GString *ret_message)
{
	char buf[20000];
	ssize_t n = recv(f->fd, buf, sizeof buf, 0);
	uint64_t len;

	if (n < 0)
		return NULL;
	g_assert_cmpint(memcmp(buf, "MESSAGE\n", 8), ==, 0);
	memcpy(&len, buf + 8, sizeof len);
	len = le64toh(len);
	g_string_truncate(ret_message, 0);
	g_string_append_len(ret_message, buf + 16, (gssize)len);
	g_assert_cmpint(buf[16 + len], ==, '\n');
	return g_strndup(buf + 17 + len, (gsize)n - 17 - len);
}

static void feed(struct fixture *f, enum stream s, const char *text)
{
	journal_feed(&f->j, s, text, (uint32_t)strlen(text));
}

#define assert_entry(f, text, fields)                                                                                  \
	do {                                                                                                           \
		g_autoptr(GString) message_ = g_string_new(NULL);                                                      \
		g_autofree char *got_ = next_entry(f, message_);                                                       \
		g_assert_cmpstr(got_, ==, fields);                                                                     \
		g_assert_cmpstr(message_->str, ==, text);                                                              \
	} while (0)

static void test_a_line_is_an_entry(struct fixture *f, gconstpointer data)
{
	(void)data;
	feed(f, STREAM_OUT, "one\ntwo");
	feed(f, STREAM_ERR, "oops\n");
	feed(f, STREAM_OUT, " halves\nrest");
	journal_end(&f->j, STREAM_OUT);
	assert_entry(f, "one\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	assert_entry(f, "oops\n", "PRIORITY=3\nCONTAINER_ID=abc\n");
	assert_entry(f, "two halves\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	assert_entry(f, "rest", "PRIORITY=6\nCONTAINER_ID=abc\nCONTAINER_PARTIAL_MESSAGE=true\n");
	g_assert_cmpuint(f->j.stream[STREAM_OUT].entries, ==, 3);
}

static void test_partial_mark_can_be_left_out(struct fixture *f, gconstpointer data)
{
	(void)data;
	feed(f, STREAM_OUT, "rest");
	journal_end(&f->j, STREAM_OUT);
	assert_entry(f, "rest", "PRIORITY=6\nCONTAINER_ID=abc\n");
}

static void test_long_lines_are_partial_entries(struct fixture *f, gconstpointer data)
{
	static const gsize lengths[] = { 8192, 8192, 3617 };
	g_autofree char *line = g_strnfill(20000, 'x');
	g_autoptr(GString) message = g_string_new(NULL);

	(void)data;
	feed(f, STREAM_OUT, line);
	feed(f, STREAM_OUT, "\n");
	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		g_autofree char *fields = next_entry(f, message);

		g_assert_nonnull(fields);
		g_assert_cmpuint(message->len, ==, lengths[i]);
		g_assert_cmpint(strstr(fields, "PARTIAL") != NULL, ==, i < 2);
	}
}

static void test_a_stopped_daemon_costs_one_wait_and_is_counted(struct fixture *f, gconstpointer data)
{
	gint64 start = g_get_monotonic_time();
	uint64_t sent, dropped;

	(void)data;
	for (int i = 0; i < 100000; i++)
		feed(f, STREAM_OUT, "123456789\n");
	sent = f->j.stream[STREAM_OUT].entries;
	dropped = f->j.stream[STREAM_OUT].dropped;
	g_assert_cmpint(g_get_monotonic_time() - start, <, 20 * G_USEC_PER_SEC);
	g_assert_cmpuint(dropped, >, 0);
	g_assert_cmpuint(sent * 10 + dropped, ==, 1000000);
	for (uint64_t i = 0; i < sent; i++)
		assert_entry(f, "123456789\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	feed(f, STREAM_OUT, "back\n"); /* it goes on: so do we */
	assert_entry(f, "back\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
}

static void test_a_daemon_started_anew_is_found(struct fixture *f, gconstpointer data)
{
	(void)data;
	fd_close(&f->fd);
	g_unlink(f->addr.sun_path);
	feed(f, STREAM_OUT, "lost\n");
	g_assert_cmpuint(f->j.stream[STREAM_OUT].dropped, ==, 5);
	f->fd = listen_at(&f->addr);
	feed(f, STREAM_OUT, "found\n");
	assert_entry(f, "found\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
}

static void test_a_prefix_is_the_priority_when_asked_for(struct fixture *f, gconstpointer data)
{
	g_autofree char *line = g_strnfill(8192 + 101, 'x');

	(void)data;
	feed(f, STREAM_OUT, "<4>text\n");
	assert_entry(f, "<4>text\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	f->j.prefixes = true;
	feed(f, STREAM_OUT, "<4>te");
	feed(f, STREAM_ERR, "<");
	feed(f, STREAM_OUT, "xt\n<7>\n<8>x\n<4\n");
	feed(f, STREAM_ERR, "0");
	feed(f, STREAM_ERR, ">x\nplain <1>\n");
	assert_entry(f, "text\n", "PRIORITY=4\nCONTAINER_ID=abc\n");
	assert_entry(f, "\n", "PRIORITY=7\nCONTAINER_ID=abc\n");
	assert_entry(f, "<8>x\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	assert_entry(f, "<4\n", "PRIORITY=6\nCONTAINER_ID=abc\n");
	assert_entry(f, "x\n", "PRIORITY=0\nCONTAINER_ID=abc\n");
	assert_entry(f, "plain <1>\n", "PRIORITY=3\nCONTAINER_ID=abc\n");
	/* The parts of a long line have its priority, whatever they begin with. */
	memcpy(line, "<2>", 3);
	memcpy(line + 8192, "<5>", 3);
	line[8292] = '\n';
	feed(f, STREAM_OUT, line);
	line[8192] = '\0';
	assert_entry(f, line + 3, "PRIORITY=2\nCONTAINER_ID=abc\nCONTAINER_PARTIAL_MESSAGE=true\n");
	line[8192] = '<';
	assert_entry(f, line + 8192, "PRIORITY=2\nCONTAINER_ID=abc\n");
	g_assert_cmpuint(f->j.stream[STREAM_OUT].dropped, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, arg, fn) g_test_add("/relay/journal/" name, struct fixture, arg, setup, fn, teardown)
	ADD("a-line-is-an-entry", NULL, test_a_line_is_an_entry);
	ADD("partial-mark-can-be-left-out", "no", test_partial_mark_can_be_left_out);
	ADD("long-lines-are-partial-entries", NULL, test_long_lines_are_partial_entries);
	ADD("a-stopped-daemon-costs-one-wait-and-is-counted", NULL, test_a_stopped_daemon_costs_one_wait_and_is_counted);
	ADD("a-prefix-is-the-priority-when-asked-for", NULL, test_a_prefix_is_the_priority_when_asked_for);
	ADD("a-daemon-started-anew-is-found", NULL, test_a_daemon_started_anew_is_found);
	return g_test_run();
}
