/* The end of a container that has stopped. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "runtime/command.h"
#include "runtime/state.h"

/* Removes cgroup (what is left in it is killed) and state directory, then runs the poststop hooks. */
bool destroy_container(const struct globals *globals, const struct container *c, GError **error);

/* Removes the cgroup, whose processes have ended, and has systemd forget its scope if it is one. */
bool destroy_cgroup(const struct globals *globals, const struct container *c, GError **error);
