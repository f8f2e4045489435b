#include "core/ledger_audit.h"

#include <inttypes.h>
#include <string.h>

#include "core/buffer.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/reconcile", name)

enum { IDS_BYTES_MAX = QUEUE_BATCH_MAX * 24 };

enum error_code
ledger_audit_due(struct queue_audit *audit, struct database *database, const char *state, int quiet_s, int64_t *last_id,
                 size_t *count, struct error *error)
{
    static struct queue_truth truths[QUEUE_BATCH_MAX];
    struct number_text last, size, quiet;
    struct rows *rows;
    if (database_query(database, SQL("due"),
                       DATABASE_VALUES(state, number_text(&last, *last_id), number_text(&size, QUEUE_BATCH_MAX),
                                       number_text(&quiet, quiet_s)),
                       &rows, error))
        return error->code;
    *count = rows_count(rows);
    for (size_t row = 0; row < *count; row++)
        truths[row] = (struct queue_truth){.job_id = rows_integer(rows, row, 0),
                                           .want = QUEUE_WANT_QUEUED,
                                           .queue = rows_text(rows, row, 1),
                                           .priority = (int)rows_integer(rows, row, 2),
                                           .delay_ms = rows_integer(rows, row, 3)};
    enum error_code code = queue_audit_settle(audit, QUEUE_PART_COUNT, NULL, truths, *count, error);
    if (!code && *count)
        *last_id = truths[*count - 1].job_id;
    rows_free(rows);
    return code;
}

static enum error_code
write_ids(struct buffer *list, const int64_t *ids, size_t count, struct error *error)
{
    buffer_init(list, IDS_BYTES_MAX);
    buffer_text(list, "{");
    for (size_t i = 0; i < count; i++)
        buffer_format(list, "%s%" PRId64, i ? "," : "", ids[i]);
    buffer_text(list, "}");
    return buffer_check(list, "the list of jobs that Redis knows", error);
}

static enum queue_want
want_of(const char *state)
{
    if (strcmp(state, "queued") == 0 || strcmp(state, "retry") == 0)
        return QUEUE_WANT_QUEUED;
    if (strcmp(state, "running") == 0)
        return QUEUE_WANT_RUNNING;
    return state[0] ? QUEUE_WANT_NOTHING : QUEUE_WANT_UNKNOWN;
}

/* Settles ids that Redis holds in a part. */
static enum error_code
settle_found(struct queue_audit *audit, struct database *database, enum queue_part part, const char *queue,
             const int64_t *ids, size_t count, struct error *error)
{
    static struct queue_truth truths[QUEUE_BATCH_MAX];
    struct buffer list;
    struct number_text lease;
    struct rows *rows = NULL;
    enum error_code code = write_ids(&list, ids, count, error);
    if (!code)
        code = database_query(database, SQL("found"), DATABASE_VALUES(list.bytes, number_text(&lease, audit->lease_ms)),
                              &rows, error);
    buffer_term(&list);
    if (code)
        return code;
    for (size_t row = 0; row < rows_count(rows); row++)
        truths[row] = (struct queue_truth){.job_id = rows_integer(rows, row, 0),
                                           .want = want_of(rows_text(rows, row, 1)),
                                           .queue = rows_text(rows, row, 2),
                                           .priority = (int)rows_integer(rows, row, 3),
                                           .delay_ms = rows_integer(rows, row, 4)};
    code = queue_audit_settle(audit, part, queue, truths, rows_count(rows), error);
    rows_free(rows);
    return code;
}

/* The part, or the queue of ready, is done. */
static void
next_part(struct ledger_audit_walk *walk)
{
    if (walk->part < QUEUE_PART_READY)
        walk->part++;
    else
        walk->queue++;
    if (walk->part == QUEUE_PART_READY && walk->keys_done && walk->queue == walk->queue_count)
        walk->part = QUEUE_PART_COUNT;
}

/* Looks which queues have ready jobs. */
static enum error_code
step_keys(struct ledger_audit_walk *walk, struct queue_audit *audit, struct error *error)
{
    size_t count = 0;
    if (queue_audit_keys(audit, &walk->cursor, walk->queues + walk->queue_count,
                         LEDGER_AUDIT_QUEUES - walk->queue_count, &count, error))
        return error->code;
    walk->queue_count += count;
    walk->keys_done = walk->cursor == 0;
    if (walk->keys_done && !walk->queue_count)
        walk->part = QUEUE_PART_COUNT;
    return ERROR_NONE;
}

enum error_code
ledger_audit_step(struct ledger_audit_walk *walk, struct queue_audit *audit, struct database *database,
                  struct error *error)
{
    static int64_t ids[QUEUE_BATCH_MAX];
    size_t count = 0;
    if (ledger_audit_is_over(walk))
        return ERROR_NONE;
    if (walk->part == QUEUE_PART_READY && !walk->keys_done)
        return step_keys(walk, audit, error);
    enum queue_part part = (enum queue_part)walk->part;
    const char *queue = part == QUEUE_PART_READY ? walk->queues[walk->queue] : NULL;
    enum error_code code = queue_audit_page(audit, part, queue, &walk->cursor, ids, &count, error);
    if (!code && count)
        code = settle_found(audit, database, part, queue, ids, count, error);
    if (!code && !walk->cursor)
        next_part(walk);
    return code;
}

bool
ledger_audit_is_over(const struct ledger_audit_walk *walk)
{
    return walk->part == QUEUE_PART_COUNT;
}
