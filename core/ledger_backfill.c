#include "core/ledger_backfill.h"

#include "core/ledger.h"
#include "core/number_text.h"
#include "core/sql.h"

#define SQL(name) sql_text("ledger/backfill", name)

static const char reason[] = "its backfill was cancelled";

static size_t
take_ids(const struct rows *rows, int64_t *job_ids)
{
    for (size_t row = 0; row < rows_count(rows); row++)
        job_ids[row] = rows_integer(rows, row, 0);
    return rows_count(rows);
}

/* Those that hold a backend, or whose end others wait for. */
static enum error_code
cancel_singly(struct database *database, const char *backfill, bool running_too, const char *limit, int64_t *job_ids,
              size_t *count, bool *more, struct ledger_pushes *pushes, struct error *error)
{
    struct rows *rows;
    if (database_query(database, SQL("cancellable"), DATABASE_VALUES(backfill, running_too ? "true" : "false", limit),
                       &rows, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    *more = rows_count(rows) > 0;
    for (size_t row = 0; !code && row < rows_count(rows); row++) {
        bool cancelled = false;
        int64_t job_id = rows_integer(rows, row, 0);
        code = ledger_cancel(database, job_id, reason, pushes, &cancelled, error);
        if (!code && cancelled)
            job_ids[(*count)++] = job_id;
    }
    rows_free(rows);
    return code;
}

enum error_code
ledger_backfill_cancel(struct database *database, int64_t backfill_id, bool running_too, int64_t *job_ids,
                       size_t *count, bool *more, struct ledger_pushes *pushes, struct error *error)
{
    struct number_text id, limit;
    struct rows *rows;
    *count = 0;
    const char *backfill = number_text(&id, backfill_id), *most = number_text(&limit, LEDGER_BACKFILL_BATCH);
    if (database_query(database, SQL("cancel_idle"), DATABASE_VALUES(backfill, reason, most), &rows, error))
        return error->code;
    *count = take_ids(rows, job_ids);
    rows_free(rows);
    *more = *count > 0;
    return *count ? ERROR_NONE
                  : cancel_singly(database, backfill, running_too, most, job_ids, count, more, pushes, error);
}
