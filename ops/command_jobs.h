/* ops/command_jobs.h - one job with its runs, as `jobs show` and `dead show` print it. */
#ifndef TAPEMILL_OPS_COMMAND_JOBS_H
#define TAPEMILL_OPS_COMMAND_JOBS_H

#include "ops/command.h"

/* The job's id is the first word; takes the option --json. */
ERROR_MUST_CHECK enum error_code command_jobs_run_show(const struct command_line *line, struct error *error);

#endif
