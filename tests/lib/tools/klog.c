/*
 * klog - read a k8s-file log strictly.
 *
 *   klog payload FILE [stdout|stderr]   the bytes the container wrote, joined over P records
 *   klog records FILE                   "STREAM TAG LENGTH" of each record
 *
 * Every record must have the exact form TIME STREAM TAG CONTENT\n with a 35-byte local time, nine fraction digits and a
 * numeric offset; P records carry at most 8192 bytes.  Anything else ends with status 1 and says where.
 */
#define _GNU_SOURCE
#include "tool.h"

#include <ctype.h>

#define PREFIX 45 /* time (35), blank, stream (6), blank, tag, blank */

static bool is_time(const char *p)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddsdd:dd";

	for (size_t i = 0; i < sizeof form - 1; i++) {
		bool ok = form[i] == 'd'   ? isdigit((unsigned char)p[i]) != 0
			  : form[i] == 's' ? p[i] == '+' || p[i] == '-'
					   : p[i] == form[i];
		if (!ok)
			return false;
	}
	return true;
}

static void bad(long line, const char *why)
{
	fprintf(stderr, "klog: record %ld: %s\n", line, why);
	exit(1);
}

static void check(const char *p, ssize_t n, long line)
{
	if (n < PREFIX + 1 || p[n - 1] != '\n')
		bad(line, "torn");
	if (!is_time(p) || p[35] != ' ')
		bad(line, "no proper time");
	if (memcmp(p + 36, "stdout ", 7) != 0 && memcmp(p + 36, "stderr ", 7) != 0)
		bad(line, "no proper stream");
	if ((p[43] != 'F' && p[43] != 'P') || p[44] != ' ')
		bad(line, "no proper tag");
	if (n - PREFIX - 1 > 8192)
		bad(line, "more than 8192 bytes");
	if (p[43] == 'P' && n - PREFIX - 1 == 0)
		bad(line, "an empty P record");
}

int main(int argc, char **argv)
{
	static char out[1 << 16];
	const char *stream = argc > 3 ? argv[3] : NULL;
	char *p = NULL;
	size_t cap = 0;
	ssize_t n;
	long line = 0;
	FILE *f;

	if (argc < 3)
		die("usage: klog payload|records FILE [STREAM]");
	f = fopen(argv[2], "re");
	if (!f)
		die("open %s", argv[2]);
	setvbuf(stdout, out, _IOFBF, sizeof out);
	while ((n = getline(&p, &cap, f)) > 0) {
		check(p, n, ++line);
		if (strcmp(argv[1], "records") == 0) {
			printf("%.6s %c %zd\n", p + 36, p[43], n - PREFIX - 1);
			continue;
		}
		if (stream && memcmp(p + 36, stream, 6) != 0)
			continue;
		/* A P record's newline is the monitor's, an F record's the container's. */
		fwrite(p + PREFIX, 1, (size_t)n - PREFIX - (p[43] == 'P' ? 1 : 0), stdout);
	}
	return fflush(stdout) == 0 ? 0 : 2;
}
