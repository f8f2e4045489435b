/* core/ledger_failure.c - what becomes of a job that failed. */
#include <inttypes.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/ledger", name)

enum { STUCK_RETURNS = 10 };

static int64_t
backoff_ms(int64_t base_ms, int64_t steps)
{
    int64_t cap_ms = config_integer(CONFIG_RETRY_CAP_SECONDS) * 1000, delay_ms = base_ms;
    while (steps-- > 0 && delay_ms < cap_ms)
        delay_ms *= 3;
    return clock_jitter_ms(delay_ms < cap_ms ? delay_ms : cap_ms);
}

/* What becomes of a job that failed. */
struct verdict {
    const char *job_state, *run_status, *wait_key;
    int charged, given_back;
    int64_t delay_ms;
    enum ledger_outcome outcome;
};

static enum error_code
judge(struct database *database, const struct error *failure, const char *wait_key, int64_t attempts,
      int64_t max_attempts, int64_t returns, struct verdict *verdict, struct error *error)
{
    bool met = false;
    *verdict = (struct verdict){.job_state = "dead", .run_status = "FAILED", .charged = 1, .outcome = LEDGER_DEAD};
    switch (error_disposition(failure->code)) {
    case DISPOSITION_WAIT:
        if (ledger_hold_condition(database, wait_key, &met, error))
            return error->code;
        *verdict = met ? (struct verdict){"queued", "CANCELLED", NULL, 0, 0, 0, LEDGER_GIVEN_BACK}
                       : (struct verdict){"waiting", "CANCELLED", wait_key, 0, 0, 0, LEDGER_WAITS};
        break;
    case DISPOSITION_GIVE_BACK:
        *verdict = (struct verdict){"queued",
                                    failure->code == ERROR_SHUTDOWN ? "CANCELLED" : "FAILED",
                                    NULL,
                                    0,
                                    1,
                                    failure->code == ERROR_SHUTDOWN ? 0 : backoff_ms(1000, returns < 4 ? returns : 4),
                                    LEDGER_GIVEN_BACK};
        break;
    case DISPOSITION_RETRY:
        if (attempts + 1 < max_attempts)
            *verdict = (struct verdict){"retry",
                                        "FAILED",
                                        NULL,
                                        1,
                                        0,
                                        backoff_ms(config_integer(CONFIG_RETRY_BASE_SECONDS) * 1000, attempts),
                                        LEDGER_WILL_RETRY};
        break;
    case DISPOSITION_NONE:
    case DISPOSITION_DEAD:
        break;
    }
    return ERROR_NONE;
}

static enum error_code
alert_dead(struct database *database, const struct ledger_run *run, const struct error *failure, struct error *error)
{
    char cause[160], title[240], body[ERROR_MESSAGE_BYTES + 256];
    (void)snprintf(cause, sizeof(cause), "dead:%s", run->job_name);
    (void)snprintf(title, sizeof(title), "Job %s is dead (job %" PRId64 "%s%s)", run->job_name, run->job_id,
                   run->business_date[0] ? ", " : "", run->business_date);
    (void)snprintf(body, sizeof(body), "%s: %s\nLook: tapemill dead show %" PRId64, error_name(failure->code),
                   failure->message, run->job_id);
    return ledger_alert(database, cause, "critical", title, body, run->job_id, error);
}

/* A job that is given back again and again costs no attempts and never dies; somebody should know. */
static enum error_code
alert_stuck(struct database *database, const struct ledger_run *run, const struct error *failure, struct error *error)
{
    char cause[160], title[240], body[ERROR_MESSAGE_BYTES + 256];
    (void)snprintf(cause, sizeof(cause), "stuck:%s", run->job_name);
    (void)snprintf(title, sizeof(title), "Job %s was given back %d times in a row (job %" PRId64 ")", run->job_name,
                   STUCK_RETURNS, run->job_id);
    (void)snprintf(body, sizeof(body), "%s: %s\nIt goes on trying. Look: tapemill doctor", error_name(failure->code),
                   failure->message);
    return ledger_alert(database, cause, "warning", title, body, run->job_id, error);
}

static enum error_code
write_failure(struct database *database, const struct ledger_run *run, const struct error *failure,
              const char *wait_key, const char *report, struct ledger_pushes *pushes, struct verdict *verdict,
              struct ledger_limits *limits, struct error *error)
{
    struct number_text numbers[5];
    struct rows *rows;
    const char *id = number_text(&numbers[0], run->job_id), *fence = number_text(&numbers[1], run->fence);
    if (database_query(database, SQL("failure_history"), DATABASE_VALUES(id, fence), &rows, error))
        return error->code;
    verdict->outcome = LEDGER_LOST_RACE;
    enum error_code code = ERROR_NONE;
    int64_t returns = rows_count(rows) ? rows_integer(rows, 0, 2) : 0;
    if (rows_count(rows))
        code = judge(database, failure, wait_key, rows_integer(rows, 0, 0), rows_integer(rows, 0, 1), returns, verdict,
                     error);
    rows_free(rows);
    if (code || verdict->outcome == LEDGER_LOST_RACE)
        return code;
    if (database_query(database, SQL("fail_run"),
                       DATABASE_VALUES(id, fence, verdict->run_status, error_name(failure->code), failure->sqlstate,
                                       failure->message, report && report[0] ? report : NULL),
                       NULL, error) ||
        (verdict->outcome == LEDGER_DEAD && alert_dead(database, run, failure, error)) ||
        (verdict->outcome == LEDGER_DEAD && run->end_key[0] &&
         ledger_set_condition(database, run->end_key, true, pushes, error)) ||
        (verdict->given_back && returns + 1 == STUCK_RETURNS && alert_stuck(database, run, failure, error)) ||
        database_query(database, SQL("fail_job"),
                       DATABASE_VALUES(id, fence, verdict->job_state, number_text(&numbers[2], verdict->delay_ms),
                                       number_text(&numbers[3], verdict->charged),
                                       number_text(&numbers[4], verdict->given_back), verdict->wait_key,
                                       error_name(failure->code), failure->message),
                       &rows, error))
        return error->code;
    if (rows_affected(rows) != 1)
        verdict->outcome = LEDGER_LOST_RACE;
    ledger_run_limits(run, rows_count(rows) && rows_boolean(rows, 0, 0), limits);
    rows_free(rows);
    return ERROR_NONE;
}

enum error_code
ledger_fail(struct database *database, const struct ledger_run *run, const struct error *failure, const char *wait_key,
            const char *report, struct ledger_pushes *pushes, enum ledger_outcome *outcome, int64_t *delay_ms,
            struct error *error)
{
    struct verdict verdict = {0};
    struct ledger_limits limits = {0};
    size_t count = pushes ? pushes->count : 0;
    if (database_run(database, LEDGER_BEGIN_SHORT("0"), error))
        return error->code;
    enum error_code code = write_failure(database, run, failure, wait_key, report, pushes, &verdict, &limits, error);
    bool written = !code && verdict.outcome != LEDGER_LOST_RACE;
    if (written)
        code = database_commit(database, error);
    database_rollback(database);
    if (pushes && (code || !written))
        pushes->count = count;
    if (written && !code)
        ledger_pass_on(database, &limits, pushes);
    if (!code && verdict.outcome != LEDGER_LOST_RACE)
        history_note(verdict.outcome == LEDGER_DEAD    ? HISTORY_DIED
                     : verdict.outcome == LEDGER_WAITS ? HISTORY_PARKED
                                                       : HISTORY_FAILED,
                     run->job_id, run->fence);
    *outcome = verdict.outcome;
    *delay_ms = verdict.delay_ms;
    return code;
}
