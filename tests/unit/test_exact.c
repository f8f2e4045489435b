#include "core/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
set(struct exact *number, const char *text)
{
    struct error error = {0};
    exact_init(number);
    assert_int_equal(exact_parse(number, text, strlen(text), &error), ERROR_NONE);
}

/* Compares and frees the number. */
static void
assert_text(struct exact *number, const char *expected)
{
    char *text = exact_text(number);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    exact_term(number);
}

static void
reads_and_writes(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"0", "0"},
        {"-0.00", "0"},
        {"1.50", "1.5"},
        {"-12.034", "-12.034"},
        {"+7", "7"},
        {"0.00000001", "0.00000001"},
        {".5", "0.5"},
        {"100", "100"},
        {"-0.5", "-0.5"},
        {"123456789012345678901234567890.1234567890123456789012345678901234567890",
         "123456789012345678901234567890.123456789012345678901234567890123456789"},
        {"1.00000000000000000000000000000000000000000000000000000000", "1"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct exact number;
        set(&number, pairs[i][0]);
        assert_text(&number, pairs[i][1]);
    }
}

static void
refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "-", ".", "NaN", "Infinity", "1e5", "1.2.3", " 1", "--1"};
    struct exact number;
    exact_init(&number);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error error = {0};
        assert_int_equal(exact_parse(&number, texts[i], strlen(texts[i]), &error), ERROR_FORMAT);
    }
    struct error error = {0};
    const char *fine = "0.00000000000000000000000000000000000000001";
    assert_int_equal(exact_parse(&number, fine, strlen(fine), &error), ERROR_RANGE);
    exact_term(&number);
}

static void
divides_half_away_from_zero(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *quotient;
        int decimals;
    } cases[] = {
        {"1", "3", "0.3333", 4},   {"2", "3", "0.6667", 4},       {"-2", "3", "-0.6667", 4},
        {"1", "8", "0.13", 2},     {"-1", "8", "-0.13", 2},       {"1", "-8", "-0.13", 2},
        {"0", "5", "0", 8},        {"10", "4", "3", 0},           {"-10", "4", "-3", 0},
        {"0.125", "1", "0.13", 2}, {"0.1249999", "1", "0.12", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exact a, b;
        set(&a, cases[i].a);
        set(&b, cases[i].b);
        exact_divide(&a, &a, &b, cases[i].decimals);
        assert_text(&a, cases[i].quotient);
        exact_term(&b);
    }
}

static void
multiplies_and_tells_what_does_not_fit(void **state)
{
    (void)state;
    struct exact a, b;
    struct error error = {0};
    set(&a, "-1.25");
    set(&b, "0.0000000000000000000000000000000000000004");
    assert_int_equal(exact_multiply(&a, &a, &b, &error), ERROR_NONE);
    assert_text(&a, "-0.0000000000000000000000000000000000000005");
    exact_term(&b);
    set(&a, "0.5");
    set(&b, "0.0000000000000000000000000000000000000001");
    error = (struct error){0};
    assert_int_equal(exact_multiply(&a, &a, &b, &error), ERROR_RANGE);
    exact_term(&a);
    exact_term(&b);
}

static void
takes_roots(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *root;
        int decimals;
    } cases[] = {
        {"2", "1", "1.4142135623730950", 16},
        {"4", "1", "2", 16},
        {"1", "4", "0.5", 16},
        {"0", "3", "0", 16},
        {"2", "3", "0.8164965809277260", 16},
        {"6.25", "1", "3", 0},
        {"6.24", "1", "2", 0},
        {"252", "1", "15.8745078663875435", 16},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exact a, b;
        set(&a, cases[i].a);
        set(&b, cases[i].b);
        exact_root(&a, &a, &b, cases[i].decimals);
        struct exact expected;
        set(&expected, cases[i].root);
        assert_int_equal(exact_compare(&a, &expected), 0);
        exact_term(&a);
        exact_term(&b);
        exact_term(&expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(divides_half_away_from_zero),
        cmocka_unit_test(multiplies_and_tells_what_does_not_fit),
        cmocka_unit_test(takes_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
