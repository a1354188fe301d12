/* Passes the container's readiness on to the host's service manager (sd_notify(3)): a datagram socket of our own in
 * front of the host's. Only lines that tell of a state go through; what names processes (they would be another
 * namespace's numbers, and the service's main process is the monitor), hands over descriptors, or is not known, does not.
 *
 * Nothing is lost when the host's queue is full: then nothing more is taken from the container before there is room. So
 * whoever waits until a BARRIER is closed knows that what he said before it has been handed on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/loop.h"

#define NOTIFY_MAX (32u * 1024)

struct notify {
	struct loop *loop;
	int fd;                   /* bound datagram socket, -1: none */
	struct sockaddr_un host;
	socklen_t host_len;
	char *buf;                /* NOTIFY_MAX, mapped */
	uint32_t held;            /* bytes in buf that the host had no room for */
	int host_fd;              /* connected to the host while it has none, else -1 */
	struct loop_watch watch, host_watch;
};

/* Fills addr from a path or, with a leading '@', an abstract name. Length, or 0 when it does not fit. */
socklen_t notify_address(const char *name, struct sockaddr_un *addr);

/* Keeps of a datagram what may pass, in place, lines joined by newlines. Returns the new length. */
size_t notify_filter(char *text, size_t len);

/* Starts passing on from fd (owned; -1: does nothing). 0 or -errno. */
int notify_start(struct notify *n, struct loop *loop, int fd);

/* Passes on what is waiting; for a host whose queue is full it waits 2 s. Harmless where fd is -1. */
void notify_stop(struct notify *n);
