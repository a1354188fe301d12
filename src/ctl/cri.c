/* Records of a k8s-file (CRI) log. */
#include "ctl/cri.h"

#include <string.h>

#define SHORTEST_TIME 20 /* 2026-01-02T03:04:05Z */

/* The word up to the next blank; *line goes on behind the blank. */
static bool take_word(const char **line, size_t *n, const char **ret_word, size_t *ret_n)
{
	const char *blank = memchr(*line, ' ', *n);

	if (!blank)
		return false;
	*ret_word = *line;
	*ret_n = (size_t)(blank - *line);
	*n -= *ret_n + 1;
	*line = blank + 1;
	return true;
}

static bool is_word(const char *word, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(word, text, n) == 0;
}

bool cri_parse(const char *line, size_t n, struct cri_record *ret_record)
{
	struct cri_record r;
	const char *stream, *tag;
	size_t n_stream, n_tag;

	if (!take_word(&line, &n, &r.time, &r.n_time) || r.n_time < SHORTEST_TIME || r.time[10] != 'T' ||
		!take_word(&line, &n, &stream, &n_stream) || !take_word(&line, &n, &tag, &n_tag))
		return false;
	/* Tags may follow the first one after a colon. */
	if (n_tag == 0 || (tag[0] != 'F' && tag[0] != 'P') || (n_tag > 1 && tag[1] != ':'))
		return false;
	r.partial = tag[0] == 'P';
	if (is_word(stream, n_stream, "stdout"))
		r.stream = LOG_STDOUT;
	else if (is_word(stream, n_stream, "stderr"))
		r.stream = LOG_STDERR;
	else
		return false;
	r.text = line;
	r.n_text = n;
	*ret_record = r;
	return true;
}
