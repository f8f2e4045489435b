#include "jobs/refresh.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"

#define SQL(name) sql_text("jobs/refresh", name)

enum { ARGUMENTS_BYTES = 64, KEY_BYTES = 160 };

const struct refresh_target refresh_targets[] = {
    {"performance", "daily_performance", "day", NULL, true},
    {"positions", "daily_positions", "day", NULL, true},
    {"performance_risk", "performance_risk", "day", NULL, false},
    {"performance_monthly", "performance_monthly", "month", NULL, false},
    {"summary", "daily_summary", "day", NULL, false},
    {"client_metrics:DAILY", "client_metrics", "day", "DAILY", true},
    {"client_metrics:WEEKLY", "client_metrics", "week", "WEEKLY", true},
    {"client_metrics:MONTHLY", "client_metrics", "month", "MONTHLY", true},
    {"client_metrics:QUARTERLY", "client_metrics", "quarter", "QUARTERLY", true},
    {"client_metrics:YEARLY", "client_metrics", "year", "YEARLY", true},
    {"lp_performance:DAILY", "lp_performance", "day", "DAILY", false},
    {"lp_performance:WEEKLY", "lp_performance", "week", "WEEKLY", false},
    {"lp_performance:MONTHLY", "lp_performance", "month", "MONTHLY", false},
    {"lp_performance:QUARTERLY", "lp_performance", "quarter", "QUARTERLY", false},
    {"lp_performance:YEARLY", "lp_performance", "year", "YEARLY", false},
};
const size_t refresh_target_count = sizeof(refresh_targets) / sizeof(refresh_targets[0]);

static bool
is_of_date(const struct refresh_target *target)
{
    return !target->period && strcmp(target->unit, "day") == 0;
}

static void
list_date(char *list, size_t size, bool jobs)
{
    size_t length = (size_t)snprintf(list, size, "{");
    for (size_t i = 0; i < refresh_target_count; i++)
        if (is_of_date(&refresh_targets[i]))
            length += (size_t)snprintf(list + length, size - length, "%s%s", length > 1 ? "," : "",
                                       jobs ? refresh_targets[i].job : refresh_targets[i].name);
    (void)snprintf(list + length, size - length, "}");
}

void
refresh_date_targets(char *list, size_t size)
{
    list_date(list, size, false);
}

void
refresh_date_jobs(char *list, size_t size)
{
    list_date(list, size, true);
}

static void
note_missing(struct refresh_result *result, const char *job)
{
    size_t length = strlen(result->missing);
    if (!strstr(result->missing, job))
        (void)snprintf(result->missing + length, sizeof(result->missing) - length, "%s\"%s\"", length ? ", " : "", job);
}

static void
format_arguments(const struct refresh_target *target, char arguments[ARGUMENTS_BYTES])
{
    if (target->period)
        (void)snprintf(arguments, ARGUMENTS_BYTES, "{\"period\": \"%s\"}", target->period);
    else
        (void)snprintf(arguments, ARGUMENTS_BYTES, "{}");
}

/* A bucket's job, or the one that is queued for it. date NULL: a job that takes none. */
static enum error_code
enqueue(struct job_context *context, const struct refresh_request *request, const struct refresh_target *target,
        const char *date, const char *first_date, struct refresh_result *result, struct error *error)
{
    const struct job_definition *job = job_find(target->job);
    char arguments[ARGUMENTS_BYTES], key[KEY_BYTES], end_key[JOB_WAIT_KEY_BYTES];
    int64_t job_id;
    bool created;
    format_arguments(target, arguments);
    (void)snprintf(key, sizeof(key), "refresh:%s:%s", target->name, date ? first_date : "all");
    const struct ledger_new_job new_job = {
        .job_name = job->name,
        .job_type = job->type,
        .kind = "batch",
        .queue = job->queue,
        .priority = context->run->priority,
        .max_attempts = job->max_attempts,
        .arguments = arguments,
        .business_date = date,
        .unique_key = key,
        .unique_while = "queued",
        .parent_id = context->run->job_id,
        .end_key = date ? job_end_key(job, date, end_key) : NULL,
    };
    if (ledger_enqueue(request->database, &new_job, &job_id, &created, error))
        return error->code;
    if (created)
        ledger_note_push(request->pushes, job_id);
    result->enqueued += created;
    return ERROR_NONE;
}

/* The first date of which there are books; NULL: it is not known. */
static enum error_code
first_booked(const char **first, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    int32_t days;
    *first = start && start[0] ? start : NULL;
    return *first && calendar_date_parse(start, &days, error) ? error_context(error, "TAPEMILL_HISTORY_START")
                                                              : ERROR_NONE;
}

static enum error_code
refresh_target(struct job_context *context, const struct refresh_request *request, const struct refresh_target *target,
               struct refresh_result *result, struct error *error)
{
    const struct job_definition *job = job_find(target->job);
    const char *first = NULL;
    char arguments[ARGUMENTS_BYTES], most[24];
    struct rows *rows;
    enum error_code code = ERROR_NONE;
    (void)snprintf(most, sizeof(most), "%d", (int)REFRESH_JOBS_MAX);
    format_arguments(target, arguments);
    if ((target->needs_books && first_booked(&first, error)) ||
        database_query(request->database, SQL("buckets"),
                       DATABASE_VALUES(target->name, target->unit, request->before, request->from_key, request->to_key,
                                       target->job, arguments, most, first),
                       &rows, error))
        return error->code;
    size_t count = rows_count(rows);
    bool takes_date = job->needs_date || job->takes_date;
    for (size_t i = 0; !code && i < (takes_date || !count ? count : 1); i++)
        code = enqueue(context, request, target, takes_date ? rows_text(rows, i, 0) : NULL, rows_text(rows, i, 1),
                       result, error);
    result->buckets += (int64_t)count;
    rows_free(rows);
    return code;
}

enum error_code
refresh_dirty(struct job_context *context, const struct refresh_request *request, struct refresh_result *result,
              struct error *error)
{
    *result = (struct refresh_result){0};
    for (size_t i = 0; i < refresh_target_count; i++) {
        if (request->dates_only && !is_of_date(&refresh_targets[i]))
            continue;
        if (!job_find(refresh_targets[i].job))
            note_missing(result, refresh_targets[i].job);
        else if (refresh_target(context, request, &refresh_targets[i], result, error))
            return error_context(error, "target %s of the dirty log", refresh_targets[i].name);
    }
    return ERROR_NONE;
}
