/* Realised profit and loss by average cost, by hand; what is refused. */
#include "jobs/pnl.h"

#include "tests/support/decimal_literal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define STEPS_MAX 5

struct step {
    enum pnl_side side;
    const char *quantity; /* NULL ends the case */
    const char *price;
    const char *multiplier;
    const char *realized;
    bool closes;
    const char *quantity_after;
    const char *cost_after; /* compared as a number */
};

static const struct {
    const char *name;
    struct step steps[STEPS_MAX];
} cases[] = {
    {"long",
     {{PNL_BUY, "100", "10", "1", "0.00000000", false, "100.00000000", "1000"},
      {PNL_BUY, "50", "16", "1", "0.00000000", false, "150.00000000", "1800"},
      {PNL_SELL, "60", "15", "1", "180.00000000", true, "90.00000000", "1080"},
      {PNL_SELL, "90", "11", "1", "-90.00000000", true, "0.00000000", "0"}}},
    {"short",
     {{PNL_SELL, "100", "10", "1", "0.00000000", false, "-100.00000000", "-1000"},
      {PNL_SELL, "100", "12", "1", "0.00000000", false, "-200.00000000", "-2200"},
      {PNL_BUY, "50", "8", "1", "150.00000000", true, "-150.00000000", "-1650"},
      {PNL_BUY, "150", "12", "1", "-150.00000000", true, "0.00000000", "0"}}},
    {"thirds add up to the whole",
     {{PNL_BUY, "3", "4", "1", "0.00000000", false, "3.00000000", "12"},
      {PNL_SELL, "1", "4", "1", "0.00000000", true, "2.00000000", "8"},
      {PNL_BUY, "1", "2", "1", "0.00000000", false, "3.00000000", "10"},
      {PNL_SELL, "1", "5", "1", "1.66666667", true, "2.00000000", "6.66666667"},
      {PNL_SELL, "2", "5", "1", "3.33333333", true, "0.00000000", "0"}}},
    {"what a close rounds stays in the cost",
     {{PNL_BUY, "2", "3.33333333", "1", "0.00000000", false, "2.00000000", "6.66666666"},
      {PNL_BUY, "0.00000001", "1", "1", "0.00000000", false, "2.00000001", "6.66666667"},
      {PNL_SELL, "0.00000001", "1.00000001", "1", "-0.00000002", true, "2.00000000", "6.6666666399999999"},
      {PNL_SELL, "1", "5", "1", "1.66666668", true, "1.00000000", "3.3333333199999999"},
      {PNL_SELL, "1", "5", "1", "1.66666668", true, "0.00000000", "0"}}},
    {"flips long to short to long",
     {{PNL_BUY, "10", "5", "1", "0.00000000", false, "10.00000000", "50"},
      {PNL_SELL, "25", "6", "1", "10.00000000", true, "-15.00000000", "-90"},
      {PNL_BUY, "40", "4", "1", "30.00000000", true, "25.00000000", "100"},
      {PNL_SELL, "25", "4", "1", "0.00000000", true, "0.00000000", "0"},
      {PNL_SELL, "1", "9.5", "1", "0.00000000", false, "-1.00000000", "-9.5"}}},
    {"multiplier of a future",
     {{PNL_BUY, "2", "4000.25", "50", "0.00000000", false, "2.00000000", "400025"},
      {PNL_SELL, "1", "4010.50", "50", "512.50000000", true, "1.00000000", "200012.5"},
      {PNL_SELL, "3", "3990", "50", "-512.50000000", true, "-2.00000000", "-399000"},
      {PNL_BUY, "2", "3990.01", "50", "-1.00000000", true, "0.00000000", "0"}}},
    {"multiplier below one",
     {{PNL_SELL, "7", "0.3", "0.01", "0.00000000", false, "-7.00000000", "-0.021"},
      {PNL_BUY, "7", "0.1", "0.01", "0.01400000", true, "0.00000000", "0"}}},
    {"break even closes",
     {{PNL_BUY, "1", "2", "1", "0.00000000", false, "1.00000000", "2"},
      {PNL_SELL, "1", "2", "1", "0.00000000", true, "0.00000000", "0"}}},
    {"trailing zeros do not matter",
     {{PNL_BUY, "1.000000000000", "2.50000000000", "1.0000000000", "0.00000000", false, "1.00000000", "2.5"},
      {PNL_SELL, "0.5", "3", "1", "0.25000000", true, "0.50000000", "1.25"}}},
    {"the smallest values: a residue of 1e-24 is dropped",
     {{PNL_BUY, "0.00000001", "0.00000001", "0.00000001", "0.00000000", false, "0.00000001", "1e-24"},
      {PNL_SELL, "0.00000001", "0.00000002", "0.00000001", "0.00000000", true, "0.00000000", "0"}}},
    {"a gain of 0.5e-8 rounds away from zero",
     {{PNL_BUY, "1", "0.00000001", "0.5", "0.00000000", false, "1.00000000", "0.000000005"},
      {PNL_SELL, "1", "0.00000002", "0.5", "0.00000001", true, "0.00000000", "0"}}},
    {"so does a loss of 0.5e-8",
     {{PNL_SELL, "1", "0.00000001", "0.5", "0.00000000", false, "-1.00000000", "-0.000000005"},
      {PNL_BUY, "1", "0.00000002", "0.5", "-0.00000001", true, "0.00000000", "0"}}},
    {"the largest values of numeric(20,8), and a multiplier with 8 decimals",
     {{PNL_BUY, "999999999999.99999999", "999999999999.99999999", "1000.00000001", "0.00000000", false,
       "999999999999.99999999", "1000000000009999999979999999.999800000000100000000001"},
      {PNL_SELL, "333333333333.33333333", "0.00000001", "1000.00000001", "-333333333336666666656666666.66656667", true,
       "666666666666.66666666", "666666666673333333319999999.999866663333466666666668"}}},
};

static struct pnl_fill
fill_of(enum pnl_side side, const char *quantity, const char *price, const char *multiplier)
{
    return (struct pnl_fill){
        .side = side,
        .quantity = decimal_literal(quantity),
        .price = decimal_literal(price),
        .multiplier = decimal_literal(multiplier),
    };
}

static void
assert_number(const struct decimal *value, const char *expected, unsigned scale)
{
    struct decimal number = decimal_literal(expected);
    if (decimal_compare(value, &number) != 0)
        fail_msg("%s instead of %s", decimal_literal_of(value).text, expected);
    assert_int_equal(value->scale, scale);
}

static void
books_the_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        for (size_t j = 0; j < STEPS_MAX && cases[i].steps[j].quantity != NULL; j++) {
            const struct step *step = &cases[i].steps[j];
            struct pnl_fill fill = fill_of(step->side, step->quantity, step->price, step->multiplier);
            struct decimal realized;
            bool closes;
            struct error error = {0};
            assert_int_equal(pnl_apply(&book, &fill, &realized, &closes, &error), ERROR_NONE);
            assert_string_equal(decimal_literal_of(&realized).text, step->realized);
            assert_int_equal(closes, step->closes);
            assert_string_equal(decimal_literal_of(&book.quantity).text, step->quantity_after);
            assert_number(&book.cost, step->cost_after, PNL_COST_SCALE);
        }
    }
}

static const enum pnl_method methods[] = {PNL_AVERAGE_COST, PNL_FIFO};

/* A bad fill leaves book and results as they were. */
static void
assert_refused(struct pnl_state *book, const struct pnl_fill *fill, enum error_code code, const char *says)
{
    struct pnl_state before = *book;
    struct decimal realized = decimal_from_int64(77, 1);
    bool closes = true;
    struct error error = {0};
    assert_int_equal(pnl_apply(book, fill, &realized, &closes, &error), code);
    if (strstr(error.message, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, says);
    assert_memory_equal(book, &before, sizeof(before));
    assert_int_equal(pnl_check_lots(book, &error), ERROR_NONE);
    assert_string_equal(decimal_literal_of(&realized).text, "7.7");
    assert_true(closes);
}

static void
refuses_bad_fills(void **state)
{
    static const struct bad_fill {
        const char *quantity;
        const char *price;
        const char *multiplier;
        enum error_code code;
        const char *says;
    } bad[] = {
        {"0", "1", "1", ERROR_ARGUMENT, "the quantity 0: it must be above zero"},
        {"-1", "1", "1", ERROR_ARGUMENT, "the quantity -1"},
        {"1", "0.00", "1", ERROR_ARGUMENT, "the price 0.00"},
        {"1", "-37.63", "1", ERROR_ARGUMENT, "the price -37.63"},
        {"1", "1", "0", ERROR_ARGUMENT, "the multiplier 0"},
        {"1", "1", "-100", ERROR_ARGUMENT, "the multiplier -100"},
        {"0.000000001", "1", "1", ERROR_RANGE, "the quantity 0.000000001 has more than 8 decimals"},
        {"1", "1.123456789", "1", ERROR_RANGE, "the price 1.123456789 has more than 8 decimals"},
        {"1", "1", "0.0000000010", ERROR_RANGE, "the multiplier 0.0000000010 has more than 8 decimals"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(bad) * LENGTH(methods); i++) {
        struct pnl_state book = pnl_flat(methods[i / LENGTH(bad)]);
        const struct bad_fill *row = &bad[i % LENGTH(bad)];
        struct pnl_fill fill = fill_of(PNL_BUY, row->quantity, row->price, row->multiplier);
        assert_refused(&book, &fill, row->code, row->says);
        fill.side = PNL_SELL;
        assert_refused(&book, &fill, row->code, row->says);
    }
}

/* Each row lets another step of the calculation outgrow 256 bits. */
static void
refuses_what_does_not_fit(void **state)
{
    static const struct {
        const char *first[3]; /* bought before: quantity, price, multiplier */
        enum pnl_side side;
        const char *second[3];
        const char *says;
    } large[] = {
        {{"1", "1", "1"}, PNL_BUY, {"1", "1e40", "1e40"}, " x "},               /* price * multiplier */
        {{"1", "1", "1"}, PNL_BUY, {"1e50", "1e50", "1"}, " x "},               /* value of the fill */
        {{"1", "1", "1"}, PNL_BUY, {"1e30", "1e30", "1"}, " + 1.00000000"},     /* the same with 24 decimals */
        {{"1e27", "1e25", "1"}, PNL_BUY, {"1e27", "1.1e26", "1"}, " + "},       /* cost after adding */
        {{"1e69", "1e-8", "1e-8"}, PNL_BUY, {"1e69", "1e-8", "1e-8"}, " + 1"},  /* quantity after adding */
        {{"1e30", "1e-8", "1"}, PNL_SELL, {"1", "1e50", "1"}, " x "},           /* value of the position */
        {{"1e10", "1", "1"}, PNL_SELL, {"1", "1e50", "1"}, " - 10000000000.0"}, /* its gain */
        {{"1", "1", "1"}, PNL_SELL, {"1e30", "1e30", "1"}, "with 24 decimals"}, /* cost of what a flip opens */
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(large) * LENGTH(methods); i++) {
        size_t row = i % LENGTH(large);
        struct pnl_state book = pnl_flat(methods[i / LENGTH(large)]);
        struct pnl_fill first = fill_of(PNL_BUY, large[row].first[0], large[row].first[1], large[row].first[2]);
        struct pnl_fill second =
            fill_of(large[row].side, large[row].second[0], large[row].second[1], large[row].second[2]);
        struct decimal realized;
        bool closes;
        struct error error;
        assert_int_equal(pnl_apply(&book, &first, &realized, &closes, &error), ERROR_NONE);
        assert_refused(&book, &second, ERROR_RANGE, large[row].says);
        pnl_release(&book);
    }
}

static void
resumes_what_was_stored(void **state)
{
    static const struct {
        const char *quantity;
        const char *cost;
        enum error_code code;
        const char *says;
    } stored[] = {
        {"0", "0.000", ERROR_NONE, ""},
        {"-2.5", "-10", ERROR_NONE, ""},
        {"1.000000000000", "1.00000000000000000000000000000", ERROR_NONE, ""},
        {"3", "-0.000000000000000000000001", ERROR_NONE, ""},
        {"0.000000001", "1", ERROR_RANGE, "stored quantity 0.000000001 has more than 8"},
        {"1", "1e-25", ERROR_RANGE, "has more than 24 decimals"},
        {"1e70", "1", ERROR_RANGE, "with 8 decimals"},
        {"1", "1e54", ERROR_RANGE, "with 24 decimals"},
        {"0.00", "0.01", ERROR_ARGUMENT, "holds nothing at a cost of 0.01"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(stored); i++) {
        struct decimal quantity = decimal_literal(stored[i].quantity);
        struct decimal cost = decimal_literal(stored[i].cost);
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        struct pnl_state before = book;
        struct error error = {0};
        assert_int_equal(pnl_resume(PNL_AVERAGE_COST, &quantity, &cost, &book, &error), stored[i].code);
        assert_non_null(strstr(error.message, stored[i].says));
        if (stored[i].code != ERROR_NONE) {
            assert_memory_equal(&book, &before, sizeof(book));
            continue;
        }
        assert_number(&book.quantity, stored[i].quantity, PNL_QUANTITY_SCALE);
        assert_number(&book.cost, stored[i].cost, PNL_COST_SCALE);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_the_cases),
        cmocka_unit_test(refuses_bad_fills),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(resumes_what_was_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
