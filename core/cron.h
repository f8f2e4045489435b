/* core/cron.h - cron expressions and when they are due, in any time zone, with the two changes of its clocks decided.
 *
 * An expression has five fields (minute hour day-of-month month day-of-week) or six (second first), or is one of
 * @yearly @annually @monthly @weekly @daily @midnight @hourly. A field is a list of elements: * or N or N-M, each with
 * a step if wanted ("/3"; N/3 goes on to the field's end). Months and weekdays may be named (three letters, any case);
 * weekday 7, and Sunday at the end of a range, is Sunday too; ? stands for * in the two fields of days. When both of
 * them are restricted, either suffices (POSIX crontab).
 *
 * A time of day that the zone's clock skips (gap) or shows twice (fold) is decided by the policy. Several times in one
 * gap are due once together. An expression that is due in every hour (hour field *, or any other way to say all 24)
 * names no time of day and the policies do not concern it: it is due whenever the clock shows one of its minutes and
 * seconds, which for a change by whole hours is the same as elapsed time: nothing is left out, doubled or moved. (A
 * change by half an hour, as on Lord Howe Island, leaves out or repeats the minutes that the clock itself does.)
 *
 * Why so: what is due once a day is to run once on every date, which CRON_GAP_NEXT_INSTANT with CRON_FOLD_FIRST (or
 * SECOND) gives; what is due every hour, or every few minutes, is to neither pause nor run twice as often. The rule of
 * robfig/cron, to run exactly what the clock shows, is CRON_GAP_SKIP with CRON_FOLD_BOTH. */
#ifndef TAPEMILL_CORE_CRON_H
#define TAPEMILL_CORE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/time_zone.h"

enum cron_gap { CRON_GAP_NEXT_INSTANT, CRON_GAP_SKIP }; /* the first instant after the gap, once; or not */
enum cron_fold { CRON_FOLD_FIRST, CRON_FOLD_SECOND, CRON_FOLD_BOTH }; /* which of the two instants */

struct cron_policy {
    enum cron_gap gap;
    enum cron_fold fold;
};

/* Caller's storage; holds no pointers. Bit n of a set: value n. */
struct cron {
    uint64_t seconds, minutes;
    uint32_t hours, days, months, weekdays; /* weekday 0 is Sunday; 7 is not used */
    bool any_day, any_weekday;              /* the field was * or ? */
    bool every_hour;
};

/* ERROR_ARGUMENT names the field, what is wrong and the remedy. */
ERROR_MUST_CHECK enum error_code cron_parse(const char *text, struct cron *cron, struct error *error);

/* The first due instant after after_s (seconds since 1970 UTC, years 1 to 9999). False when there is none within the
 * next 40 years, such as on 30 February. The answer depends on the arguments alone, so that asking again from any
 * instant continues the same series. */
bool cron_next(const struct cron *cron, const struct time_zone *zone, struct cron_policy policy, int64_t after_s,
               int64_t *next_s);

#endif
