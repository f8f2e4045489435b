/* ops/command_target.h - what `enqueue` and `backfill` are asked for: a job or a pipeline, by name. */
#ifndef TAPEMILL_OPS_COMMAND_TARGET_H
#define TAPEMILL_OPS_COMMAND_TARGET_H

#include <stdio.h>

#include "core/buffer.h"
#include "core/error.h"
#include "jobs/job.h"
#include "jobs/pipeline.h"
#include "ops/command.h"

/* One of the two is set. */
struct command_target {
    const char *name;
    const struct job_definition *job;
    const struct pipeline_definition *pipeline;
};

/* ERROR_USAGE names the nearest target, or lists them all. */
ERROR_MUST_CHECK enum error_code command_target_find(const char *name, struct command_target *target,
                                                     struct error *error);

/* Lists all jobs and pipelines with their summaries. */
void command_target_show(FILE *out);

/* The --arg NAME=VALUE options as a JSON object of texts. The buffer is initialised here and is the caller's to
 * buffer_term(), also after an error. */
ERROR_MUST_CHECK enum error_code command_target_arguments(const struct command_line *line,
                                                          const struct command_target *target, struct buffer *json,
                                                          struct error *error);

/* Checks a line of --each: the arguments of one job as a JSON object of texts. */
ERROR_MUST_CHECK enum error_code command_target_check_object(const struct command_target *target, const char *text,
                                                             const char *what, struct error *error);

/* The names of the target's jobs as PostgreSQL's array text; the buffer as above. */
ERROR_MUST_CHECK enum error_code command_target_jobs(const struct command_target *target, struct buffer *array,
                                                     struct error *error);

/* Checks the name of a queue (NULL is fine). One that no worker of this configuration pulls is a warning on standard
 * error. */
ERROR_MUST_CHECK enum error_code command_target_queue(const char *queue, struct error *error);

#endif
