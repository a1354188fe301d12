/* att: an attach client (SOCK_SEQPACKET; each packet from the monitor is a stream byte and data).
 *
 *   att sink SOCKET BYTES          print "served" at a packet "PING", which proves that we were accepted, then count:
 *                                  read until BYTES were seen; print "<bytes> <ns of the first> <ns of the last>"
 *   att stuck SOCKET               connect, never read
 *   att stdin SOCKET BYTES PACKET  send BYTES in packets of PACKET bytes, half-close; print "<ns of the first>"
 *   att echo SOCKET N USEC         N round trips of one byte, USEC apart; print "<p50> <p90> <p99> <max>" in ns
 *
 * stuck prints "connected" first; stuck and stdin stay connected until they are killed. */
#include "clock.h"
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WARM_UP 20

static char packet[1 << 17];

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (s < 0 || strlen(path) >= sizeof a.sun_path)
		return -1;
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (connect(s, (struct sockaddr *)&a, sizeof a) < 0) {
		close(s);
		return -1;
	}
	return s;
}

static void say(const char *line)
{
	puts(line);
	fflush(stdout);
}

_Noreturn static void hold(void)
{
	for (;;)
		pause();
}

/* Bytes of the lines "PING" that a text begins with. */
static size_t leading_pings(const char *text, size_t len)
{
	size_t n = 0;

	while (len - n >= 5 && memcmp(text + n, "PING\n", 5) == 0)
		n += 5;
	return n;
}

static int sink(int s, uint64_t want)
{
	uint64_t n = 0, first = 0;
	bool served = false;
	ssize_t r;

	while (n < want && (r = recv(s, packet, sizeof packet, 0)) > 0) {
		size_t pings = first ? 0 : leading_pings(packet + 1, (size_t)r - 1);

		if (pings > 0 && !served) {
			say("served");
			served = true;
		}
		if (pings == (size_t)r - 1)
			continue;
		if (!first)
			first = clock_ns();
		n += (uint64_t)r - 1 - pings;
	}
	printf("%llu %llu %llu\n", (unsigned long long)n, (unsigned long long)first, (unsigned long long)clock_ns());
	return 0;
}

static int send_stdin(int s, uint64_t left, size_t len)
{
	const uint64_t begin = clock_ns();

	if (len == 0 || len > sizeof packet)
		return 2;
	memset(packet, 'x', sizeof packet);
	while (left > 0) {
		ssize_t r = send(s, packet, left < len ? (size_t)left : len, MSG_NOSIGNAL);
		if (r <= 0) {
			perror("att: send");
			return 1;
		}
		left -= (uint64_t)r;
	}
	if (shutdown(s, SHUT_WR) < 0) {
		perror("att: shutdown");
		return 1;
	}
	printf("%llu\n", (unsigned long long)begin);
	fflush(stdout);
	hold();
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool round_trip(int s, uint64_t *ret_ns)
{
	struct pollfd p = { s, POLLIN, 0 };
	uint64_t begin = clock_ns();

	if (send(s, "k", 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, 5000) != 1 || recv(s, packet, sizeof packet, 0) <= 0)
		return false;
	*ret_ns = clock_ns() - begin;
	return true;
}

static int echo(int s, size_t n, unsigned usec)
{
	uint64_t *took = calloc(n + WARM_UP, sizeof *took), *d = took + WARM_UP;

	if (!took || n == 0)
		return 2;
	for (size_t i = 0; i < n + WARM_UP; i++) {
		usleep(usec); /* the pace of the keystrokes is the workload */
		if (!round_trip(s, &took[i])) {
			perror("att: echo");
			return 1;
		}
	}
	qsort(d, n, sizeof *d, compare);
	printf("%llu %llu %llu %llu\n", (unsigned long long)d[n / 2], (unsigned long long)d[n * 9 / 10],
		(unsigned long long)d[n * 99 / 100], (unsigned long long)d[n - 1]);
	free(took);
	return 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";
	int s = argc > 2 ? dial(argv[2]) : -1;

	if (s < 0) {
		perror(argc > 2 ? argv[2] : "att");
		return 1;
	}
	if (strcmp(verb, "stuck") == 0) {
		say("connected");
		hold();
	}
	if (strcmp(verb, "sink") == 0 && argc == 4)
		return sink(s, strtoull(argv[3], NULL, 10));
	if (strcmp(verb, "stdin") == 0 && argc == 5)
		return send_stdin(s, strtoull(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
	if (strcmp(verb, "echo") == 0 && argc == 5)
		return echo(s, strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
	return 2;
}
