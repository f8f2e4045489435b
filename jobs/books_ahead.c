#include "jobs/books_ahead.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/config.h"
#include "core/failpoint.h"
#include "jobs/pnl_day.h"
#include "jobs/pnl_method.h"

#define SQL(name) sql_text("jobs/books_ahead", name)

enum { KEY_BYTES = 16, NUMBER_BYTES = 24 };

static void
put_date_key(char key[KEY_BYTES], int32_t days)
{
    (void)snprintf(key, KEY_BYTES, "%d", (int)calendar_date_key(days));
}

/* The condition that tells that the flow's books of the date are published, or that none will come. */
static void
put_condition(const struct trade_load *load, const char *date_key, char *key, size_t size)
{
    (void)snprintf(key, size, "ahead:%s:%s", load->definition->source_label, date_key);
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* The dates around the load's own; before is "0" on the first date of the history. */
struct neighbours {
    bool in_history;
    char before[KEY_BYTES], after[KEY_BYTES];
};

static enum error_code
find_neighbours(const struct trade_load *load, struct neighbours *neighbours, struct error *error)
{
    const char *start = config_text(CONFIG_HISTORY_START);
    int32_t days, first_days;
    struct error ignored;
    if (calendar_date_from_key(load->date_key_number, &days, error))
        return error->code;
    *neighbours = (struct neighbours){.before = "0"};
    if (!start || calendar_date_parse(start, &first_days, &ignored) || days < first_days)
        return ERROR_NONE;
    neighbours->in_history = true;
    put_date_key(neighbours->after, days + 1);
    if (days > first_days)
        put_date_key(neighbours->before, days - 1);
    return ERROR_NONE;
}

enum opening {
    OPENING_NONE,      /* there is nothing to stand on, or the date must not be booked by its load */
    OPENING_CLOSED,    /* the books that the date before was closed with; before the first date there are none */
    OPENING_PUBLISHED, /* those that its load published */
    OPENING_COMING,    /* its load will publish them, or say that it does not */
};

/* This date or the next was once closed on top of other books: then realized_pnl must see what changes. */
static enum error_code
choose_opening(const struct trade_load *load, struct database *side, const struct neighbours *neighbours,
               enum opening *opening, struct error *error)
{
    char job_id[NUMBER_BYTES];
    struct rows *rows;
    (void)snprintf(job_id, sizeof(job_id), "%" PRId64, load->context->run->job_id);
    if (database_query(side, SQL("look"),
                       DATABASE_VALUES(load->date_key, neighbours->before, neighbours->after,
                                       load->definition->source_label, job_id),
                       &rows, error))
        return error->code;
    bool closed = rows_boolean(rows, 0, 0) || rows_boolean(rows, 0, 1), first = strcmp(neighbours->before, "0") == 0;
    *opening = OPENING_NONE;
    if (!closed && (first || rows_boolean(rows, 0, 2)))
        *opening = OPENING_CLOSED;
    else if (!closed && rows_boolean(rows, 0, 3))
        *opening = OPENING_PUBLISHED;
    else if (!closed && rows_boolean(rows, 0, 4))
        *opening = OPENING_COMING;
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
read_digest(struct database *database, const char *date_key, const char *source, bool published,
            char digest[TRADE_DIGEST_BYTES], struct error *error)
{
    return database_value(database, SQL("digest"), DATABASE_VALUES(date_key, source, published ? "true" : "false"),
                          digest, TRADE_DIGEST_BYTES, error);
}

/* Chooses and reads in one snapshot, so that the digest is that of the books read. */
static enum error_code
open_in_snapshot(struct trade_load *load, struct database *side, enum opening *opening, struct error *error)
{
    const char *source = load->definition->source_label;
    struct neighbours neighbours;
    if (find_neighbours(load, &neighbours, error))
        return error->code;
    *opening = OPENING_NONE;
    if (neighbours.in_history && choose_opening(load, side, &neighbours, opening, error))
        return error->code;
    if (*opening == OPENING_COMING)
        put_condition(load, neighbours.before, load->context->wait_key, sizeof(load->context->wait_key));
    if (*opening == OPENING_NONE || *opening == OPENING_COMING)
        return ERROR_NONE;
    bool published = *opening == OPENING_PUBLISHED;
    if (read_digest(side, neighbours.before, source, published, load->opening_digest, error))
        return error->code;
    return trade_books_open(&load->books, side, pnl_method_configured(), load->definition->flow, source,
                            neighbours.before, published ? TRADE_BOOKS_PUBLISHED : TRADE_BOOKS_CLOSED, error);
}

/* ---- publishing --------------------------------------------------------------------------------------------- */

/* books NULL: none will come. The fence is looked at, so that a run that was taken over says nothing. */
static enum error_code
publish_in_transaction(struct trade_load *load, struct database *side, const struct trade_books *books,
                       struct ledger_pushes *pushes, struct error *error)
{
    const char *source = load->definition->source_label;
    char condition[JOB_WAIT_KEY_BYTES];
    put_condition(load, load->date_key, condition, sizeof(condition));
    if (ledger_check(side, load->context->run, error) ||
        (books &&
         (database_query(side, SQL("announce"), DATABASE_VALUES(load->date_key, source, load->run_no), NULL, error) ||
          trade_books_store(books, side, load->date_key_number, TRADE_BOOKS_PUBLISHED, error))))
        return error->code;
    return ledger_set_condition(side, condition, true, pushes, error);
}

static enum error_code
publish(struct trade_load *load, const struct trade_books *books, struct error *error)
{
    struct ledger_pushes pushes = {.count = 0};
    struct database *side;
    if (job_side(load->context, &side, error) || database_begin(side, error))
        return error->code;
    enum error_code code = publish_in_transaction(load, side, books, &pushes, error);
    if (!code)
        code = database_commit(side, error);
    database_rollback(side);
    if (!code)
        job_push(load->context, &pushes);
    return code;
}

enum error_code
books_ahead_open(struct trade_load *load, bool may_wait, struct error *error)
{
    enum opening opening = OPENING_NONE;
    struct database *side;
    trade_books_free(load->books);
    load->books = NULL;
    if (pnl_method_hold(load->context, error) || job_side(load->context, &side, error) ||
        database_run(side, "begin isolation level repeatable read read only", error))
        return error->code;
    enum error_code code = open_in_snapshot(load, side, &opening, error);
    database_rollback(side);
    if (code)
        return code;
    if (opening == OPENING_COMING && may_wait)
        return error_set(error, ERROR_WAITING,
                         "waits for the books at the close of the date before, which its load of "
                         "%s will publish",
                         load->definition->source_table);
    return load->books ? ERROR_NONE : publish(load, NULL, error);
}

enum error_code
books_ahead_publish(struct trade_load *load, struct error *error)
{
    if (!load->books)
        return ERROR_NONE;
    if (publish(load, trade_books_in_order(load->books) ? load->books : NULL, error))
        return error->code;
    FAILPOINT("load.published");
    return ERROR_NONE;
}

enum error_code
books_ahead_withdraw(struct trade_load *load, const char *date_key, struct error *error)
{
    return database_query(load->context->warehouse, SQL("withdraw"),
                          DATABASE_VALUES(date_key, load->definition->source_label), NULL, error);
}

/* ---- storing ------------------------------------------------------------------------------------------------ */

enum error_code
books_ahead_store(struct trade_load *load, struct error *error)
{
    struct database *warehouse = load->context->warehouse;
    const char *source = load->definition->source_label;
    char key[PNL_DAY_KEY_BYTES];
    int32_t days;
    if (!load->books || !trade_books_in_order(load->books))
        return ERROR_NONE;
    if (calendar_date_from_key(load->date_key_number, &days, error) ||
        trade_books_store(load->books, warehouse, load->date_key_number, TRADE_BOOKS_CLOSED, error) ||
        database_query(warehouse, SQL("note_opening"),
                       DATABASE_VALUES(load->date_key, source, load->opening_digest, load->run_no), NULL, error))
        return error->code;
    return ledger_set_condition(warehouse, pnl_day_booked_key(source, days, key), true, &load->context->pushes, error);
}

/* ---- for realized_pnl --------------------------------------------------------------------------------------- */

enum error_code
books_ahead_stands(struct database *warehouse, const char *source, const char *date_key, const char *previous_key,
                   bool *stands, struct error *error)
{
    char digest[TRADE_DIGEST_BYTES], answer[8];
    if (read_digest(warehouse, previous_key, source, false, digest, error) ||
        database_value(warehouse, SQL("stands"), DATABASE_VALUES(date_key, source, digest), answer, sizeof(answer),
                       error))
        return error->code;
    *stands = answer[0] == 't';
    return ERROR_NONE;
}

enum error_code
books_ahead_rebooked(struct database *warehouse, const char *date_key, const char *flows, struct error *error)
{
    return database_query(warehouse, SQL("forget_openings"), DATABASE_VALUES(date_key, flows), NULL, error);
}

enum error_code
books_ahead_forget(struct database *warehouse, const char *date_key, struct error *error)
{
    return database_query(warehouse, SQL("forget_closed"), DATABASE_VALUES(date_key), NULL, error);
}
