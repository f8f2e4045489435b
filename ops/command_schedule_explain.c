/* schedule explain: a schedule's policies in words, and what becomes of it when the clock changes. */
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "ops/command_schedule.h"

enum { CHANGES_DAYS = 400, TIMES_SHOWN = 4, TIME_BYTES = 16 };

/* ---- policies ------------------------------------------------------------------------------------------------ */

static const char *const catch_up_words[] = {
    [SCHEDULE_CATCH_UP_NONE] = "none: a tick that could not be made in time is skipped",
    [SCHEDULE_CATCH_UP_LAST] = "last: of those that could not be made in time the last runs, for the intervals of all",
    [SCHEDULE_CATCH_UP_ALL] = "all: every one that could not be made in time runs, the oldest first",
};
static const char *const overlap_words[] = {
    [SCHEDULE_OVERLAP_SKIP] =
        "skip: while jobs of an earlier tick are unfinished a tick is skipped; the next run covers "
        "its data interval",
    [SCHEDULE_OVERLAP_QUEUE] = "queue: while jobs of an earlier tick are unfinished one tick waits for them to end; "
                               "further ones are skipped, and the next run covers their data intervals",
    [SCHEDULE_OVERLAP_ALLOW] = "allow: a tick does not care for the jobs of earlier ones",
};
static const char *const gap_words[] = {
    [CRON_GAP_NEXT_INSTANT] = "next_instant: a time of day that the clock skips is made up for as soon as it has",
    [CRON_GAP_SKIP] = "skip: a time of day that the clock skips is left out",
};
static const char *const fold_words[] = {
    [CRON_FOLD_FIRST] = "first: of a time of day that the clock shows twice the first counts",
    [CRON_FOLD_SECOND] = "second: of a time of day that the clock shows twice the second counts",
    [CRON_FOLD_BOTH] = "both: a time of day that the clock shows twice counts twice",
};
static const char *const dates_words[] = {
    [SCHEDULE_DATES_NONE] = "",
    [SCHEDULE_DATES_TO_TICK] =
        ", for each business date that ended since the tick before, and the tick's own (not over then)",
    [SCHEDULE_DATES_COMPLETED] = ", for each business date that ended since the tick before",
    [SCHEDULE_DATES_LAST_COMPLETED] = ", for the last business date that ended before the tick",
};

static void
print_policies(const struct command_schedule *session, const struct schedule *schedule)
{
    char next[SCHEDULE_INSTANT_BYTES] = "never";
    int64_t next_s;
    if (schedule_next(schedule, session->now_s, &next_s))
        (void)schedule_instant(schedule->zone, next_s, next);
    printf("%s%s%s\n", schedule->name, schedule->about ? ": " : "", schedule->about ? schedule->about : "");
    printf("  due       cron \"%s\" on the clock of %s; next %s\n", schedule->cron_text, schedule->zone->name, next);
    printf("  enqueues  %s %s%s; queue %s, priority %d\n", schedule->is_pipeline ? "pipeline" : "job", schedule->target,
           dates_words[schedule->dates], schedule->queue ? schedule->queue : "of each job", schedule->priority);
    for (size_t i = 0; i < schedule->argument_count; i++)
        printf("            with %s = %s\n", schedule->arguments[i].name, schedule->arguments[i].value);
    printf("  catch up  %s; older than %s: skipped\n", catch_up_words[schedule->catch_up], schedule->window);
    printf("  overlap   %s\n", overlap_words[schedule->overlap]);
    printf("  gap       %s\n", gap_words[schedule->policy.gap]);
    printf("  fold      %s\n", fold_words[schedule->policy.fold]);
    if (schedule->first == SCHEDULE_FIRST_AT_ONCE)
        puts("  first     at_once: without any tick so far it runs at once, for the last one that was due");
}

/* ---- changes of the clock ------------------------------------------------------------------------------------ */

/* A change at end of a span: wall clock before_s becomes after_s. */
struct change {
    int64_t unix_s, before_s, after_s;
    int32_t before_offset_s, after_offset_s;
};

static bool
is_tick(const struct schedule *schedule, int64_t unix_s)
{
    int64_t tick_s;
    return schedule_next(schedule, unix_s - 1, &tick_s) && tick_s == unix_s;
}

/* "02:30:00" of an instant on a wall clock. */
static const char *
time_of_day(int64_t wall_s, char out[TIME_BYTES])
{
    int64_t second = ((wall_s % CALENDAR_DATE_DAY_S) + CALENDAR_DATE_DAY_S) % CALENDAR_DATE_DAY_S;
    (void)snprintf(out, TIME_BYTES, "%02d:%02d:%02d", (int)(second / 3600) % 24, (int)(second / 60) % 60,
                   (int)second % 60);
    return out;
}

/* What becomes of a time of day in the gap. */
static void
print_skipped(const struct schedule *schedule, const struct change *change, int64_t wall_s)
{
    char text[TIME_BYTES], local[SCHEDULE_INSTANT_BYTES], utc[SCHEDULE_INSTANT_BYTES];
    printf("    %s does not exist: ", time_of_day(wall_s, text));
    if (schedule->policy.gap == CRON_GAP_NEXT_INSTANT && !schedule->cron.every_hour &&
        is_tick(schedule, change->unix_s))
        printf("moved to %s (%s)\n", schedule_instant(schedule->zone, change->unix_s, local),
               schedule_instant_utc(change->unix_s, utc));
    else
        puts("left out");
}

/* What becomes of a time of day that comes twice. */
static void
print_repeated(const struct schedule *schedule, const struct change *change, int64_t wall_s)
{
    const int64_t instants[] = {wall_s - change->before_offset_s, wall_s - change->after_offset_s};
    char text[TIME_BYTES], local[SCHEDULE_INSTANT_BYTES], utc[SCHEDULE_INSTANT_BYTES];
    printf("    %s comes twice:", time_of_day(wall_s, text));
    for (int i = 0; i < 2; i++)
        printf("%s %s %s (%s)", i ? ";" : "", is_tick(schedule, instants[i]) ? "runs at" : "not at",
               schedule_instant(schedule->zone, instants[i], local), schedule_instant_utc(instants[i], utc));
    puts("");
}

/* The times of day that the schedule names in what is skipped or repeated. */
static void
print_times(const struct schedule *schedule, const struct change *change, const struct time_zone *utc)
{
    bool gap = change->after_s > change->before_s;
    int64_t from_s = gap ? change->before_s : change->after_s, to_s = gap ? change->after_s : change->before_s;
    int64_t wall_s = from_s - 1, count = 0;
    while (cron_next(&schedule->cron, utc, schedule->policy, wall_s, &wall_s) && wall_s < to_s) {
        if (count++ >= TIMES_SHOWN)
            continue;
        if (gap)
            print_skipped(schedule, change, wall_s);
        else
            print_repeated(schedule, change, wall_s);
    }
    if (!count)
        puts("    no tick of this schedule is in between");
    else if (count > TIMES_SHOWN)
        printf("    and so on: %lld times in all\n", (long long)count);
}

static void
print_change(const struct schedule *schedule, const struct change *change, const struct time_zone *utc)
{
    char before[SCHEDULE_INSTANT_BYTES], after[TIME_BYTES], instant[SCHEDULE_INSTANT_BYTES];
    bool gap = change->after_s > change->before_s;
    int64_t minutes = (gap ? change->after_s - change->before_s : change->before_s - change->after_s) / 60;
    (void)schedule_instant_utc(change->before_s, before);
    before[19] = 0; /* on the wall clock: without the Z */
    before[10] = ' ';
    printf("  %s the clock is set %s to %s, by %lld minutes (%s)\n", before, gap ? "forward" : "back",
           time_of_day(change->after_s, after), (long long)minutes, schedule_instant_utc(change->unix_s, instant));
    if (schedule->cron.every_hour && minutes % 60 == 0)
        puts("    due in every hour, it goes on as time does: nothing is left out, moved or doubled");
    else
        print_times(schedule, change, utc);
}

static enum error_code
print_changes(const struct command_schedule *session, const struct schedule *schedule, struct error *error)
{
    char until[SCHEDULE_INSTANT_BYTES];
    struct time_zone_span span, next;
    struct time_zone utc;
    int64_t limit_s = session->now_s + (int64_t)CHANGES_DAYS * CALENDAR_DATE_DAY_S;
    int count = 0;
    if (time_zone_load(&utc, "UTC", error))
        return error->code;
    (void)schedule_instant(schedule->zone, limit_s, until);
    printf("\nChanges of the clock in %s until %.10s:\n", schedule->zone->name, until);
    time_zone_span_at(schedule->zone, session->now_s, &span);
    for (; span.end_s < limit_s; span = next) {
        time_zone_span_at(schedule->zone, span.end_s, &next);
        const struct change change = {span.end_s, span.end_s + span.offset_s, span.end_s + next.offset_s, span.offset_s,
                                      next.offset_s};
        if (change.before_s == change.after_s)
            continue;
        print_change(schedule, &change, &utc);
        count++;
    }
    if (!count)
        puts("  none");
    return ERROR_NONE;
}

static enum error_code
run_explain(const struct command_line *line, struct error *error)
{
    struct command_schedule session;
    const struct schedule *schedule;
    enum error_code code = command_schedule_open(&session, error);
    if (!code)
        code = command_schedule_find(&session, line->words[0], &schedule, error);
    if (!code) {
        print_policies(&session, schedule);
        code = print_changes(&session, schedule, error);
    }
    command_schedule_close(&session);
    return code;
}

const struct command command_schedule_explain = {
    .name = "schedule explain",
    .usage = "NAME",
    .summary = "say a schedule's policies in words, and what happens when the clock changes",
    .words_min = 1,
    .words_max = 1,
    .run = run_explain,
};
