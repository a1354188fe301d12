/* The record of an exec session: session.c's alone. */
#pragma once

#include "ctl/session.h"

#define SESSION_SUFFIX ".json"

/* The name of a session's record, beside its bundle. Free with g_free. */
char *session_record_name(const char *id);

/* Reads the record again. None: an error of status CTL_NO_SUCH. */
bool session_load(Session *s, GError **error);

/* Frees what a record holds. */
void session_record_clear(Session *s);

/* An error of status CTL_NO_SUCH: the container (NULL: no container) has no such session. */
bool session_fail_no_such(GError **error, const char *container, const char *id);

/* Whether it began after the file that names it was written: then it is somebody else, who has the number by now. Files'
 * times are those of the last tick, and clocks are set: a second is nothing. */
bool session_process_is_younger(const struct process_id *p, const struct timespec *written);
