#include "scheduler/daily.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/calendar_date.h"
#include "core/log.h"
#include "core/sql.h"
#include "jobs/job.h"
#include "jobs/pipeline.h"

#define FILE_SQL "ledger/scheduler"

enum { ARENA_CEILING = 256 * 1024, NAME_BYTES = 128, NUMBER_BYTES = 24, PRIORITY = 5, US_PER_S = 1000000 };

bool
daily_runs(bool needs_date, int32_t date, int32_t today)
{
    return date == today || (needs_date && today - date <= DAILY_CATCH_UP_DATES);
}

/* The instant that a statement gives in microseconds; *found is false when it gives none. */
static enum error_code
ask_instant(const char *statement, int count, const char *const *values, struct database *database, int64_t *unix_us,
            bool *found, struct error *error)
{
    char us[NUMBER_BYTES];
    enum error_code code =
        database_value(database, sql_text(FILE_SQL, statement), count, values, us, sizeof(us), error);
    *found = !code && us[0];
    *unix_us = *found ? strtoll(us, NULL, 10) : 0;
    return code;
}

static int32_t
date_of(const struct business_clock *clock, int64_t unix_us)
{
    int32_t date, second;
    business_clock_split(clock, unix_us, &date, &second);
    return date;
}

/* Inserts the job of a tick, in the open transaction. */
static enum error_code
enqueue(const struct job_definition *job, const char *schedule, const char *tick_us, const char *date,
        struct database *database, struct arena *arena, int64_t **job_ids, size_t *count, struct error *error)
{
    char id[NUMBER_BYTES];
    const struct pipeline_request request = {.business_date = job->needs_date ? date : NULL, .priority = PRIORITY};
    enum error_code code = pipeline_enqueue_target(database, job->name, "{}", &request, arena, job_ids, count, error);
    if (code || !*count)
        return code;
    (void)snprintf(id, sizeof(id), "%" PRId64, (*job_ids)[0]);
    return database_query(database, sql_text(FILE_SQL, "set_tick_job"), DATABASE_VALUES(schedule, tick_us, id), NULL,
                          error);
}

/* One tick, in one transaction. Nothing happens when another scheduler was faster. */
static enum error_code
tick(const struct job_definition *job, const char *schedule, int32_t date, bool runs,
     const struct business_clock *clock, struct database *database, struct redis_watch *redis, struct error *error)
{
    char tick_us[NUMBER_BYTES], date_text[CALENDAR_DATE_BYTES];
    struct arena arena;
    struct rows *rows = NULL;
    int64_t *job_ids = NULL;
    size_t count = 0;
    (void)snprintf(tick_us, sizeof(tick_us), "%" PRId64, business_clock_start(clock, date));
    (void)calendar_date_format(date, date_text);
    arena_init(&arena, ARENA_CEILING);
    enum error_code code = database_begin(database, error);
    if (!code)
        code = database_query(database, sql_text(FILE_SQL, "insert_tick"),
                              DATABASE_VALUES(schedule, tick_us, runs ? "enqueued" : "skipped"), &rows, error);
    bool inserted = !code && rows_affected(rows) > 0;
    rows_free(rows);
    if (inserted && runs)
        code = enqueue(job, schedule, tick_us, date_text, database, &arena, &job_ids, &count, error);
    if (!code)
        code = database_commit(database, error);
    if (code)
        database_rollback(database);
    else if (inserted && runs)
        log_info("tick", LOG_TEXT("schedule", schedule), LOG_TEXT("date", date_text));
    else if (inserted)
        log_debug("tick skipped", LOG_TEXT("schedule", schedule), LOG_TEXT("date", date_text));
    if (!code)
        code = redis_watch_push(redis, database, job_ids, count, error);
    arena_term(&arena);
    return code ? error_context(error, "tick of %s on %s", schedule, date_text) : ERROR_NONE;
}

/* All ticks of one job that are due; *budget is how many may still be made in this call. */
static enum error_code
advance_job(const struct job_definition *job, int32_t today, int *budget, const struct business_clock *clock,
            struct database *database, struct redis_watch *redis, struct error *error)
{
    char schedule[NAME_BYTES];
    int64_t last_us;
    bool found;
    (void)snprintf(schedule, sizeof(schedule), "daily:%s", job->name);
    enum error_code code = ask_instant("last_tick_us", DATABASE_VALUES(schedule), database, &last_us, &found, error);
    /* The first without a tick; past today when the clock was set back. */
    int32_t date = found ? date_of(clock, last_us) + 1 : today;
    for (; !code && date <= today && *budget > 0; date++, (*budget)--)
        code = tick(job, schedule, date, daily_runs(job->needs_date, date, today), clock, database, redis, error);
    return code;
}

enum error_code
daily_advance(int32_t *settled_date, const struct business_clock *clock, struct database *database,
              struct redis_watch *redis, struct error *error)
{
    int budget = DAILY_TICKS_PER_CALL;
    int64_t now_us;
    size_t count;
    bool found;
    enum error_code code = ask_instant("now_us", 0, NULL, database, &now_us, &found, error);
    int32_t today = code ? 0 : date_of(clock, now_us), settled = today;
    if (code || today <= *settled_date)
        return code;
    const struct job_definition *const *jobs = job_all(&count);
    for (size_t i = 0; !code && i < count; i++) {
        if (!jobs[i]->daily)
            continue;
        /* A job whose hour has not come still has the date before. */
        int32_t date = date_of(clock, now_us - (int64_t)jobs[i]->daily_after_s * US_PER_S);
        settled = date < settled ? date : settled;
        code = advance_job(jobs[i], date, &budget, clock, database, redis, error);
    }
    if (!code && budget > 0)
        *settled_date = settled;
    return code;
}
