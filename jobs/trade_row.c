#include "jobs/trade_row.h"

#include <string.h>

enum { ISSUES_CEILING = 64 * 1024 };

void
trade_row_init(struct trade_row *row, enum trade_flow flow)
{
    *row = (struct trade_row){.flow = flow};
    buffer_init(&row->issues, ISSUES_CEILING);
}

void
trade_row_term(struct trade_row *row)
{
    buffer_term(&row->issues);
}

static const struct copy_field *
field(const struct trade_row *row, enum trade_column column)
{
    return &row->fields[column];
}

static bool
is_null(const struct trade_row *row, enum trade_column column)
{
    return field(row, column)->length < 0;
}

static bool
is_text(const struct trade_row *row, enum trade_column column, const char *text)
{
    const struct copy_field *at = field(row, column);
    return at->length == (int32_t)strlen(text) && memcmp(at->bytes, text, (size_t)at->length) == 0;
}

/* ---- rules ------------------------------------------------------------------------------------------------- */

static bool
is_missing(const struct trade_row *row, enum dimension dimension)
{
    return row->missing & 1u << dimension;
}

static bool
no_tenant(const struct trade_row *row)
{
    /* A desk row's tenant is its account's: what misses there is the account. */
    return !row->has_tenant && (row->flow == TRADE_CLIENT || row->members[DIMENSION_ACCOUNT].version);
}

static bool
no_client(const struct trade_row *row)
{
    return row->flow == TRADE_CLIENT && is_null(row, TRADE_CLIENT_ID);
}

static bool
no_account(const struct trade_row *row)
{
    return row->flow == TRADE_DESK && is_null(row, TRADE_ACCOUNT_ID);
}

static bool
no_instrument(const struct trade_row *row)
{
    return is_null(row, TRADE_INSTRUMENT_ID);
}

static bool
no_reference(const struct trade_row *row)
{
    return field(row, TRADE_REFERENCE)->length <= 0;
}

static bool
no_instant(const struct trade_row *row)
{
    return !row->has_executed_at;
}

static bool
no_version(const struct trade_row *row)
{
    return !row->has_updated_at;
}

static bool
is_positive(const struct trade_number *number)
{
    return number->present && (number->special == DECIMAL_POSITIVE_INFINITY || number->special == DECIMAL_NAN ||
                               (number->special == DECIMAL_FINITE && decimal_sign(&number->value) > 0));
}

static bool
quantity_not_positive(const struct trade_row *row)
{
    return !is_positive(&row->quantity);
}

static bool
price_not_positive(const struct trade_row *row)
{
    return !is_positive(&row->price);
}

static bool
no_side(const struct trade_row *row)
{
    return !is_text(row, TRADE_SIDE, "BUY") && !is_text(row, TRADE_SIDE, "SELL");
}

static bool
no_status(const struct trade_row *row)
{
    return !is_text(row, TRADE_STATUS, "NEW") && !is_text(row, TRADE_STATUS, "CORRECTED") &&
           !is_text(row, TRADE_STATUS, "CANCELLED");
}

static bool
is_infinite(bool present, int64_t unix_us)
{
    return present && (unix_us == INT64_MAX || unix_us == INT64_MIN);
}

static bool
instant_infinite(const struct trade_row *row)
{
    return is_infinite(row->has_executed_at, row->executed_at_us) ||
           is_infinite(row->has_reported_at, row->reported_at_us) ||
           is_infinite(row->has_updated_at, row->updated_at_us);
}

static bool
not_finite(const struct trade_row *row)
{
    const struct trade_number *const numbers[] = {&row->quantity, &row->price, &row->commission, &row->fees,
                                                  &row->fill_latency_ms};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i]->special != DECIMAL_FINITE)
            return true;
    return false;
}

static bool
does_not_fit(const struct trade_number *number, unsigned integer_digits, unsigned scale)
{
    return number->present && number->special == DECIMAL_FINITE &&
           ((number->value.scale > scale && decimal_minimal_scale(&number->value) > scale) ||
            decimal_integer_digits(&number->value) > integer_digits);
}

static bool
out_of_range(const struct trade_row *row)
{
    return does_not_fit(&row->quantity, 15, TRADE_PRICE_SCALE) || does_not_fit(&row->price, 15, TRADE_PRICE_SCALE) ||
           does_not_fit(&row->commission, 20, TRADE_COST_SCALE) || does_not_fit(&row->fees, 20, TRADE_COST_SCALE) ||
           does_not_fit(&row->fill_latency_ms, 17, TRADE_LATENCY_SCALE);
}

static bool
fill_count_negative(const struct trade_row *row)
{
    return row->fill_count < 0;
}

static bool
no_currency(const struct trade_row *row)
{
    if (is_null(row, TRADE_CURRENCY) && is_missing(row, DIMENSION_INSTRUMENT))
        return false;
    for (int i = 0; i < 3; i++)
        if (row->currency[i] < 'A' || row->currency[i] > 'Z')
            return true;
    return row->currency[3] != 0;
}

static bool
price_unreasonable(const struct trade_row *row)
{
    static const int64_t most = 1000000000;
    struct decimal limit = decimal_from_int64(most, 0);
    return row->price.present && row->price.special == DECIMAL_FINITE &&
           decimal_compare(&row->price.value, &limit) >= 0;
}

static bool
fees_negative(const struct trade_row *row)
{
    return row->fees.present && row->fees.special == DECIMAL_FINITE && decimal_sign(&row->fees.value) < 0;
}

static bool
reported_before_executed(const struct trade_row *row)
{
    return row->has_executed_at && row->has_reported_at && row->reported_at_us < row->executed_at_us;
}

static bool (*const breaks[])(const struct trade_row *row) = {
    no_tenant,
    no_client,
    no_account,
    no_instrument,
    no_reference,
    no_instant,
    no_version,
    instant_infinite,
    quantity_not_positive,
    price_not_positive,
    no_side,
    no_status,
    not_finite,
    out_of_range,
    fill_count_negative,
    no_currency,
    price_unreasonable,
    fees_negative,
    reported_before_executed,
};

const struct trade_rule trade_rules[] = {
    {"tenant_required", 'E', "tenant_id is required"},
    {"client_required", 'E', "client_id is required"},
    {"account_required", 'E', "account_id is required"},
    {"instrument_required", 'E', "instrument_id is required"},
    {"reference_required", 'E', "trade_reference is required"},
    {"execution_time_required", 'E', "the execution instant is required"},
    {"updated_at_required", 'E', "updated_at is required: it is the row's version"},
    {"finite_instants", 'E', "an instant is infinite"},
    {"positive_quantity", 'E', "quantity must be greater than 0"},
    {"positive_price", 'E', "price must be greater than 0"},
    {"valid_side", 'E', "side must be BUY or SELL"},
    {"valid_status", 'E', "status must be NEW, CORRECTED or CANCELLED"},
    {"finite_numbers", 'E', "a measure is NaN or infinite"},
    {"numbers_in_range", 'E',
     "a measure has more digits than the warehouse keeps (quantity and price 15.8, costs 20.8, "
     "latency 17.3); it is not rounded"},
    {"fill_count_non_negative", 'E', "fill_count must not be negative"},
    {"valid_currency", 'E',
     "currency must be a three-letter ISO 4217 code, on the trade or on its instrument at that instant; a row whose "
     "instrument has not arrived is loaded by itself once it has"},
    {"reasonable_price", 'W', "price is 1,000,000,000 or more"},
    {"fees_non_negative", 'W', "fees are negative"},
    {"latency_non_negative", 'W', "the execution was reported before it happened"},
};
const size_t trade_rule_count = sizeof(trade_rules) / sizeof(trade_rules[0]);
_Static_assert(sizeof(trade_rules) / sizeof(trade_rules[0]) == sizeof(breaks) / sizeof(breaks[0]),
               "every rule has its check");

static void
check_rules(struct trade_row *row)
{
    buffer_clear(&row->issues);
    row->has_error = false;
    for (size_t i = 0; i < trade_rule_count; i++) {
        if (!breaks[i](row))
            continue;
        buffer_format(&row->issues, "%s%c|%s|%s", row->issues.length ? "\n" : "", trade_rules[i].severity,
                      trade_rules[i].name, trade_rules[i].text);
        row->has_error = row->has_error || trade_rules[i].severity == 'E';
    }
}

/* ---- decoding ---------------------------------------------------------------------------------------------- */

static enum error_code
read_number(const struct trade_row *row, enum trade_column column, struct trade_number *number, struct error *error)
{
    const struct copy_field *at = field(row, column);
    *number = (struct trade_number){.present = at->length >= 0, .special = DECIMAL_FINITE, .value = decimal_zero()};
    if (!number->present)
        return ERROR_NONE;
    enum error_code code = decimal_from_pg(at->bytes, (size_t)at->length, &number->value, &number->special, error);
    if (code != ERROR_RANGE)
        return code;
    /* Beyond what a decimal holds: certainly beyond what the warehouse keeps. */
    number->value = decimal_from_int64(INT64_MAX, 0);
    number->special = DECIMAL_POSITIVE_INFINITY;
    return ERROR_NONE;
}

static enum error_code
read_instant(const struct trade_row *row, enum trade_column column, bool *present, int64_t *unix_us,
             struct error *error)
{
    *present = !is_null(row, column);
    *unix_us = 0;
    return *present ? copy_field_timestamp(field(row, column), unix_us, error) : ERROR_NONE;
}

static enum error_code
decode(struct trade_row *row, struct error *error)
{
    if (read_instant(row, TRADE_EXECUTED_AT, &row->has_executed_at, &row->executed_at_us, error) ||
        read_instant(row, TRADE_REPORTED_AT, &row->has_reported_at, &row->reported_at_us, error) ||
        read_instant(row, TRADE_UPDATED_AT, &row->has_updated_at, &row->updated_at_us, error) ||
        read_number(row, TRADE_QUANTITY, &row->quantity, error) || read_number(row, TRADE_PRICE, &row->price, error) ||
        read_number(row, TRADE_COMMISSION, &row->commission, error) ||
        read_number(row, TRADE_FEES, &row->fees, error) ||
        read_number(row, TRADE_FILL_LATENCY_MS, &row->fill_latency_ms, error))
        return error->code;
    row->has_source_id = !is_null(row, TRADE_SOURCE_ID);
    row->source_id = 0;
    row->fill_count = 1;
    row->is_partial_fill = false;
    if (row->has_source_id && copy_field_int64(field(row, TRADE_SOURCE_ID), &row->source_id, error))
        return error->code;
    if (!is_null(row, TRADE_FILL_COUNT) && copy_field_int32(field(row, TRADE_FILL_COUNT), &row->fill_count, error))
        return error->code;
    if (!is_null(row, TRADE_IS_PARTIAL_FILL) &&
        copy_field_bool(field(row, TRADE_IS_PARTIAL_FILL), &row->is_partial_fill, error))
        return error->code;
    row->is_deleted = is_text(row, TRADE_STATUS, "CANCELLED");
    row->is_buy = is_text(row, TRADE_SIDE, "BUY");
    return ERROR_NONE;
}

/* ---- resolving --------------------------------------------------------------------------------------------- */

/* Looks up the member that the row names, if it names one. */
static void
find_member(struct trade_row *row, const struct trade_rules_context *context, enum dimension dimension, bool is_named)
{
    row->members[dimension] = (struct dimension_place){.member = NULL};
    if (!is_named)
        return;
    row->members[dimension] =
        dimension_index_find(context->dimensions[dimension], &row->named[dimension], row->executed_at_us);
    if (!row->members[dimension].version)
        row->missing |= 1u << dimension;
}

static void
resolve_members(struct trade_row *row, const struct trade_rules_context *context)
{
    static const enum trade_column columns[DIMENSION_COUNT] = {
        [DIMENSION_INSTRUMENT] = TRADE_INSTRUMENT_ID, [DIMENSION_ACCOUNT] = TRADE_ACCOUNT_ID,
        [DIMENSION_STRATEGY] = TRADE_STRATEGY_ID,     [DIMENSION_CLIENT] = TRADE_CLIENT_ID,
        [DIMENSION_LIQUIDITY_PROVIDER] = TRADE_LP_ID,
    };
    row->missing = 0;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        find_member(row, context, (enum dimension)i, dimension_id_from_field(field(row, columns[i]), &row->named[i]));
    const struct dimension_place *account = &row->members[DIMENSION_ACCOUNT];
    if (is_null(row, TRADE_CLIENT_ID) && account->version && account->member->has_client) {
        row->named[DIMENSION_CLIENT] = account->member->client;
        find_member(row, context, DIMENSION_CLIENT, true);
    }
}

static void
resolve(struct trade_row *row, const struct trade_rules_context *context)
{
    resolve_members(row, context);
    const struct dimension_place *account = &row->members[DIMENSION_ACCOUNT],
                                 *instrument = &row->members[DIMENSION_INSTRUMENT];
    memset(&row->tenant, 0, sizeof(row->tenant));
    row->has_tenant = dimension_id_from_field(field(row, TRADE_TENANT_ID), &row->tenant);
    if (!row->has_tenant && account->version && account->member->has_tenant) {
        row->tenant = account->member->tenant;
        row->has_tenant = true;
    }
    const struct copy_field *currency = field(row, TRADE_CURRENCY);
    memset(row->currency, 0, sizeof(row->currency));
    if (currency->length >= 0)
        memcpy(row->currency, currency->bytes, currency->length > 4 ? 4 : (size_t)currency->length);
    else if (instrument->version)
        memcpy(row->currency, instrument->version->currency, sizeof(row->currency));
}

int32_t
trade_row_key(const struct trade_row *row, enum dimension dimension)
{
    return row->members[dimension].version ? row->members[dimension].version->key : 0;
}

/* ---- computing --------------------------------------------------------------------------------------------- */

/* notional = quantity x price; net = notional plus (BUY) or minus (SELL) commission and fees; latency in ms. */
static enum error_code
compute(struct trade_row *row, const struct trade_rules_context *context, struct error *error)
{
    int32_t date;
    struct decimal costs;
    business_clock_split(context->clock, row->executed_at_us, &date, &row->time_key);
    row->has_latency = row->has_reported_at;
    row->latency_ms = decimal_from_int64(row->reported_at_us - row->executed_at_us, 3);
    if (decimal_mul(&row->quantity.value, &row->price.value, &row->notional, error) ||
        decimal_add(&row->commission.value, &row->fees.value, &costs, error))
        return error->code;
    return row->is_buy ? decimal_add(&row->notional, &costs, &row->net_amount, error)
                       : decimal_sub(&row->notional, &costs, &row->net_amount, error);
}

enum error_code
trade_row_read(struct trade_row *row, const struct copy_field *fields, const struct trade_rules_context *context,
               struct error *error)
{
    row->fields = fields;
    if (decode(row, error))
        return error_context(error, "an extracted row cannot be read");
    resolve(row, context);
    check_rules(row);
    if (buffer_check(&row->issues, "the failures of a row", error))
        return error->code;
    return row->has_error || row->missing ? ERROR_NONE : compute(row, context, error);
}
