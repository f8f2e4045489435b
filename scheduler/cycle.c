#include "scheduler/cycle.h"

#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/history.h"
#include "core/log.h"
#include "core/queue.h"
#include "scheduler/backfill.h"
#include "scheduler/fold.h"

/* ---- duties ------------------------------------------------------------------------------------------------ */

static enum error_code
sweep(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    int64_t promoted = 0, expired = 0;
    (void)now_ms;
    enum error_code code = queue_sweep(cycle->redis.client, CYCLE_SWEEP_MAX, &promoted, &expired, error);
    if (!code && expired)
        history_note(HISTORY_SWEPT, 0, expired);
    if (!code && expired)
        log_warn("leases expired; their jobs are ready again", LOG_NUMBER("jobs", expired));
    return code;
}

static enum error_code
reconcile(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    if (cycle->redis.emptied)
        log_warn("Redis lost its content; everything is put back from the ledger");
    if (cycle->redis.suspect)
        reconcile_restart(&cycle->reconcile, now_ms);
    cycle->redis.suspect = cycle->redis.emptied = false;
    return reconcile_advance(&cycle->reconcile, cycle->leader.database, cycle->redis.client, now_ms, error);
}

static enum error_code
backfills(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    int taken = 0;
    (void)now_ms;
    enum error_code code =
        backfill_advance(&cycle->backfill_cursor, &taken, cycle->leader.database, &cycle->redis, error);
    cycle->busy = taken > 0;
    return code;
}

static enum error_code
ticks(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    (void)now_ms;
    return ticks_advance(&cycle->ticks, &cycle->clock, cycle->leader.database, &cycle->redis, &cycle->busy, error);
}

static enum error_code
folds(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    return fold_advance(&cycle->next_fold_ms, now_ms, &cycle->clock, cycle->leader.database, &cycle->redis, error);
}

/* What was answered is marked by whoever sent it, leader or not. */
static enum error_code
alerts(struct cycle *cycle, int64_t now_ms, struct error *error)
{
    return alert_advance(&cycle->alerts, cycle->leader.leads, cycle->leader.database, now_ms, error);
}

enum needs {
    NEEDS_REDIS = 1,
    NEEDS_WAREHOUSE = 2,
    NEEDS_LEADERSHIP = 4,
    NEEDS_NO_OTHER_LEADER = 8, /* leads, or cannot know who does */
};

static const struct duty {
    const char *name;
    int needs;
    enum error_code (*run)(struct cycle *cycle, int64_t now_ms, struct error *error);
} duties[CYCLE_DUTIES] = {
    {"reconciliation", NEEDS_REDIS | NEEDS_WAREHOUSE | NEEDS_LEADERSHIP, reconcile}, /* before what it repairs for */
    {"sweep of Redis", NEEDS_REDIS | NEEDS_NO_OTHER_LEADER, sweep},
    {"backfills", NEEDS_WAREHOUSE | NEEDS_LEADERSHIP, backfills},
    {"schedule", NEEDS_WAREHOUSE | NEEDS_LEADERSHIP, ticks},
    {"folding of closed months", NEEDS_WAREHOUSE | NEEDS_LEADERSHIP, folds},
    {"alerts", NEEDS_WAREHOUSE, alerts},
};

/* ---- ticks ------------------------------------------------------------------------------------------------- */

enum error_code
cycle_init(struct cycle *cycle, struct error *error)
{
    const char *url, *webhook = config_text(CONFIG_SLACK_WEBHOOK_URL);
    memset(cycle, 0, sizeof(*cycle));
    leader_init(&cycle->leader);
    reconcile_restart(&cycle->reconcile, 0);
    ticks_init(&cycle->ticks);
    for (size_t i = 0; i < CYCLE_DUTIES; i++)
        cycle->duties[i].what = duties[i].name;
    if (webhook && !http_is_address(webhook))
        return error_set(error, ERROR_CONFIG, "TAPEMILL_SLACK_WEBHOOK_URL must begin with https:// or http://");
    enum error_code code = config_require(CONFIG_WAREHOUSE_URL, &url, error);
    if (!code)
        code = business_clock_init(&cycle->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error);
    if (!code)
        code = redis_watch_init(&cycle->redis, error);
    if (!code)
        code = http_client_create(&cycle->http, error);
    if (!code)
        alert_init(&cycle->alerts, cycle->http, webhook);
    return code;
}

void
cycle_term(struct cycle *cycle)
{
    leader_term(&cycle->leader);
    ticks_term(&cycle->ticks);
    redis_watch_term(&cycle->redis);
    alert_term(&cycle->alerts);
    http_client_free(cycle->http);
}

static bool
can_run(const struct cycle *cycle, size_t index)
{
    int needs = duties[index].needs;
    return (!(needs & NEEDS_REDIS) || cycle->redis.usable) && (!(needs & NEEDS_WAREHOUSE) || cycle->leader.database) &&
           (!(needs & NEEDS_LEADERSHIP) || cycle->leader.leads) &&
           (!(needs & NEEDS_NO_OTHER_LEADER) || cycle->leader.leads || !cycle->leader.database) &&
           outage_may_try(&cycle->duties[index]);
}

/* The duty failed: who was it? */
static void
blame(struct cycle *cycle, size_t index, const struct error *error)
{
    database_rollback(cycle->leader.database);
    if (error->code == ERROR_REDIS)
        redis_watch_failed(&cycle->redis, error);
    else if (error->code == ERROR_PG_CONNECTION || !database_is_usable(cycle->leader.database))
        leader_failed(&cycle->leader, error);
    else
        outage_begin(&cycle->duties[index], error);
}

bool
cycle_tick(struct cycle *cycle)
{
    struct error error;
    cycle->busy = false;
    leader_advance(&cycle->leader, clock_monotonic_ms());
    redis_watch_advance(&cycle->redis, clock_monotonic_ms());
    (void)alert_poll(&cycle->alerts);
    if (cycle->leader.leads && !cycle->led) {
        cycle->redis.suspect = true; /* what the leader before left undone, nobody knows */
        ticks_restart(&cycle->ticks);
    }
    cycle->led = cycle->leader.leads;
    for (size_t i = 0; i < CYCLE_DUTIES; i++) {
        if (!can_run(cycle, i))
            continue;
        if (duties[i].run(cycle, clock_monotonic_ms(), &error))
            blame(cycle, i, &error);
        else
            outage_end(&cycle->duties[i]);
    }
    return cycle->busy;
}

bool
cycle_wait(struct cycle *cycle, int stop, int64_t timeout_ms)
{
    struct error error;
    if (http_wait(cycle->http, stop, timeout_ms, &error)) {
        outage_begin(&cycle->alerts.outage, &error);
        clock_pause_ms(timeout_ms);
    }
    return alert_poll(&cycle->alerts);
}
