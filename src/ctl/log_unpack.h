/* Old log files that the monitor has compressed. */
#pragma once

/* The content of a compressed file open at fd; suffix (".gz", ".zst") says how, name is for messages. What cannot be
 * unpacked is warned of, and what came before it is there. A descriptor to be closed, or -errno. */
int log_unpack(int fd, const char *suffix, const char *name);
