/* How `state` and `list` show a container. */
#pragma once

#include "common/json.h"
#include "runtime/state.h"

/* Writes one container as a JSON object inside an array (or at the top), members in runc's order. owner: "" is written
 * as such. */
void state_put_json(JsonWriter *w, const Container *c, enum status status, const char *owner);
