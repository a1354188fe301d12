/* A container as JSON shows it: the same in ps and inspect. */
#pragma once

#include "common/json.h"
#include "ctl/lifecycle.h"

/* Writes the members of the open object. */
void report_put(JsonWriter *w, const Container *c, enum container_status status, const struct ending *ending);
