/* links: ops/source_plan.c ops/source_random.c ops/source_market.c ops/source_member.c ops/source_numeric.c */
#include "ops/source_market.h"
#include "ops/source_member.h"
#include "ops/source_numeric.h"
#include "ops/source_plan.h"

#include "core/calendar_date.h"
#include "core/decimal.h"
#include "tests/support/random_source.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct source_plan plan;

static int
set_up(void **state)
{
    struct error error = {0};
    (void)state;
    plan = (struct source_plan){
        .seed = 11,
        .from = calendar_date_days(2024, 3, 4),
        .through = calendar_date_days(2024, 3, 29),
        .instruments = 25,
        .accounts = 7,
        .clients = 130,
        .strategies = 3,
        .providers = 4,
        .tenants = 2,
        .corrections = 200,
        .busts = 100,
        .late = 300,
    };
    return source_plan_load_zone(&plan, &error) ? -1 : 0;
}

static void
lays_days_on_new_york(void **state)
{
    static const struct {
        int month, day;
        int64_t offset_s; /* at noon */
        bool weekend;
    } cases[] = {{3, 8, -18000, false},  {3, 9, -18000, true},  {3, 10, -14400, true},
                 {3, 11, -14400, false}, {11, 3, -18000, true}, {11, 4, -18000, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t days = calendar_date_days(2024, cases[i].month, cases[i].day);
        struct source_day day = source_plan_day(&plan, days);
        assert_true(day.midnight_us == ((int64_t)days * 86400 - cases[i].offset_s) * 1000000);
        assert_int_equal(day.weekend, cases[i].weekend);
    }
}

static void
spreads_moments_over_the_day(void **state)
{
    int64_t last_us = 0, in_session = 0;
    (void)state;
    for (uint32_t i = 0; i < 10000; i++) {
        int64_t moment_us = source_plan_moment_us(i * (UINT32_MAX / 10000));
        assert_true(moment_us >= last_us);
        in_session += moment_us >= INT64_C(34200000000) && moment_us < INT64_C(57600000000);
        last_us = moment_us;
    }
    assert_true(source_plan_moment_us(0) == INT64_C(28800000000));
    assert_true(source_plan_moment_us(UINT32_MAX) < INT64_C(64800000000));
    assert_in_range(in_session, 9300, 9800);
}

/* Nothing is recorded after the last day, and on the last day nothing late. */
static void
fates_end_with_the_plan(void **state)
{
    struct source_random random = source_random_start(5);
    (void)state;
    for (int32_t days = plan.from; days <= plan.through; days++) {
        struct source_day day = source_plan_day(&plan, days);
        int64_t end_us = source_plan_day(&plan, plan.through + 1).midnight_us;
        for (int i = 0; i < 2000; i++) {
            struct source_fate fate = source_plan_fate(&plan, &day, &random, day.midnight_us + INT64_C(64790000000));
            assert_true(fate.updated_us < end_us);
            assert_false(fate.late && (days == plan.through || strcmp(fate.status, "NEW") != 0));
        }
    }
}

/* Members evolved day by day are those the plan ends with. */
static void
evolves_day_by_day(void **state)
{
    static const int64_t counts[SOURCE_DIMENSION_COUNT] = {25, 7, 3, 130, 4};
    (void)state;
    for (int dimension = 0; dimension < SOURCE_DIMENSION_COUNT; dimension++) {
        for (int64_t index = 0; index < counts[dimension]; index++) {
            struct source_member member = source_member_begin(&plan, (enum source_dimension)dimension, index);
            for (int32_t days = plan.from + 1; days <= plan.through; days++) {
                struct source_day day = source_plan_day(&plan, days);
                struct source_member before = member;
                bool changed = source_member_evolve(&plan, (enum source_dimension)dimension, &day, index,
                                                    counts[dimension], &member);
                assert_int_equal(changed, memcmp(before.values, member.values, sizeof(member.values)) != 0);
                assert_false(changed && day.weekend);
                assert_int_equal(changed, member.updated_us >= day.midnight_us);
            }
            struct source_member end =
                source_member_end(&plan, (enum source_dimension)dimension, index, counts[dimension]);
            assert_memory_equal(&end, &member, sizeof(end));
        }
    }
}

/* On a weekday at least one member of each dimension changes. */
static void
changes_someone_every_weekday(void **state)
{
    static const int64_t counts[SOURCE_DIMENSION_COUNT] = {25, 7, 3, 130, 4};
    (void)state;
    for (int32_t days = plan.from; days <= plan.through; days++) {
        struct source_day day = source_plan_day(&plan, days);
        for (int dimension = 0; dimension < SOURCE_DIMENSION_COUNT; dimension++) {
            int changed = 0;
            for (int64_t index = 0; index < counts[dimension]; index++) {
                struct source_member member = source_member_begin(&plan, (enum source_dimension)dimension, index);
                changed += source_member_evolve(&plan, (enum source_dimension)dimension, &day, index, counts[dimension],
                                                &member);
            }
            assert_in_range(changed, day.weekend ? 0 : 1, day.weekend ? 0 : 3);
        }
    }
}

static void
makes_ids(void **state)
{
    char first[SOURCE_UUID_BYTES], second[SOURCE_UUID_BYTES];
    (void)state;
    (void)source_member_uuid(&plan, SOURCE_DIMENSION_CLIENT, 0, first);
    (void)source_member_uuid(&plan, SOURCE_DIMENSION_CLIENT, 1, second);
    assert_int_equal(strlen(first), 36);
    assert_string_not_equal(first, second);
    assert_string_not_equal(first, source_member_uuid(&plan, SOURCE_DIMENSION_PROVIDER, 0, second));
    assert_string_equal(source_member_tenant(11, first), "00000000-0000-0000-0000-000000000012");
    assert_true(source_member_account_is_house(&plan, 6));
    assert_false(source_member_account_is_house(&plan, 5));
}

/* A day's prices do not depend on how the market got there, and keep to the grid of ticks. */
static void
walks_to_any_day(void **state)
{
    struct source_market steps, leap;
    struct source_random random = source_random_start(3);
    struct error error = {0};
    (void)state;
    assert_int_equal(source_market_init(&steps, &plan, &error), ERROR_NONE);
    assert_int_equal(source_market_init(&leap, &plan, &error), ERROR_NONE);
    for (int32_t days = plan.from; days <= plan.through; days++)
        source_market_walk(&steps, days);
    source_market_walk(&leap, plan.through);
    assert_memory_equal(steps.open_e8, leap.open_e8, (size_t)plan.instruments * sizeof(int64_t));
    assert_memory_equal(steps.rate_e12, leap.rate_e12, sizeof(leap.rate_e12));
    source_market_reopen(&leap);
    for (int i = 0; i < 20000; i++) {
        int64_t index = source_market_pick(&leap, &random);
        int64_t price_e8 = source_market_trade_price(&leap, &random, index);
        int64_t size_e8 = source_market_trade_size(&random, index);
        assert_in_range(index, 0, plan.instruments - 1);
        assert_true(price_e8 > 0 && price_e8 % source_market_kind(index)->tick_e8 == 0);
        assert_true(size_e8 > 0 && size_e8 % source_market_kind(index)->lot_e8 == 0);
    }
    source_market_term(&steps);
    source_market_term(&leap);
}

/* The short way to binary numerics writes what core/decimal.c writes. */
static void
writes_numerics_as_decimals_do(void **state)
{
    struct random_source random = random_source_start("writes_numerics_as_decimals_do");
    (void)state;
    for (int i = 0; i < 50000; i++) {
        uint8_t expected[DECIMAL_PG_BYTES], actual[SOURCE_NUMERIC_BYTES];
        int64_t value_e8 = (int64_t)(random_source_next(&random) >> random_source_below(&random, 64));
        if (i % 3 == 0)
            value_e8 -= value_e8 % 100000000;
        struct decimal value = decimal_from_int64(value_e8, 8);
        value = decimal_normalize(&value);
        size_t length = decimal_to_pg(&value, expected, sizeof(expected));
        assert_int_equal(source_numeric_write(value_e8, actual), length);
        assert_memory_equal(actual, expected, length);
    }
}

static void
writes_special_numerics(void **state)
{
    static const struct {
        const char *text, *bytes;
        size_t length;
    } cases[] = {
        {"NaN", "\0\0\0\0\xC0\0\0\0", 8},
        {"Infinity", "\0\0\0\0\xD0\0\0\0", 8},
        {"1e25", "\0\1\0\6\0\0\0\0\0\12", 10},
        {"-1.50", "\0\2\0\0\x40\0\0\2\0\1\x13\x88", 12},
    };
    struct error error = {0};
    uint8_t bytes[SOURCE_NUMERIC_BYTES];
    size_t length;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(source_numeric_write_text(cases[i].text, bytes, &length, &error), ERROR_NONE);
        assert_int_equal(length, cases[i].length);
        assert_memory_equal(bytes, cases[i].bytes, length);
    }
    assert_int_equal(source_numeric_write_text("many", bytes, &length, &error), ERROR_FORMAT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_days_on_new_york),
        cmocka_unit_test(spreads_moments_over_the_day),
        cmocka_unit_test(fates_end_with_the_plan),
        cmocka_unit_test(evolves_day_by_day),
        cmocka_unit_test(changes_someone_every_weekday),
        cmocka_unit_test(makes_ids),
        cmocka_unit_test(walks_to_any_day),
        cmocka_unit_test(writes_numerics_as_decimals_do),
        cmocka_unit_test(writes_special_numerics),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
