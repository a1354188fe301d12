/* Waits with a deadline that a person can interrupt. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>

/* A point in time, CLOCK_BOOTTIME in ns; 0: never. */
typedef uint64_t deadline_t;
#define DEADLINE_NEVER ((deadline_t)0)

deadline_t deadline_in(int seconds);

/* Milliseconds left for poll(2), rounded up: 0 when it has passed, -1 for DEADLINE_NEVER. */
int deadline_poll_ms(deadline_t deadline);

/* Blocks the signals that a foreground run forwards (and SIGWINCH and SIGCONT) and returns a close-on-exec signalfd for
 * them, or -1 with *error. SIGPIPE is ignored from then on. */
int wait_signals_open(GError **error);

/* Waits until fd is readable or hung up. fails when the deadline passes, or when one of SIGINT, SIGTERM, SIGHUP,
 * SIGQUIT arrives at signal_fd (-1: none): the error's exit status is then 128 + the signal. what goes in the message.
 */
bool wait_readable(int fd, int signal_fd, deadline_t deadline, const char *what, GError **error);
