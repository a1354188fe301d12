/* Our own messages: "[name:e]: text" on stderr and, if asked for, syslog. Usable while the relay runs: no allocation. */
#pragma once

#include <stdbool.h>

#include "common/diag.h"
#include "relay/relay.h"

struct messages {
	bool to_syslog;
	char tag[64]; /* "<first 20 characters of the id>" */
};

/* Installs the writer. m stays in use. */
void messages_setup(struct messages *m, enum diag_level level, bool to_syslog, const char *cid);

/* For relay_setup.say. user is the struct messages. */
void messages_say(enum relay_level level, const char *what, const char *object, int err, void *user);
