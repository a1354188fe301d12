/* The control FIFOs: "ctl" ("TYPE A B" lines: 1 ROWS COLS resizes, 2 X Y reopens the log; and lines of words, which are
 * our own: "dump", "policy STREAM POLICY") and "winsz" ("ROWS COLS").
 * No input can wedge them: each line stands for itself, and what is too long is dropped up to its newline. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "relay/feeder.h"

#define CTL_LINE_MAX 256u

enum ctl_request { CTL_NONE, CTL_RESIZE, CTL_REOPEN, CTL_DUMP, CTL_POLICY };

struct ctl_line {
	enum ctl_request request;
	uint16_t rows, cols;
	uint32_t streams; /* CTL_POLICY: bits */
	enum log_policy policy;
};

struct ctl {
	int fd; /* the FIFO, open for reading and writing: writers may come and go */
	bool sizes_only; /* winsz */
	bool overlong;   /* dropping the rest of a line that does not fit */
	uint32_t len;
	char buf[CTL_LINE_MAX];
	struct loop_watch watch;
	struct loop *loop;
	void (*on_line)(const struct ctl_line *line, void *user);
	void *user;
};

/* Reads one line (without newline). CTL_NONE in ret_line->request: not a request; the line is to be ignored. */
void ctl_parse(const char *line, bool sizes_only, struct ctl_line *ret_line);

/* Starts serving fd (owned; -1: does nothing). 0 or -errno. */
int ctl_start(struct ctl *c, struct loop *loop, int fd, bool sizes_only);
void ctl_stop(struct ctl *c);
