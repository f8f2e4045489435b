/* jobs/schedule_argument.h - placeholders in the arguments of a schedule; see jobs/schedule.h. */
#ifndef TAPEMILL_JOBS_SCHEDULE_ARGUMENT_H
#define TAPEMILL_JOBS_SCHEDULE_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "jobs/schedule.h"

/* What placeholders stand for. */
struct schedule_moment {
    int64_t interval_start_s, tick_s;
    const char *tick_date, *date; /* YYYY-MM-DD; date "" without one */
};

/* ERROR_CONFIG names a placeholder that does not exist, or {date} where there is none. */
ERROR_MUST_CHECK enum error_code schedule_argument_check(const char *value, bool has_date, struct error *error);

/* Appends the schedule's arguments as a JSON object, placeholders replaced. */
void schedule_argument_append(struct buffer *json, const struct schedule *schedule,
                              const struct schedule_moment *moment);

#endif
