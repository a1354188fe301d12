/* What the child of start reports, where there is no plan to look into. */
#pragma once

#include "child/plan.h"

/* Free with g_free. */
char *failure_of_start(const struct child_report *report);
