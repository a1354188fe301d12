/* klog: checks k8s-file logs.  klog [seq N] FILE...   (oldest first; gaps are looked for across all of them)
 * Prints JSON: payload bytes, records, partial and malformed records; with "seq N" also the complete lines of N bytes
 * that begin with 16 hex digits of a counter: their number, gaps in the counter, lost, duplicate and broken lines. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define HEADER 45 /* "2006-01-02T15:04:05.000000000+00:00 stdout F " */

struct tally {
	unsigned long long payload, records, partial, malformed, lines, gaps, lost, duplicates, broken;
	uint64_t next; /* the counter expected in the next line */
	bool any;
	char line[1 << 16]; /* the records of one line so far */
	size_t have;
};

static bool well_formed(const char *r, size_t n)
{
	if (n < HEADER + 1 || r[10] != 'T' || r[n - 1] != '\n' || r[44] != ' ')
		return false;
	if (memcmp(r + 36, "stdout ", 7) != 0 && memcmp(r + 36, "stderr ", 7) != 0)
		return false;
	return r[43] == 'F' || r[43] == 'P';
}

static void count_line(struct tally *t, size_t seq)
{
	char digits[17] = { 0 };
	uint64_t s;

	if (t->have != seq) {
		t->broken++;
		return;
	}
	memcpy(digits, t->line, 16);
	s = strtoull(digits, NULL, 16);
	t->lines++;
	if (!t->any)
		t->next = s;
	t->any = true;
	if (s < t->next) {
		t->duplicates++;
		return;
	}
	if (s > t->next) {
		t->gaps++;
		t->lost += s - t->next;
	}
	t->next = s + 1;
}

static void count_record(struct tally *t, const char *r, size_t n, size_t seq)
{
	bool partial;
	size_t k;

	t->records++;
	if (!well_formed(r, n)) {
		t->malformed++;
		t->have = 0;
		return;
	}
	partial = r[43] == 'P';
	k = n - HEADER - partial; /* the newline of a partial record is not payload */
	t->payload += k;
	t->partial += partial;
	if (seq == 0)
		return;
	if (t->have + k > sizeof t->line) {
		t->broken++;
		t->have = 0;
		return;
	}
	memcpy(t->line + t->have, r + HEADER, k);
	t->have += k;
	if (partial)
		return;
	count_line(t, seq);
	t->have = 0;
}

static bool count_file(struct tally *t, const char *path, size_t seq)
{
	FILE *f = fopen(path, "re");
	char *record = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f) {
		perror(path);
		return false;
	}
	while ((n = getline(&record, &cap, f)) > 0)
		count_record(t, record, (size_t)n, seq);
	free(record);
	fclose(f);
	return true;
}

int main(int argc, char **argv)
{
	static struct tally t;
	size_t seq = 0;
	int i = 1;

	if (argc > 3 && strcmp(argv[1], "seq") == 0) {
		seq = strtoul(argv[2], NULL, 10);
		i = 3;
	}
	if (i >= argc || (i == 3 && seq < 17) || seq > sizeof t.line)
		return 2;
	for (; i < argc; i++)
		if (!count_file(&t, argv[i], seq))
			return 1;
	printf("{\"payload\":%llu,\"records\":%llu,\"partial\":%llu,\"malformed\":%llu,\"lines\":%llu,\"gaps\":%llu,"
	       "\"lost\":%llu,\"duplicates\":%llu,\"broken\":%llu}\n",
		t.payload, t.records, t.partial, t.malformed, t.lines, t.gaps, t.lost, t.duplicates, t.broken);
	return 0;
}
