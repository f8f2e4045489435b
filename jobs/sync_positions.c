/* jobs/sync_positions.c - latest_positions as the source's positions are. mode=full compares the whole table and
 * removes what is gone; mode=changes reads by watermark. */
#include <string.h>

#include "jobs/event_fact.h"

static enum error_code
run(struct job_context *context, struct error *error)
{
    const char *mode = job_argument(context, "mode", "full");
    bool by_watermark = strcmp(mode, "changes") == 0;
    if (!by_watermark && strcmp(mode, "full") != 0)
        return error_set(error, ERROR_ARGUMENT, "the argument mode is \"%.64s\", but must be full or changes", mode);
    if (!by_watermark && job_argument(context, "since", "")[0])
        return error_set(error, ERROR_ARGUMENT, "the argument since is for mode=changes; mode=full reads everything");
    return by_watermark ? event_changes_run(context, &event_positions, error)
                        : event_whole_run(context, &event_positions, error);
}

static const char *const arguments[] = {"mode", "since", NULL};

extern const struct job_definition job_sync_positions;
const struct job_definition job_sync_positions = {
    .name = "sync_positions",
    .type = "ETL",
    .summary = "positions as the source has them",
    .queue = "batch",
    .max_attempts = 5,
    .arguments = arguments,
    .run = run,
};
