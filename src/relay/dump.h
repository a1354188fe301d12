/* What the monitor is doing right now, as JSON in a file: for people who wonder. The manual describes the members. */
#pragma once

struct relay;

/* Writes the state whole into the file of r->set.dump_path (r->set.dump_temp: room for the same and RECORD_SUFFIX), in the
 * place of an older one. 0 or -errno. */
int dump_write(const struct relay *r);
