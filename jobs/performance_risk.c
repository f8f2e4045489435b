/* jobs/performance_risk.c - sharpe_ratio and max_drawdown of fact_performance_daily, each over the last 252 trading
 * days that the series (tenant, account, strategy; all versions) has a row of. docs/numbers.md has the formulas.
 *
 * It works through the dirty log, whatever date it is enqueued for: a date whose performance changed reaches its own
 * rows and those of the next 251 trading days of each series. Rows are read once, in order, from as far back as the
 * windows of the first such date go (look_back); the server keeps nothing between runs. Only rows whose figures differ
 * are written. With the argument mode=whole all rows from the run's date on, or all there are, are computed anew, dirty
 * or not.
 *
 * One run at a time. daily_performance keeps the run from writing while it writes rows itself, and the other way round:
 * neither ever waits for a row of the other, so that there is no deadlock. What it commits while figures are computed
 * is in the dirty log for the next run. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/copy.h"
#include "jobs/dirty.h"
#include "jobs/job.h"
#include "jobs/performance_window.h"

#define SQL(name) sql_text("jobs/performance_risk", name)

enum {
    NUMBER_BYTES = 24,
    STATEMENT_BYTES = 2 * 1024,
    SERIES_BYTES = 32,
    STAGE_FIELDS = 8,
    RATIO_DAYS_MIN = 20,
    LOOK_BACK_DAYS = 380, /* calendar days that hold the window of a series without gaps */
};

/* Columns of the statement "series"; the first SERIES_NAME_FIELDS name the series. */
enum series_field {
    SERIES_TENANT,
    SERIES_ACCOUNT,
    SERIES_STRATEGY,
    SERIES_NAME_FIELDS,
    SERIES_DATE = SERIES_NAME_FIELDS,
    SERIES_IS_TRADING_DAY,
    SERIES_NET_PNL,
    SERIES_KEY,
    SERIES_SHARPE_RATIO,
    SERIES_MAX_DRAWDOWN,
    SERIES_FIELDS
};

struct risk {
    struct job_context *context;
    int32_t first_key, last_key; /* dates that changed; first 0: none */
    struct copy_writer *stage;
    bool has_series;
    struct copy_field series[SERIES_NAME_FIELDS]; /* the one being read, into series_bytes */
    uint8_t series_bytes[SERIES_BYTES];
    struct performance_window window;
    int32_t days_after; /* trading days of the series after last_key */
    char text[NUMBER_BYTES];
};

static const char *
number(int64_t value, char text[NUMBER_BYTES])
{
    (void)snprintf(text, NUMBER_BYTES, "%" PRId64, value);
    return text;
}

/* ---- which dates ------------------------------------------------------------------------------------------- */

static enum error_code
choose_whole(struct risk *risk, struct error *error)
{
    const char *date = risk->context->run->business_date;
    int32_t days = CALENDAR_DATE_FIRST;
    if (date[0] && calendar_date_parse(date, &days, error))
        return error->code;
    risk->first_key = calendar_date_key(days);
    risk->last_key = calendar_date_key(CALENDAR_DATE_LAST);
    return ERROR_NONE;
}

/* Takes the dirty log date by date, so that each that is taken is known: what comes in between stays. */
static enum error_code
take_dirty(struct risk *risk, bool whole, struct error *error)
{
    struct job_context *context = risk->context;
    struct rows *dates;
    int64_t taken;
    bool insert_only;
    if (database_query(context->warehouse, SQL("dirty_dates"), 0, NULL, &dates, error))
        return error->code;
    enum error_code code = ERROR_NONE;
    for (size_t i = 0; !code && i < rows_count(dates); i++) {
        int32_t key = (int32_t)rows_integer(dates, i, 0);
        if (whole && key < risk->first_key)
            continue;
        code = dirty_take(context, "performance_risk", key, key, &taken, &insert_only, NULL, error);
        if (code || whole)
            continue;
        risk->first_key = risk->first_key ? risk->first_key : key;
        risk->last_key = key;
    }
    rows_free(dates);
    return code;
}

static enum error_code
choose_dates(struct risk *risk, struct error *error)
{
    const char *mode = job_argument(risk->context, "mode", "dirty");
    bool whole = strcmp(mode, "whole") == 0;
    if (!whole && strcmp(mode, "dirty") != 0)
        return error_set(error, ERROR_ARGUMENT, "the argument mode is \"%.40s\", but must be dirty or whole", mode);
    if (whole && choose_whole(risk, error))
        return error->code;
    return take_dirty(risk, whole, error);
}

/* ---- how far back ------------------------------------------------------------------------------------------ */

/* Windows of the first date begin before it: the date from which every series has one, or all of its rows. Twice as far
 * back each time. */
static enum error_code
look_back(struct risk *risk, int32_t *from_key, struct error *error)
{
    struct database *warehouse = risk->context->warehouse;
    char first[NUMBER_BYTES], from[NUMBER_BYTES], oldest[NUMBER_BYTES], count[NUMBER_BYTES] = "";
    int32_t first_days, oldest_days, from_days = 0;
    if (database_value(warehouse, SQL("first_date"), 0, NULL, oldest, sizeof(oldest), error))
        return error->code;
    *from_key = (int32_t)strtol(oldest, NULL, 10);
    if (!*from_key || risk->first_key <= *from_key)
        return ERROR_NONE;
    if (calendar_date_from_key(risk->first_key, &first_days, error) ||
        calendar_date_from_key(*from_key, &oldest_days, error))
        return error->code;
    for (int32_t back = LOOK_BACK_DAYS; strcmp(count, "0") != 0; back *= 2) {
        from_days = first_days - back;
        if (from_days <= oldest_days)
            return ERROR_NONE;
        if (database_value(warehouse, SQL("short_series"),
                           DATABASE_VALUES(number(risk->first_key, first), number(PERFORMANCE_WINDOW_DAYS, risk->text),
                                           number(calendar_date_key(from_days), from)),
                           count, sizeof(count), error))
            return error->code;
    }
    *from_key = calendar_date_key(from_days);
    return ERROR_NONE;
}

/* ---- series ------------------------------------------------------------------------------------------------ */

/* A series that differs from the one before begins with an empty window. */
static void
find_series(struct risk *risk, const struct copy_field *fields)
{
    size_t used = 0;
    bool same = risk->has_series;
    for (int i = 0; i < SERIES_NAME_FIELDS; i++)
        same = same && copy_same_bytes(&risk->series[i], &fields[i]);
    if (same)
        return;
    for (int i = 0; i < SERIES_NAME_FIELDS; i++) {
        size_t length = fields[i].length > 0 ? (size_t)fields[i].length : 0;
        memcpy(risk->series_bytes + used, fields[i].bytes, length);
        risk->series[i] = (struct copy_field){risk->series_bytes + used, fields[i].length};
        used += length;
    }
    risk->has_series = true;
    risk->days_after = 0;
    performance_window_init(&risk->window, PERFORMANCE_WINDOW_DAYS);
}

static enum error_code
stage_row(struct risk *risk, const struct copy_field *fields, struct error *error)
{
    const struct performance_window *window = &risk->window;
    struct decimal drawdown;
    if (performance_window_drawdown(window, &drawdown, error))
        return error->code;
    copy_put_row(risk->stage, STAGE_FIELDS);
    copy_put_field(risk->stage, &fields[SERIES_KEY]);
    copy_put_field(risk->stage, &fields[SERIES_DATE]);
    copy_put_int64(risk->stage, window->count);
    copy_put_decimal(risk->stage, &window->total);
    copy_put_decimal(risk->stage, &window->squares);
    copy_put_decimal(risk->stage, &drawdown);
    copy_put_field(risk->stage, &fields[SERIES_SHARPE_RATIO]);
    copy_put_field(risk->stage, &fields[SERIES_MAX_DRAWDOWN]);
    risk->context->counts.extracted++;
    return copy_flush(risk->stage, error);
}

static enum error_code
read_row(struct risk *risk, const struct copy_field *fields, struct error *error)
{
    enum decimal_special special;
    struct decimal net_pnl;
    int32_t date_key = 0;
    bool is_trading_day = false;
    find_series(risk, fields);
    if (copy_field_int32(&fields[SERIES_DATE], &date_key, error) ||
        copy_field_bool(&fields[SERIES_IS_TRADING_DAY], &is_trading_day, error) ||
        decimal_from_pg(fields[SERIES_NET_PNL].bytes, (size_t)fields[SERIES_NET_PNL].length, &net_pnl, &special, error))
        return error->code;
    if (special != DECIMAL_FINITE)
        return error_set(error, ERROR_RANGE, "a net P&L of %d is not a finite number", (int)date_key);
    if (is_trading_day && performance_window_push(&risk->window, &net_pnl, error))
        return error_context(error, "the P&L of a series until %d", (int)date_key);
    risk->days_after += is_trading_day && date_key > risk->last_key;
    if (date_key < risk->first_key || risk->days_after >= PERFORMANCE_WINDOW_DAYS)
        return ERROR_NONE;
    return stage_row(risk, fields, error);
}

static enum error_code
read_rows(struct risk *risk, struct copy_reader *rows, struct error *error)
{
    const struct copy_field *fields;
    bool end;
    for (;;) {
        if (copy_reader_next(rows, &fields, &end, error))
            return error->code;
        if (end)
            return ERROR_NONE;
        if (read_row(risk, fields, error))
            return error->code;
    }
}

/* From the side connection, which sees what was committed when the dirty log was taken, into the temporary table. */
static enum error_code
stage_windows(struct risk *risk, struct error *error)
{
    struct database *warehouse = risk->context->warehouse, *side;
    struct copy_reader *series = NULL;
    char statement[STATEMENT_BYTES], from[NUMBER_BYTES];
    int32_t from_key = 0;
    int64_t rows;
    if (look_back(risk, &from_key, error) || database_run(warehouse, SQL("stage"), error) ||
        job_side(risk->context, &side, error) ||
        database_value(warehouse, SQL("series"), DATABASE_VALUES(number(from_key, from)), statement, sizeof(statement),
                       error) ||
        copy_reader_open(&series, side, statement, SERIES_FIELDS, error))
        return error->code;
    enum error_code code = copy_writer_open(&risk->stage, warehouse, SQL("copy_stage"), error);
    if (!code)
        code = read_rows(risk, series, error);
    copy_reader_close(series);
    if (!code)
        return copy_writer_finish(risk->stage, &rows, error);
    copy_writer_abort(risk->stage);
    return code;
}

/* ---- what differs ------------------------------------------------------------------------------------------ */

/* A row that daily_performance removed meanwhile is not there to be written. */
static enum error_code
write_figures(struct risk *risk, struct error *error)
{
    struct database *warehouse = risk->context->warehouse;
    struct ledger_counts *counts = &risk->context->counts;
    struct rows *differing, *written = NULL;
    enum error_code code = ERROR_NONE;
    if (database_query(warehouse, SQL("compare"), DATABASE_VALUES(number(RATIO_DAYS_MIN, risk->text)), NULL, error) ||
        database_query(warehouse, SQL("differing"), 0, NULL, &differing, error))
        return error->code;
    if (rows_integer(differing, 0, 0) && !(code = database_query(warehouse, SQL("lock_writing"), 0, NULL, NULL, error)))
        code = database_query(warehouse, SQL("update"),
                              DATABASE_VALUES(rows_text(differing, 0, 1), rows_text(differing, 0, 2),
                                              number(risk->context->run->run_no, risk->text)),
                              &written, error);
    rows_free(differing);
    if (code)
        return code;
    counts->updated = written ? rows_affected(written) : 0;
    counts->unchanged = counts->extracted - counts->updated;
    rows_free(written);
    return ERROR_NONE;
}

static enum error_code
run(struct job_context *context, struct error *error)
{
    struct risk *risk = arena_alloc(context->arena, sizeof(*risk));
    if (!risk)
        return error_set(error, ERROR_MEMORY, "out of memory for a window of days");
    *risk = (struct risk){.context = context};
    if (database_query(context->warehouse, SQL("lock"), 0, NULL, NULL, error) || choose_dates(risk, error))
        return error->code;
    if (!risk->first_key)
        return ERROR_NONE;
    return stage_windows(risk, error) ? error->code : write_figures(risk, error);
}

static const char *const arguments[] = {"mode", NULL};

const struct job_definition job_performance_risk = {
    .name = "performance_risk",
    .type = "AGGREGATION",
    .summary = "Sharpe ratio and largest drawdown of daily performance, where it changed",
    .queue = "batch",
    .max_attempts = 5,
    .takes_date = true,
    .arguments = arguments,
    .run = run,
};
