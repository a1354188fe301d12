/* emit: the workload inside a benchmark container; static, needs nothing of its root file system.
 *
 *   emit true                     exit at once
 *   emit hold                     sleep for ever
 *   emit stamp                    print "STAMP <ns>", exit
 *   emit flood KIND BYTES CHUNK   wait at the gate, print "BEGIN <ns>", the payload, "END <ns>", hold
 *   emit count KIND BYTES CHUNK   print the payload, exit; /bench/count holds the number of bytes written so far
 *   emit both LINES RATE          print numbered lines (8 digits) to stdout and stderr in turn, RATE a second (0: as fast as
 *                                 the pipes take them), exit
 *   emit sink                     print "READY <ns>", read stdin to its end, print "SINK <bytes> <ns of the end>", hold
 *
 * KIND: line:N  lines of N bytes, newline included        seq:N  the same, starting with 16 hex digits of a counter
 *       bin     pseudo-random bytes without a newline     pace:R R lines of 80 bytes a second
 * The gate is /bench/gate: a byte from it is a "p", which is answered by a line "PING", or ends the wait.
 * CHUNK: bytes in a write, rounded to whole lines; 0: a write for each line. Times are CLOCK_MONOTONIC. */
#include "clock.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GATE  "/bench/gate"
#define COUNT "/bench/count"

struct kind {
	size_t line; /* bytes of a line, 0 without lines */
	bool counted;
	uint64_t rate; /* lines a second, 0 as fast as the pipe takes them */
};

static volatile uint64_t *written; /* in a mapping of COUNT, which outlives a SIGKILL; else NULL */

static void put(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, p, n);
		if (w <= 0)
			_exit(3);
		if (written)
			*written += (uint64_t)w;
		p += w;
		n -= (size_t)w;
	}
}

static void mark(const char *what)
{
	char b[64];
	int n = snprintf(b, sizeof b, "%s %llu\n", what, (unsigned long long)clock_ns());

	put(b, (size_t)n);
}

_Noreturn static void hold(void)
{
	for (;;)
		pause();
}

static struct kind parse_kind(const char *s)
{
	struct kind k = { 0 };

	if (strncmp(s, "line:", 5) == 0)
		k.line = strtoul(s + 5, NULL, 10);
	if (strncmp(s, "seq:", 4) == 0) {
		k.line = strtoul(s + 4, NULL, 10);
		k.counted = true;
	}
	if (strncmp(s, "pace:", 5) == 0) {
		k.line = 80;
		k.rate = strtoul(s + 5, NULL, 10);
	}
	return k;
}

static char *make_payload(const struct kind *k, size_t len)
{
	char *buf = malloc(len);
	uint64_t x = 88172645463325252u; /* xorshift, the same bytes in every run */

	if (!buf)
		_exit(3);
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (k->line)
			buf[i] = (char)((i + 1) % k->line ? 'a' + x % 26 : '\n');
		else
			buf[i] = (char)x == '\n' ? 'n' : (char)x;
	}
	return buf;
}

static void number_lines(char *buf, size_t len, size_t line, uint64_t *next)
{
	char digits[17];

	for (size_t i = 0; i + line <= len; i += line) {
		snprintf(digits, sizeof digits, "%016llx", (unsigned long long)(*next)++);
		memcpy(buf + i, digits, 16);
	}
}

static void wait_until(uint64_t ns)
{
	const struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void flood(char **args)
{
	const struct kind k = parse_kind(args[0]);
	uint64_t left = strtoull(args[1], NULL, 10), next = 0, at = clock_ns();
	size_t chunk = strtoul(args[2], NULL, 10);
	char *buf;

	if (k.line)
		chunk = chunk < k.line || k.rate ? k.line : chunk - chunk % k.line;
	buf = make_payload(&k, chunk);
	while (left > 0) {
		size_t n = left < chunk ? (size_t)left : chunk;

		if (k.counted)
			number_lines(buf, n, k.line, &next);
		if (k.rate)
			wait_until(at += 1000000000u / k.rate);
		put(buf, n);
		left -= n;
	}
	if (!k.line)
		put("\n", 1);
	free(buf);
}

static void both(uint64_t lines, uint64_t rate)
{
	uint64_t at = clock_ns();
	char line[16];

	for (uint64_t i = 0; i < lines; i++) {
		int n = snprintf(line, sizeof line, "%08llu\n", (unsigned long long)i);

		if (rate)
			wait_until(at += 1000000000u / rate);
		if (write(i % 2 ? STDERR_FILENO : STDOUT_FILENO, line, (size_t)n) != n)
			_exit(3);
	}
}

static void wait_at_gate(void)
{
	char c = 'p';
	int fd = open(GATE, O_RDONLY | O_CLOEXEC);

	while (c == 'p') {
		if (fd < 0 || read(fd, &c, 1) != 1)
			_exit(4);
		if (c == 'p')
			put("PING\n", 5);
	}
	close(fd);
}

static void count_in_file(void)
{
	int fd = open(COUNT, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		_exit(4);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		_exit(4);
	close(fd);
	written = map;
}

static void sink(void)
{
	static char b[1 << 16];
	unsigned long long n = 0;
	ssize_t r;
	int len;

	mark("READY");
	while ((r = read(STDIN_FILENO, b, sizeof b)) > 0)
		n += (unsigned long long)r;
	len = snprintf(b, sizeof b, "SINK %llu %llu\n", n, (unsigned long long)clock_ns());
	put(b, (size_t)len);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "true") == 0)
		return 0;
	if (strcmp(verb, "stamp") == 0) {
		mark("STAMP");
		return 0;
	}
	if (strcmp(verb, "both") == 0 && argc == 4) {
		both(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		return 0;
	}
	if (strcmp(verb, "count") == 0 && argc == 5) {
		count_in_file();
		flood(argv + 2);
		return 0;
	}
	if (strcmp(verb, "flood") == 0 && argc == 5) {
		wait_at_gate();
		mark("BEGIN");
		flood(argv + 2);
		mark("END");
	} else if (strcmp(verb, "sink") == 0) {
		sink();
	} else if (strcmp(verb, "hold") != 0) {
		return 2;
	}
	hold();
}
