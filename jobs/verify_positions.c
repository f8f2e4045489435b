/* fact_positions_daily and etl_marks, recomputed. Every book's quantity is followed from the first date of the history:
 * summed up by month for what lies before the range, fill by fill in it. Marks are followed from as far before the
 * range as one may be carried; nothing of etl_marks is carried here. What a position cost comes from the books at the
 * close, which verify_pnl() recomputes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/business_clock.h"
#include "core/calendar_date.h"
#include "core/config.h"
#include "core/sql.h"
#include "jobs/verify_position.h"

#define FILE_NAME "jobs/verify_positions"

enum { MARK_DECIMALS = 8 };

enum { FILL_FIELDS = 8, MARK_FIELDS = 4, COST_FIELDS = 4, INSTRUMENT_FIELDS = 4, RATE_FIELDS = 2 };

/* Of a book: its quantity. Of a position: the same, how many books of it are open, and the date it was last traded on;
 * the currency is that of the trades since it had no open book. */
enum { QUANTITY };
enum { OPEN_BOOKS, LAST_DAYS };

/* Of a mark: its price, and its instant as a text in group->more. */
enum { MARK_PRICE };
enum { MARK_DAYS, MARK_IS_TRADE };

struct positions {
    struct verify_aggregate all; /* for reading and comparing */
    struct business_clock clock;
    int32_t first_days, oldest_days; /* first date of the history; oldest of which a mark may be carried */
    bool is_unsure;                  /* a mark that is carried may wait for a recompute */
    struct verify_groups books, positions, marks;
    struct verify_groups day, instruments, rates, rows, mark_rows; /* of one date */
    struct exact number;
};

static void
choose_date(struct positions *state, int32_t days)
{
    struct verify_aggregate *all = &state->all;
    int32_t oldest = days - (int32_t)config_integer(CONFIG_MARK_MAX_AGE_DAYS);
    all->days = days;
    (void)calendar_date_format(days, all->date);
    (void)snprintf(all->date_key, sizeof(all->date_key), "%" PRId32, calendar_date_key(days));
    state->oldest_days = oldest > state->first_days ? oldest : state->first_days;
}

static void
note_currency(struct verify_group *group, const char *currency)
{
    if (!group->currency[0])
        (void)snprintf(group->currency, sizeof(group->currency), "%s", currency);
    group->several = group->several || (currency[0] && strcmp(group->currency, currency) != 0);
}

/* ---- quantities --------------------------------------------------------------------------------------------- */

/* Of the date: what a position realised, and in which currencies it was traded. */
static enum error_code
note_realized(struct positions *state, const char *key, struct verify_row *row, struct error *error)
{
    struct verify_group *day;
    if (verify_group_get(&state->day, key, &day, NULL, error) || verify_row_number(row, 7, &state->number, error))
        return error->code;
    note_currency(day, verify_row_text(row, 5));
    exact_add(&day->sums[REALIZED], &state->number);
    return ERROR_NONE;
}

static enum error_code
add_quantity(struct positions *state, int32_t days, struct verify_group *position, struct verify_group *book,
             struct verify_row *row, struct error *error)
{
    bool was_open = exact_sign(&book->sums[QUANTITY]) != 0;
    if (verify_row_number(row, 6, &state->number, error))
        return error->code;
    if (position->counts[LAST_DAYS] != days && position->counts[OPEN_BOOKS] == 0) {
        position->currency[0] = 0;
        position->several = false;
    }
    position->counts[LAST_DAYS] = days;
    note_currency(position, verify_row_text(row, 5));
    exact_add(&book->sums[QUANTITY], &state->number);
    exact_add(&position->sums[QUANTITY], &state->number);
    position->counts[OPEN_BOOKS] += (exact_sign(&book->sums[QUANTITY]) != 0) - was_open;
    return ERROR_NONE;
}

static enum error_code
take_fill(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct positions *state = data;
    struct verify_group *position, *book;
    char position_key[VERIFY_KEY_BYTES], book_key[VERIFY_KEY_BYTES];
    const char *const parts[] = {verify_row_text(row, 1), verify_row_text(row, 2), verify_row_text(row, 4),
                                 verify_row_text(row, 3)};
    int32_t days;
    int64_t date_key;
    if (verify_row_integer(row, 0, &date_key, error) || calendar_date_from_key((int32_t)date_key, &days, error) ||
        verify_group_key(position_key, parts, 3, error) || verify_group_key(book_key, parts, 4, error) ||
        verify_group_get(&state->positions, position_key, &position, NULL, error) ||
        verify_group_get(&state->books, book_key, &book, NULL, error) ||
        add_quantity(state, days, position, book, row, error))
        return error->code;
    return days < all->verify->from_days ? ERROR_NONE : note_realized(state, position_key, row, error);
}

/* What was held before the range, month by month. */
static enum error_code
read_quantities(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    char first[16], last[16];
    int32_t next;
    for (int32_t days = state->first_days; days < all->verify->from_days; days = next) {
        struct calendar_date date = calendar_date_split(days);
        next = days - date.day + 1 + calendar_date_month_length(date.year, date.month);
        if (next > all->verify->from_days)
            next = all->verify->from_days;
        (void)snprintf(first, sizeof(first), "%" PRId32, calendar_date_key(days));
        (void)snprintf(last, sizeof(last), "%" PRId32, calendar_date_key(next - 1));
        if (verify_read(all, "quantities", FILL_FIELDS, DATABASE_VALUES(first, last), take_fill, state, error))
            return error_context(error, "quantities before %s", all->date);
    }
    return ERROR_NONE;
}

/* ---- marks -------------------------------------------------------------------------------------------------- */

/* The date's mark takes the place of an older one; the date's trade that of its quote, which was read before. */
static enum error_code
take_mark(struct positions *state, struct verify_row *row, bool is_trade, struct error *error)
{
    const char *const parts[] = {verify_row_text(row, 0), verify_row_text(row, 1)};
    struct verify_group *mark;
    char key[VERIFY_KEY_BYTES], *instant = strdup(verify_row_text(row, 3));
    if (!instant)
        return error_set(error, ERROR_MEMORY, "out of memory for a mark");
    if (verify_group_key(key, parts, 2, error) || verify_group_get(&state->marks, key, &mark, NULL, error) ||
        verify_row_number(row, 2, &mark->sums[MARK_PRICE], error)) {
        free(instant);
        return error->code;
    }
    exact_round(&mark->sums[MARK_PRICE], MARK_DECIMALS);
    mark->counts[MARK_DAYS] = state->all.days;
    mark->counts[MARK_IS_TRADE] = is_trade;
    free(mark->more);
    mark->more = instant;
    mark->release = free;
    return ERROR_NONE;
}

static enum error_code
take_trade_mark(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    (void)all;
    return take_mark(data, row, true, error);
}

static enum error_code
take_quote_mark(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    (void)all;
    return take_mark(data, row, false, error);
}

static enum error_code
read_marks(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    if (verify_read(all, "last_quotes", MARK_FIELDS, DATABASE_VALUES(all->date_key), take_quote_mark, state, error))
        return error->code;
    return verify_read(all, "last_trades", MARK_FIELDS, DATABASE_VALUES(all->date_key), take_trade_mark, state, error);
}

/* Whether the mark, if there is one, may be carried to the date. */
static bool
is_current(const struct positions *state, const struct verify_group *mark)
{
    return mark && mark->counts[MARK_DAYS] >= state->oldest_days;
}

/* ---- of one date -------------------------------------------------------------------------------------------- */

static enum error_code
take_cost(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct positions *state = data;
    const char *const parts[] = {verify_row_text(row, 0), verify_row_text(row, 1), verify_row_text(row, 2)};
    struct verify_group *day;
    char key[VERIFY_KEY_BYTES];
    (void)all;
    if (verify_group_key(key, parts, 3, error) || verify_group_get(&state->day, key, &day, NULL, error) ||
        verify_row_number(row, 3, &state->number, error))
        return error->code;
    exact_add(&day->sums[COST], &state->number);
    return ERROR_NONE;
}

static enum error_code
take_instrument(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct positions *state = data;
    struct verify_group *instrument;
    (void)all;
    if (verify_group_get(&state->instruments, verify_row_text(row, 0), &instrument, NULL, error))
        return error->code;
    note_currency(instrument, verify_row_text(row, 2));
    note_currency(instrument, verify_row_text(row, 3));
    return verify_row_number(row, 1, &instrument->sums[MULTIPLIER], error);
}

static enum error_code
take_rate(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct positions *state = data;
    struct verify_group *rate;
    (void)all;
    if (verify_group_get(&state->rates, verify_row_text(row, 0), &rate, NULL, error))
        return error->code;
    return verify_row_number(row, 1, &rate->sums[RATE], error);
}

static enum error_code
read_date(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    const char *base = config_text(CONFIG_BASE_CURRENCY), *age = config_text(CONFIG_FX_MAX_AGE_DAYS);
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    struct verify_group *rate;
    (void)business_clock_interval(&state->clock, all->days, start, end);
    if (verify_read(all, "costs", COST_FIELDS, DATABASE_VALUES(all->date_key), take_cost, state, error) ||
        verify_read(all, "instruments", INSTRUMENT_FIELDS, DATABASE_VALUES(end), take_instrument, state, error) ||
        verify_read(all, "rates", RATE_FIELDS, DATABASE_VALUES(all->date, age), take_rate, state, error) ||
        verify_group_get(&state->rates, base, &rate, NULL, error))
        return error->code;
    exact_set_integer(&rate->sums[RATE], 1);
    return ERROR_NONE;
}

/* ---- rows as they should be --------------------------------------------------------------------------------- */

struct making {
    struct positions *state;
    struct error *error;
};

/* That of the instrument and of the date's trades, if it is one; else that of the trades since nothing was open. NULL:
 * it cannot be told. */
static const char *
currency_of(const struct verify_group *position, const struct verify_group *day, const struct verify_group *instrument)
{
    const char *first = instrument && instrument->currency[0] ? instrument->currency : day ? day->currency : "";
    bool several = (instrument && instrument->several) || (day && day->several) ||
                   (day && day->currency[0] && strcmp(day->currency, first) != 0);
    if (first[0] && !several)
        return first;
    return position->currency[0] && !position->several ? position->currency : NULL;
}

static enum error_code
value_row(struct verify_group *row, const struct verify_group *mark, struct error *error)
{
    struct exact *size = &row->sums[SIZE];
    if (mark) {
        exact_set(&row->sums[PRICE], &mark->sums[MARK_PRICE]);
        row->counts[IS_TRADE] = mark->counts[MARK_IS_TRADE];
        row->more = mark->more;
        row->known |= 1U << PRICE;
    }
    if (mark || exact_sign(&row->sums[ROW_QUANTITY]) == 0)
        row->known |= 1U << WORTH;
    if (!exact_multiply(size, &row->sums[ROW_QUANTITY], &row->sums[MULTIPLIER], error))
        return exact_multiply(&row->sums[WORTH], size, &row->sums[PRICE], error);
    return error->code;
}

static enum error_code
fill_row(struct positions *state, const struct verify_group *position, const char *currency,
         const struct verify_group *day, const struct verify_group *instrument, struct error *error)
{
    const char *id = strrchr(position->key, VERIFY_KEY_SEPARATOR) + 1;
    const char *const parts[] = {state->all.date, position->key, currency}, *const mark_parts[] = {id, currency};
    char key[VERIFY_KEY_BYTES], mark_key[VERIFY_KEY_BYTES];
    struct verify_group *row;
    if (verify_group_key(key, parts, 3, error) || verify_group_key(mark_key, mark_parts, 2, error) ||
        verify_group_get(&state->rows, key, &row, NULL, error))
        return error->code;
    exact_set(&row->sums[ROW_QUANTITY], &position->sums[QUANTITY]);
    if (day) {
        exact_set(&row->sums[COST], &day->sums[COST]);
        exact_set(&row->sums[REALIZED], &day->sums[REALIZED]);
    }
    exact_set_integer(&row->sums[MULTIPLIER], 1);
    if (instrument)
        exact_set(&row->sums[MULTIPLIER], &instrument->sums[MULTIPLIER]);
    const struct verify_group *rate = verify_group_find(&state->rates, currency);
    if (rate) {
        exact_set(&row->sums[RATE], &rate->sums[RATE]);
        row->known |= 1U << RATE;
    }
    const struct verify_group *mark = verify_group_find(&state->marks, mark_key);
    row->counts[IS_UNSURE] = state->is_unsure && !(mark && mark->counts[MARK_DAYS] == state->all.days);
    return value_row(row, is_current(state, mark) ? mark : NULL, error);
}

static void
make_row(struct verify_group *position, void *data)
{
    const struct making *making = data;
    struct positions *state = making->state;
    if (making->error->code || (position->counts[OPEN_BOOKS] == 0 && position->counts[LAST_DAYS] != state->all.days))
        return;
    const struct verify_group *day = verify_group_find(&state->day, position->key);
    const struct verify_group *instrument =
        verify_group_find(&state->instruments, strrchr(position->key, VERIFY_KEY_SEPARATOR) + 1);
    const char *currency = currency_of(position, day, instrument);
    if (currency)
        (void)fill_row(state, position, currency, day, instrument, making->error);
    else
        verify_count_of(state->all.verify, verify_positions_table.name)->held++;
}

static void
make_mark_row(struct verify_group *mark, void *data)
{
    const struct making *making = data;
    struct positions *state = making->state;
    const char *const parts[] = {state->all.date, mark->key};
    struct verify_group *row;
    char key[VERIFY_KEY_BYTES];
    if (making->error->code || !is_current(state, mark) ||
        (state->is_unsure && mark->counts[MARK_DAYS] != state->all.days) ||
        verify_group_key(key, parts, 2, making->error) ||
        verify_group_get(&state->mark_rows, key, &row, NULL, making->error))
        return;
    exact_set(&row->sums[PRICE], &mark->sums[MARK_PRICE]);
    row->known |= 1U << PRICE;
    row->counts[IS_TRADE] = mark->counts[MARK_IS_TRADE];
    row->more = mark->more;
}

/* ---- the range ---------------------------------------------------------------------------------------------- */

static enum error_code
compare_date(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    struct making making = {state, error};
    char start[BUSINESS_CLOCK_INSTANT_BYTES], end[BUSINESS_CLOCK_INSTANT_BYTES];
    if (read_date(state, error))
        return error->code;
    verify_group_each(&state->positions, make_row, &making);
    verify_group_each(&state->marks, make_mark_row, &making);
    if (error->code ||
        verify_compare(all, &verify_positions_table, &state->rows, DATABASE_VALUES(all->date_key), error))
        return error->code;
    (void)business_clock_interval(&state->clock, all->days, start, end);
    return verify_compare(all, &verify_marks_table, &state->mark_rows,
                          DATABASE_VALUES(all->date_key, state->is_unsure ? start : "-infinity"), error);
}

static void
clear_date(struct positions *state)
{
    struct verify_groups *const groups[] = {&state->day, &state->instruments, &state->rates, &state->rows,
                                            &state->mark_rows};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        verify_group_clear(groups[i]);
}

static enum error_code
verify_date(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    char oldest[16];
    struct rows *rows;
    (void)snprintf(oldest, sizeof(oldest), "%" PRId32, calendar_date_key(state->oldest_days));
    if (read_marks(state, error) ||
        verify_read(all, "fills", FILL_FIELDS, DATABASE_VALUES(all->date_key), take_fill, state, error) ||
        database_query(all->warehouse, sql_text(FILE_NAME, "clean"), DATABASE_VALUES(oldest, all->date_key), &rows,
                       error))
        return error->code;
    bool is_clean = rows_boolean(rows, 0, 0);
    state->is_unsure = !rows_boolean(rows, 0, 1);
    rows_free(rows);
    verify_count_of(all->verify, verify_positions_table.name)->dirty += !is_clean;
    verify_count_of(all->verify, verify_marks_table.name)->dirty += !is_clean || state->is_unsure;
    if (is_clean)
        (void)compare_date(state, error);
    clear_date(state);
    return error->code;
}

/* What the range begins with. */
static enum error_code
begin(struct positions *state, struct error *error)
{
    struct verify_aggregate *all = &state->all;
    if (verify_history_start(&state->first_days, error) ||
        business_clock_init(&state->clock, config_text(CONFIG_TIMEZONE), config_day_roll_seconds(), error))
        return error->code;
    choose_date(state, all->verify->from_days);
    if (read_quantities(state, error))
        return error->code;
    for (int32_t days = state->oldest_days; days < all->verify->from_days; days++) {
        choose_date(state, days);
        if (read_marks(state, error))
            return error_context(error, "marks of %s", all->date);
    }
    return ERROR_NONE;
}

static void
end(struct positions *state)
{
    clear_date(state);
    verify_group_clear(&state->books);
    verify_group_clear(&state->positions);
    verify_group_clear(&state->marks);
    exact_term(&state->number);
    free(state);
}

enum error_code
verify_positions(struct verify *verify, struct error *error)
{
    struct positions *state = calloc(1, sizeof(*state));
    if (!state)
        return error_set(error, ERROR_MEMORY, "out of memory for a verification");
    state->all.verify = verify;
    state->all.warehouse = verify->warehouse;
    state->all.file = FILE_NAME;
    exact_init(&state->number);
    (void)begin(state, error);
    int32_t from_days = verify->from_days > state->first_days ? verify->from_days : state->first_days;
    for (int32_t days = from_days; !error->code && days <= verify->to_days; days++) {
        choose_date(state, days);
        if (verify_date(state, error))
            (void)error_context(error, "verifying %s", state->all.date);
        else if (verify->progress)
            verify->progress(verify->data, days - verify->from_days + 1);
    }
    end(state);
    return error->code;
}
