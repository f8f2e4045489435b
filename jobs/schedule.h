/* jobs/schedule.h - a schedule: when a job or pipeline is due, and what happens when that does not go smoothly.
 *
 * A schedule is a text for each key of schedule.def, from a file (jobs/schedule_file.h) or from the warehouse
 * (jobs/schedule_store.h); schedule_build() checks the texts and reads them. Arguments may hold placeholders, which are
 * replaced when a tick is enqueued:
 *
 *   {interval_start} {interval_end}   of the tick's data interval, as 2027-03-14T07:00:00Z
 *   {tick_date}                       the business date of the tick itself
 *   {date}                            the business date that the job is enqueued for ("dates" is given)
 *   {{ }}                             a brace */
#ifndef TAPEMILL_JOBS_SCHEDULE_H
#define TAPEMILL_JOBS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/business_clock.h"
#include "core/cron.h"
#include "core/error.h"
#include "core/time_zone.h"

enum schedule_key {
#define KEY(identifier, name, help) SCHEDULE_KEY_##identifier,
#include "jobs/schedule.def"
#undef KEY
    SCHEDULE_KEY_COUNT
};

enum { SCHEDULE_NAME_MAX = 64, SCHEDULE_ARGUMENTS_MAX = 16, SCHEDULE_WINDOW_DAYS_MAX = 366 };

/* What the file calls a key, and one line about it. */
const char *schedule_key_name(enum schedule_key key);
const char *schedule_key_help(enum schedule_key key);
/* SCHEDULE_KEY_COUNT when there is none of that name. */
enum schedule_key schedule_key_find(const char *name);

enum schedule_catch_up { SCHEDULE_CATCH_UP_NONE, SCHEDULE_CATCH_UP_LAST, SCHEDULE_CATCH_UP_ALL };
enum schedule_overlap { SCHEDULE_OVERLAP_SKIP, SCHEDULE_OVERLAP_QUEUE, SCHEDULE_OVERLAP_ALLOW };
enum schedule_first { SCHEDULE_FIRST_NEXT_TICK, SCHEDULE_FIRST_AT_ONCE };
enum schedule_dates {
    SCHEDULE_DATES_NONE,
    SCHEDULE_DATES_TO_TICK,   /* those that ended since the tick before, and the tick's own, which is not over yet */
    SCHEDULE_DATES_COMPLETED, /* those that ended since the tick before */
    SCHEDULE_DATES_LAST_COMPLETED /* the last of these: a tick after a period's end is about that period */
};

/* Words of the keys that have a choice, in the order of their enums, NULL at the end; NULL for other keys. */
const char *const *schedule_choices(enum schedule_key key);

struct schedule_argument {
    const char *name, *value;
    int line; /* in its file; 0: from the warehouse */
};

/* A schedule as texts, NULL where nothing is said. */
struct schedule_text {
    const char *value[SCHEDULE_KEY_COUNT]; /* of "arguments": unused */
    int line[SCHEDULE_KEY_COUNT];
    int first_line;
    struct schedule_argument arguments[SCHEDULE_ARGUMENTS_MAX];
    size_t argument_count;
    const char *where; /* the file's name, or what else errors call it */
};

/* Texts and zone live in the arena it was built in. */
struct schedule {
    const char *name, *about, *cron_text, *target, *queue, *window; /* queue NULL: each job's own */
    bool is_pipeline;
    struct schedule_argument arguments[SCHEDULE_ARGUMENTS_MAX];
    size_t argument_count;
    int priority;
    enum schedule_catch_up catch_up;
    int64_t window_s;
    enum schedule_dates dates;
    enum schedule_overlap overlap;
    enum schedule_first first;
    struct cron_policy policy;
    struct cron cron;
    const struct time_zone *zone;
    char *trouble; /* it cannot run: why; NULL: it can */
};

struct schedule_set {
    struct schedule *items;
    size_t count;
};

/* Reads the texts into *schedule, which is set->items[set->count] to come. default_zone: for texts without a time zone.
 * ERROR_FORMAT names where, what is wrong and the remedy. */
ERROR_MUST_CHECK enum error_code schedule_build(const struct schedule_text *text, const char *default_zone,
                                                const struct schedule_set *set, struct arena *arena,
                                                struct schedule *schedule, struct error *error);

/* The schedule of that name, or NULL. */
const struct schedule *schedule_find(const struct schedule_set *set, const char *name);

/* Whether the sets say the same, whatever the order. A schedule that cannot run equals none. */
bool schedule_sets_agree(const struct schedule_set *set, const struct schedule_set *other);

/* The value of an argument, or NULL. */
const char *schedule_argument(const struct schedule *schedule, const char *name);

/* The value of a key as it is stored: every default spelt out; NULL where there is none. scratch holds numbers. */
const char *schedule_value(const struct schedule *schedule, enum schedule_key key, char scratch[24]);

/* ---- instants ---------------------------------------------------------------------------------------------- */

/* The first tick after an instant; the last one at or before it. False when there is none for 40 years. */
bool schedule_next(const struct schedule *schedule, int64_t after_s, int64_t *tick_s);
bool schedule_previous(const struct schedule *schedule, int64_t until_s, int64_t *tick_s);

/* An instant on the wall clock of a zone: "2027-03-14 03:00:00-04:00". Returns out. */
enum { SCHEDULE_INSTANT_BYTES = 48 };
const char *schedule_instant(const struct time_zone *zone, int64_t unix_s, char out[SCHEDULE_INSTANT_BYTES]);
/* In UTC, "2027-03-14T07:00:00Z". Returns out. */
const char *schedule_instant_utc(int64_t unix_s, char out[SCHEDULE_INSTANT_BYTES]);

/* The business dates that a tick asks for, by day number; first > last: none. */
void schedule_dates_of(const struct schedule *schedule, const struct business_clock *clock, int64_t interval_start_s,
                       int64_t tick_s, int32_t *first, int32_t *last);

#endif
