/* What the child of start reports, where there is no plan to look into. */
#pragma once

#include "child/plan.h"

/* out_fd, err_fd: what startContainer hooks have written, -1 if there is nothing. Free with g_free. */
char *failure_of_start(const struct child_report *report, int out_fd, int err_fd);
