/* Signals as people and engines write them. */
#pragma once

#include <stdbool.h>

/* Reads "9", "KILL", "SIGKILL", "sigrtmin+3", "RTMAX-1". A number is taken as it is: the kernel knows which exist. */
bool signal_parse(const char *text, int *ret_signal);
