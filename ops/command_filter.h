/* ops/command_filter.h - jobs chosen by what they are, for the commands that change many at once. */
#ifndef TAPEMILL_OPS_COMMAND_FILTER_H
#define TAPEMILL_OPS_COMMAND_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/calendar_date.h"
#include "core/database.h"
#include "core/error.h"
#include "ops/command.h"

enum { COMMAND_FILTER_PAGE = 200 }; /* jobs per batch */

/* Options of a command that takes ids or a filter. */
#define COMMAND_FILTER_CHOICES                                                                                         \
    {"--job", "NAME", "jobs of this name", false}, {"--queue", "QUEUE", "jobs of this queue", false},                  \
        {"--error", "CODE", "whose last error is this (such as pg_data)", false},                                      \
        {"--from", "DATE", "of this business date or later", false},                                                   \
        {"--to", "DATE", "of this business date or earlier", false},                                                   \
    {                                                                                                                  \
        "--backfill", "ID", "of this backfill", false                                                                  \
    }
#define COMMAND_FILTER_OPTIONS                                                                                         \
    COMMAND_FILTER_CHOICES, {"--all", NULL, "all that the other options leave", false},                                \
    {                                                                                                                  \
        "--dry-run", NULL, "only say how many it would be", false                                                      \
    }

struct command_filter {
    const char *states; /* array of PostgreSQL: "{dead}" */
    const char *job, *queue, *error, *backfill;
    char from[CALENDAR_DATE_BYTES], to[CALENDAR_DATE_BYTES]; /* "" for none */
    bool given;                                              /* any of the options, or --all */
    bool dry_run;
};

/* Reads COMMAND_FILTER_OPTIONS; ERROR_USAGE unless the command line has either ids (its words) or a filter. */
ERROR_MUST_CHECK enum error_code command_filter_read(const struct command_line *line, const char *states,
                                                     struct command_filter *filter, struct error *error);

/* Reads COMMAND_FILTER_CHOICES, none of which need be given. */
ERROR_MUST_CHECK enum error_code command_filter_choices(const struct command_line *line, const char *states,
                                                        struct command_filter *filter, struct error *error);

/* The next batch, the latest jobs first, those with ids below *before (0 at first), which moves on. *count is 0 after
 * the last. Jobs that depend on others are later than these, and so come first. */
ERROR_MUST_CHECK enum error_code command_filter_page(struct database *warehouse, const struct command_filter *filter,
                                                     int64_t *before, int64_t ids[COMMAND_FILTER_PAGE], size_t *count,
                                                     struct error *error);

/* How many jobs it takes. */
ERROR_MUST_CHECK enum error_code command_filter_count(struct database *warehouse, const struct command_filter *filter,
                                                      size_t *count, struct error *error);

#endif
