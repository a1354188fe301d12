/*
 * numbers - a stream of numbered lines, and the proof that all of it arrived once and in order.
 *
 *   numbers emit BYTES [--both]          write about BYTES of lines to stdout (--both: half of it to stderr, in turn)
 *   numbers check BYTES LOG [--tty|--both]   read a k8s-file log and compare it byte by byte with what emit writes
 *   numbers stream BYTES                 compare stdin (what an attach client got) with what emit writes
 *
 * Line k is the number k in 12 digits, a blank, and 0 to 199 letters (k * 7919 mod 200), newline; every 5000th line has
 * 20000 letters, so that it must be split.  --tty expects \r\n.  Built statically: it also runs inside the container.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <pthread.h>

#define LINE_MAX_BYTES 20100
#define PREFIX	       45

static size_t make_line(uint64_t k, char *out, bool tty)
{
	size_t letters = k % 5000 == 4999 ? 20000 : (size_t)(k * 7919 % 200);
	uint64_t v = k;

	for (int i = 11; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	out[12] = ' ';
	memset(out + 13, 'a' + (int)(k % 26), letters);
	letters += 13;
	if (tty)
		out[letters++] = '\r';
	out[letters++] = '\n';
	return letters;
}

struct emitter {
	int fd;
	uint64_t bytes;
};

static void *emit(void *arg)
{
	struct emitter *e = arg;
	static __thread char buf[1 << 16];
	size_t used = 0;
	uint64_t done = 0;

	for (uint64_t k = 0; done < e->bytes; k++) {
		if (used + LINE_MAX_BYTES > sizeof buf) {
			if (write_all(e->fd, buf, used) < 0)
				die("write");
			used = 0;
		}
		size_t n = make_line(k, buf + used, false);
		used += n;
		done += n;
	}
	if (write_all(e->fd, buf, used) < 0)
		die("write");
	return NULL;
}

static int emit_all(uint64_t bytes, bool both)
{
	struct emitter out = { 1, both ? bytes / 2 : bytes }, err = { 2, bytes / 2 };
	pthread_t thread;

	if (both && pthread_create(&thread, NULL, emit, &err) != 0)
		die("thread");
	emit(&out);
	if (both)
		pthread_join(thread, NULL);
	return 0;
}

/* Where one stream's comparison stands: line k, position in it. */
struct cursor {
	const char *name;
	uint64_t k, done, bytes;
	size_t at, len;
	char line[LINE_MAX_BYTES];
	bool tty;
};

static void cursor_feed(struct cursor *c, const char *p, size_t n)
{
	while (n > 0) {
		if (c->at == c->len) {
			c->len = make_line(c->k++, c->line, c->tty);
			c->at = 0;
		}
		size_t m = c->len - c->at < n ? c->len - c->at : n;
		if (memcmp(p, c->line + c->at, m) != 0) {
			printf("%s: differs in line %llu near byte %llu\n", c->name, (unsigned long long)c->k - 1,
				(unsigned long long)c->done);
			exit(1);
		}
		c->at += m;
		c->done += m - (c->tty && c->at == c->len ? 1 : 0); /* the terminal's \r is not the writer's */
		p += m;
		n -= m;
	}
}

static int cursor_end(const struct cursor *c)
{
	if (c->at != c->len || c->done < c->bytes || (c->k > 0 && c->done - c->len >= c->bytes)) {
		printf("%s: ends after line %llu, %llu bytes of %llu\n", c->name, (unsigned long long)c->k,
			(unsigned long long)c->done, (unsigned long long)c->bytes);
		return 1;
	}
	return 0;
}

static int check_log(uint64_t bytes, const char *path, bool tty, bool both)
{
	static struct cursor c[2];
	static char in[1 << 20];
	FILE *f = fopen(path, "re");
	char *p = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		die("open %s", path);
	setvbuf(f, in, _IOFBF, sizeof in);
	c[0] = (struct cursor){ .name = "stdout", .bytes = both ? bytes / 2 : bytes, .tty = tty };
	c[1] = (struct cursor){ .name = "stderr", .bytes = both ? bytes / 2 : 0, .tty = tty };
	while ((n = getline(&p, &cap, f)) > 0) {
		bool partial = n > PREFIX && p[43] == 'P';

		if (n <= PREFIX || p[n - 1] != '\n' || p[35] != ' ' || (!partial && p[43] != 'F')) {
			printf("not a record: %.60s\n", p);
			return 1;
		}
		cursor_feed(&c[memcmp(p + 36, "stderr", 6) == 0], p + PREFIX, (size_t)n - PREFIX - (partial ? 1 : 0));
	}
	free(p);
	fclose(f);
	return cursor_end(&c[0]) | (both ? cursor_end(&c[1]) : c[1].k != 0);
}

static int check_stream(uint64_t bytes, bool tty)
{
	static struct cursor c;
	static char buf[1 << 16];
	ssize_t n;

	c = (struct cursor){ .name = "stream", .bytes = bytes, .tty = tty };
	while ((n = read(0, buf, sizeof buf)) > 0)
		cursor_feed(&c, buf, (size_t)n);
	return cursor_end(&c);
}

int main(int argc, char **argv)
{
	const char *last = argc > 3 ? argv[argc - 1] : "";
	bool both = strcmp(last, "--both") == 0, tty = strcmp(last, "--tty") == 0;

	if (argc < 3)
		die("usage: numbers emit|check|stream BYTES [LOG] [--tty|--both]");
	uint64_t bytes = strtoull(argv[2], NULL, 10);

	if (strcmp(argv[1], "emit") == 0)
		return emit_all(bytes, both);
	if (strcmp(argv[1], "check") == 0 && argc > 3)
		return check_log(bytes, argv[3], tty, both);
	if (strcmp(argv[1], "stream") == 0)
		return check_stream(bytes, tty);
	die("unknown verb %s", argv[1]);
}
