#include "jobs/schedule_tick.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/calendar_date.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/pipeline.h"
#include "jobs/schedule_argument.h"

#define SQL(name) sql_text("ledger/schedule", name)

enum { US_PER_S = 1000000, TEXT_BYTES_MAX = 256 * 1024, REASON_BYTES = 128 };

enum error_code
schedule_tick_insert(struct database *database, const struct schedule_tick *tick, enum schedule_action action,
                     enum schedule_reason reason, bool *inserted, struct error *error)
{
    static const char *const statuses[] = {
        [SCHEDULE_RUN] = "enqueued", [SCHEDULE_QUEUE] = "queued", [SCHEDULE_SKIP] = "skipped"};
    struct number_text instant, start, version;
    struct rows *rows = NULL;
    if (database_query(database, SQL("insert_tick"),
                       DATABASE_VALUES(tick->schedule->name, number_text(&instant, tick->tick_s),
                                       number_text(&start, tick->start_s), number_text(&version, tick->version),
                                       statuses[action], schedule_reason_name(reason)),
                       &rows, error))
        return error->code;
    *inserted = rows_affected(rows) > 0;
    rows_free(rows);
    return ERROR_NONE;
}

/* ---- enqueue ----------------------------------------------------------------------------------------------- */

static enum error_code
add_jobs(struct arena *arena, struct schedule_jobs *jobs, const int64_t *ids, size_t count, struct error *error)
{
    if (jobs->count + count > jobs->room) {
        size_t room = 2 * jobs->room + count + 16;
        int64_t *grown = arena_alloc(arena, room * sizeof(*grown));
        if (!grown)
            return error_set(error, ERROR_MEMORY, "out of memory for the jobs of a tick");
        if (jobs->count)
            memcpy(grown, jobs->ids, jobs->count * sizeof(*grown));
        jobs->ids = grown;
        jobs->room = room;
    }
    memcpy(jobs->ids + jobs->count, ids, count * sizeof(*ids));
    jobs->count += count;
    return ERROR_NONE;
}

/* The target for one date; date NULL: for none. */
static enum error_code
enqueue(struct database *database, const struct schedule_tick *tick, const char *date, struct arena *arena,
        struct schedule_jobs *jobs, struct error *error)
{
    const struct schedule *schedule = tick->schedule;
    char start[SCHEDULE_INSTANT_BYTES], end[SCHEDULE_INSTANT_BYTES], tick_date[CALENDAR_DATE_BYTES];
    const struct pipeline_request request = {
        .business_date = date,
        .queue = schedule->queue,
        .priority = schedule->priority,
        .interval_start = date ? NULL : schedule_instant_utc(tick->start_s, start),
        .interval_end = date ? NULL : schedule_instant_utc(tick->tick_s, end),
    };
    struct schedule_moment moment = {tick->start_s, tick->tick_s, tick_date, date ? date : ""};
    struct buffer arguments;
    int64_t *ids = NULL;
    size_t count = 0;
    int32_t days, second;
    business_clock_split(tick->clock, tick->tick_s * US_PER_S, &days, &second);
    (void)calendar_date_format(days, tick_date);
    buffer_init(&arguments, TEXT_BYTES_MAX);
    schedule_argument_append(&arguments, schedule, &moment);
    enum error_code code = buffer_check(&arguments, "the arguments of a job", error);
    if (!code)
        code =
            pipeline_enqueue_target(database, schedule->target, arguments.bytes, &request, arena, &ids, &count, error);
    if (!code)
        code = add_jobs(arena, jobs, ids, count, error);
    buffer_term(&arguments);
    return code;
}

/* The dates that a tick asks for; dates that the zone left out are not among them. */
struct date_range {
    int32_t first, last, left_out; /* first > last: none; so many older ones are left out */
};

static struct date_range
range_of(const struct schedule_tick *tick)
{
    struct date_range range = {0};
    schedule_dates_of(tick->schedule, tick->clock, tick->start_s, tick->tick_s, &range.first, &range.last);
    if (range.last - range.first >= SCHEDULE_TICK_DATES_MAX) {
        range.left_out = range.last - range.first + 1 - SCHEDULE_TICK_DATES_MAX;
        range.first += range.left_out;
    }
    return range;
}

static bool
exists(const struct business_clock *clock, int32_t days)
{
    return business_clock_start(clock, days) < business_clock_start(clock, days + 1);
}

bool
schedule_tick_has_work(const struct schedule_tick *tick)
{
    if (tick->schedule->dates == SCHEDULE_DATES_NONE)
        return true;
    struct date_range range = range_of(tick);
    while (range.first <= range.last && !exists(tick->clock, range.first))
        range.first++;
    return range.first <= range.last;
}

bool
schedule_tick_backfill(const struct schedule_tick *tick, char command[SCHEDULE_TICK_COMMAND_BYTES])
{
    char from[CALENDAR_DATE_BYTES], to[CALENDAR_DATE_BYTES];
    int32_t first, last;
    if (!schedule_tick_has_work(tick) || tick->schedule->dates == SCHEDULE_DATES_NONE)
        return false;
    /* A tick that was given up may speak for several: the last date alone would not do. */
    struct schedule schedule = *tick->schedule;
    if (schedule.dates == SCHEDULE_DATES_LAST_COMPLETED)
        schedule.dates = SCHEDULE_DATES_COMPLETED;
    schedule_dates_of(&schedule, tick->clock, tick->start_s, tick->tick_s, &first, &last);
    (void)snprintf(command, SCHEDULE_TICK_COMMAND_BYTES, "tapemill backfill %s --from %s --to %s", schedule.target,
                   calendar_date_format(first, from), calendar_date_format(last, to));
    for (size_t i = 0; i < schedule.argument_count; i++) {
        const struct schedule_argument *argument = &schedule.arguments[i];
        size_t used = strlen(command);
        if (!strpbrk(argument->value, "{}"))
            (void)snprintf(command + used, SCHEDULE_TICK_COMMAND_BYTES - used, " --arg %s=%s", argument->name,
                           argument->value);
    }
    return true;
}

static enum error_code
enqueue_all(struct database *database, const struct schedule_tick *tick, int32_t *left_out, struct arena *arena,
            struct schedule_jobs *jobs, struct error *error)
{
    char date[CALENDAR_DATE_BYTES];
    *left_out = 0;
    if (tick->schedule->dates == SCHEDULE_DATES_NONE)
        return enqueue(database, tick, NULL, arena, jobs, error);
    struct date_range range = range_of(tick);
    *left_out = range.left_out;
    for (int32_t days = range.first; days <= range.last; days++)
        if (exists(tick->clock, days) && enqueue(database, tick, calendar_date_format(days, date), arena, jobs, error))
            return error->code;
    return ERROR_NONE;
}

/* Notes in the row which jobs these are. */
static enum error_code
set_jobs(struct database *database, const struct schedule_tick *tick, const char *reason, const int64_t *ids,
         size_t count, struct error *error)
{
    struct number_text instant;
    struct buffer array;
    buffer_init(&array, TEXT_BYTES_MAX);
    buffer_text(&array, "{");
    for (size_t i = 0; i < count; i++)
        buffer_format(&array, "%s%" PRId64, i ? "," : "", ids[i]);
    buffer_text(&array, "}");
    enum error_code code = buffer_check(&array, "the jobs of a tick", error);
    if (!code)
        code = database_query(
            database, SQL("set_jobs"),
            DATABASE_VALUES(tick->schedule->name, number_text(&instant, tick->tick_s), array.bytes, reason), NULL,
            error);
    buffer_term(&array);
    return code;
}

enum error_code
schedule_tick_enqueue(struct database *database, const struct schedule_tick *tick, enum schedule_reason reason,
                      struct arena *arena, struct schedule_jobs *jobs, struct error *error)
{
    char text[REASON_BYTES];
    int32_t left_out;
    size_t before = jobs->count;
    if (enqueue_all(database, tick, &left_out, arena, jobs, error))
        return error->code;
    (void)snprintf(text, sizeof(text), "%s", schedule_reason_name(reason));
    size_t used = strlen(text);
    if (left_out)
        (void)snprintf(text + used, sizeof(text) - used, "%sthe oldest %" PRId32 " dates are left out",
                       used ? ", " : "", left_out);
    return set_jobs(database, tick, text, jobs->ids + before, jobs->count - before, error);
}
