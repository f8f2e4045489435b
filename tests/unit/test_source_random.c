/* links: ops/source_random.c */
#include "ops/source_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The generator's first numbers for two seeds, as its reference implementation prints them. */
static void
matches_published_numbers(void **state)
{
    static const struct {
        uint64_t seed, numbers[5];
    } vectors[] = {
        {1234567,
         {6457827717110365317u, 3203168211198807973u, 9817491932198370423u, 4593380528125082431u,
          16408922859458223821u}},
        {0, {0xE220A8397B1DCDAFu, 0x6E789E6AA1B965F4u, 0x06C45D188009454Fu, 0xF88BB8A8724C81ECu, 0x1B39896A51A8749Bu}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct source_random random = source_random_start(vectors[i].seed);
        for (int j = 0; j < 5; j++)
            assert_int_equal(source_random_next(&random), vectors[i].numbers[j]);
    }
}

static void
stays_within_bounds(void **state)
{
    static const uint64_t bounds[] = {1, 2, 3, 7, 1000, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    struct source_random random = source_random_start(42);
    (void)state;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        for (int j = 0; j < 1000; j++)
            assert_true(source_random_below(&random, bounds[i]) < bounds[i]);
    for (int j = 0; j < 1000; j++) {
        int64_t value = source_random_between(&random, -3, 4);
        assert_true(value >= -3 && value <= 4);
    }
    assert_int_equal(source_random_between(&random, -9, -9), -9);
}

/* 70,000 draws of 7: each value about 10,000 times (standard deviation 93). */
static void
draws_evenly(void **state)
{
    int counts[7] = {0};
    struct source_random random = source_random_start(7);
    (void)state;
    for (int i = 0; i < 70000; i++)
        counts[source_random_below(&random, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
}

static void
counts_per_mille(void **state)
{
    struct source_random random = source_random_start(1);
    int hits = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_false(source_random_per_mille(&random, 0));
        assert_true(source_random_per_mille(&random, 1000));
    }
    for (int i = 0; i < 100000; i++)
        hits += source_random_per_mille(&random, 20);
    assert_in_range(hits, 1800, 2200);
}

/* Every part of a key matters, and its place. */
static void
keys_differ(void **state)
{
    const uint64_t keys[] = {source_random_key(1, 2, 3, 4), source_random_key(2, 2, 3, 4),
                             source_random_key(1, 3, 3, 4), source_random_key(1, 2, 4, 4),
                             source_random_key(1, 2, 3, 5), source_random_key(1, 3, 2, 4),
                             source_random_key(4, 3, 2, 1), source_random_key(0, 0, 0, 0)};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(keys[i], keys[j]);
    assert_int_equal(source_random_key(1, 2, 3, 4), keys[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_published_numbers),
        cmocka_unit_test(stays_within_bounds),
        cmocka_unit_test(draws_evenly),
        cmocka_unit_test(counts_per_mille),
        cmocka_unit_test(keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
