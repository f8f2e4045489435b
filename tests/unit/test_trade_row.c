/* The rules of a trade, by name, and what is computed from it. The file under test is included, so that a dimension's
 * index can be made without a database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "jobs/dimension_index.c"

#include "jobs/trade_row.h"

enum { FIELD_BYTES = 64 };
static const int64_t noon_us = INT64_C(1704214800000000); /* 2024-01-02 12:00 in New York */

/* A row as the extraction delivers it, field by field. */
struct input {
    uint8_t bytes[TRADE_COLUMN_COUNT][FIELD_BYTES];
    struct copy_field fields[TRADE_COLUMN_COUNT];
};

static struct business_clock business;
static struct dimension_index *indexes[DIMENSION_COUNT];

static void
set_bytes(struct input *input, enum trade_column column, const void *bytes, size_t length)
{
    memcpy(input->bytes[column], bytes, length);
    input->fields[column] = (struct copy_field){input->bytes[column], (int32_t)length};
}

static void
set_null(struct input *input, enum trade_column column)
{
    input->fields[column] = (struct copy_field){input->bytes[column], -1};
}

static void
set_text(struct input *input, enum trade_column column, const char *text)
{
    set_bytes(input, column, text, strlen(text));
}

static void
set_integer(struct input *input, enum trade_column column, int64_t value, size_t length)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((uint64_t)value >> (8 * (length - 1 - i)));
    set_bytes(input, column, bytes, length);
}

static void
set_number(struct input *input, enum trade_column column, const char *text)
{
    struct decimal value;
    struct error error;
    uint8_t bytes[DECIMAL_PG_BYTES];
    assert_int_equal(decimal_from_text(text, strlen(text), &value, &error), ERROR_NONE);
    set_bytes(input, column, bytes, decimal_to_pg(&value, bytes, sizeof(bytes)));
}

static void
set_nan(struct input *input, enum trade_column column)
{
    static const uint8_t nan[8] = {0, 0, 0, 0, 0xC0, 0, 0, 0};
    set_bytes(input, column, nan, sizeof(nan));
}

static void
set_instant(struct input *input, enum trade_column column, int64_t unix_us)
{
    set_integer(input, column, unix_us - INT64_C(946684800000000), 8);
}

static void
set_uuid(struct input *input, enum trade_column column, uint8_t byte)
{
    uint8_t bytes[16];
    memset(bytes, byte, sizeof(bytes));
    set_bytes(input, column, bytes, sizeof(bytes));
}

/* A faultless row of either flow. */
static void
good_row(struct input *input, enum trade_flow flow)
{
    memset(input, 0, sizeof(*input));
    for (int i = 0; i < TRADE_COLUMN_COUNT; i++)
        set_null(input, (enum trade_column)i);
    set_integer(input, TRADE_SOURCE_ID, 77, 8);
    set_text(input, TRADE_REFERENCE, "77");
    set_integer(input, TRADE_INSTRUMENT_ID, 1, 4);
    set_instant(input, TRADE_EXECUTED_AT, noon_us);
    set_instant(input, TRADE_UPDATED_AT, noon_us);
    set_text(input, TRADE_SIDE, "BUY");
    set_number(input, TRADE_QUANTITY, "10");
    set_number(input, TRADE_PRICE, "2.5");
    set_number(input, TRADE_FEES, "0.25");
    set_text(input, TRADE_STATUS, "NEW");
    if (flow == TRADE_DESK) {
        set_integer(input, TRADE_ACCOUNT_ID, 5, 4);
        set_number(input, TRADE_COMMISSION, "1");
        set_instant(input, TRADE_REPORTED_AT, noon_us + 300);
    } else {
        set_uuid(input, TRADE_TENANT_ID, 1);
        set_uuid(input, TRADE_CLIENT_ID, 2);
        set_text(input, TRADE_CURRENCY, "EUR");
    }
}

static enum trade_flow current_flow;

/* Reads a row; the issues are left in row. */
static void
read_row(struct trade_row *row, const struct input *input)
{
    struct error error;
    const struct trade_rules_context context = {
        .dimensions = {indexes[0], indexes[1], indexes[2], indexes[3], indexes[4]}, .clock = &business};
    trade_row_init(row, current_flow);
    assert_int_equal(trade_row_read(row, input->fields, &context, &error), ERROR_NONE);
}

/* Breaks one thing in a good row and looks for exactly one issue. */
static void
expect(const struct input *input, const char *issue)
{
    struct trade_row row;
    read_row(&row, input);
    if (!row.issues.length || strcmp(row.issues.bytes, issue) != 0)
        fail_msg("expected \"%s\", got \"%s\"", issue, row.issues.length ? row.issues.bytes : "");
    assert_int_equal(row.has_error, issue[0] == 'E');
    trade_row_term(&row);
}

static void
expect_clean(const struct input *input)
{
    struct trade_row row;
    read_row(&row, input);
    assert_int_equal(row.issues.length, 0);
    trade_row_term(&row);
}

static const char valid_currency[] = "E|valid_currency|currency must be a three-letter ISO 4217 code, on the trade or "
                                     "on its instrument at that instant; a row "
                                     "whose instrument has not arrived is loaded by itself once it has";

/* ---- the tests ---------------------------------------------------------------------------------------------- */

static void
tenant_required(void **state)
{
    struct input input;
    (void)state;
    current_flow = TRADE_CLIENT;
    good_row(&input, current_flow);
    expect_clean(&input);
    set_null(&input, TRADE_TENANT_ID);
    expect(&input, "E|tenant_required|tenant_id is required");
}

static void
negative_fee_warns(void **state)
{
    struct input input;
    (void)state;
    current_flow = TRADE_CLIENT;
    good_row(&input, current_flow);
    set_number(&input, TRADE_FEES, "-0.01");
    expect(&input, "W|fees_non_negative|fees are negative");
}

static void
each_rule_is_broken_alone(void **state)
{
    struct input input;
    (void)state;
    current_flow = TRADE_DESK;
#define BREAK(change, issue)                                                                                           \
    do {                                                                                                               \
        good_row(&input, current_flow);                                                                                \
        change;                                                                                                        \
        expect(&input, issue);                                                                                         \
    } while (0)
    BREAK(set_null(&input, TRADE_ACCOUNT_ID), "E|account_required|account_id is required");
    BREAK(set_text(&input, TRADE_REFERENCE, ""), "E|reference_required|trade_reference is required");
    BREAK(set_number(&input, TRADE_QUANTITY, "0"), "E|positive_quantity|quantity must be greater than 0");
    BREAK(set_number(&input, TRADE_QUANTITY, "-3"), "E|positive_quantity|quantity must be greater than 0");
    BREAK(set_null(&input, TRADE_PRICE), "E|positive_price|price must be greater than 0");
    BREAK(set_nan(&input, TRADE_PRICE), "E|finite_numbers|a measure is NaN or infinite");
    BREAK(set_text(&input, TRADE_SIDE, "bananas"), "E|valid_side|side must be BUY or SELL");
    BREAK(set_text(&input, TRADE_SIDE, "buy"), "E|valid_side|side must be BUY or SELL");
    BREAK(set_null(&input, TRADE_STATUS), "E|valid_status|status must be NEW, CORRECTED or CANCELLED");
    BREAK(set_integer(&input, TRADE_FILL_COUNT, -1, 4), "E|fill_count_non_negative|fill_count must not be negative");
    BREAK(set_null(&input, TRADE_UPDATED_AT), "E|updated_at_required|updated_at is required: it is the row's version");
    BREAK(set_text(&input, TRADE_CURRENCY, "usd"), valid_currency);
    BREAK(set_text(&input, TRADE_CURRENCY, "USDT"), valid_currency);
    BREAK(set_number(&input, TRADE_PRICE, "1000000000"), "W|reasonable_price|price is 1,000,000,000 or more");
    BREAK(set_instant(&input, TRADE_REPORTED_AT, noon_us - 1),
          "W|latency_non_negative|the execution was reported before it happened");
    current_flow = TRADE_CLIENT;
    BREAK(set_null(&input, TRADE_CLIENT_ID), "E|client_required|client_id is required");
#undef BREAK
}

/* PostgreSQL's infinity and -infinity: the ends of the 64 bits, whatever they count from. */
static void
infinite_instants_are_refused(void **state)
{
    static const enum trade_column columns[] = {TRADE_EXECUTED_AT, TRADE_REPORTED_AT, TRADE_UPDATED_AT};
    static const int64_t ends[] = {INT64_MAX, INT64_MIN};
    (void)state;
    current_flow = TRADE_DESK;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
            struct input input;
            struct trade_row row;
            good_row(&input, current_flow);
            set_integer(&input, columns[i], ends[k], 8);
            read_row(&row, &input);
            assert_non_null(row.issues.bytes);
            assert_non_null(strstr(row.issues.bytes, "E|finite_instants|an instant is infinite"));
            assert_true(row.has_error);
            trade_row_term(&row);
        }
}

static void
numbers_that_do_not_fit(void **state)
{
    static const char *const quantities[] = {"0.000000001", "1000000000000000", "1e25"};
    struct input input;
    (void)state;
    current_flow = TRADE_DESK;
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
        good_row(&input, current_flow);
        set_number(&input, TRADE_QUANTITY, quantities[i]);
        expect(&input,
               "E|numbers_in_range|a measure has more digits than the warehouse keeps (quantity and price 15.8, costs "
               "20.8, latency 17.3); it is not rounded");
    }
    good_row(&input, current_flow);
    set_number(&input, TRADE_QUANTITY, "1.500000000000"); /* trailing zeros are no digits */
    expect_clean(&input);
}

static void
all_failures_are_reported_together(void **state)
{
    struct input input;
    struct trade_row row;
    (void)state;
    current_flow = TRADE_CLIENT;
    good_row(&input, current_flow);
    set_null(&input, TRADE_TENANT_ID);
    set_number(&input, TRADE_QUANTITY, "-1");
    set_text(&input, TRADE_SIDE, "x");
    set_number(&input, TRADE_FEES, "-1");
    read_row(&row, &input);
    assert_string_equal(row.issues.bytes, "E|tenant_required|tenant_id is required\n"
                                          "E|positive_quantity|quantity must be greater than 0\n"
                                          "E|valid_side|side must be BUY or SELL\n"
                                          "W|fees_non_negative|fees are negative");
    assert_true(row.has_error);
    trade_row_term(&row);
}

static void
assert_decimal(const struct decimal *value, const char *text)
{
    struct decimal wanted;
    struct error error;
    assert_int_equal(decimal_from_text(text, strlen(text), &wanted, &error), ERROR_NONE);
    assert_int_equal(decimal_compare(value, &wanted), 0);
}

static void
amounts_are_computed_exactly(void **state)
{
    struct input input;
    struct trade_row row;
    (void)state;
    current_flow = TRADE_DESK;
    good_row(&input, current_flow);
    set_number(&input, TRADE_QUANTITY, "123456789.12345678");
    set_number(&input, TRADE_PRICE, "9.99999999");
    read_row(&row, &input);
    assert_false(row.has_error);
    assert_decimal(&row.notional, "1234567889.9999999087654322");
    assert_decimal(&row.net_amount, "1234567891.2499999087654322"); /* + 1 + 0.25 */
    assert_decimal(&row.latency_ms, "0.300");
    assert_int_equal(row.time_key, 12 * 3600);
    assert_string_equal(row.currency, "USD"); /* the instrument's */
    assert_int_equal(row.tenant.bytes[0], 1); /* the account's */
    assert_int_equal(trade_row_key(&row, DIMENSION_ACCOUNT), 50);
    assert_int_equal(trade_row_key(&row, DIMENSION_STRATEGY), 0);
    trade_row_term(&row);
    set_text(&input, TRADE_SIDE, "SELL");
    set_text(&input, TRADE_STATUS, "CANCELLED");
    read_row(&row, &input);
    assert_decimal(&row.net_amount, "1234567888.7499999087654322");
    assert_true(row.is_deleted);
    trade_row_term(&row);
}

static void
versions_are_half_open(void **state)
{
    struct dimension_id id = {{0, 0, 0, 1}};
    (void)state;
    const struct dimension_index *index = indexes[DIMENSION_INSTRUMENT];
    assert_int_equal(dimension_index_find(index, &id, noon_us - 1).version->key, 10);
    /* the boundary belongs to the new version */
    assert_int_equal(dimension_index_find(index, &id, noon_us).version->key, 11);
    assert_int_equal(dimension_index_find(index, &id, INT64_MIN).version->key, 10);
    assert_int_equal(dimension_index_find(index, &id, INT64_MAX - 1).version->key, 11);
    id.bytes[3] = 2;
    assert_null(dimension_index_find(index, &id, noon_us).member);
}

/* Members that rows name and no version covers break no rule; what would come from them is not judged. */
static void
missing_members_are_named(void **state)
{
    enum { INSTRUMENT = 1 << DIMENSION_INSTRUMENT, ACCOUNT = 1 << DIMENSION_ACCOUNT };
    struct input input;
    struct trade_row row;
    (void)state;
    current_flow = TRADE_DESK;
    good_row(&input, current_flow);
    set_integer(&input, TRADE_ACCOUNT_ID, 6, 4);
    set_integer(&input, TRADE_INSTRUMENT_ID, 8, 4);
    set_integer(&input, TRADE_STRATEGY_ID, 9, 4);
    set_uuid(&input, TRADE_LP_ID, 9);
    read_row(&row, &input);
    assert_int_equal(row.issues.length, 0);
    assert_int_equal(row.missing, INSTRUMENT | ACCOUNT | 1 << DIMENSION_STRATEGY | 1 << DIMENSION_LIQUIDITY_PROVIDER);
    assert_int_equal(row.named[DIMENSION_INSTRUMENT].bytes[3], 8);
    trade_row_term(&row);
    /* A gap between versions is told by where it begins. */
    good_row(&input, current_flow);
    set_integer(&input, TRADE_ACCOUNT_ID, 7, 4);
    read_row(&row, &input);
    assert_int_equal(row.missing, ACCOUNT);
    assert_int_equal(row.members[DIMENSION_ACCOUNT].gap_from_us, noon_us);
    assert_int_equal(trade_row_key(&row, DIMENSION_ACCOUNT), 0);
    trade_row_term(&row);
    /* The account's client, who has not arrived, has the account's tenant. */
    good_row(&input, current_flow);
    set_integer(&input, TRADE_ACCOUNT_ID, 8, 4);
    read_row(&row, &input);
    assert_int_equal(row.missing, 1 << DIMENSION_CLIENT);
    assert_int_equal(row.named[DIMENSION_CLIENT].bytes[15], 3);
    assert_true(row.has_tenant);
    trade_row_term(&row);
    /* An instrument that is there, but without a currency. */
    good_row(&input, current_flow);
    set_integer(&input, TRADE_INSTRUMENT_ID, 4, 4);
    expect(&input, valid_currency);
}

/* ---- fixtures ----------------------------------------------------------------------------------------------- */

static struct dimension_index *
make_index(enum dimension dimension)
{
    struct dimension_index *index = calloc(1, sizeof(*index));
    assert_non_null(index);
    indexes[dimension] = index;
    return index;
}

/* A version of the member, whose versions come one after the other. */
static void
add_version(struct dimension_index *index, const struct dimension_member *member,
            const struct dimension_version *version)
{
    struct error error;
    struct dimension_member *last = index->member_count ? &index->members[index->member_count - 1] : NULL;
    if (!last || !dimension_id_same(&last->id, &member->id)) {
        index->members = grow(index->members, sizeof(*member), index->member_count, &index->member_capacity, &error);
        assert_non_null(index->members);
        index->members[index->member_count] = *member;
        index->members[index->member_count++].first_version = (uint32_t)index->count;
    }
    index->versions = grow(index->versions, sizeof(*version), index->count, &index->capacity, &error);
    assert_non_null(index->versions);
    index->versions[index->count++] = *version;
}

static int
set_up(void **state)
{
    struct error error;
    const struct dimension_version before = {INT64_MIN, noon_us, 10, "USD"}, after = {noon_us, INT64_MAX, 11, "USD"};
    const struct dimension_version closed = {INT64_MIN, noon_us, 51, ""}, back = {noon_us + 1, INT64_MAX, 52, ""};
    const struct dimension_version always = {INT64_MIN, INT64_MAX, 50, ""}, inferred = {INT64_MIN, INT64_MAX, 14, ""};
    struct dimension_member account = {.id = {{0, 0, 0, 5}}, .has_tenant = true}, client = {.id = {{0}}};
    const struct dimension_member instrument = {.id = {{0, 0, 0, 1}}}, without_currency = {.id = {{0, 0, 0, 4}}};
    (void)state;
    memset(account.tenant.bytes, 1, sizeof(account.tenant.bytes));
    memset(client.id.bytes, 2, sizeof(client.id.bytes));
    for (int i = 0; i < DIMENSION_COUNT; i++)
        (void)make_index((enum dimension)i);
    add_version(indexes[DIMENSION_INSTRUMENT], &instrument, &before);
    add_version(indexes[DIMENSION_INSTRUMENT], &instrument, &after);
    add_version(indexes[DIMENSION_INSTRUMENT], &without_currency, &inferred);
    add_version(indexes[DIMENSION_ACCOUNT], &account, &always);
    account.id.bytes[3] = 7;
    add_version(indexes[DIMENSION_ACCOUNT], &account, &closed);
    add_version(indexes[DIMENSION_ACCOUNT], &account, &back);
    account.id.bytes[3] = 8;
    account.has_client = true;
    memset(account.client.bytes, 3, sizeof(account.client.bytes));
    add_version(indexes[DIMENSION_ACCOUNT], &account, &always);
    add_version(indexes[DIMENSION_CLIENT], &client, &always);
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (settle(indexes[i], &error))
            return -1;
    return business_clock_init(&business, "America/New_York", 0, &error) ? -1 : 0;
}

static int
tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        dimension_index_free(indexes[i]);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenant_required),
        cmocka_unit_test(negative_fee_warns),
        cmocka_unit_test(each_rule_is_broken_alone),
        cmocka_unit_test(infinite_instants_are_refused),
        cmocka_unit_test(numbers_that_do_not_fit),
        cmocka_unit_test(all_failures_are_reported_together),
        cmocka_unit_test(amounts_are_computed_exactly),
        cmocka_unit_test(versions_are_half_open),
        cmocka_unit_test(missing_members_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
