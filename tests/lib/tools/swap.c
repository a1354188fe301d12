/*
 * swap - what an attacker does who shares a rootfs: two names exchanged again and again, until SIGTERM.
 *
 *   swap READY A B     renameat2(RENAME_EXCHANGE) of A and B; READY is made after the first time
 */
#define _GNU_SOURCE
#include "tool.h"

#include <fcntl.h>
#include <signal.h>

static volatile sig_atomic_t over;

static void on_term(int sig)
{
	(void)sig;
	over = 1;
}

int main(int argc, char **argv)
{
	unsigned long n = 0;
	int fd;

	if (argc != 4)
		die("usage: swap READY A B");
	signal(SIGTERM, on_term);
	for (; !over; n++) {
		if (renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE) < 0)
			die("exchange %s and %s: %s", argv[2], argv[3], strerror(errno));
		if (n > 0)
			continue;
		fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			die("%s: %s", argv[1], strerror(errno));
		close(fd);
	}
	if (n % 2 && renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE) < 0)
		die("put %s and %s back: %s", argv[2], argv[3], strerror(errno));
	return 0;
}
