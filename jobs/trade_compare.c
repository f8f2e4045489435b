#include "jobs/trade_compare.h"

#include <stdlib.h>
#include <string.h>

#define SQL(name) sql_text("jobs/trade_compare", name)

enum { STATEMENT_BYTES = 4096 };

/* A fact as it is read: its key, whether it came without LSN, and then what a load writes. */
enum fact_field { FACT_KEY, FACT_WITHOUT_LSN, FACT_COLUMNS };

/* Of the columns that a load writes, those that are looked at one by one. */
enum column {
    COLUMN_REFERENCE = 7,
    COLUMN_EXECUTION_ID = 8,
    COLUMN_EXECUTED_AT = 10,
};

static const bool is_numeric[TRADE_COMPARE_COLUMNS] = {
    [14] = true, [15] = true, [16] = true, [17] = true, /* quantity, price, notional, commission, */
    [18] = true, [19] = true, [21] = true,              /* fees, net amount, rate, */
    [24] = true, [25] = true,                           /* latency, fill latency */
};

struct trade_compare {
    struct job_context *context;
    enum trade_flow flow;
    struct copy_reader *facts;
    struct copy_writer *absent; /* keys of facts that no row met */
    const struct copy_field *fact;
    int64_t facts_read;
    bool ended;
};

/* ---- facts -------------------------------------------------------------------------------------------------- */

static enum error_code
next_fact(struct trade_compare *compare, struct error *error)
{
    if (copy_reader_next(compare->facts, &compare->fact, &compare->ended, error))
        return error_context(error, "reading the facts that stand");
    compare->facts_read += !compare->ended;
    return ERROR_NONE;
}

/* Leaves the fact behind, which no row met. */
static enum error_code
pass_fact(struct trade_compare *compare, struct error *error)
{
    copy_put_row(compare->absent, 1);
    copy_put_field(compare->absent, &compare->fact[FACT_KEY]);
    return copy_flush(compare->absent, error) ? error->code : next_fact(compare, error);
}

enum error_code
trade_compare_open(struct trade_compare **out, struct job_context *context, enum trade_flow flow, const char *source,
                   const char *date_key, struct error *error)
{
    struct trade_compare *compare = calloc(1, sizeof(*compare));
    struct database *side;
    char query[STATEMENT_BYTES];
    *out = NULL;
    if (!compare)
        return error_set(error, ERROR_MEMORY, "out of memory for a comparison");
    *compare = (struct trade_compare){.context = context, .flow = flow};
    if (job_side(context, &side, error) ||
        database_value(side, SQL("facts"), DATABASE_VALUES(date_key, source), query, sizeof(query), error) ||
        database_run(side, SQL("memory"), error) || copy_spool_open(&compare->absent, error) ||
        copy_reader_open(&compare->facts, side, query, FACT_COLUMNS + TRADE_COMPARE_COLUMNS, error) ||
        next_fact(compare, error)) {
        trade_compare_free(compare);
        return error->code;
    }
    *out = compare;
    return ERROR_NONE;
}

void
trade_compare_free(struct trade_compare *compare)
{
    if (!compare)
        return;
    copy_reader_close(compare->facts);
    copy_writer_abort(compare->absent);
    free(compare);
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

/* Texts are compared as their bytes, as the column's collation "C" does. */
static int
order_of_texts(const struct copy_field *a, const struct copy_field *b)
{
    size_t a_length = a->length > 0 ? (size_t)a->length : 0, b_length = b->length > 0 ? (size_t)b->length : 0;
    int order = memcmp(a->bytes, b->bytes, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int
order_of_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Where the fact stands in the order of executions, seen from the row: negative is before it. */
static enum error_code
place_fact(const struct trade_compare *compare, const struct copy_field *row, int *order, struct error *error)
{
    const struct copy_field *fact = compare->fact + FACT_COLUMNS;
    int64_t fact_us, row_us, fact_id = 0, row_id = 0;
    if (copy_field_timestamp(&fact[COLUMN_EXECUTED_AT], &fact_us, error) ||
        copy_field_timestamp(&row[COLUMN_EXECUTED_AT], &row_us, error))
        return error->code;
    *order = order_of_numbers(fact_us, row_us);
    if (*order)
        return ERROR_NONE;
    if (compare->flow == TRADE_CLIENT) {
        *order = order_of_texts(&fact[COLUMN_REFERENCE], &row[COLUMN_REFERENCE]);
        return ERROR_NONE;
    }
    if ((fact[COLUMN_EXECUTION_ID].length >= 0 && copy_field_int64(&fact[COLUMN_EXECUTION_ID], &fact_id, error)) ||
        (row[COLUMN_EXECUTION_ID].length >= 0 && copy_field_int64(&row[COLUMN_EXECUTION_ID], &row_id, error)))
        return error->code;
    *order = order_of_numbers(fact_id, row_id);
    return ERROR_NONE;
}

/* A fact with an LSN is newer than any row of a batch at the same source_updated_at: the merge says so. */
static enum error_code
says_the_same(const struct trade_compare *compare, const struct copy_field *row, bool *same, struct error *error)
{
    const struct copy_field *fact = compare->fact + FACT_COLUMNS;
    if (copy_field_bool(&compare->fact[FACT_WITHOUT_LSN], same, error))
        return error->code;
    for (int i = 0; *same && i < TRADE_COMPARE_COLUMNS; i++)
        *same = is_numeric[i] ? copy_same_numeric(&fact[i], &row[i]) : copy_same_bytes(&fact[i], &row[i]);
    return ERROR_NONE;
}

enum error_code
trade_compare_row(struct trade_compare *compare, const struct copy_field *fields, bool *same, struct error *error)
{
    int order = -1;
    *same = false;
    while (!compare->ended) {
        if (place_fact(compare, fields, &order, error))
            return error->code;
        if (order >= 0)
            break;
        if (pass_fact(compare, error))
            return error->code;
    }
    if (compare->ended || order > 0)
        return ERROR_NONE;
    if (says_the_same(compare, fields, same, error))
        return error->code;
    return *same ? next_fact(compare, error) : ERROR_NONE;
}

enum error_code
trade_compare_finish(struct trade_compare *compare, int64_t *facts, struct error *error)
{
    int64_t rows;
    enum error_code code = ERROR_NONE;
    while (!code && !compare->ended)
        code = pass_fact(compare, error);
    *facts = compare->facts_read;
    if (!code) {
        struct copy_writer *absent = compare->absent;
        compare->absent = NULL;
        code = copy_spool_send(absent, compare->context->warehouse, sql_text("jobs/trade_load", "copy_absent"), &rows,
                               error);
    }
    trade_compare_free(compare);
    return code;
}
