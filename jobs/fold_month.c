/* jobs/fold_month.c - the leaves of a month that is over, folded into one.
 *
 * A leaf for each flow and day is right while the month is loaded, and a burden afterwards: a query over all dates
 * locks every leaf and its indexes. All is done in the run's transaction. The month's dates are locked first, all of
 * them or none, so that their loads and realized_pnl wait; the old leaves are locked against whoever writes without
 * that. The new leaf is built beside the table, compared with the old ones, and put in their place last: these are
 * dropped as they are, attached, which locks their parent alone (detached, they would lock the dimensions), and it is
 * attached. No row changes in any column. Loads that come later find the month's leaf and merge into it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/config.h"
#include "core/failpoint.h"
#include "jobs/day_lock.h"
#include "jobs/fold_debt.h"
#include "jobs/job.h"
#include "jobs/leaf.h"

#define SQL(name) sql_text("jobs/fold_month", name)

enum { KEY_BYTES = 16, QUERY_BYTES = 4096, MONTH_BYTES = 8, DATES_MS = 600 * 1000 };

struct fold {
    struct job_context *context;
    struct partition_month month;
    char label[MONTH_BYTES]; /* "2024-01" */
    int64_t leaves;
};

static const char *
key_text(char text[KEY_BYTES], int32_t days)
{
    (void)snprintf(text, KEY_BYTES, "%d", (int)calendar_date_key(days));
    return text;
}

/* ---- may it be folded? ---------------------------------------------------------------------------------------- */

static enum error_code
find_month(struct fold *fold, struct error *error)
{
    struct business_clock clock;
    const char *date = fold->context->run->business_date;
    char next[CALENDAR_DATE_BYTES];
    int32_t days, today;
    if (calendar_date_parse(date, &days, error))
        return error_context(error, "fold_month works on the month of a date");
    if (business_clock_init(&clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error) ||
        fold_debt_today(fold->context->warehouse, &clock, &today, error) ||
        partition_find_month(days, &fold->month, error))
        return error->code;
    (void)snprintf(fold->label, sizeof(fold->label), "%.7s", date);
    if (today >= fold->month.next)
        return ERROR_NONE;
    return error_set(error, ERROR_ARGUMENT, "%s is not over: it can be folded from %s on", fold->label,
                     calendar_date_format(fold->month.next, next));
}

static enum error_code
take_dates(void *context, struct error *error)
{
    const struct fold *fold = context;
    for (int32_t days = fold->month.first; days < fold->month.next; days++)
        if (day_lock_flows(fold->context->warehouse, calendar_date_key(days), error))
            return error->code;
    return ERROR_NONE;
}

/* All or none: a load that holds one of them may need another. */
static enum error_code
lock_dates(struct fold *fold, struct error *error)
{
    const struct leaf_step step = {take_dates, fold};
    if (leaf_try(fold->context->warehouse, &step, DATES_MS, error))
        return error_context(error, "the dates of %s are being loaded", fold->label);
    return ERROR_NONE;
}

/* Refuses to fill the lock table, which others need too. The setting that is asked for leaves half of it to them. */
static enum error_code
check_room(const struct fold *fold, int64_t locks, int64_t capacity, int64_t per_transaction, struct error *error)
{
    if (locks * 4 <= capacity * 3)
        return ERROR_NONE;
    return error_set(
        error, ERROR_CONFIG,
        "to fold the %" PRId64 " leaves of %s takes %" PRId64 " locks, and PostgreSQL has room for %" PRId64
        "; set max_locks_per_transaction = %" PRId64 " (it is %" PRId64 "), restart PostgreSQL, then retry the job",
        fold->leaves, fold->label, locks, capacity, per_transaction * (locks * 2 / capacity + 1), per_transaction);
}

static enum error_code
count_leaves(struct fold *fold, struct error *error)
{
    const struct partition_leaf *leaf = &fold->month.leaf;
    struct rows *rows;
    if (database_query(fold->context->warehouse, SQL("leaves"), DATABASE_VALUES(leaf->parent, leaf->name), &rows,
                       error))
        return error->code;
    fold->leaves = rows_integer(rows, 0, 0);
    bool taken = rows_boolean(rows, 0, 1);
    int64_t locks = rows_integer(rows, 0, 2), capacity = rows_integer(rows, 0, 3),
            per_transaction = rows_integer(rows, 0, 4);
    rows_free(rows);
    if (fold->leaves <= 1)
        return ERROR_NONE;
    if (taken)
        return error_set(error, ERROR_PG_STATEMENT,
                         "table %s exists but is not a partition of %s; rename it, then retry the job", leaf->name,
                         leaf->parent);
    return check_room(fold, locks, capacity, per_transaction, error);
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

static enum error_code
fill(struct fold *fold, struct error *error)
{
    struct database *warehouse = fold->context->warehouse;
    const struct partition_leaf *leaf = &fold->month.leaf;
    char first[KEY_BYTES], next[KEY_BYTES];
    if (leaf_run(warehouse, SQL("lock_leaves"), DATABASE_VALUES(leaf->parent), error) ||
        leaf_run(warehouse, SQL("create"),
                 DATABASE_VALUES(leaf->name, key_text(first, fold->month.first), key_text(next, fold->month.next)),
                 error) ||
        leaf_run(warehouse, SQL("fill"), DATABASE_VALUES(leaf->name, leaf->parent), error))
        return error->code;
    FAILPOINT("fold.filled");
    return ERROR_NONE;
}

/* The new leaf says of every flow and date what the old ones say, or nothing happens. */
static enum error_code
compare(struct fold *fold, struct error *error)
{
    struct database *warehouse = fold->context->warehouse;
    struct ledger_counts *counts = &fold->context->counts;
    char query[QUERY_BYTES];
    struct rows *rows;
    if (database_value(warehouse, SQL("compare"), DATABASE_VALUES(fold->month.leaf.parent, fold->month.leaf.name),
                       query, sizeof(query), error) ||
        database_query(warehouse, query, 0, NULL, &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    counts->extracted = counts->unchanged = rows_integer(rows, 0, 0);
    if (!rows_is_null(rows, 0, 1))
        code = error_set(error, ERROR_GATE,
                         "the folded leaf of %s does not say what the leaves of its days say (first of %s): they stay "
                         "as they are; look for what else writes to %s, then retry the job",
                         fold->label, rows_text(rows, 0, 1), fold->month.leaf.name);
    rows_free(rows);
    return code;
}

/* Before ATTACH, in the same try. Leaves that appeared since are empty: the dates are ours. */
static enum error_code
drop_leaves(void *context, struct error *error)
{
    struct fold *fold = context;
    struct database *warehouse = fold->context->warehouse;
    if (partition_lock_month(warehouse, &fold->month, error) ||
        database_query(warehouse, SQL("lock_readers"), 0, NULL, NULL, error) ||
        leaf_run(warehouse, SQL("drop_leaves"), DATABASE_VALUES(fold->month.leaf.parent), error))
        return error->code;
    FAILPOINT("fold.dropped");
    return ERROR_NONE;
}

static enum error_code
replace(struct fold *fold, struct error *error)
{
    struct database *warehouse = fold->context->warehouse;
    const struct leaf_step drop = {drop_leaves, fold};
    if (fill(fold, error) || leaf_index(warehouse, &fold->month.leaf, error))
        return error->code;
    FAILPOINT("fold.indexed");
    if (compare(fold, error) || leaf_attach(warehouse, &fold->month.leaf, &drop, error))
        return error->code;
    FAILPOINT("fold.attached");
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct fold fold = {.context = context};
    if (find_month(&fold, error) || lock_dates(&fold, error) || count_leaves(&fold, error) ||
        (fold.leaves > 1 && replace(&fold, error)))
        return error->code;
    (void)snprintf(context->metadata, sizeof(context->metadata),
                   "{\"month\": \"%s\", \"leaves\": %" PRId64 ", \"folded\": %s}", fold.label, fold.leaves,
                   fold.leaves > 1 ? "true" : "false");
    return ERROR_NONE;
}

const struct job_definition job_fold_month = {
    .name = "fold_month",
    .type = "MAINTENANCE",
    .summary = "the leaves of a month of fact_trades that is over, folded into one",
    .queue = "batch",
    .max_attempts = 5,
    .needs_date = true,
    .run = run,
};
