#include "worker/keeper.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/platform.h"
#include "core/queue.h"
#include "worker/runner.h"

enum {
    BELL_SECONDS = 5,       /* one BLPOP */
    REDIS_PAUSE_MS = 500,   /* before a lost Redis is tried again */
    RESTART_PAUSE_MS = 200, /* before a runner that died while idle is replaced */
    SETTLE_PAUSE_MS = 250,  /* before the ledger is tried again for a dead runner's job */
};

struct keeper {
    const char *const *queues;
    size_t queue_count;
    char name[96];
    int signals;
    struct redis_client *redis;
    bool redis_away;
    bool bell;            /* BLPOP is under way */
    int64_t bell_ms;      /* its answer must be there by then */
    int64_t redis_try_ms; /* not before then */
    int64_t sequence;     /* claims made, for tokens */

    pid_t runner; /* 0: none */
    int socket;   /* to the runner; -1: none */
    bool runner_ready;
    int64_t runner_start_ms; /* not before then */

    struct queue_claim claim; /* job_id 0: no job at hand */
    struct queue_claim done;  /* to be acknowledged together with fetching the next; job_id 0: none */
    bool with_runner;         /* the runner has it; else it is to be settled */
    char lost_runner[128];    /* ledger name of the runner that died with the job */
    char lost_reason[160];
    enum ledger_loss lost_how;
    int64_t settle_ms, heartbeat_ms, announce_ms, deadline_ms, allowed_ms; /* allowed_ms: from hand-over to deadline */

    bool stopping, hurry;
    int64_t drain_ms;
};

/* ---- Redis ------------------------------------------------------------------------------------------------- */

static void
redis_failed(struct keeper *keeper, const struct error *error)
{
    if (!keeper->redis_away)
        log_error("Redis is away; waiting for it", error);
    keeper->redis_away = true;
    keeper->bell = false;
    redis_disconnect(keeper->redis);
    keeper->redis_try_ms = clock_monotonic_ms() + clock_jitter_ms(REDIS_PAUSE_MS);
}

static void
redis_worked(struct keeper *keeper)
{
    if (keeper->redis_away)
        log_info("Redis is there again");
    keeper->redis_away = false;
}

static int64_t
lease_ms(void)
{
    return config_integer(CONFIG_LEASE_SECONDS) * 1000;
}

static void
announce(struct keeper *keeper)
{
    char text[512];
    struct error error;
    int used = keeper->claim.job_id   ? snprintf(text, sizeof(text), "job %" PRId64 " [", keeper->claim.job_id)
               : keeper->runner_ready ? snprintf(text, sizeof(text), "idle [")
                                      : snprintf(text, sizeof(text), "waiting for the warehouse [");
    for (size_t i = 0; i < keeper->queue_count && (size_t)used + QUEUE_NAME_BYTES + 2 < sizeof(text); i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s", i ? "," : "", keeper->queues[i]);
    (void)snprintf(text + used, sizeof(text) - (size_t)used, "]");
    keeper->announce_ms = clock_monotonic_ms() + BELL_SECONDS * 1000;
    if (queue_announce(keeper->redis, keeper->name, text, BELL_SECONDS * 3000, &error))
        redis_failed(keeper, &error);
}

/* ---- the runner -------------------------------------------------------------------------------------------- */

static void
start_runner(struct keeper *keeper)
{
    int pair[2];
    struct error error;
    if (platform_socket_pair(pair, &error)) {
        log_error("no runner", &error);
        keeper->runner_start_ms = clock_monotonic_ms() + 5 * RESTART_PAUSE_MS;
        return;
    }
    if (platform_start_self("--runner", pair[1], &keeper->runner, &error)) {
        log_error("no runner", &error);
        keeper->runner = 0;
        keeper->runner_start_ms = clock_monotonic_ms() + 5 * RESTART_PAUSE_MS;
        (void)close(pair[0]);
    } else {
        keeper->socket = pair[0];
        keeper->runner_ready = false;
    }
    (void)close(pair[1]);
}

/* Notes that the job at hand must be settled by the ledger, and why. */
static void
lose_job(struct keeper *keeper, enum ledger_loss how, const char *reason)
{
    if (!keeper->claim.job_id || !keeper->with_runner)
        return;
    keeper->with_runner = false;
    keeper->settle_ms = 0;
    keeper->lost_how = how;
    runner_name(getpid(), keeper->runner, keeper->lost_runner, sizeof(keeper->lost_runner));
    (void)snprintf(keeper->lost_reason, sizeof(keeper->lost_reason), "%s", reason);
}

/* Ends the runner at once; the job at hand is lost for reason. */
static void
kill_runner(struct keeper *keeper, enum ledger_loss how, const char *reason)
{
    lose_job(keeper, how, reason);
    if (keeper->runner)
        (void)kill(keeper->runner, SIGKILL);
}

/* ---- the job at hand --------------------------------------------------------------------------------------- */

static void
drop_job(struct keeper *keeper)
{
    keeper->claim.job_id = 0;
    log_bind("job", NULL);
}

static void
give_back(struct keeper *keeper, int64_t delay_ms)
{
    struct error error;
    if (queue_release(keeper->redis, &keeper->claim, delay_ms, &error))
        redis_failed(keeper, &error);
    drop_job(keeper);
}

/* Acknowledges what fetching the next job was to acknowledge. */
static void
acknowledge(struct keeper *keeper)
{
    struct error error;
    if (!keeper->done.job_id)
        return;
    if (queue_acknowledge(keeper->redis, &keeper->done, &error))
        redis_failed(keeper, &error);
    keeper->done.job_id = 0;
    FAILPOINT("keeper.acknowledged");
}

static void
take_report(struct keeper *keeper, const struct runner_report *report)
{
    if (report->word == RUNNER_READY) {
        keeper->runner_ready = true;
        return;
    }
    if (report->job_id != keeper->claim.job_id || !keeper->with_runner)
        return;
    if (report->word == RUNNER_DEADLINE) {
        keeper->deadline_ms += report->delay_ms - keeper->allowed_ms;
        keeper->allowed_ms = report->delay_ms;
        return;
    }
    FAILPOINT("keeper.result");
    if (report->word == RUNNER_RELEASE) {
        give_back(keeper, report->delay_ms);
        return;
    }
    keeper->done = keeper->claim;
    drop_job(keeper);
}

static void
read_reports(struct keeper *keeper)
{
    struct runner_report report;
    while (keeper->socket >= 0 && recv(keeper->socket, &report, sizeof(report), MSG_DONTWAIT) == sizeof(report))
        take_report(keeper, &report);
}

static void
reap(struct keeper *keeper)
{
    int status;
    char reason[96];
    if (!keeper->runner || waitpid(keeper->runner, &status, WNOHANG) != keeper->runner)
        return;
    if (WIFSIGNALED(status))
        (void)snprintf(reason, sizeof(reason), "its runner died of signal %d", WTERMSIG(status));
    else
        (void)snprintf(reason, sizeof(reason), "its runner ended with exit code %d", WEXITSTATUS(status));
    if (!keeper->stopping)
        log_warn("the runner is gone; another takes its place", LOG_TEXT("reason", reason));
    read_reports(keeper);
    lose_job(keeper, LEDGER_LOSS_DEATH, reason);
    (void)close(keeper->socket);
    keeper->socket = -1;
    keeper->runner = 0;
    keeper->runner_ready = false;
    keeper->runner_start_ms = clock_monotonic_ms() + (keeper->claim.job_id ? 0 : RESTART_PAUSE_MS);
}

/* Settles the job of a dead runner in the ledger: queued again at once, or found done. */
static enum error_code
settle_in_ledger(struct keeper *keeper, struct error *error)
{
    struct database *database;
    enum ledger_takeover takeover;
    struct ledger_pushes pushes = {0};
    struct error ignored; /* what cannot be pushed, the reconciler pushes */
    if (database_open(&database, DATABASE_WAREHOUSE, "tapemill keeper", error))
        return error->code;
    enum error_code code = ledger_take_over(database, keeper->claim.job_id, keeper->lost_runner, 0, keeper->lost_reason,
                                            keeper->lost_how, &pushes, &takeover, error);
    if (!code && pushes.count && ledger_push(database, keeper->redis, pushes.job_ids, pushes.count, &ignored))
        redis_failed(keeper, &ignored);
    database_close(database);
    return code;
}

static void
settle(struct keeper *keeper)
{
    struct error error;
    int64_t now_ms = clock_monotonic_ms();
    if (!keeper->claim.job_id || keeper->with_runner || keeper->runner || now_ms < keeper->settle_ms)
        return;
    if (settle_in_ledger(keeper, &error)) {
        if (!keeper->settle_ms)
            log_error("the job of the lost runner cannot be settled yet", &error);
        keeper->settle_ms = clock_monotonic_ms() + SETTLE_PAUSE_MS;
        return;
    }
    log_info("the job of the lost runner is settled", LOG_TEXT("reason", keeper->lost_reason));
    give_back(keeper, 0);
}

static void
heartbeat(struct keeper *keeper)
{
    struct error error;
    enum queue_lease_state state = QUEUE_LEASE_HELD;
    int64_t now_ms = clock_monotonic_ms();
    if (!keeper->claim.job_id || now_ms < keeper->heartbeat_ms)
        return;
    keeper->heartbeat_ms = now_ms + config_integer(CONFIG_HEARTBEAT_MS);
    if (keeper->redis_away && now_ms < keeper->redis_try_ms)
        return;
    /* A stolen lease needs nothing here: whoever has the job raises the fence, and PostgreSQL refuses this run. */
    if (queue_touch(keeper->redis, &keeper->claim, lease_ms(), &state, &error))
        redis_failed(keeper, &error);
    else
        redis_worked(keeper);
    if (!keeper->redis_away && now_ms >= keeper->announce_ms)
        announce(keeper);
    if (state == QUEUE_LEASE_CANCELLED && keeper->with_runner)
        kill_runner(keeper, LEDGER_LOSS_NEUTRAL, "it was cancelled");
}

static void
hand_over(struct keeper *keeper)
{
    struct runner_order order;
    memset(&order, 0, sizeof(order));
    order.job_id = keeper->claim.job_id;
    order.lease_expired = keeper->claim.expired;
    int64_t now_ms = clock_monotonic_ms();
    log_bind_number("job", order.job_id);
    keeper->with_runner = true;
    keeper->heartbeat_ms = now_ms + config_integer(CONFIG_HEARTBEAT_MS);
    keeper->allowed_ms = config_integer(CONFIG_JOB_TIMEOUT_SECONDS) * 1000;
    keeper->deadline_ms = now_ms + keeper->allowed_ms;
    FAILPOINT("keeper.reserved");
    if (send(keeper->socket, &order, sizeof(order), MSG_NOSIGNAL) != sizeof(order))
        log_warn("the runner does not take the job", LOG_TEXT("error", strerror(errno)));
}

/* Acknowledges the last job and takes another in one round trip, or starts waiting for the bell. */
static enum error_code
reserve(struct keeper *keeper, struct error *error)
{
    char token[QUEUE_TOKEN_BYTES];
    (void)snprintf(token, sizeof(token), "%.64s#%" PRId64 ".%" PRId64, keeper->name, clock_unix_us(),
                   ++keeper->sequence);
    if (queue_reserve(keeper->redis, keeper->queues, keeper->queue_count, token, lease_ms(),
                      keeper->done.job_id ? &keeper->done : NULL, &keeper->claim, error))
        return error->code;
    if (keeper->done.job_id)
        FAILPOINT("keeper.acknowledged");
    keeper->done.job_id = 0;
    if (keeper->claim.job_id)
        return ERROR_NONE;
    return queue_wait_begin(keeper->redis, keeper->queues, keeper->queue_count, BELL_SECONDS, error);
}

static void
fetch(struct keeper *keeper)
{
    struct error error;
    if (keeper->claim.job_id || keeper->bell)
        return;
    if (keeper->stopping || !keeper->runner_ready || clock_monotonic_ms() < keeper->redis_try_ms) {
        acknowledge(keeper);
        return;
    }
    if (clock_monotonic_ms() >= keeper->announce_ms)
        announce(keeper);
    if (reserve(keeper, &error)) {
        keeper->done.job_id = 0; /* the sweep finds its lease, the ledger says that it is done */
        redis_failed(keeper, &error);
        return;
    }
    redis_worked(keeper);
    if (keeper->claim.job_id)
        hand_over(keeper);
    else
        keeper->bell = true;
    keeper->bell_ms = clock_monotonic_ms() + BELL_SECONDS * 3000;
}

/* Takes the bell's answer. One that never comes (a peer that vanished without a word) counts as a lost connection. */
static void
hear_bell(struct keeper *keeper)
{
    struct redis_reply reply;
    struct error error;
    bool arrived;
    if (!keeper->bell)
        return;
    if (redis_receive(keeper->redis, &reply, &arrived, &error)) {
        redis_failed(keeper, &error);
        return;
    }
    if (arrived) {
        keeper->bell = false;
        redis_reply_free(&reply);
    } else if (clock_monotonic_ms() >= keeper->bell_ms) {
        (void)error_set(&error, ERROR_REDIS, "Redis does not answer BLPOP");
        redis_failed(keeper, &error);
    }
}

/* ---- the loop ---------------------------------------------------------------------------------------------- */

static void
handle_signals(struct keeper *keeper)
{
    for (int number; (number = platform_read_signal(keeper->signals)) != 0;) {
        if (number == SIGCHLD || number == SIGHUP)
            continue;
        keeper->hurry = keeper->stopping;
        if (!keeper->stopping)
            log_info("stopping", LOG_TEXT("job", keeper->claim.job_id ? "is let finish" : "none"));
        keeper->stopping = true;
        keeper->drain_ms = clock_monotonic_ms() + config_integer(CONFIG_DRAIN_SECONDS) * 1000;
    }
}

static void
kill_late_runner(struct keeper *keeper)
{
    char reason[96];
    (void)snprintf(reason, sizeof(reason), "it ran past its hard deadline of %" PRId64 " s", keeper->allowed_ms / 1000);
    kill_runner(keeper, LEDGER_LOSS_DEATH, reason);
}

static void
enforce(struct keeper *keeper)
{
    int64_t now_ms = clock_monotonic_ms();
    if (!keeper->claim.job_id || !keeper->with_runner)
        return;
    if (keeper->stopping && (keeper->hurry || now_ms >= keeper->drain_ms))
        kill_runner(keeper, LEDGER_LOSS_NEUTRAL, "its worker was stopped");
    else if (now_ms >= keeper->deadline_ms)
        kill_late_runner(keeper);
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* How long poll() may wait: until the next thing that is due by time. */
static int
timeout_ms(const struct keeper *keeper)
{
    int64_t now_ms = clock_monotonic_ms(), due_ms = now_ms + BELL_SECONDS * 1000;
    if (keeper->claim.job_id) {
        due_ms = sooner(due_ms, keeper->heartbeat_ms);
        if (keeper->with_runner)
            due_ms = sooner(due_ms, keeper->deadline_ms);
        else if (!keeper->runner)
            due_ms = sooner(due_ms, keeper->settle_ms);
    } else if (!keeper->bell && keeper->runner_ready && !keeper->stopping) {
        due_ms = sooner(due_ms, keeper->redis_try_ms);
    }
    if (!keeper->runner)
        due_ms = sooner(due_ms, keeper->runner_start_ms);
    if (keeper->stopping)
        due_ms = sooner(due_ms, keeper->drain_ms);
    return due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
}

static void
wait_for_events(struct keeper *keeper)
{
    struct pollfd events[3] = {
        {.fd = keeper->signals, .events = POLLIN},
        {.fd = keeper->socket, .events = POLLIN},
        {.fd = keeper->bell ? redis_socket(keeper->redis) : -1, .events = POLLIN},
    };
    (void)poll(events, 3, timeout_ms(keeper));
    hear_bell(keeper);
}

static bool
finished(const struct keeper *keeper)
{
    bool late = keeper->hurry || clock_monotonic_ms() >= keeper->drain_ms;
    return keeper->stopping && (!keeper->claim.job_id || (late && !keeper->with_runner && keeper->settle_ms));
}

static void
loop(struct keeper *keeper)
{
    while (!finished(keeper)) {
        if (!keeper->runner && !keeper->stopping && clock_monotonic_ms() >= keeper->runner_start_ms)
            start_runner(keeper);
        fetch(keeper);
        wait_for_events(keeper);
        handle_signals(keeper);
        read_reports(keeper);
        reap(keeper);
        settle(keeper);
        heartbeat(keeper);
        enforce(keeper);
    }
}

int
keeper_main(const char *const *queues, size_t count)
{
    struct error error;
    struct keeper keeper = {.queues = queues, .queue_count = count, .socket = -1};
    if (platform_signal_descriptor(&keeper.signals, &error) || redis_client_create(&keeper.redis, &error)) {
        log_error("the worker cannot start", &error);
        return error.code == ERROR_CONFIG ? 2 : 1;
    }
    platform_worker_name(keeper.name, sizeof(keeper.name));
    log_info("worker started", LOG_TEXT("name", keeper.name));
    loop(&keeper);
    acknowledge(&keeper);
    if (keeper.runner) {
        (void)kill(keeper.runner, SIGKILL);
        (void)waitpid(keeper.runner, NULL, 0);
    }
    redis_client_free(keeper.redis);
    log_info("worker stopped");
    return 0;
}
