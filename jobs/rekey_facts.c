/* jobs/rekey_facts.c - moves facts of one business date, trades, orders, quotes and risk snapshots, to the versions
 * that are valid at their instants, after the history of a dimension's member was corrected.
 *
 * With the argument run: the facts of the versions that this run of sync_dimensions took instants from
 * (etl_dimension_changes), in those intervals; the sync enqueues a job for each loaded date that one of them meets.
 * Where the run changed what loads take from the member, its facts are meant under whatever key they have by now.
 * Without: every fact of the date, which is for repairs by hand; the desk's facts that do not have the tenant, client
 * or currency of their members are loaded again. Only facts that move are written; measures, books and
 * source_updated_at stay, since books go by natural ids. A gap that a delete left, with a fact in it, is filled by an
 * inferred version.
 *
 * Locks: the days of both flows and of all events, as loads take them, then the epochs (shared: no version changes
 * until the commit), the facts, and last the buckets of daily_performance, daily_positions and performance_monthly, so
 * that what they have computed can be seen. A job that has not begun sees what this run commits. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "jobs/day_lock.h"
#include "jobs/dimension.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/member_infer.h"
#include "jobs/month_versions.h"
#include "jobs/pipeline.h"
#include "jobs/pnl_day.h"

#define SQL(name) sql_text("jobs/rekey_facts", name)

enum { NUMBER_BYTES = 24, STATEMENT_BYTES = 8 * 1024 };

#define BIT(dimension) (1u << DIMENSION_##dimension)
#define ALL_DIMENSIONS ((1u << DIMENSION_COUNT) - 1)

/* A fact whose keys follow the dimensions. */
static const struct rekeyed_fact {
    const char *table, *key, *instant; /* the last two are columns */
    const char *label;                 /* of day locks; NULL: the flows of fact_trades */
    const char *source, *currency;     /* SQL: what stage_rekeyed calls it, and its currency */
    enum dirty_change change;
    unsigned dimensions; /* whose keys it has */
    unsigned loaded;     /* those of which its load takes more than the key */
} facts[] = {
    {"fact_trades", "trade_key", "execution_timestamp", NULL, "f.source", "f.currency", DIRTY_TRADES, ALL_DIMENSIONS,
     ALL_DIMENSIONS & ~BIT(CLIENT)},
    {"fact_orders", "order_fact_key", "order_timestamp", "ORDERS", "'ORDERS'", "''", DIRTY_ORDERS, ALL_DIMENSIONS,
     BIT(ACCOUNT)},
    {"fact_quotes", "quote_key", "quote_timestamp", "QUOTES", "'QUOTES'", "''", DIRTY_QUOTES,
     BIT(INSTRUMENT) | BIT(LIQUIDITY_PROVIDER), 0},
    {"fact_risk_snapshots", "risk_key", "snapshot_at", "RISK", "'RISK'", "''", DIRTY_RISK, BIT(CLIENT), BIT(CLIENT)},
};
enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

struct rekey {
    struct job_context *context;
    int32_t days;
    char date_key[NUMBER_BYTES], run_no[NUMBER_BYTES];
    const char *changes_run; /* NULL: all facts are looked at */
    int64_t inferred;
    int64_t moved[FACTS];
};

static enum error_code
read_arguments(struct rekey *rekey, struct error *error)
{
    const struct ledger_run *run = rekey->context->run;
    const char *changes = job_argument(rekey->context, "run", NULL);
    if (calendar_date_parse(run->business_date, &rekey->days, error))
        return error_context(error, "rekey_facts works on one business date");
    if (changes && (!changes[0] || strspn(changes, "0123456789") != strlen(changes) || strlen(changes) > 18))
        return error_set(error, ERROR_ARGUMENT,
                         "the argument run is \"%.40s\", but must be the number of a run of sync_dimensions; leave it "
                         "out to look at all facts of the date",
                         changes);
    rekey->changes_run = changes;
    (void)snprintf(rekey->date_key, sizeof(rekey->date_key), "%d", (int)calendar_date_key(rekey->days));
    (void)snprintf(rekey->run_no, sizeof(rekey->run_no), "%" PRId64, run->run_no);
    return ERROR_NONE;
}

/* A number that no run of sync_dimensions had would move nothing, and say that all is done. */
static enum error_code
check_changes_run(struct rekey *rekey, struct error *error)
{
    char is_known[8];
    if (!rekey->changes_run)
        return ERROR_NONE;
    if (database_value(rekey->context->warehouse, SQL("is_sync"), DATABASE_VALUES(rekey->changes_run), is_known,
                       sizeof(is_known), error))
        return error->code;
    return is_known[0] == 't' ? ERROR_NONE
                              : error_set(error, ERROR_ARGUMENT,
                                          "there is no run %s of sync_dimensions; leave the argument run out to look "
                                          "at all facts of the date",
                                          rekey->changes_run);
}

static enum error_code
take_locks(struct rekey *rekey, struct error *error)
{
    struct database *warehouse = rekey->context->warehouse;
    if (day_lock_flows(warehouse, calendar_date_key(rekey->days), error))
        return error->code;
    for (int i = 0; i < FACTS; i++)
        if (facts[i].label && day_lock(warehouse, facts[i].label, calendar_date_key(rekey->days), error))
            return error->code;
    return database_query(warehouse, sql_text("jobs/trade_load", "hold_epochs"), 0, NULL, NULL, error);
}

/* ---- which facts --------------------------------------------------------------------------------------------- */

static enum error_code
find_fact(struct rekey *rekey, const struct rekeyed_fact *fact, enum dimension dimension, struct error *error)
{
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    struct database *warehouse = rekey->context->warehouse;
    char statement[STATEMENT_BYTES];
    if (database_value(warehouse, SQL("find"),
                       DATABASE_VALUES(dimension_name(dimension), definition->table, definition->id, rekey->date_key,
                                       rekey->changes_run, fact->table, fact->key, fact->instant, fact->source,
                                       fact->currency, fact->loaded & 1u << dimension ? "true" : "false"),
                       statement, sizeof(statement), error))
        return error->code;
    return database_run(warehouse, statement, error);
}

static enum error_code
find_facts(struct rekey *rekey, enum dimension dimension, struct error *error)
{
    for (int i = 0; i < FACTS; i++)
        if (facts[i].dimensions & 1u << dimension && find_fact(rekey, &facts[i], dimension, error))
            return error->code;
    return ERROR_NONE;
}

static enum error_code
find_missing(struct rekey *rekey, enum dimension dimension, struct rows **missing, struct error *error)
{
    const struct dimension_definition *definition = &dimension_definitions[dimension];
    struct database *warehouse = rekey->context->warehouse;
    char statement[STATEMENT_BYTES];
    if (database_value(warehouse, SQL("missing"),
                       DATABASE_VALUES(dimension_name(dimension), definition->table, definition->id), statement,
                       sizeof(statement), error))
        return error->code;
    return database_query(warehouse, statement, 0, NULL, missing, error);
}

/* Finds a dimension's facts, with an inferred version for each that has none. */
static enum error_code
find_dimension(struct rekey *rekey, enum dimension dimension, struct error *error)
{
    struct rows *missing;
    if (find_facts(rekey, dimension, error) || find_missing(rekey, dimension, &missing, error))
        return error->code;
    size_t count = rows_count(missing);
    enum error_code code =
        count ? member_infer(rekey->context, dimension, missing, &rekey->inferred, error) : ERROR_NONE;
    rows_free(missing);
    if (code || !count)
        return code;
    FAILPOINT("rekey.inferred");
    if (database_query(rekey->context->warehouse, SQL("forget"), DATABASE_VALUES(dimension_name(dimension)), NULL,
                       error) ||
        find_facts(rekey, dimension, error) || find_missing(rekey, dimension, &missing, error))
        return error->code;
    count = rows_count(missing);
    rows_free(missing);
    return count ? error_set(error, ERROR_BUG, "%zu members of %s have facts at instants that no version covers", count,
                             dimension_definitions[dimension].table)
                 : ERROR_NONE;
}

static enum error_code
move_fact(struct rekey *rekey, int index, struct error *error)
{
    const struct rekeyed_fact *fact = &facts[index];
    struct database *warehouse = rekey->context->warehouse;
    char statement[STATEMENT_BYTES];
    struct rows *rows;
    if (database_value(warehouse, SQL("move"),
                       DATABASE_VALUES(fact->table, fact->key, fact->source, rekey->date_key, rekey->run_no), statement,
                       sizeof(statement), error) ||
        database_query(warehouse, statement, 0, NULL, &rows, error))
        return error->code;
    rekey->moved[index] = rows_affected(rows);
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
move_facts(struct rekey *rekey, struct error *error)
{
    struct ledger_counts *counts = &rekey->context->counts;
    if (database_run(rekey->context->warehouse, SQL("stage"), error))
        return error->code;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (find_dimension(rekey, (enum dimension)i, error))
            return error_context(error, "dimension %s", dimension_name((enum dimension)i));
    for (int i = 0; i < FACTS; i++) {
        if (move_fact(rekey, i, error))
            return error->code;
        counts->extracted += rekey->moved[i];
        counts->updated += rekey->moved[i];
    }
    FAILPOINT("rekey.moved");
    return ERROR_NONE;
}

/* ---- what follows -------------------------------------------------------------------------------------------- */

/* A job of the date, unless one is there that has not begun. */
static enum error_code
enqueue_unless_asked(struct rekey *rekey, const char *job, struct error *error)
{
    struct job_context *context = rekey->context;
    const struct pipeline_request request = {
        .business_date = context->run->business_date,
        .queue = context->run->queue,
        .priority = context->run->priority,
        .parent_id = context->run->job_id,
    };
    char asked[8];
    int64_t *ids;
    size_t count;
    if (database_value(context->warehouse, SQL("asked_for"), DATABASE_VALUES(job, request.business_date), asked,
                       sizeof(asked), error))
        return error->code;
    if (asked[0] == 't')
        return ERROR_NONE;
    if (pipeline_enqueue_target(context->warehouse, job, NULL, &request, context->arena, &ids, &count, error))
        return error->code;
    ledger_note_push(&context->pushes, ids[0]);
    return ERROR_NONE;
}

/* Derived rows of the events that moved. */
static enum error_code
follow_events(struct rekey *rekey, struct error *error)
{
    for (int i = 0; i < FACTS; i++)
        if (facts[i].label && rekey->moved[i] &&
            dirty_log(rekey->context, facts[i].change, calendar_date_key(rekey->days), false, "facts re-keyed", error))
            return error->code;
    return ERROR_NONE;
}

/* The date's performance goes by versions too. While the date's books are open it is computed once they are closed. */
static enum error_code
follow_performance(struct rekey *rekey, struct error *error)
{
    struct job_context *context = rekey->context;
    struct database *warehouse = context->warehouse;
    char differs[8], key[PNL_DAY_KEY_BYTES];
    bool closed;
    if (database_query(warehouse, sql_text("jobs/daily_performance", "lock_bucket"), DATABASE_VALUES(rekey->date_key),
                       NULL, error) ||
        database_value(warehouse, SQL("performance_differs"),
                       DATABASE_VALUES(rekey->date_key, context->run->interval_end), differs, sizeof(differs), error))
        return error->code;
    if (!rekey->moved[0] && differs[0] != 't')
        return ERROR_NONE;
    if (dirty_log(context, DIRTY_TRADES, calendar_date_key(rekey->days), false, "facts re-keyed", error) ||
        pnl_day_is_met(warehouse, pnl_day_key(rekey->days, key), &closed, error))
        return error->code;
    return closed ? enqueue_unless_asked(rekey, "daily_performance", error) : ERROR_NONE;
}

/* So do what is held, traded on the date or not, and the month's performance. */
static enum error_code
follow_positions(struct rekey *rekey, struct error *error)
{
    struct job_context *context = rekey->context;
    struct database *warehouse = context->warehouse;
    char differs[8], key[PNL_DAY_KEY_BYTES];
    bool closed;
    if (database_query(warehouse, SQL("lock_positions"), DATABASE_VALUES(rekey->date_key), NULL, error) ||
        database_value(warehouse, SQL("positions_differ"), DATABASE_VALUES(rekey->date_key, context->run->interval_end),
                       differs, sizeof(differs), error))
        return error->code;
    if (differs[0] != 't')
        return ERROR_NONE;
    if (dirty_log_target(context, "positions", calendar_date_key(rekey->days), "another version", error) ||
        pnl_day_is_met(warehouse, pnl_day_key(rekey->days, key), &closed, error))
        return error->code;
    return closed ? enqueue_unless_asked(rekey, "daily_positions", error) : ERROR_NONE;
}

static enum error_code
follow_month(struct rekey *rekey, struct error *error)
{
    struct business_clock clock;
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    return month_versions_follow(rekey->context, &clock, rekey->days, error);
}

/* Loads that must take from the member what they took from another version of it: *loads is a JSON list of them. */
static enum error_code
follow_loads(struct rekey *rekey, char *loads, size_t size, struct error *error)
{
    struct rows *rows;
    if (database_query(rekey->context->warehouse, SQL("reloads"), 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    size_t length = 0;
    loads[0] = 0;
    for (size_t i = 0; !code && i < rows_count(rows); i++) {
        length +=
            (size_t)snprintf(loads + length, size - length, "%s\"%s\"", length ? ", " : "", rows_text(rows, i, 0));
        code = enqueue_unless_asked(rekey, rows_text(rows, i, 0), error);
    }
    rows_free(rows);
    return code;
}

/* The run's metadata: {"moved": {"instrument": 3}, "inferred": 0, "loads": []}. */
static enum error_code
describe(struct rekey *rekey, const char *loads, struct error *error)
{
    char *metadata = rekey->context->metadata;
    size_t size = sizeof(rekey->context->metadata), length = (size_t)snprintf(metadata, size, "{\"moved\": {");
    struct rows *rows;
    if (database_query(rekey->context->warehouse, SQL("counts"), 0, NULL, &rows, error))
        return error->code;
    for (size_t i = 0; i < rows_count(rows); i++)
        length += (size_t)snprintf(metadata + length, size - length, "%s\"%s\": %s", i ? ", " : "",
                                   rows_text(rows, i, 0), rows_text(rows, i, 1));
    rows_free(rows);
    (void)snprintf(metadata + length, size - length, "}, \"inferred\": %" PRId64 ", \"loads\": [%s]}", rekey->inferred,
                   loads);
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct rekey rekey = {.context = context};
    char loads[128];
    if (read_arguments(&rekey, error) || check_changes_run(&rekey, error) || take_locks(&rekey, error) ||
        move_facts(&rekey, error) || follow_events(&rekey, error) || follow_performance(&rekey, error) ||
        follow_positions(&rekey, error) || follow_month(&rekey, error) ||
        follow_loads(&rekey, loads, sizeof(loads), error))
        return error->code;
    return describe(&rekey, loads, error);
}

static const char *const arguments[] = {"run", NULL};

const struct job_definition job_rekey_facts = {
    .name = "rekey_facts",
    .type = "ETL",
    .summary = "moves one business date's facts to the dimension versions that are valid at their instants",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .arguments = arguments,
    .run = run,
};
