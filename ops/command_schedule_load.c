/* schedule load, schedule run: a new version, and a tick by hand. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/business_clock.h"
#include "core/config.h"
#include "core/number_text.h"
#include "core/sql.h"
#include "jobs/schedule_file.h"
#include "jobs/schedule_tick.h"
#include "ops/command_schedule.h"
#include "ops/command_session.h"
#include "ops/command_target.h"
#include "ops/command_wait.h"

#define LEDGER(name) sql_text("ledger/schedule", name)

enum { JOBS_ARENA_BYTES = 16 * 1024 * 1024, STATUS_BYTES = 16 };

/* ---- what a load changes ------------------------------------------------------------------------------------- */

/* One key of a schedule in both versions; prints a line if they differ. True then. */
static bool
print_key_change(const char *name, const char *key, const char *before, const char *after)
{
    before = before ? before : "";
    after = after ? after : "";
    if (strcmp(before, after) == 0)
        return false;
    printf("~ %s: %s \"%s\" -> \"%s\"\n", name, key, before, after);
    return true;
}

static bool
print_schedule_change(const struct schedule *before, const struct schedule *after)
{
    char old_text[24], new_text[24];
    bool changed = false;
    if (before->trouble) {
        printf("~ %s: it could not run before\n", after->name);
        return true;
    }
    for (int i = 0; i < SCHEDULE_KEY_COUNT; i++) {
        enum schedule_key key = (enum schedule_key)i;
        if (key != SCHEDULE_KEY_ARGUMENTS)
            changed |= print_key_change(after->name, schedule_key_name(key), schedule_value(before, key, old_text),
                                        schedule_value(after, key, new_text));
    }
    for (size_t i = 0; i < after->argument_count; i++) {
        const char *name = after->arguments[i].name;
        changed |= print_key_change(after->name, name, schedule_argument(before, name), after->arguments[i].value);
    }
    for (size_t i = 0; i < before->argument_count; i++)
        if (!schedule_argument(after, before->arguments[i].name))
            changed |= print_key_change(after->name, before->arguments[i].name, before->arguments[i].value, NULL);
    return changed;
}

static void
print_changes(const struct schedule_set *before, const struct schedule_set *after)
{
    size_t unchanged = 0;
    for (size_t i = 0; i < after->count; i++) {
        const struct schedule *old = schedule_find(before, after->items[i].name);
        if (!old)
            printf("+ %s: %s, cron \"%s\" in %s\n", after->items[i].name, after->items[i].target,
                   after->items[i].cron_text, after->items[i].zone->name);
        else
            unchanged += !print_schedule_change(old, &after->items[i]);
    }
    for (size_t i = 0; i < before->count; i++)
        if (!schedule_find(after, before->items[i].name))
            printf("- %s\n", before->items[i].name);
    printf("%zu unchanged\n", unchanged);
}

/* ---- load ---------------------------------------------------------------------------------------------------- */

static enum error_code
read_from(const struct command_line *line, const struct command_schedule *session, int64_t *from_us,
          struct error *error)
{
    const char *given = command_value(line, "--effective-from");
    int64_t from_s;
    *from_us = session->now.us;
    if (!given)
        return ERROR_NONE;
    if (command_session_instant(session->warehouse, given, "--effective-from", &from_s, from_us, error))
        return error->code;
    return *from_us >= session->now.us
               ? ERROR_NONE
               : error_set(error, ERROR_USAGE,
                           "--effective-from %s is over: what happened then is done; leave it out for now", given);
}

/* A version that was stored for later replaces this one then. */
static enum error_code
print_successor(const struct command_schedule *session, int64_t from_us, struct error *error)
{
    struct number_text from;
    struct rows *rows;
    if (database_query(session->warehouse, sql_text("ops/schedule", "coming"),
                       DATABASE_VALUES(number_text(&from, from_us)), &rows, error))
        return error->code;
    if (rows_count(rows))
        printf(
            "But only until %s: then version %s (%s) replaces it, which was stored before. To replace that one, load "
            "a file\nwith --effective-from '%s'.\n",
            rows_text(rows, 0, 2), rows_text(rows, 0, 0), rows_text(rows, 0, 1), rows_text(rows, 0, 2));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
load(const struct command_line *line, struct command_schedule *session, struct error *error)
{
    const char *path = line->word_count ? line->words[0] : NULL;
    const char *zone = config_text(CONFIG_TIMEZONE);
    struct schedule_set set;
    char instant[SCHEDULE_INSTANT_BYTES];
    int64_t from_us, version;
    if (schedule_file_read(path, zone, &session->arena, &set, error) || read_from(line, session, &from_us, error))
        return error->code;
    for (size_t i = 0; i < set.count; i++)
        if (command_target_queue(set.items[i].queue, error))
            return error_context(error, "schedule %s", set.items[i].name);
    print_changes(&session->set, &set);
    if (command_flag(line, "--dry-run")) {
        puts("Nothing is stored (--dry-run).");
        return ERROR_NONE;
    }
    if (schedule_store_add(session->warehouse, &set, from_us, path ? path : SCHEDULE_FILE_BUILT_IN, &version, error))
        return error->code;
    printf("Version %" PRId64 " with %zu schedules is stored, in effect from %s on.\n", version, set.count,
           schedule_instant_utc(from_us / 1000000, instant));
    return print_successor(session, from_us, error);
}

static enum error_code
run_load(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    if (!line->word_count == !command_flag(line, "--built-in"))
        return error_set(error, ERROR_USAGE,
                         "name a file, or say --built-in for the schedule that Tapemill comes with");
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        code = load(line, &session, error);
    command_schedule_close(&session);
    return code;
}

static void
show_keys(FILE *out)
{
    fprintf(out,
            "\nA file is {\"schedules\": [{...}, ...]}. What a schedule may say (default in brackets, or the first of "
            "its words\nthat are named last):\n");
    for (int key = 0; key < SCHEDULE_KEY_COUNT; key++)
        fprintf(out, "  %-17s%s\n", schedule_key_name((enum schedule_key)key),
                schedule_key_help((enum schedule_key)key));
}

const struct command command_schedule_load = {
    .name = "schedule load",
    .usage = "FILE",
    .summary = "store a file as a new version of the schedule; schedulers run what is stored",
    .detail = "Ticks before the new version are the old one's. Prints what changes: + new, - gone, ~ changed.",
    .options = (const struct command_option[]){{"--built-in", NULL,
                                                "the schedule that Tapemill comes with, in place of a file", false},
                                               {"--effective-from", "TIME", "when it takes effect (now)", false},
                                               {"--dry-run", NULL, "check the file and print what would change", false},
                                               {0}},
    .words_max = 1,
    .run = run_load,
    .show_more = show_keys,
};

/* ---- run ------------------------------------------------------------------------------------------------------ */

/* Which tick: the one asked for, or the last one that was due. */
static enum error_code
choose_tick(const struct command_line *line, const struct command_schedule *session, const struct schedule *schedule,
            int64_t *tick_s, struct error *error)
{
    const char *at = command_value(line, "--at");
    char last[SCHEDULE_INSTANT_BYTES], next[SCHEDULE_INSTANT_BYTES];
    int64_t at_s = session->now_s, at_us, next_s;
    if (at && command_session_instant(session->warehouse, at, "--at", &at_s, &at_us, error))
        return error->code;
    if (at_s > session->now_s)
        return error_set(error, ERROR_USAGE, "--at %s is still to come; leave it out for the last tick", at);
    if (!schedule_previous(schedule, at_s, tick_s))
        return error_set(error, ERROR_ARGUMENT, "schedule %s was never due", schedule->name);
    if (!at || *tick_s == at_s)
        return ERROR_NONE;
    if (!schedule_next(schedule, at_s, &next_s))
        next_s = *tick_s;
    return error_set(error, ERROR_USAGE, "schedule %s has no tick at %s; the nearest are %s and %s", schedule->name, at,
                     schedule_instant(schedule->zone, *tick_s, last), schedule_instant(schedule->zone, next_s, next));
}

/* Makes sure of the tick's row, and of its data interval as it is there. */
static enum error_code
find_tick(const struct command_schedule *session, struct schedule_tick *tick, enum schedule_reason *reason,
          struct error *error)
{
    struct number_text instant;
    char text[SCHEDULE_INSTANT_BYTES];
    struct rows *rows;
    bool inserted;
    const char *by_hand = schedule_reason_name(SCHEDULE_REASON_BY_HAND);
    if (!schedule_previous(tick->schedule, tick->tick_s - 1, &tick->start_s))
        tick->start_s = tick->tick_s - 1;
    if (schedule_tick_insert(session->warehouse, tick, SCHEDULE_RUN, SCHEDULE_REASON_BY_HAND, &inserted, error) ||
        inserted)
        return error->code;
    if (database_query(session->warehouse, LEDGER("settle"), DATABASE_VALUES(tick->schedule->name), NULL, error) ||
        database_query(session->warehouse, LEDGER("tick"),
                       DATABASE_VALUES(tick->schedule->name, number_text(&instant, tick->tick_s)), &rows, error))
        return error->code;
    bool live = rows_boolean(rows, 0, 3);
    if (strncmp(rows_text(rows, 0, 1), by_hand, strlen(by_hand)) != 0)
        *reason = SCHEDULE_REASON_AGAIN;
    if (rows_integer(rows, 0, 2) < tick->tick_s)
        tick->start_s = rows_integer(rows, 0, 2);
    rows_free(rows);
    return live ? error_set(error, ERROR_ARGUMENT,
                            "jobs of the tick %s of schedule %s are not finished; `tapemill jobs` "
                            "lists them",
                            schedule_instant(tick->schedule->zone, tick->tick_s, text), tick->schedule->name)
                : ERROR_NONE;
}

static enum error_code
enqueue(struct command_schedule *session, struct schedule_tick *tick, struct schedule_jobs *jobs, struct error *error)
{
    struct database *warehouse = session->warehouse;
    enum schedule_reason reason = SCHEDULE_REASON_BY_HAND;
    error->code = ERROR_NONE;
    enum error_code code = database_begin(warehouse, error);
    if (!code)
        code = database_query(warehouse, LEDGER("lock"), DATABASE_VALUES(tick->schedule->name), NULL, error);
    if (!code)
        code = find_tick(session, tick, &reason, error);
    if (!code && !schedule_tick_has_work(tick))
        code = error_set(error, ERROR_ARGUMENT,
                         "no business date ended in the interval of that tick; there is nothing "
                         "to do");
    if (!code)
        code = schedule_tick_enqueue(warehouse, tick, reason, &session->arena, jobs, error);
    if (!code)
        code = database_commit(warehouse, error);
    if (code)
        database_rollback(warehouse);
    else
        command_session_push(warehouse, jobs->ids, jobs->count);
    return code;
}

static enum error_code
run_now(const struct command_line *line, struct command_schedule *session, struct error *error)
{
    struct business_clock clock;
    struct schedule_jobs jobs = {0};
    struct schedule_tick tick = {.clock = &clock, .version = session->now.effective_id};
    char instant[SCHEDULE_INSTANT_BYTES];
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        command_schedule_find(session, line->words[0], &tick.schedule, error) ||
        choose_tick(line, session, tick.schedule, &tick.tick_s, error) || enqueue(session, &tick, &jobs, error))
        return error->code;
    printf("enqueued %s for the tick %s: job%s ", tick.schedule->target,
           schedule_instant(tick.schedule->zone, tick.tick_s, instant), jobs.count > 1 ? "s" : "");
    for (size_t i = 0; i < jobs.count; i++)
        printf("%s%" PRId64, i ? ", " : "", jobs.ids[i]);
    puts("");
    (void)fflush(stdout);
    return command_flag(line, "--wait") ? command_wait_jobs(&session->warehouse, jobs.ids, jobs.count, error)
                                        : ERROR_NONE;
}

static enum error_code
run_run(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        code = run_now(line, &session, error);
    command_schedule_close(&session);
    return code;
}

const struct command command_schedule_run = {
    .name = "schedule run",
    .usage = "NAME",
    .summary = "enqueue a schedule's jobs now, for its last tick or another one",
    .detail = "A tick that was skipped is made up for; one that ran, runs again. Pauses and overlaps do not matter.",
    .options = (const struct command_option[]){{"--at", "TICK", "for the tick of this time (the last one)", false},
                                               {"--wait", NULL, "watch until its jobs have ended", false},
                                               {0}},
    .words_min = 1,
    .words_max = 1,
    .run = run_run,
};
