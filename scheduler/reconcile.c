#include "scheduler/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/history.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/mutant.h"
#include "core/queue.h"
#include "core/sql.h"
#include "scheduler/reconcile_control.h"

#define FILE_SQL "ledger/reconcile"

enum { NUMBER_BYTES = 24 };

void
reconcile_restart(struct reconcile *reconcile, int64_t now_ms)
{
    absence_clear(&reconcile->absence);
    reconcile->phase = RECONCILE_PHASE_COUNT;
    reconcile->last_id = 0;
    reconcile->walking = false;
    reconcile->typed = false;
    reconcile->next_ms = reconcile->next_walk_ms = now_ms;
}

static const char *
number_text(char text[NUMBER_BYTES], int64_t value)
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, value);
    return text;
}

/* ---- over the ledger --------------------------------------------------------------------------------------- */

/* The job has run without a lease for too long. */
static enum error_code
take_over(int64_t job_id, int64_t fence, struct database *database, struct redis_client *client, struct error *error)
{
    enum ledger_takeover takeover;
    struct ledger_pushes pushes = {0};
    enum error_code code =
        ledger_take_over(database, job_id, NULL, fence, "its lease is gone and its worker does not renew it",
                         LEDGER_LOSS_LEASE, &pushes, &takeover, error);
    if (code || takeover != LEDGER_TAKEN)
        return code;
    ledger_note_push(&pushes, job_id);
    log_warn("took a job from a run that lost its lease", LOG_NUMBER("job", job_id));
    return ledger_push(database, client, pushes.job_ids, pushes.count, error);
}

/* One batch of running jobs, which should have leases. One that Redis has as ready or delayed has none either: its
 * holder, if it lives, leases it again with its next heartbeat; a claim leaves it alone without proof that its lease
 * expired. So it counts as absent too. */
static enum error_code
check_running(struct reconcile *reconcile, struct database *database, struct redis_client *client, int64_t now_ms,
              size_t *count, struct error *error)
{
    static int64_t ids[RECONCILE_BATCH];
    static struct queue_presence presence[RECONCILE_BATCH];
    char last[NUMBER_BYTES], size[NUMBER_BYTES];
    struct rows *rows;
    int64_t patience_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000;
    int64_t deadline_ms = clock_monotonic_ms() + RECONCILE_TAKEOVERS_MS;
    if (database_query(database, sql_text(FILE_SQL, "running"),
                       DATABASE_VALUES(number_text(last, reconcile->last_id), number_text(size, RECONCILE_BATCH)),
                       &rows, error))
        return error->code;
    *count = rows_count(rows);
    for (size_t row = 0; row < *count; row++)
        ids[row] = rows_integer(rows, row, 0);
    enum error_code code = queue_presence(client, ids, *count, presence, error);
    for (size_t row = 0; !code && row < *count; row++) {
        reconcile->last_id = ids[row];
        if (presence[row].leased ||
            !absence_note(&reconcile->absence, ids[row], rows_integer(rows, row, 1), now_ms, patience_ms))
            continue;
        if (clock_monotonic_ms() < deadline_ms)
            code = take_over(ids[row], rows_integer(rows, row, 1), database, client, error);
    }
    rows_free(rows);
    return code;
}

static void
end_pass(struct reconcile *reconcile, int64_t now_ms)
{
    absence_end_pass(&reconcile->absence);
    reconcile->next_ms = now_ms + config_integer(CONFIG_RECONCILE_SECONDS) * 1000;
}

static enum error_code
begin_pass(struct reconcile *reconcile, struct database *database, struct redis_client *client, struct error *error)
{
    if (reconcile_pauses(database, client, error) || reconcile_backends(database, error))
        return error->code;
    reconcile->phase = RECONCILE_QUEUED;
    reconcile->last_id = 0;
    reconcile->wait_key[0] = 0;
    return ERROR_NONE;
}

/* One batch of the phase; *more is false after its last. */
static enum error_code
advance_phase(struct reconcile *reconcile, struct database *database, struct redis_client *client, int64_t now_ms,
              bool *more, struct error *error)
{
    enum error_code code;
    size_t count = 0;
    if (reconcile->phase == RECONCILE_PARKED)
        return reconcile_parked(database, client, reconcile->wait_key, more, error);
    if (reconcile->phase == RECONCILE_WAITING)
        return reconcile_waiting(database, client, &reconcile->last_id, more, error);
    if (reconcile->phase == RECONCILE_RUNNING)
        code = check_running(reconcile, database, client, now_ms, &count, error);
    else
        code = ledger_audit_due(&reconcile->audit, database, reconcile->phase == RECONCILE_QUEUED ? "queued" : "retry",
                                0, &reconcile->last_id, &count, error);
    *more = count == RECONCILE_BATCH;
    return code;
}

static enum error_code
advance_ledger(struct reconcile *reconcile, struct database *database, struct redis_client *client, int64_t now_ms,
               struct error *error)
{
    bool more = false;
    if (reconcile->phase == RECONCILE_PHASE_COUNT && now_ms < reconcile->next_ms)
        return ERROR_NONE;
    if (reconcile->phase == RECONCILE_PHASE_COUNT && begin_pass(reconcile, database, client, error))
        return error->code;
    enum error_code code = advance_phase(reconcile, database, client, now_ms, &more, error);
    if (code || more)
        return code;
    reconcile->last_id = 0;
    if (++reconcile->phase == RECONCILE_PHASE_COUNT)
        end_pass(reconcile, now_ms);
    return ERROR_NONE;
}

/* ---- over Redis -------------------------------------------------------------------------------------------- */

static enum error_code
advance_redis(struct reconcile *reconcile, struct database *database, int64_t now_ms, struct error *error)
{
    if (!reconcile->walking && now_ms < reconcile->next_walk_ms)
        return ERROR_NONE;
    if (!reconcile->walking)
        memset(&reconcile->walk, 0, sizeof(reconcile->walk));
    reconcile->walking = true;
    enum error_code code = ledger_audit_step(&reconcile->walk, &reconcile->audit, database, error);
    if (code)
        return code;
    if (!ledger_audit_is_over(&reconcile->walk))
        return ERROR_NONE;
    reconcile->walking = false;
    reconcile->next_walk_ms = now_ms + config_integer(CONFIG_RECONCILE_SECONDS) * 1000;
    return ERROR_NONE;
}

/* Says what was repaired in this tick, by kind. Runs without a lease are not: they are waited for. */
static void
tell_repairs(struct reconcile *reconcile)
{
    for (int kind = 0; kind < QUEUE_FAULT_COUNT; kind++) {
        if (reconcile->audit.faults[kind] && kind != QUEUE_FAULT_UNLEASED)
            log_info("repaired Redis from the ledger", LOG_TEXT("was", queue_fault_name((enum queue_fault)kind)),
                     LOG_NUMBER("found", reconcile->audit.faults[kind]));
        if (kind == QUEUE_FAULT_ABSENT && reconcile->audit.faults[kind])
            history_note(HISTORY_PUT_BACK, 0, reconcile->audit.faults[kind]);
        reconcile->audit.faults[kind] = 0;
    }
}

enum error_code
reconcile_advance(struct reconcile *reconcile, struct database *database, struct redis_client *client, int64_t now_ms,
                  struct error *error)
{
    enum error_code code = ERROR_NONE;
    reconcile->audit.client = client;
    reconcile->audit.repair = true;
    reconcile->audit.lease_ms = config_integer(CONFIG_LEASE_SECONDS) * 1000;
    if (!reconcile->typed)
        code = queue_audit_types(&reconcile->audit, error);
    reconcile->typed = !code;
    for (int step = 0; !code && step < RECONCILE_STEPS_PER_TICK && !MUTANT("no_reconcile"); step++) {
        code = advance_ledger(reconcile, database, client, now_ms, error);
        if (!code)
            code = advance_redis(reconcile, database, now_ms, error);
    }
    tell_repairs(reconcile);
    return code;
}
