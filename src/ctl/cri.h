/* Records of a k8s-file (CRI) log: TIME stdout|stderr F|P TEXT. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_N_STREAMS };

/* One record; text points into the line. */
struct cri_record {
	enum log_stream stream;
	bool partial; /* P: the line goes on in the stream's next record */
	const char *time;
	size_t n_time;
	const char *text; /* any bytes */
	size_t n_text;
};

/* Parses a line of n bytes without its newline; false when it is no record (torn by a crash, or not ours). */
bool cri_parse(const char *line, size_t n, struct cri_record *ret_record);
