/* What the test tools share: failing with a reason, clocks, and writing everything. */
#ifndef TALLYMAN_TEST_TOOL_H
#define TALLYMAN_TEST_TOOL_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the tool with status 2 after one line on stderr; errno is appended when it is not 0. */
__attribute__((format(printf, 1, 2), noreturn, unused)) static void die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, err ? ": %s\n" : "\n", strerror(err));
	exit(2);
}

/* Milliseconds on the monotonic clock. */
__attribute__((unused)) static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Writes all of it, or returns -1 with errno. */
__attribute__((unused)) static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The value of an option that needs one; ends the tool where it is missing. */
__attribute__((unused)) static char *need(char **argv, int *i)
{
	errno = 0;
	if (!argv[*i + 1])
		die("%s needs a value", argv[*i]);
	return argv[++*i];
}

#endif
