/* ops/command_why_causes.h - why a job, or a backfill, does not go on: the causes, found in ledger and Redis. */
#ifndef TAPEMILL_OPS_COMMAND_WHY_CAUSES_H
#define TAPEMILL_OPS_COMMAND_WHY_CAUSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/database.h"
#include "core/error.h"
#include "core/redis_client.h"

enum { COMMAND_WHY_CAUSES_MAX = 64, COMMAND_WHY_DEPTH_MAX = 40 };

/* One sentence. depth 0 is about the job asked for; each further one about what the one before waits for. */
struct command_why_cause {
    int depth;
    int64_t job_id;
    const char *name; /* "queue_paused" */
    char text[700];
};

struct command_why {
    struct database *warehouse;
    struct redis_client *redis;
    struct command_why_cause causes[COMMAND_WHY_CAUSES_MAX];
    size_t count;
};

/* Finds the causes of a job at this depth (0 for the one asked for) and of what it waits for, the decisive one of each
 * depth first. ERROR_ARGUMENT when there is no such job. */
ERROR_MUST_CHECK enum error_code command_why_explain(struct command_why *why, int64_t job_id, int depth,
                                                     struct error *error);

/* The causes of a backfill: what holds it, then what holds the first of its jobs. */
ERROR_MUST_CHECK enum error_code command_why_backfill(struct command_why *why, int64_t backfill_id,
                                                      struct error *error);

/* Adds a cause; job_id 0 for none. */
void command_why_note(struct command_why *why, int depth, int64_t job_id, const char *name, const char *format, ...)
    ERROR_PRINTF(5, 6);

/* Whether a scheduler leads. */
bool command_why_is_led(struct command_why *why);

#endif
