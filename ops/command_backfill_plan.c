#include "ops/command_backfill_plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/sql.h"
#include "jobs/backfill_rule.h"
#include "ops/command.h"

enum { LINE_DATES = 6 };

/* What would become of one date. */
struct fate {
    char state[16]; /* "never", "live", "failed", "completed": what the ledger knows */
    bool runs;
};

static enum error_code
look_up(struct database *warehouse, const struct command_backfill_plan *plan, struct fate *fates, struct error *error)
{
    const char *statement = sql_text("ledger/backfill", plan->target.pipeline ? "pipeline_dates" : "job_dates");
    const char *values[] = {plan->target.name, plan->from, plan->to, plan->arguments.bytes};
    size_t count = (size_t)(plan->to_days - plan->from_days) + 1;
    enum backfill_reprocess reprocess = backfill_rule_reprocess(plan->reprocess);
    struct rows *rows;
    if (database_query(warehouse, statement, plan->target.pipeline ? 3 : 4, values, &rows, error))
        return error->code;
    for (size_t i = 0; i < count && i < rows_count(rows); i++) {
        (void)snprintf(fates[i].state, sizeof(fates[i].state), "%s", rows_text(rows, i, 0));
        fates[i].runs = backfill_rule_runs(reprocess, backfill_rule_date(fates[i].state));
    }
    rows_free(rows);
    return ERROR_NONE;
}

/* ---- the estimate -------------------------------------------------------------------------------------------- */

struct estimate {
    double seconds_per_date, seconds_once; /* once: of steps that the dates share */
    int64_t records_per_date;
    int64_t runs; /* completed runs it rests on, of the job with fewest */
};

static bool
is_shared(const struct command_target *target, const char *job)
{
    for (size_t i = 0; target->pipeline && i < target->pipeline->count; i++)
        if (target->pipeline->steps[i].shared && strcmp(target->pipeline->steps[i].job, job) == 0)
            return true;
    return false;
}

static enum error_code
make_estimate(struct database *warehouse, const struct command_backfill_plan *plan, struct estimate *estimate,
              struct error *error)
{
    struct buffer jobs;
    struct rows *rows = NULL;
    *estimate = (struct estimate){0};
    enum error_code code = command_target_jobs(&plan->target, &jobs, error);
    if (!code)
        code =
            database_query(warehouse, sql_text("ops/backfill", "durations"), DATABASE_VALUES(jobs.bytes), &rows, error);
    for (size_t row = 0; !code && row < rows_count(rows); row++) {
        bool shared = is_shared(&plan->target, rows_text(rows, row, 0));
        int64_t runs = rows_integer(rows, row, 1);
        estimate->runs = !row || runs < estimate->runs ? runs : estimate->runs;
        *(shared ? &estimate->seconds_once : &estimate->seconds_per_date) += strtod(rows_text(rows, row, 2), NULL);
        estimate->records_per_date += shared ? 0 : rows_integer(rows, row, 3);
    }
    rows_free(rows);
    buffer_term(&jobs);
    return code;
}

static double
whole_seconds(const struct command_backfill_plan *plan, const struct estimate *estimate, int64_t dates)
{
    int64_t parallel = plan->parallel < dates ? plan->parallel : dates;
    return parallel ? estimate->seconds_once + estimate->seconds_per_date * (double)dates / (double)parallel : 0;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

/* Stretches of dates that run, in the order in which they would: "2024-01-01 to 2024-01-05 (5)". */
static void
print_stretches(const struct command_backfill_plan *plan, const struct fate *fates, int32_t count)
{
    int32_t begin = 0;
    while (begin < count) {
        int32_t end = begin;
        char first[CALENDAR_DATE_BYTES], last[CALENDAR_DATE_BYTES];
        bool backwards = plan->backwards;
        while (end < count && fates[backwards ? count - 1 - end : end].runs)
            end++;
        if (end > begin) {
            (void)calendar_date_format(backwards ? plan->to_days - begin : plan->from_days + begin, first);
            (void)calendar_date_format(backwards ? plan->to_days - end + 1 : plan->from_days + end - 1, last);
            if (end - begin == 1)
                printf("  %s\n", first);
            else
                printf("  %s to %s (%d dates)\n", first, last, end - begin);
        }
        begin = end + 1;
    }
}

static int32_t
count_fates(const struct fate *fates, int32_t count, bool runs, const char *state)
{
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++)
        found += fates[i].runs == runs && (!state || strcmp(fates[i].state, state) == 0);
    return found;
}

static void
print_text(const struct command_backfill_plan *plan, const struct fate *fates, int32_t count,
           const struct estimate *estimate)
{
    static const char *const states[] = {"completed", "failed", "live"};
    char whole[32], one[32];
    int32_t running = count_fates(fates, count, true, NULL);
    printf("%s from %s to %s: %d of %d dates would run\n", plan->target.name, plan->from, plan->to, running, count);
    print_stretches(plan, fates, count);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (count_fates(fates, count, false, states[i]))
            printf("left out, as they are %s: %d\n", strcmp(states[i], "live") == 0 ? "under way" : states[i],
                   count_fates(fates, count, false, states[i]));
    if (!running)
        return;
    if (estimate->runs)
        printf("by the ledger's history about %s (%s a date, %lld at a time) and %lld records\n",
               command_progress_span((int64_t)(whole_seconds(plan, estimate, running) * 1000), whole),
               command_progress_span((int64_t)(estimate->seconds_per_date * 1000), one), (long long)plan->parallel,
               (long long)(estimate->records_per_date * running));
    else
        puts("how long it takes is not known: not all of its jobs have completed runs");
}

/* The dates that run, or those that are left out with what they are, as the members of a JSON array. */
static void
print_dates(const struct command_backfill_plan *plan, const struct fate *fates, int32_t count, bool runs)
{
    char date[CALENDAR_DATE_BYTES];
    int32_t printed = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t day = plan->backwards ? count - 1 - i : i;
        if (fates[day].runs != runs)
            continue;
        printf("%s", !printed ? "" : printed % LINE_DATES ? ", " : ",\n    ");
        printed++;
        (void)calendar_date_format(plan->from_days + day, date);
        if (runs)
            printf("\"%s\"", date);
        else
            printf("{\"date\": \"%s\", \"state\": \"%s\"}", date, fates[day].state);
    }
}

static void
print_json(const struct command_backfill_plan *plan, const struct fate *fates, int32_t count,
           const struct estimate *estimate)
{
    int32_t running = count_fates(fates, count, true, NULL);
    printf("{\"target\": \"%s\", \"from\": \"%s\", \"to\": \"%s\", \"dates\": %d, \"would_run\": %d,\n",
           plan->target.name, plan->from, plan->to, count, running);
    if (estimate->runs)
        printf(" \"seconds_per_date\": %.3f, \"estimated_seconds\": %.3f, \"estimated_records\": %lld,\n",
               estimate->seconds_per_date, whole_seconds(plan, estimate, running),
               (long long)(estimate->records_per_date * running));
    else
        printf(" \"seconds_per_date\": null, \"estimated_seconds\": null, \"estimated_records\": null,\n");
    printf(" \"run\": [");
    print_dates(plan, fates, count, true);
    printf("],\n \"left_out\": [");
    print_dates(plan, fates, count, false);
    puts("]}");
}

enum error_code
command_backfill_plan_show(struct database *warehouse, const struct command_backfill_plan *plan, bool json,
                           struct error *error)
{
    int32_t count = plan->to_days - plan->from_days + 1;
    struct estimate estimate;
    struct fate *fates = calloc((size_t)count, sizeof(*fates));
    if (!fates)
        return error_set(error, ERROR_MEMORY, "out of memory for %d dates", count);
    enum error_code code = look_up(warehouse, plan, fates, error);
    if (!code)
        code = make_estimate(warehouse, plan, &estimate, error);
    if (!code && json)
        print_json(plan, fates, count, &estimate);
    else if (!code)
        print_text(plan, fates, count, &estimate);
    free(fates);
    return code;
}
