#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "core/sql.h"
#include "jobs/verify_internal.h"

/* Columns of the statement "trades". */
enum trade_field {
    TRADE_SOURCE,
    TRADE_TENANT,
    TRADE_ACCOUNT,
    TRADE_STRATEGY,
    TRADE_CLIENT,
    TRADE_INSTRUMENT,
    TRADE_LP,
    TRADE_SIDE,
    TRADE_CURRENCY,
    TRADE_QUANTITY,
    TRADE_PRICE,
    TRADE_COMMISSION,
    TRADE_FEES,
    TRADE_RATE,
    TRADE_REALIZED,
    TRADE_CLOSING,
    TRADE_LATENCY,
    TRADE_FIELDS
};

/* ---- periods ------------------------------------------------------------------------------------------------ */

static void
day_of(int32_t days, int32_t *first, int32_t *last)
{
    *first = *last = days;
}

static void
week_of(int32_t days, int32_t *first, int32_t *last)
{
    *first = days - calendar_date_weekday(days) + 1; /* 1 is Monday */
    *last = *first + 6;
}

/* The months from begin on, count of them. */
static void
months_from(int year, int begin, int count, int32_t *first, int32_t *last)
{
    int end = begin + count - 1;
    *first = calendar_date_days(year, begin, 1);
    *last = calendar_date_days(year, end, calendar_date_month_length(year, end));
}

static void
month_of(int32_t days, int32_t *first, int32_t *last)
{
    struct calendar_date date = calendar_date_split(days);
    months_from(date.year, date.month, 1, first, last);
}

static void
quarter_of(int32_t days, int32_t *first, int32_t *last)
{
    struct calendar_date date = calendar_date_split(days);
    months_from(date.year, (date.month - 1) / 3 * 3 + 1, 3, first, last);
}

static void
year_of(int32_t days, int32_t *first, int32_t *last)
{
    months_from(calendar_date_split(days).year, 1, 12, first, last);
}

const struct verify_period verify_periods[VERIFY_PERIODS] = {
    {"DAILY", day_of}, {"WEEKLY", week_of}, {"MONTHLY", month_of}, {"QUARTERLY", quarter_of}, {"YEARLY", year_of},
};

bool
verify_period_counts(const struct verify_aggregate *all, int period, char first_date[16], int32_t *last)
{
    int32_t first;
    verify_periods[period].bounds(all->days, &first, last);
    (void)calendar_date_format(first, first_date);
    return first >= all->verify->from_days && *last <= all->verify->to_days;
}

/* ---- a trade ------------------------------------------------------------------------------------------------ */

static void
read_texts(struct verify_aggregate *all, struct verify_row *row)
{
    struct verify_trade *trade = &all->trade;
    trade->date = all->date;
    trade->is_desk = strcmp(verify_row_text(row, TRADE_SOURCE), "DESK") == 0;
    trade->is_buy = strcmp(verify_row_text(row, TRADE_SIDE), "BUY") == 0;
    trade->is_closing = strcmp(verify_row_text(row, TRADE_CLOSING), "true") == 0;
    trade->has_rate = !verify_row_is_null(row, TRADE_RATE);
    trade->has_realized = !verify_row_is_null(row, TRADE_REALIZED);
    trade->has_latency = !verify_row_is_null(row, TRADE_LATENCY);
    trade->tenant = verify_row_text(row, TRADE_TENANT);
    trade->account = verify_row_text(row, TRADE_ACCOUNT);
    trade->strategy = verify_row_text(row, TRADE_STRATEGY);
    trade->client = verify_row_text(row, TRADE_CLIENT);
    trade->instrument = verify_row_text(row, TRADE_INSTRUMENT);
    trade->lp = verify_row_text(row, TRADE_LP);
    trade->currency = verify_row_text(row, TRADE_CURRENCY);
}

/* A number of the row in base currency. */
static enum error_code
read_converted(const struct verify_row *row, int field, const struct exact *rate, struct exact *number,
               struct error *error)
{
    if (verify_row_number(row, field, number, error))
        return error->code;
    return exact_multiply(number, number, rate, error);
}

static enum error_code
take_trade(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct verify_trade *trade = &all->trade;
    struct exact *rate = data;
    read_texts(all, row);
    if (verify_row_number(row, TRADE_RATE, rate, error) ||
        verify_row_number(row, TRADE_QUANTITY, &trade->quantity, error) ||
        verify_row_number(row, TRADE_PRICE, &trade->price, error) ||
        verify_row_number(row, TRADE_LATENCY, &trade->latency, error) ||
        exact_multiply(&trade->value, &trade->quantity, &trade->price, error) ||
        exact_multiply(&trade->notional, &trade->value, rate, error) ||
        read_converted(row, TRADE_COMMISSION, rate, &trade->commission, error) ||
        read_converted(row, TRADE_FEES, rate, &trade->fees, error) ||
        read_converted(row, TRADE_REALIZED, rate, &trade->realized, error))
        return error_context(error, "a trade of %s", all->date);
    if (verify_summary_add(all, error) || verify_performance_add(all, error) || verify_client_add(all, error))
        return error->code;
    return verify_provider_add(all, error);
}

static enum error_code
read_trades(struct verify_aggregate *all, struct error *error)
{
    struct exact rate;
    exact_init(&rate);
    enum error_code code =
        verify_read(all, "trades", TRADE_FIELDS, DATABASE_VALUES(all->date_key), take_trade, &rate, error);
    exact_term(&rate);
    return code;
}

/* ---- a date ------------------------------------------------------------------------------------------------- */

static void
choose_date(struct verify_aggregate *all, int32_t days)
{
    all->days = days;
    (void)calendar_date_format(days, all->date);
    (void)snprintf(all->date_key, sizeof(all->date_key), "%" PRId32, calendar_date_key(days));
}

static enum error_code
look_at_date(struct verify_aggregate *all, struct error *error)
{
    struct rows *rows;
    if (database_query(all->warehouse, sql_text("jobs/verify", "date"), DATABASE_VALUES(all->date_key), &rows, error))
        return error->code;
    all->is_trading_day = rows_boolean(rows, 0, 0);
    (void)snprintf(all->dirty, sizeof(all->dirty), " %s ", rows_text(rows, 0, 1));
    rows_free(rows);
    return ERROR_NONE;
}

static enum error_code
verify_date(struct verify_aggregate *all, struct error *error)
{
    if (look_at_date(all, error) || read_trades(all, error) || verify_client_read(all, error) ||
        verify_provider_read(all, error) || verify_summary_compare(all, error) ||
        verify_performance_compare(all, error) || verify_client_compare(all, error))
        return error->code;
    return verify_provider_compare(all, error);
}

static enum error_code
begin(struct verify_aggregate *all, struct error *error)
{
    char first[24];
    choose_date(all, all->verify->from_days);
    if (database_value(all->warehouse, sql_text("jobs/verify", "series_dirty"), 0, NULL, first, sizeof(first), error))
        return error->code;
    all->series_dirty_days = INT32_MAX;
    if (first[0] && calendar_date_from_key((int32_t)strtol(first, NULL, 10), &all->series_dirty_days, error))
        return error->code;
    return verify_performance_begin(all, error);
}

static struct exact *
numbers(struct verify_aggregate *all, int index)
{
    struct verify_trade *trade = &all->trade;
    struct exact *const all_numbers[] = {&trade->quantity,   &trade->price, &trade->value,    &trade->notional,
                                         &trade->commission, &trade->fees,  &trade->realized, &trade->latency};
    return index < (int)(sizeof(all_numbers) / sizeof(all_numbers[0])) ? all_numbers[index] : NULL;
}

static void
end(struct verify_aggregate *all)
{
    struct verify_groups *const single[] = {&all->summary, &all->performance, &all->series, &all->months};
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        verify_group_clear(single[i]);
    for (int i = 0; i < VERIFY_PERIODS; i++) {
        verify_group_clear(&all->clients[i]);
        verify_group_clear(&all->client_members[i]);
        verify_group_clear(&all->providers[i]);
    }
    for (int i = 0; numbers(all, i); i++)
        exact_term(numbers(all, i));
    free(all);
}

enum error_code
verify_aggregates(struct verify *verify, struct error *error)
{
    struct verify_aggregate *all = calloc(1, sizeof(*all));
    if (!all)
        return error_set(error, ERROR_MEMORY, "out of memory for a verification");
    all->verify = verify;
    all->file = "jobs/verify";
    all->warehouse = verify->warehouse;
    for (int i = 0; numbers(all, i); i++)
        exact_init(numbers(all, i));
    (void)begin(all, error);
    for (int32_t days = verify->from_days; !error->code && days <= verify->to_days; days++) {
        choose_date(all, days);
        if (verify_date(all, error))
            (void)error_context(error, "verifying %s", all->date);
        else if (verify->progress)
            verify->progress(verify->data, days - verify->from_days + 1);
    }
    end(all);
    return error->code;
}
