/* jobs/verify_sample.c - every day the derived rows of a few dates are recomputed by another route and compared
 * (jobs/verify.h): the last loaded date, and others drawn from all that were ever loaded, by the run's data interval,
 * so that the same run draws the same dates. Differences are findings, and one alert. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "jobs/job.h"
#include "jobs/verify.h"

#define SQL(name) sql_text("jobs/verify_sample", name)

enum { DATES_DEFAULT = 5, DATES_MAX = 1000, FINDINGS_MAX = 100, TITLE_BYTES = 160 };

struct sample {
    struct job_context *context;
    struct database *side;
    const char *date;
    int64_t filed;
    struct error error; /* the first that filing met */
};

/* Filed on the run's own connection: the other is in the middle of a COPY. */
static void
file_finding(void *data, const struct verify_difference *difference)
{
    struct sample *sample = data;
    if (sample->error.code || sample->filed == FINDINGS_MAX)
        return;
    if (!database_query(sample->context->warehouse, SQL("file_finding"),
                        DATABASE_VALUES(sample->context->run->run_id, difference->table, difference->key,
                                        difference->column, sample->date, difference->stored, difference->recomputed),
                        NULL, &sample->error))
        sample->filed++;
}

static enum error_code
verify_all(struct verify *verify, struct error *error)
{
    if (verify_aggregates(verify, error) || verify_pnl(verify, error))
        return error->code;
    return verify_positions(verify, error);
}

static enum error_code
verify_snapshot(struct sample *sample, struct verify *verify, struct error *error)
{
    if (database_query(sample->side, SQL("hold"), 0, NULL, NULL, error))
        return error->code;
    enum error_code code = database_run(sample->side, SQL("snapshot"), error);
    if (!code)
        code = verify_all(verify, error);
    database_rollback(sample->side);
    return code ? code : database_query(sample->side, SQL("let_go"), 0, NULL, NULL, error);
}

static enum error_code
verify_date(struct sample *sample, const char *date, int64_t *differences, struct error *error)
{
    struct verify verify = {.warehouse = sample->side, .tell = file_finding, .data = sample};
    if (calendar_date_parse(date, &verify.from_days, error))
        return error->code;
    verify.to_days = verify.from_days;
    sample->date = date;
    if (database_query(sample->context->warehouse, SQL("resolve"), DATABASE_VALUES(date), NULL, error))
        return error->code;
    enum error_code code = verify_snapshot(sample, &verify, error);
    *differences += verify_differences(&verify);
    if (!code && sample->error.code) {
        *error = sample->error;
        code = error->code;
    }
    return code ? error_context(error, "verifying %s", date) : ERROR_NONE;
}

static enum error_code
alert(struct job_context *context, int64_t differences, struct error *error)
{
    char title[TITLE_BYTES], text[TITLE_BYTES];
    (void)snprintf(title, sizeof(title), "%" PRId64 " derived figures are not what the facts come to", differences);
    (void)snprintf(text, sizeof(text),
                   "tapemill quality --run %" PRId64 " lists them; tapemill verify looks at more dates",
                   context->run->run_no);
    return ledger_alert(context->warehouse, "verify_difference", "critical", title, text, context->run->job_id, error);
}

static enum error_code
read_count(struct job_context *context, char count[24], struct error *error)
{
    const char *text = job_argument(context, "dates", NULL);
    char *end = NULL;
    long dates = text ? strtol(text, &end, 10) : DATES_DEFAULT;
    if (text && (end == text || *end || dates < 1 || dates > DATES_MAX))
        return error_set(error, ERROR_ARGUMENT, "dates is \"%.40s\"; give a number of dates, 1 to %d", text, DATES_MAX);
    (void)snprintf(count, 24, "%ld", dates);
    return ERROR_NONE;
}

static enum error_code
verify_dates(struct job_context *context, const struct rows *dates, struct error *error)
{
    struct sample sample = {.context = context};
    int64_t differences = 0;
    if (job_side(context, &sample.side, error))
        return error->code;
    for (size_t i = 0; i < rows_count(dates); i++)
        if (verify_date(&sample, rows_text(dates, i, 0), &differences, error))
            return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"dates\": %zu, \"differences\": %" PRId64 ", \"findings\": %" PRId64 "}", rows_count(dates),
                   differences, sample.filed);
    context->counts.extracted = context->counts.unchanged = (int64_t)rows_count(dates);
    return differences ? alert(context, differences, error) : ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    const struct ledger_run *run = context->run;
    struct rows *dates;
    char count[24];
    if (read_count(context, count, error) ||
        database_query(context->warehouse, SQL("dates"),
                       DATABASE_VALUES(run->business_date[0] ? run->business_date : run->interval_end, count), &dates,
                       error))
        return error->code;
    enum error_code code = verify_dates(context, dates, error);
    rows_free(dates);
    return code;
}

static const char *const arguments[] = {"dates", NULL};

const struct job_definition job_verify_sample = {
    .name = "verify_sample",
    .type = "QUALITY",
    .summary = "derived rows of some dates recomputed by another route, and compared",
    .queue = "batch",
    .max_attempts = 3,
    .takes_date = true,
    .arguments = arguments,
    .run = run,
};
