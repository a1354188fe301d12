/* The end of a container that has stopped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/state.h"

/* Removes cgroup (what is left in it is killed) and state directory below root, then runs the poststop hooks. */
bool destroy_container(const char *root, const struct container *c, GError **error);
