#include "worker/runner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "core/history.h"
#include "core/log.h"
#include "core/migration.h"
#include "core/mutant.h"
#include "core/platform.h"
#include "jobs/context.h"
#include "worker/soft_timeout.h"

enum { RECONNECT_MS = 250, RECONNECT_CAP_MS = 5000 };

struct runner {
    int socket;
    char name[128];
    struct database *warehouse;
    struct redis_client *redis; /* for announcing jobs that became ready */
    struct ledger_run run;      /* the run at hand; job_id 0: none */
    struct arena arena;
};

void
runner_name(pid_t keeper, pid_t runner, char *name, size_t size)
{
    char host[96];
    platform_worker_name(host, sizeof(host));
    host[strcspn(host, ":")] = 0;
    (void)snprintf(name, size, "%s:%d/%d", host, (int)keeper, (int)runner);
}

static void
say(struct runner *runner, enum runner_word word, int64_t job_id, int64_t delay_ms)
{
    struct runner_report report;
    memset(&report, 0, sizeof(report));
    report.word = word;
    report.job_id = job_id;
    report.delay_ms = delay_ms;
    if (send(runner->socket, &report, sizeof(report), MSG_NOSIGNAL) != sizeof(report))
        _exit(0); /* the keeper is gone */
}

/* ---- connection -------------------------------------------------------------------------------------------- */

static enum error_code
connect_once(struct runner *runner, struct error *error)
{
    database_close(runner->warehouse);
    runner->warehouse = NULL;
    if (database_open(&runner->warehouse, DATABASE_WAREHOUSE, "tapemill runner", error) ||
        migration_check(runner->warehouse, error))
        return error->code;
    return ERROR_NONE;
}

/* Until the warehouse is there and its schema fits: an absent server is outwaited, however long it takes. */
static void
connect_warehouse(struct runner *runner)
{
    struct error error;
    enum error_code said = ERROR_NONE;
    int64_t pause_ms = RECONNECT_MS;
    while (connect_once(runner, &error)) {
        if (error.code != said)
            log_error("waiting for the warehouse", &error);
        said = error.code;
        clock_pause_ms(clock_jitter_ms(pause_ms));
        pause_ms = pause_ms * 2 < RECONNECT_CAP_MS ? pause_ms * 2 : RECONNECT_CAP_MS;
    }
    if (said)
        log_info("the warehouse is there again");
}

/* ---- deadlines --------------------------------------------------------------------------------------------- */

/* The job's own, else its definition's, else the setting's. */
static int64_t
deadline_s(int own, int defined, enum config_id setting)
{
    return own ? own : defined ? defined : config_integer(setting);
}

static int64_t
hard_deadline_s(const struct runner *runner, const struct job_definition *job)
{
    return deadline_s(runner->run.hard_timeout_s, job->hard_timeout_s, CONFIG_JOB_TIMEOUT_SECONDS);
}

static int64_t
soft_deadline_s(const struct runner *runner, const struct job_definition *job)
{
    return deadline_s(runner->run.soft_timeout_s, job->soft_timeout_s, CONFIG_JOB_SOFT_TIMEOUT_SECONDS);
}

/* The keeper reckons with the setting unless it is told. */
static void
tell_deadline(struct runner *runner, const struct job_definition *job)
{
    int64_t seconds = hard_deadline_s(runner, job);
    if (seconds != config_integer(CONFIG_JOB_TIMEOUT_SECONDS))
        say(runner, RUNNER_DEADLINE, runner->run.job_id, seconds * 1000);
}

/* ---- a run ------------------------------------------------------------------------------------------------- */

/* The handler and everything up to the commit. */
static enum error_code
work(struct runner *runner, const struct job_definition *job, struct job_context *context, struct error *error)
{
    struct database *warehouse = runner->warehouse;
    struct ledger_limits limits;
    char begin[224];
    /* One round trip. A generic plan of a statement on facts would lock the leaves of all dates. */
    (void)snprintf(begin, sizeof(begin),
                   "begin isolation level read committed; set local idle_in_transaction_session_timeout = '%" PRId64
                   "s'; "
                   "set local plan_cache_mode = force_custom_plan",
                   hard_deadline_s(runner, job) + 60);
    if (database_run(warehouse, begin, error) || ledger_check(warehouse, &runner->run, error))
        return error->code;
    FAILPOINT("runner.begun");
    if (MUTANT("acknowledge_before_commit"))
        say(runner, RUNNER_ACKNOWLEDGE, runner->run.job_id, 0);
    if (job->run(context, error))
        return error->code;
    FAILPOINT("runner.before_job_row");
    if (ledger_complete(warehouse, &runner->run, &context->counts, context->metadata, &context->pushes, &limits, error))
        return error->code;
    FAILPOINT("runner.before_commit");
    if (database_commit(warehouse, error))
        return error_context(error, "the commit failed");
    FAILPOINT("runner.committed");
    history_note(HISTORY_COMMITTED, runner->run.job_id, runner->run.fence);
    ledger_pass_on(warehouse, &limits, &context->pushes);
    return ERROR_NONE;
}

/* The same under the run's deadlines. What was cancelled for the soft one fails for that, whatever it was. */
static enum error_code
work_in_time(struct runner *runner, const struct job_definition *job, struct job_context *context, struct error *error)
{
    int64_t seconds = soft_deadline_s(runner, job);
    tell_deadline(runner, job);
    soft_timeout_begin(context, seconds);
    enum error_code code = work(runner, job, context, error);
    bool over = soft_timeout_end();
    if (!code || !over || !database_is_usable(runner->warehouse) || code == ERROR_FENCED)
        return code;
    error->code = ERROR_TIMEOUT;
    return error_context(error, "its soft timeout of %" PRId64 " s was over", seconds);
}

/* Tells Redis of the jobs that this run made ready. A failure costs time, not jobs: the reconciler pushes them. */
static void
push(struct runner *runner, const struct ledger_pushes *pushes)
{
    struct error error;
    if (pushes->count && ledger_push(runner->warehouse, runner->redis, pushes->job_ids, pushes->count, &error))
        log_error("jobs that became ready could not be pushed; the reconciler will", &error);
}

/* The job waits in the ledger. Whoever wakes it between that and the keeper's acknowledgement finds it still leased,
 * and pushes in vain: so Redis forgets it here, and then the ledger is asked once more. */
static void
leave_queue(struct runner *runner, int64_t job_id)
{
    struct error error;
    if (queue_forget(runner->redis, &job_id, 1, &error) ||
        ledger_push(runner->warehouse, runner->redis, &job_id, 1, &error))
        log_error("a waiting job could not be taken from Redis; the reconciler will", &error);
}

/* Ends a run whose connection broke: nobody knows whether it committed. The ledger does: what still runs in our name
 * is queued again; else the next claim finds it done. */
static void
settle_after_loss(struct runner *runner)
{
    enum ledger_takeover takeover;
    struct ledger_pushes pushes = {0};
    struct error error;
    do
        connect_warehouse(runner);
    while (ledger_take_over(runner->warehouse, runner->run.job_id, runner->name, 0,
                            "the connection to PostgreSQL was lost", LEDGER_LOSS_NEUTRAL, &pushes, &takeover, &error) &&
           (log_error("a broken run could not be settled yet", &error), clock_pause_ms(clock_jitter_ms(1000)), true));
    push(runner, &pushes);
    say(runner, RUNNER_RELEASE, runner->run.job_id, takeover == LEDGER_TAKEN ? clock_jitter_ms(1000) : 0);
}

static void
settle_failure(struct runner *runner, const struct error *failure, const char *wait_key)
{
    static const char *const outcomes[] = {"will retry", "given back", "waits", "dead", "taken over"};
    struct error error;
    struct ledger_pushes pushes = {0};
    enum ledger_outcome outcome;
    int64_t delay_ms = 0;
    FAILPOINT("runner.failing");
    if (!database_is_usable(runner->warehouse) ||
        ledger_fail(runner->warehouse, &runner->run, failure, wait_key, NULL, &pushes, &outcome, &delay_ms, &error)) {
        log_error("run lost with its connection; the ledger tells what became of the job", failure);
        settle_after_loss(runner);
        return;
    }
    if (failure->code == ERROR_WAITING)
        log_info("run waits", LOG_TEXT("for", wait_key));
    else
        log_error("run failed", failure);
    log_info("run settled", LOG_TEXT("outcome", outcomes[outcome]), LOG_NUMBER("delay_ms", delay_ms));
    push(runner, &pushes);
    if (outcome == LEDGER_WAITS)
        leave_queue(runner, runner->run.job_id);
    bool over = outcome == LEDGER_WAITS || outcome == LEDGER_DEAD;
    say(runner, over ? RUNNER_ACKNOWLEDGE : RUNNER_RELEASE, runner->run.job_id, delay_ms);
}

static void
run_claimed(struct runner *runner)
{
    struct error error = {0};
    struct job_context context;
    int64_t started_ms = clock_monotonic_ms();
    const struct job_definition *job = job_find(runner->run.job_name);
    job_context_init(&context, runner->warehouse, &runner->run, &runner->arena);
    context.redis = runner->redis;
    enum error_code code =
        job ? work_in_time(runner, job, &context, &error)
            : error_set(&error, ERROR_ARGUMENT,
                        "there is no job \"%s\" in this binary; `tapemill enqueue --help` lists them",
                        runner->run.job_name);
    job_context_term(&context);
    if (!code) {
        log_info("run completed", LOG_NUMBER("ms", clock_monotonic_ms() - started_ms),
                 LOG_NUMBER("rows", context.counts.extracted), LOG_NUMBER("quarantined", context.counts.quarantined));
        push(runner, &context.pushes);
        say(runner, RUNNER_ACKNOWLEDGE, runner->run.job_id, 0);
        return;
    }
    database_rollback(runner->warehouse);
    settle_failure(runner, &error, context.wait_key);
}

/* Claims until the ledger has answered. A claim whose answer was lost with the connection may stand in our name: it is
 * taken back first. */
static enum error_code
claim_job(struct runner *runner, const struct runner_order *order, struct ledger_pushes *pushes,
          enum ledger_claim *claim, int64_t *delay_ms, struct error *error)
{
    enum ledger_takeover takeover;
    bool doubtful = false;
    for (;;) {
        if (!database_is_usable(runner->warehouse))
            connect_warehouse(runner);
        if (!(doubtful && ledger_take_over(runner->warehouse, order->job_id, runner->name, 0,
                                           "the connection to PostgreSQL was lost", LEDGER_LOSS_NEUTRAL, pushes,
                                           &takeover, error)) &&
            !ledger_claim(runner->warehouse, order->job_id, order->lease_expired, runner->name, &runner->arena, pushes,
                          claim, &runner->run, delay_ms, error))
            return ERROR_NONE;
        if (database_is_usable(runner->warehouse))
            return error->code;
        doubtful = true;
    }
}

/* Its queue is paused: Redis is told, so that nobody takes it again before that ends. */
static void
give_back_paused(struct runner *runner, int64_t job_id)
{
    struct error error;
    bool told = !ledger_mirror_pause(runner->warehouse, runner->redis, runner->run.queue, &error);
    if (!told)
        log_error("Redis could not be told of a paused queue", &error);
    say(runner, RUNNER_RELEASE, job_id, told ? 0 : clock_jitter_ms(1000));
}

static void
execute(struct runner *runner, const struct runner_order *order)
{
    struct error error;
    struct ledger_pushes pushes = {0};
    enum ledger_claim claim;
    int64_t delay_ms = 0;
    FAILPOINT("runner.received");
    runner->run.job_id = 0;
    if (claim_job(runner, order, &pushes, &claim, &delay_ms, &error)) {
        log_error("claim failed", &error);
        say(runner, RUNNER_RELEASE, order->job_id, clock_jitter_ms(1000));
        return;
    }
    push(runner, &pushes);
    if (claim == LEDGER_PARKED)
        leave_queue(runner, order->job_id);
    if (claim == LEDGER_FINISHED || claim == LEDGER_PARKED) {
        say(runner, RUNNER_ACKNOWLEDGE, order->job_id, 0);
    } else if (claim == LEDGER_NOT_DUE) {
        say(runner, RUNNER_RELEASE, order->job_id, delay_ms);
    } else if (claim == LEDGER_PAUSED) {
        give_back_paused(runner, order->job_id);
    } else {
        FAILPOINT("runner.claimed");
        run_claimed(runner);
    }
}

/* ---- main -------------------------------------------------------------------------------------------------- */

int
runner_main(int socket, pid_t keeper)
{
    struct error error;
    struct runner runner = {.socket = socket};
    struct runner_order order;
    platform_ignore_signals();
    if (!platform_die_with_parent(keeper))
        return 0;
    runner_name(keeper, getpid(), runner.name, sizeof(runner.name));
    if (redis_client_create(&runner.redis, &error)) {
        log_error("the runner cannot start", &error);
        return 1;
    }
    connect_warehouse(&runner);
    say(&runner, RUNNER_READY, 0, 0);
    while (recv(socket, &order, sizeof(order), 0) == sizeof(order)) {
        log_bind_number("job", order.job_id);
        arena_init(&runner.arena, JOB_ARENA_BYTES);
        execute(&runner, &order);
        arena_term(&runner.arena);
        log_bind("job", NULL);
    }
    redis_client_free(runner.redis);
    database_close(runner.warehouse);
    return 0;
}
