/* Checks of what the servers hold: dates, partitions, queues, jobs, alerts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/queue.h"
#include "core/sql.h"
#include "jobs/fold_debt.h"
#include "ops/command_doctor.h"
#include "ops/command_session.h"

enum {
    SECONDS_OF_DAY = 86400,
    ALERT_LATE_MINUTES = 5,
    CHANGES_LATE_MINUTES = 60,
    WORKERS_MAX = 4096,
    FOLD_MONTHS_LATE = 2
};

#define SQL(name) sql_text("ops/doctor", name)
#define START_ALL "foreman start starts the scheduler and workers"

/* Columns of ops/doctor ledger. */
enum { LEDGER_DEAD, LEDGER_STUCK, LEDGER_ALERTS, LEDGER_LATE_ALERTS, LEDGER_QUARANTINED, LEDGER_FAILED_BACKFILLS };

/* ---- what loads need ----------------------------------------------------------------------------------------- */

static enum error_code
check_dates(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    static const char remedy[] = "tapemill enqueue dates --wait";
    struct rows *rows;
    if (database_query(doctor->warehouse, SQL("dates"), 0, NULL, &rows, error))
        return error->code;
    int64_t dates = rows_integer(rows, 0, 2), span = rows_integer(rows, 0, 3), seconds = rows_integer(rows, 0, 4);
    const char *first = rows_text(rows, 0, 0), *last = rows_text(rows, 0, 1);
    if (!dates)
        (void)command_doctor_say(finding, COMMAND_DOCTOR_FAIL, remedy, "dim_date is empty");
    else if (dates != span || seconds != SECONDS_OF_DAY)
        (void)command_doctor_say(finding, COMMAND_DOCTOR_FAIL, remedy,
                                 "dim_date has %" PRId64 " of the %" PRId64 " dates from %s to %s, dim_time %" PRId64
                                 " of %d seconds",
                                 dates, span, first, last, seconds, SECONDS_OF_DAY);
    else if (rows_boolean(rows, 0, 5))
        (void)command_doctor_say(finding, COMMAND_DOCTOR_WARN, remedy, "dim_date ends on %s", last);
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "dim_date has every date from %s to %s", first,
                                 last);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
check_partitions(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char months[16];
    struct rows *rows;
    (void)snprintf(months, sizeof(months), "%" PRId64, config_integer(CONFIG_MONTHS_AHEAD));
    if (database_query(doctor->warehouse, SQL("partitions"), DATABASE_VALUES(months), &rows, error))
        return error->code;
    int64_t missing = rows_integer(rows, 0, 0);
    if (missing)
        (void)command_doctor_say(finding, COMMAND_DOCTOR_WARN, "tapemill enqueue partitions --wait",
                                 "months without a partition, up to %s ahead: %" PRId64 " (%s)", months, missing,
                                 rows_text(rows, 0, 1));
    else
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "ready up to %s months ahead", months);
    rows_free(rows);
    return ERROR_NONE;
}

/* The workers that announced themselves; 0 as well when Redis is away. */
static size_t
count_workers(const struct command_doctor *doctor)
{
    struct error ignored;
    size_t count = 0;
    struct queue_worker *workers = doctor->redis ? calloc(WORKERS_MAX, sizeof(*workers)) : NULL;
    if (workers && queue_workers(doctor->redis, workers, WORKERS_MAX, &count, &ignored))
        count = 0;
    free(workers);
    return count;
}

static enum error_code
look_at_folds(const struct command_doctor *doctor, struct fold_debt *debt, struct error *error)
{
    struct business_clock clock;
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    return fold_debt_look(doctor->warehouse, &clock, debt, error);
}

/* What makes room for `needed` locks in a table of `capacity`: a setting with its value, or a month to fold. */
static void
advise_on_locks(int64_t needed, int64_t capacity, int64_t per_transaction, const struct fold_debt *debt,
                char remedy[COMMAND_DOCTOR_TEXT_BYTES])
{
    int64_t value = per_transaction * (needed / capacity + 1);
    (void)snprintf(remedy, COMMAND_DOCTOR_TEXT_BYTES,
                   "%s%s%sset max_locks_per_transaction = %" PRId64 " (it is %" PRId64 ") and restart PostgreSQL",
                   debt->months ? "fold closed months, beginning with tapemill enqueue fold_month --date " : "",
                   debt->oldest, debt->months ? ", or " : "", value, per_transaction);
}

static enum error_code
check_locks(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char remedy[COMMAND_DOCTOR_TEXT_BYTES];
    struct fold_debt debt;
    struct rows *rows;
    size_t announced = count_workers(doctor);
    int64_t workers = announced ? (int64_t)announced : 1;
    if (look_at_folds(doctor, &debt, error) || database_query(doctor->warehouse, SQL("locks"), 0, NULL, &rows, error))
        return error->code;
    int64_t leaves = rows_count(rows) ? rows_integer(rows, 0, 1) : 0,
            locks = rows_count(rows) ? rows_integer(rows, 0, 2) : 0;
    int64_t capacity = rows_count(rows) ? rows_integer(rows, 0, 3) : 1;
    enum command_doctor_status status = locks * workers * 10 > capacity * 9 ? COMMAND_DOCTOR_FAIL
                                        : locks * workers * 2 > capacity    ? COMMAND_DOCTOR_WARN
                                                                            : COMMAND_DOCTOR_OK;
    advise_on_locks(locks * workers * 2, capacity, rows_count(rows) ? rows_integer(rows, 0, 4) : 0, &debt, remedy);
    (void)command_doctor_say(finding, status, status ? remedy : NULL,
                             "%s has %" PRId64 " leaves; a query over all of them takes %" PRId64
                             " locks, in each of %" PRId64 " workers at once %" PRId64 " of %" PRId64,
                             rows_count(rows) ? rows_text(rows, 0, 0) : "no fact", leaves, locks, workers,
                             locks * workers, capacity);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
check_fold(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char remedy[COMMAND_DOCTOR_TEXT_BYTES];
    struct fold_debt debt;
    if (look_at_folds(doctor, &debt, error))
        return error->code;
    bool late = debt.dead || debt.months > FOLD_MONTHS_LATE;
    if (debt.dead)
        (void)snprintf(
            remedy, sizeof(remedy),
            "tapemill dead lists the fold_month jobs; then tapemill dead retry ID or tapemill dead discard ID");
    else
        (void)snprintf(remedy, sizeof(remedy),
                       "see that a scheduler is running, and with tapemill jobs what is unfinished in these months; or "
                       "tapemill enqueue fold_month --date %s",
                       debt.oldest);
    return command_doctor_say(finding, late ? COMMAND_DOCTOR_WARN : COMMAND_DOCTOR_OK, late ? remedy : NULL,
                              "fact_trades has %" PRId64 " leaves; closed months that are not folded: %" PRId64
                              "%s%.7s%s, of them waiting for a person: %" PRId64,
                              debt.leaves, debt.months, debt.months ? " (from " : "", debt.oldest,
                              debt.months ? " on)" : "", debt.dead);
}

/* ---- processes and queues ------------------------------------------------------------------------------------ */

static enum error_code
check_scheduler(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    char leads[8];
    if (database_value(doctor->warehouse, SQL("leader"), 0, NULL, leads, sizeof(leads), error))
        return error->code;
    if (leads[0] == 't')
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "a scheduler leads");
    return command_doctor_say(finding, COMMAND_DOCTOR_WARN, START_ALL, "no scheduler is running");
}

static enum error_code
check_workers(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    size_t count = 0;
    struct queue_worker *workers = calloc(WORKERS_MAX, sizeof(*workers));
    enum error_code code = workers ? queue_workers(doctor->redis, workers, WORKERS_MAX, &count, error)
                                   : error_set(error, ERROR_MEMORY, "out of memory for the list of workers");
    free(workers);
    if (code)
        return code;
    return command_doctor_say(finding, count ? COMMAND_DOCTOR_OK : COMMAND_DOCTOR_WARN, count ? NULL : START_ALL,
                              "workers running: %zu", count);
}

/* ---- the ledger ---------------------------------------------------------------------------------------------- */

static enum error_code
read_ledger(struct command_doctor *doctor, size_t column, int64_t *value, struct error *error)
{
    char seconds[24], minutes[24];
    struct rows *rows;
    (void)snprintf(seconds, sizeof(seconds), "%" PRId64, config_integer(CONFIG_JOB_TIMEOUT_SECONDS));
    (void)snprintf(minutes, sizeof(minutes), "%d", ALERT_LATE_MINUTES);
    if (database_query(doctor->warehouse, SQL("ledger"), DATABASE_VALUES(seconds, minutes), &rows, error))
        return error->code;
    *value = rows_integer(rows, 0, column);
    rows_free(rows);
    return ERROR_NONE;
}

/* A number that should be 0. */
static enum error_code
check_number(struct command_doctor *doctor, size_t column, enum command_doctor_status status, const char *what,
             const char *remedy, struct command_doctor_finding *finding, struct error *error)
{
    int64_t number = 0;
    if (read_ledger(doctor, column, &number, error))
        return error->code;
    if (!number)
        return command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "none");
    return command_doctor_say(finding, status, remedy, "%s: %" PRId64, what, number);
}

static enum error_code
check_dead(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    return check_number(doctor, LEDGER_DEAD, COMMAND_DOCTOR_WARN, "waiting for a person",
                        "tapemill dead lists them; then tapemill dead retry ID or tapemill dead discard ID", finding,
                        error);
}

static enum error_code
check_stuck(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    return check_number(
        doctor, LEDGER_STUCK, COMMAND_DOCTOR_FAIL, "running for longer than TAPEMILL_JOB_TIMEOUT_SECONDS",
        "tapemill runs --status RUNNING lists them; see that scheduler and workers are running", finding, error);
}

static enum error_code
check_backfills(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    return check_number(doctor, LEDGER_FAILED_BACKFILLS, COMMAND_DOCTOR_WARN, "failed",
                        "tapemill backfill list; then tapemill backfill show ID", finding, error);
}

/* Changes are behind when their job does not run, or when a session on the source sits in a transaction. */
static enum error_code
check_watermarks(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    struct rows *rows;
    if (database_query(doctor->warehouse, SQL("watermark"), 0, NULL, &rows, error))
        return error->code;
    int64_t minutes = rows_count(rows) ? rows_integer(rows, 0, 1) / 60 : 0;
    bool late = minutes >= CHANGES_LATE_MINUTES;
    if (!rows_count(rows))
        (void)command_doctor_say(finding, COMMAND_DOCTOR_OK, NULL, "no changes are read by watermark");
    else
        (void)command_doctor_say(
            finding, late ? COMMAND_DOCTOR_WARN : COMMAND_DOCTOR_OK,
            late ? "see that the schedules of changes run (tapemill schedule list); if they do, end the oldest "
                   "transaction in the source's pg_stat_activity"
                 : NULL,
            "changes of %s are read up to %" PRId64 " minutes ago", rows_text(rows, 0, 0), minutes);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
check_quarantine(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    return check_number(doctor, LEDGER_QUARANTINED, COMMAND_DOCTOR_WARN, "rows that broke a rule and are not loaded",
                        "tapemill quality quarantine; put them right at the source and load their day again", finding,
                        error);
}

static enum error_code
check_alerts(struct command_doctor *doctor, struct command_doctor_finding *finding, struct error *error)
{
    int64_t waiting = 0, late = 0;
    if (read_ledger(doctor, LEDGER_ALERTS, &waiting, error) || read_ledger(doctor, LEDGER_LATE_ALERTS, &late, error))
        return error->code;
    if (!config_text(CONFIG_SLACK_WEBHOOK_URL))
        return command_doctor_say(finding, waiting ? COMMAND_DOCTOR_WARN : COMMAND_DOCTOR_OK,
                                  waiting ? "set TAPEMILL_SLACK_WEBHOOK_URL, or read them in table etl_alerts" : NULL,
                                  "no webhook is set; waiting in etl_alerts: %" PRId64, waiting);
    return command_doctor_say(finding, late ? COMMAND_DOCTOR_WARN : COMMAND_DOCTOR_OK,
                              late ? "see last_error in etl_alerts, and that a scheduler is running" : NULL,
                              "waiting: %" PRId64 ", of them for more than %d minutes: %" PRId64, waiting,
                              ALERT_LATE_MINUTES, late);
}

const struct command_doctor_check command_doctor_work_checks[] = {
    {"dates", COMMAND_DOCTOR_SCHEMA, check_dates, NULL},
    {"partitions", COMMAND_DOCTOR_SCHEMA, check_partitions, NULL},
    {"locks", COMMAND_DOCTOR_SCHEMA, check_locks, NULL},
    {"fold", COMMAND_DOCTOR_SCHEMA, check_fold, NULL},
    {"scheduler", COMMAND_DOCTOR_SCHEMA, check_scheduler, NULL},
    {"schedule", COMMAND_DOCTOR_SCHEMA, command_doctor_schedule, NULL},
    {"dates given up", COMMAND_DOCTOR_SCHEMA, command_doctor_given_up, NULL},
    {"workers", COMMAND_DOCTOR_REDIS, check_workers, NULL},
    {"queued jobs", COMMAND_DOCTOR_REDIS_AND_SCHEMA, command_doctor_queued, NULL},
    {"leases", COMMAND_DOCTOR_REDIS_AND_SCHEMA, command_doctor_leases, NULL},
    {"Redis", COMMAND_DOCTOR_REDIS_AND_SCHEMA, command_doctor_content, NULL},
    {"stuck runs", COMMAND_DOCTOR_SCHEMA, check_stuck, NULL},
    {"dead jobs", COMMAND_DOCTOR_SCHEMA, check_dead, NULL},
    {"backfills", COMMAND_DOCTOR_SCHEMA, check_backfills, NULL},
    {"changes", COMMAND_DOCTOR_SCHEMA, check_watermarks, NULL},
    {"quarantine", COMMAND_DOCTOR_SCHEMA, check_quarantine, NULL},
    {"inferred members", COMMAND_DOCTOR_SCHEMA, command_doctor_inferred, NULL},
    {"deletes refused", COMMAND_DOCTOR_SCHEMA, command_doctor_deletes, NULL},
    {"re-keying", COMMAND_DOCTOR_SCHEMA, command_doctor_rekeying, NULL},
    {"P&L method", COMMAND_DOCTOR_SCHEMA, command_doctor_pnl_method, NULL},
    {"alerts", COMMAND_DOCTOR_SCHEMA, check_alerts, NULL},
    {NULL, COMMAND_DOCTOR_NOTHING, NULL, NULL},
};
