#include "scheduler/ticks.h"

#include <stdio.h>
#include <string.h>

#include "core/failpoint.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/mutant.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/schedule_file.h"
#include "jobs/schedule_store.h"
#include "jobs/schedule_tick.h"

#define SQL(name) sql_text("ledger/schedule", name)

enum { US_PER_S = 1000000, JOBS_ARENA_BYTES = 16 * 1024 * 1024, TROUBLE_PAUSE_S = 60 };

/* When a schedule is to be looked at again. */
struct ticks_entry {
    int64_t next_s;
    bool unfinished; /* ticks are undecided still */
    bool waiting;    /* one waits for live jobs to end */
    bool told;       /* that it cannot run */
};

struct ticks_version {
    int64_t id, from_s, until_s; /* its ticks are [from_s, until_s]; INT64_MAX: nothing follows it yet */
    struct schedule_set set;
    struct ticks_entry *entries;
};

/* What one look works with. */
struct look {
    struct ticks *ticks;
    const struct business_clock *clock;
    struct database *database;
    struct redis_watch *redis;
    int64_t now_s;
    bool busy;
    int64_t made_s[SCHEDULE_PLAN_MAX]; /* ticks of the open transaction */
    size_t made;
};

void
ticks_init(struct ticks *ticks)
{
    *ticks = (struct ticks){.newest_id = -1};
    arena_init(&ticks->arena, SCHEDULE_ARENA_BYTES);
}

void
ticks_term(struct ticks *ticks)
{
    arena_term(&ticks->arena);
}

void
ticks_restart(struct ticks *ticks)
{
    ticks_term(ticks);
    ticks_init(ticks);
}

/* ---- versions ---------------------------------------------------------------------------------------------- */

static enum error_code
read_version(struct look *look, const struct rows *rows, size_t row, struct ticks_version *version, struct error *error)
{
    version->id = rows_integer(rows, row, 0);
    version->from_s = rows_integer(rows, row, 1);
    version->until_s = rows_is_null(rows, row, 2) ? INT64_MAX : rows_integer(rows, row, 2) - 1;
    if (schedule_store_read(look->database, version->id, &look->ticks->arena, &version->set, error))
        return error->code;
    version->entries = arena_alloc(&look->ticks->arena, (version->set.count + 1) * sizeof(*version->entries));
    if (!version->entries)
        return error_set(error, ERROR_MEMORY, "out of memory for %zu schedules", version->set.count);
    for (size_t i = 0; i < version->set.count; i++)
        version->entries[i].next_s = INT64_MIN;
    return ERROR_NONE;
}

/* The versions that still have something to decide. */
static enum error_code
read_versions(struct look *look, const struct schedule_now *now, struct error *error)
{
    struct ticks *ticks = look->ticks;
    struct number_text us;
    struct rows *rows;
    ticks_restart(ticks);
    if (database_query(look->database, SQL("open"), DATABASE_VALUES(number_text(&us, now->us)), &rows, error))
        return error->code;
    ticks->versions = arena_alloc(&ticks->arena, (rows_count(rows) + 1) * sizeof(*ticks->versions));
    enum error_code code =
        ticks->versions ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for the schedule");
    for (size_t i = 0; !code && i < rows_count(rows); i++, ticks->count += !code)
        code = read_version(look, rows, i, &ticks->versions[i], error);
    rows_free(rows);
    if (!code) {
        ticks->newest_id = now->newest_id;
        ticks->effective_id = now->effective_id;
    }
    return code;
}

/* A version that was replaced, once all of its time is decided. */
static enum error_code
close_version(struct look *look, const struct ticks_version *version, struct error *error)
{
    struct number_text id;
    if (database_query(look->database, SQL("close"), DATABASE_VALUES(number_text(&id, version->id)), NULL, error))
        return error->code;
    look->ticks->newest_id = -1; /* read again what is left */
    log_info("schedule replaced", LOG_NUMBER("version", version->id), LOG_NUMBER("by", look->ticks->effective_id));
    return ERROR_NONE;
}

/* ---- one schedule ------------------------------------------------------------------------------------------ */

/* What the warehouse says about it, with its lock held; ticks whose jobs ended are noted first. */
static enum error_code
read_state(struct look *look, const struct ticks_version *version, const char *name, struct schedule_state *state,
           struct error *error)
{
    struct number_text now, id;
    struct rows *rows;
    if (database_query(look->database, SQL("settle"), DATABASE_VALUES(name), NULL, error) ||
        database_query(look->database, SQL("state"),
                       DATABASE_VALUES(name, number_text(&now, look->now_s), number_text(&id, version->id)), &rows,
                       error))
        return error->code;
    *state = (struct schedule_state){
        .has_last = !rows_is_null(rows, 0, 0) && !MUTANT("double_tick"),
        .last_s = rows_integer(rows, 0, 0),
        .carry_s = rows_integer(rows, 0, 1),
        .from_s = version->from_s,
        .until_s = version->until_s,
        .now_s = look->now_s,
        .paused = rows_boolean(rows, 0, 2),
        .live = rows_boolean(rows, 0, 3),
        .waiting = rows_boolean(rows, 0, 4),
        .returns = rows_boolean(rows, 0, 5),
    };
    rows_free(rows);
    return ERROR_NONE;
}

static void
tell(const struct schedule_tick *tick, enum schedule_action action, enum schedule_reason reason, size_t jobs)
{
    char instant[SCHEDULE_INSTANT_BYTES];
    (void)schedule_instant_utc(tick->tick_s, instant);
    if (action == SCHEDULE_RUN)
        log_info("tick", LOG_TEXT("schedule", tick->schedule->name), LOG_TEXT("at", instant), LOG_NUMBER("jobs", jobs));
    else
        log_info(action == SCHEDULE_QUEUE ? "tick waits" : "ticks skipped", LOG_TEXT("schedule", tick->schedule->name),
                 LOG_TEXT("at", instant), LOG_TEXT("reason", schedule_reason_name(reason)));
}

/* The tick that waited, now that nothing is live. */
static enum error_code
release(struct look *look, struct schedule_tick tick, struct schedule_state *state, struct arena *arena,
        struct schedule_jobs *jobs, struct error *error)
{
    struct rows *rows;
    if (!state->waiting || state->live || state->paused)
        return ERROR_NONE;
    if (database_query(look->database, SQL("waiting"), DATABASE_VALUES(tick.schedule->name), &rows, error))
        return error->code;
    tick.tick_s = rows_integer(rows, 0, 0);
    tick.start_s = rows_integer(rows, 0, 1);
    rows_free(rows);
    if (schedule_tick_enqueue(look->database, &tick, SCHEDULE_REASON_NONE, arena, jobs, error))
        return error->code;
    state->waiting = false;
    state->live = true;
    tell(&tick, SCHEDULE_RUN, SCHEDULE_REASON_NONE, jobs->count);
    return ERROR_NONE;
}

/* Dates that nobody will load by themselves: says which, and what makes up for them. */
static enum error_code
tell_given_up(struct look *look, const struct schedule_tick *tick, enum schedule_reason reason, struct error *error)
{
    const char *name = tick->schedule->name;
    char command[SCHEDULE_TICK_COMMAND_BYTES], cause[SCHEDULE_NAME_MAX + 16], title[SCHEDULE_NAME_MAX + 64];
    char body[SCHEDULE_TICK_COMMAND_BYTES + 96];
    if ((reason != SCHEDULE_REASON_WINDOW && reason != SCHEDULE_REASON_MISSED) ||
        !schedule_tick_backfill(tick, command))
        return ERROR_NONE;
    (void)snprintf(cause, sizeof(cause), "schedule:%s", name);
    (void)snprintf(title, sizeof(title), "schedule %s has given up business dates", name);
    (void)snprintf(body, sizeof(body), "No scheduler ran in time (reason: %s). To make up for it: %s",
                   schedule_reason_name(reason), command);
    log_warn("dates given up", LOG_TEXT("schedule", name), LOG_TEXT("reason", schedule_reason_name(reason)),
             LOG_TEXT("remedy", command));
    return ledger_alert(look->database, cause, "warning", title, body, 0, error);
}

/* Inserts the row of a verdict. A skipped one whose instant was run by hand is noted at the instant before, if that is
 * undecided: it speaks for all since after_s. */
static enum error_code
insert_row(struct look *look, struct schedule_tick *tick, enum schedule_action action, enum schedule_reason reason,
           int64_t after_s, bool *inserted, struct error *error)
{
    do {
        if (schedule_tick_insert(look->database, tick, action, reason, inserted, error))
            return error->code;
    } while (!*inserted && action == SCHEDULE_SKIP &&
             schedule_previous(tick->schedule, tick->tick_s - 1, &tick->tick_s) && tick->tick_s > after_s);
    return ERROR_NONE;
}

/* Brings *state up to the verdict. *off: it was not carried out as planned, so what follows is to be planned anew. */
static enum error_code
carry_out(struct look *look, struct schedule_tick tick, const struct schedule_verdict *verdict,
          struct schedule_state *state, struct arena *arena, struct schedule_jobs *jobs, bool *off, struct error *error)
{
    enum schedule_action action = verdict->action;
    enum schedule_reason reason = verdict->reason;
    int64_t after_s = state->has_last ? state->last_s : state->from_s - 1;
    size_t before = jobs->count;
    bool inserted;
    tick.start_s = verdict->start_s;
    tick.tick_s = verdict->tick_s;
    if (action != SCHEDULE_SKIP && !schedule_tick_has_work(&tick)) {
        action = SCHEDULE_SKIP;
        reason = SCHEDULE_REASON_NO_DATE;
    }
    if (insert_row(look, &tick, action, reason, after_s, &inserted, error))
        return error->code;
    inserted = inserted || MUTANT("double_tick");
    bool carried = action == SCHEDULE_SKIP ? reason == SCHEDULE_REASON_COALESCED || reason == SCHEDULE_REASON_OVERLAP
                                           : !inserted; /* by hand: the next run covers it again */
    *off = action != verdict->action || (!inserted && action != SCHEDULE_SKIP);
    state->has_last = true;
    state->last_s = verdict->tick_s;
    state->carry_s = carried ? verdict->start_s : verdict->tick_s;
    state->live = state->live || (inserted && action == SCHEDULE_RUN);
    state->waiting = state->waiting || (inserted && action == SCHEDULE_QUEUE);
    if (!inserted)
        return ERROR_NONE;
    look->made_s[look->made++] = tick.tick_s;
    if (action == SCHEDULE_RUN && schedule_tick_enqueue(look->database, &tick, reason, arena, jobs, error))
        return error->code;
    tell(&tick, action, reason, jobs->count - before);
    return action == SCHEDULE_SKIP ? tell_given_up(look, &tick, reason, error) : ERROR_NONE;
}

/* Plans and carries out until all went as planned, or the transaction holds enough. */
static enum error_code
carry_out_all(struct look *look, struct schedule_tick tick, struct schedule_state *state, struct arena *arena,
              struct schedule_jobs *jobs, struct schedule_plan *plan, struct error *error)
{
    for (bool off = true; off;) {
        off = false;
        schedule_plan(tick.schedule, state, plan);
        if (look->made + plan->count > SCHEDULE_PLAN_MAX) {
            plan->finished = false;
            look->busy = true;
            return ERROR_NONE;
        }
        for (size_t i = 0; i < plan->count && !off; i++)
            if (carry_out(look, tick, &plan->verdicts[i], state, arena, jobs, &off, error))
                return error->code;
    }
    return ERROR_NONE;
}

/* In the open transaction. *plan stays as it is when another scheduler has the lock. */
static enum error_code
decide(struct look *look, const struct ticks_version *version, const struct schedule *schedule, struct arena *arena,
       struct schedule_jobs *jobs, struct schedule_plan *plan, struct ticks_entry *entry, struct error *error)
{
    const struct schedule_tick tick = {.schedule = schedule, .clock = look->clock, .version = version->id};
    struct schedule_state state;
    char locked[8];
    if (database_value(look->database, SQL("try_lock"), DATABASE_VALUES(schedule->name), locked, sizeof(locked), error))
        return error->code;
    if (locked[0] != 't')
        return ERROR_NONE;
    if (read_state(look, version, schedule->name, &state, error) || release(look, tick, &state, arena, jobs, error) ||
        carry_out_all(look, tick, &state, arena, jobs, plan, error))
        return error->code;
    entry->waiting = state.waiting;
    return ERROR_NONE;
}

/* A schedule that cannot run is said to be so once, and holds up no other; a paused one is known. */
static enum error_code
look_at_trouble(struct look *look, const struct schedule *schedule, struct ticks_entry *entry, struct error *error)
{
    char paused[8];
    *entry = (struct ticks_entry){.next_s = look->now_s + TROUBLE_PAUSE_S, .told = entry->told};
    if (entry->told)
        return ERROR_NONE;
    if (database_value(look->database, SQL("paused"), DATABASE_VALUES(schedule->name), paused, sizeof(paused), error))
        return error->code;
    entry->told = paused[0] != 't';
    if (entry->told) {
        struct error trouble;
        (void)error_set(&trouble, ERROR_CONFIG, "%s", schedule->trouble);
        log_error("a schedule cannot run", &trouble);
    }
    return ERROR_NONE;
}

static enum error_code
advance_schedule(struct look *look, struct ticks_version *version, size_t index, struct error *error)
{
    const struct schedule *schedule = &version->set.items[index];
    struct ticks_entry *entry = &version->entries[index];
    struct schedule_plan plan = {.finished = false, .next_s = look->now_s};
    struct schedule_jobs jobs = {0};
    struct arena arena;
    if (look->now_s < entry->next_s && !entry->unfinished && !entry->waiting)
        return ERROR_NONE;
    if (schedule->trouble)
        return look_at_trouble(look, schedule, entry, error);
    entry->unfinished = true;
    arena_init(&arena, JOBS_ARENA_BYTES);
    look->made = 0;
    enum error_code code = database_begin(look->database, error);
    if (!code)
        code = decide(look, version, schedule, &arena, &jobs, &plan, entry, error);
    if (!code && look->made)
        FAILPOINT("scheduler.ticked");
    if (!code)
        code = database_commit(look->database, error);
    if (code) {
        database_rollback(look->database);
        (void)error_context(error, "schedule %s", schedule->name);
    } else {
        for (size_t i = 0; i < look->made; i++)
            history_tick(schedule->name, look->made_s[i] * US_PER_S, jobs.count ? jobs.ids[0] : 0);
        entry->unfinished = !plan.finished;
        entry->next_s = plan.next_s;
        look->busy = look->busy || look->made == SCHEDULE_PLAN_MAX;
        code = redis_watch_push(look->redis, look->database, jobs.ids, jobs.count, error);
    }
    arena_term(&arena);
    return code;
}

/* ---- all schedules ----------------------------------------------------------------------------------------- */

/* Whether an earlier version has still to decide ticks of a schedule of that name. */
static bool
is_behind(const struct ticks *ticks, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        for (size_t j = 0; j < ticks->versions[i].set.count; j++)
            if (ticks->versions[i].entries[j].unfinished && strcmp(ticks->versions[i].set.items[j].name, name) == 0)
                return true;
    return false;
}

/* Whether a schedule keeps its version open: ticks are undecided, or one waits that no later version would release. */
static bool
keeps_open(const struct ticks *ticks, size_t version, size_t index)
{
    const struct ticks_entry *entry = &ticks->versions[version].entries[index];
    const char *name = ticks->versions[version].set.items[index].name;
    for (size_t i = version + 1; !entry->unfinished && entry->waiting && i < ticks->count; i++)
        if (schedule_find(&ticks->versions[i].set, name))
            return false;
    return entry->unfinished || entry->waiting;
}

/* *failed gets the first error; false when the connection is gone. */
static bool
advance_version(struct look *look, size_t index, struct error *failed)
{
    struct ticks_version *version = &look->ticks->versions[index];
    struct error error;
    bool open = false;
    for (size_t i = 0; i < version->set.count; i++) {
        if (is_behind(look->ticks, index, version->set.items[i].name)) {
            version->entries[i].unfinished = true;
        } else if (advance_schedule(look, version, i, &error)) {
            *failed = failed->code ? *failed : error;
            if (!database_is_usable(look->database))
                return false;
        }
        open = open || keeps_open(look->ticks, index, i);
    }
    if (version->until_s < look->now_s && !open && close_version(look, version, &error))
        *failed = failed->code ? *failed : error;
    return database_is_usable(look->database);
}

enum error_code
ticks_advance(struct ticks *ticks, const struct business_clock *clock, struct database *database,
              struct redis_watch *redis, bool *busy, struct error *error)
{
    struct schedule_now now;
    struct error failed = {.code = ERROR_NONE};
    if (schedule_store_now(database, &now, error))
        return error->code;
    struct look look = {
        .ticks = ticks, .clock = clock, .database = database, .redis = redis, .now_s = now.us / US_PER_S};
    bool changed = now.newest_id != ticks->newest_id || now.effective_id != ticks->effective_id;
    if ((changed || now.us < ticks->seen_us) && read_versions(&look, &now, error))
        return error->code;
    ticks->seen_us = now.us;
    for (size_t i = 0; i < ticks->count && advance_version(&look, i, &failed); i++)
        continue;
    *busy = *busy || look.busy;
    if (failed.code)
        *error = failed;
    return failed.code;
}
