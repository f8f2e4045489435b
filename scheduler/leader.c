#include "scheduler/leader.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/history.h"
#include "core/log.h"
#include "core/migration.h"
#include "core/sql.h"

#define FILE_SQL "ledger/scheduler"

void
leader_init(struct leader *leader)
{
    *leader = (struct leader){.connection = {.what = "PostgreSQL"}, .schema = {.what = "schema of the warehouse"}};
}

static void
disconnect(struct leader *leader)
{
    if (leader->leads)
        log_info("leads no longer");
    database_close(leader->database);
    leader->database = NULL;
    leader->leads = false;
}

void
leader_term(struct leader *leader)
{
    disconnect(leader);
}

void
leader_failed(struct leader *leader, const struct error *error)
{
    if (!leader->database || (error->code != ERROR_PG_CONNECTION && database_is_usable(leader->database)))
        return;
    disconnect(leader);
    outage_begin(&leader->connection, error);
}

/* No statement of a scheduler may wait long, and a silent session must end. */
static enum error_code
set_session(struct database *database, struct error *error)
{
    char silence[32];
    int64_t ticks_ms = 3 * config_integer(CONFIG_SCHEDULER_TICK_MS);
    int64_t silence_ms = ticks_ms > LEADER_SILENCE_S * 1000 ? ticks_ms : LEADER_SILENCE_S * 1000;
    (void)snprintf(silence, sizeof(silence), "%" PRId64 "ms", silence_ms);
    return database_query(database, sql_text(FILE_SQL, "session"), DATABASE_VALUES(silence), NULL, error);
}

static void
connect_now(struct leader *leader, int64_t now_ms)
{
    struct error error;
    enum error_code code = database_open(&leader->database, DATABASE_WAREHOUSE, "tapemill scheduler", &error);
    if (!code)
        code = set_session(leader->database, &error);
    if (code) {
        disconnect(leader);
        outage_begin(&leader->connection, &error);
        return;
    }
    outage_end(&leader->connection);
    leader->look_ms = leader->schema_ms = now_ms;
    leader->stood_by = false;
}

/* False while the schema is not the one this binary knows; who leads then stops doing so. */
static bool
schema_fits(struct leader *leader, int64_t now_ms)
{
    struct error error;
    if (now_ms < leader->schema_ms)
        return !leader->schema.lasts;
    enum error_code code = migration_check(leader->database, &error);
    if (!code) {
        outage_end(&leader->schema);
        leader->schema_ms = now_ms + LEADER_SCHEMA_LOOK_MS;
        return true;
    }
    if (code == ERROR_PG_CONNECTION || !database_is_usable(leader->database)) {
        leader_failed(leader, &error);
        return false;
    }
    outage_begin(&leader->schema, &error);
    leader->schema_ms = now_ms + LEADER_LOOK_MS;
    if (leader->leads)
        disconnect(leader);
    return false;
}

static void
try_lock(struct leader *leader, int64_t now_ms)
{
    struct error error;
    char answer[8];
    leader->look_ms = now_ms + clock_jitter_ms(LEADER_LOOK_MS);
    if (database_value(leader->database, sql_text(FILE_SQL, "lead"), 0, NULL, answer, sizeof(answer), &error)) {
        leader_failed(leader, &error);
        return;
    }
    leader->leads = answer[0] == 't';
    if (leader->leads)
        history_note(HISTORY_LEADS, 0, 0);
    if (leader->leads)
        log_info("leads");
    else if (!leader->stood_by)
        log_info("another scheduler leads; standing by");
    leader->stood_by = !leader->leads;
}

void
leader_advance(struct leader *leader, int64_t now_ms)
{
    if (!leader->database && outage_may_try(&leader->connection))
        connect_now(leader, now_ms);
    if (leader->database && schema_fits(leader, now_ms) && !leader->leads && now_ms >= leader->look_ms)
        try_lock(leader, now_ms);
}
