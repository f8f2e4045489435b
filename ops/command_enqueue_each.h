/* ops/command_enqueue_each.h - `tapemill enqueue JOB --each FILE`: many jobs of one kind, in bulk. */
#ifndef TAPEMILL_OPS_COMMAND_ENQUEUE_EACH_H
#define TAPEMILL_OPS_COMMAND_ENQUEUE_EACH_H

#include "core/database.h"
#include "core/ledger.h"
#include "ops/command.h"
#include "ops/command_target.h"

/* ERROR_USAGE when --each or --batch stand with options that they do not go with. */
ERROR_MUST_CHECK enum error_code command_enqueue_each_check(const struct command_line *line,
                                                            const struct command_target *target, struct error *error);

/* Enqueues a job like the one given for each line of the file, in batches of one transaction each, and says how many. A
 * line that is refused is named; the batches before it stay enqueued, and the message says how many jobs that is. */
ERROR_MUST_CHECK enum error_code command_enqueue_each(const struct command_line *line, struct database *warehouse,
                                                      const struct command_target *target,
                                                      const struct ledger_new_job *job, struct error *error);

#endif
