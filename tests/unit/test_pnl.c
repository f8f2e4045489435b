/* Realised profit and loss by average cost: cases by hand, and random fills against exact rationals. */
#include "jobs/pnl.h"

#include "tests/support/decimal_literal.h"
#include "tests/support/random_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define STEPS_MAX  5
#define SEQUENCES  2000
#define FILLS_MAX  60
#define BOOK_BYTES (2 * DECIMAL_PG_BYTES)

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
    assert_string_equal(decimal_literal_of(&realized).text, "7.7");
    assert_true(closes);
}

static void
refuses_bad_fills(void **state)
{
    static const struct {
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
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        struct pnl_fill fill = fill_of(PNL_BUY, bad[i].quantity, bad[i].price, bad[i].multiplier);
        assert_refused(&book, &fill, bad[i].code, bad[i].says);
        fill.side = PNL_SELL;
        assert_refused(&book, &fill, bad[i].code, bad[i].says);
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
    for (size_t i = 0; i < LENGTH(large); i++) {
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        struct pnl_fill first = fill_of(PNL_BUY, large[i].first[0], large[i].first[1], large[i].first[2]);
        struct pnl_fill second = fill_of(large[i].side, large[i].second[0], large[i].second[1], large[i].second[2]);
        struct decimal realized;
        bool closes;
        struct error error;
        assert_int_equal(pnl_apply(&book, &first, &realized, &closes, &error), ERROR_NONE);
        assert_refused(&book, &second, ERROR_RANGE, large[i].says);
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

/* A book as a textbook keeps it: a side, and quantity and cost above zero; in exact rationals. */
struct model {
    int side; /* 1 long, -1 short, 0 flat */
    mpq_t quantity;
    mpq_t cost;
    mpq_t cash;     /* received less paid */
    mpq_t realized; /* sum of what was booked */
    mpq_t dropped;  /* sum of the residues of flat positions */
    unsigned flats;
};

static void
model_start(struct model *model)
{
    model->side = 0;
    model->flats = 0;
    mpq_inits(model->quantity, model->cost, model->cash, model->realized, model->dropped, NULL);
}

static void
model_end(struct model *model)
{
    mpq_clears(model->quantity, model->cost, model->cash, model->realized, model->dropped, NULL);
}

static void
to_rational(mpq_t rational, const struct decimal *value)
{
    mpz_import(mpq_numref(rational), DECIMAL_LIMBS, -1, sizeof(value->limb[0]), 0, 0, value->limb);
    mpz_ui_pow_ui(mpq_denref(rational), 10, value->scale);
    if (value->negative)
        mpq_neg(rational, rational);
    mpq_canonicalize(rational);
}

/* To 8 decimals, half away from zero: the floor of the absolute value plus one half. */
static void
round8(mpq_t rational)
{
    int sign = mpq_sgn(rational);
    mpz_t units;
    mpz_init_set_ui(units, 100000000);
    mpz_mul(mpq_numref(rational), mpq_numref(rational), units);
    mpz_abs(mpq_numref(rational), mpq_numref(rational));
    mpz_mul_2exp(mpq_numref(rational), mpq_numref(rational), 1);
    mpz_add(mpq_numref(rational), mpq_numref(rational), mpq_denref(rational));
    mpz_mul_2exp(mpq_denref(rational), mpq_denref(rational), 1);
    mpz_fdiv_q(mpq_numref(rational), mpq_numref(rational), mpq_denref(rational));
    mpz_set(mpq_denref(rational), units);
    mpq_canonicalize(rational);
    if (sign < 0)
        mpq_neg(rational, rational);
    mpz_clear(units);
}

/* Closes quantity at a value of proceeds each; realized is what is booked. */
static void
model_close(struct model *model, const mpq_t quantity, const mpq_t unit_value, mpq_t realized)
{
    mpq_t value;
    mpq_t released;
    mpq_inits(value, released, NULL);
    mpq_mul(value, quantity, unit_value);
    mpq_mul(released, model->cost, quantity); /* the exact share of the cost */
    mpq_div(released, released, model->quantity);
    if (model->side > 0)
        mpq_sub(realized, value, released);
    else
        mpq_sub(realized, released, value);
    round8(realized);
    if (model->side > 0) /* and the cost that what was booked releases */
        mpq_sub(released, value, realized);
    else
        mpq_add(released, value, realized);
    mpq_sub(model->cost, model->cost, released);
    mpq_sub(model->quantity, model->quantity, quantity);
    if (mpq_sgn(model->quantity) == 0) {
        if (model->side > 0)
            mpq_add(model->dropped, model->dropped, model->cost);
        else
            mpq_sub(model->dropped, model->dropped, model->cost);
        mpq_set_ui(model->cost, 0, 1);
        model->side = 0;
        model->flats++;
    }
    mpq_clears(value, released, NULL);
}

static void
model_apply(struct model *model, const struct pnl_fill *fill, mpq_t realized, bool *closes)
{
    int side = fill->side == PNL_BUY ? 1 : -1;
    mpq_t quantity;
    mpq_t unit_value;
    mpq_t part;
    mpq_inits(quantity, unit_value, part, NULL);
    to_rational(quantity, &fill->quantity);
    to_rational(unit_value, &fill->price);
    to_rational(part, &fill->multiplier);
    mpq_mul(unit_value, unit_value, part);
    mpq_mul(part, quantity, unit_value);
    if (side > 0)
        mpq_neg(part, part);
    mpq_add(model->cash, model->cash, part);
    mpq_set_ui(realized, 0, 1);
    *closes = model->side == -side;
    if (*closes) {
        mpq_set(part, mpq_cmp(quantity, model->quantity) < 0 ? quantity : model->quantity);
        model_close(model, part, unit_value, realized);
        mpq_sub(quantity, quantity, part);
    }
    if (mpq_sgn(quantity) > 0) {
        model->side = side;
        mpq_add(model->quantity, model->quantity, quantity);
        mpq_mul(part, quantity, unit_value);
        mpq_add(model->cost, model->cost, part);
    }
    mpq_add(model->realized, model->realized, realized);
    mpq_clears(quantity, unit_value, part, NULL);
}

static void
assert_rational(const struct decimal *value, const mpq_t magnitude, int side, unsigned scale)
{
    mpq_t got;
    mpq_init(got);
    to_rational(got, value);
    if (side < 0)
        mpq_neg(got, got);
    assert_true(mpq_equal(got, magnitude));
    assert_int_equal(value->scale, scale);
    mpq_clear(got);
}

/* Realized = cash + open cost + what was dropped at flat, which is at most 0.5e-8 each time. */
static void
assert_totals(const struct model *model)
{
    mpq_t total;
    mpq_t bound;
    mpq_inits(total, bound, NULL);
    mpq_set(total, model->cost);
    if (model->side < 0)
        mpq_neg(total, total);
    mpq_add(total, total, model->cash);
    mpq_sub(total, model->realized, total); /* realized - (cash + signed cost) */
    assert_true(mpq_equal(total, model->dropped));
    mpq_set_ui(bound, model->flats, 200000000);
    mpq_canonicalize(bound);
    mpq_abs(total, total);
    assert_true(mpq_cmp(total, bound) <= 0);
    mpq_clears(total, bound, NULL);
}

/* How the numbers of a sequence look: money as usual (nothing is ever dropped), all decimals, few and tiny units. */
struct flavour {
    unsigned scale[3]; /* of quantity, price, multiplier */
    uint64_t bound[3]; /* of the unscaled numbers */
};

static const struct flavour flavours[] = {
    {{0, 2, 0}, {1000, 100000, 2}},
    {{2, 4, 2}, {10000, 100000000, 100000}},
    {{0, 0, 0}, {4, 20, 3}},
    {{8, 8, 8}, {1000000000000000, 1000000000000000, 100000000000}},
    {{8, 8, 8}, {4, 4, 4}},
    {{8, 8, 0}, {300, 100000000, 2}},
    {{8, 8, 8}, {INT64_MAX, INT64_MAX, INT64_MAX}},
};

static bool
drops_nothing(const struct flavour *flavour)
{
    return flavour->scale[0] + flavour->scale[1] + flavour->scale[2] <= PNL_REALIZED_SCALE;
}

static struct decimal
random_number(struct random_source *random, uint64_t bound, unsigned scale)
{
    return decimal_from_int64((int64_t)(random_source_next(random) % bound / 2 + 1), scale);
}

/* Every fourth fill closes exactly what is open, if anything is. */
static struct pnl_fill
random_fill(struct random_source *random, const struct flavour *flavour, const struct pnl_state *book)
{
    struct pnl_fill fill = {
        .side = random_source_below(random, 2) == 0 ? PNL_BUY : PNL_SELL,
        .quantity = random_number(random, flavour->bound[0], flavour->scale[0]),
        .price = random_number(random, flavour->bound[1], flavour->scale[1]),
        .multiplier = random_number(random, flavour->bound[2], flavour->scale[2]),
    };
    if (random_source_below(random, 4) == 0 && !decimal_is_zero(&book->quantity)) {
        fill.side = decimal_sign(&book->quantity) > 0 ? PNL_SELL : PNL_BUY;
        fill.quantity = decimal_abs(&book->quantity);
    }
    return fill;
}

static void
agrees_with_exact_rationals(void **state)
{
    struct random_source random = random_source_start("agrees_with_exact_rationals");
    mpq_t expected;
    (void)state;
    mpq_init(expected);
    for (unsigned i = 0; i < SEQUENCES; i++) {
        const struct flavour *flavour = &flavours[i % LENGTH(flavours)];
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        struct model model;
        model_start(&model);
        for (unsigned fills = random_source_below(&random, FILLS_MAX); fills > 0; fills--) {
            struct pnl_fill fill = random_fill(&random, flavour, &book);
            struct decimal realized;
            bool closes;
            bool expected_closes;
            struct error error;
            assert_int_equal(pnl_apply(&book, &fill, &realized, &closes, &error), ERROR_NONE);
            model_apply(&model, &fill, expected, &expected_closes);
            assert_rational(&realized, expected, 1, PNL_REALIZED_SCALE);
            assert_int_equal(closes, expected_closes);
            assert_int_equal(decimal_sign(&book.quantity), model.side);
            assert_rational(&book.quantity, model.quantity, model.side, PNL_QUANTITY_SCALE);
            assert_rational(&book.cost, model.cost, model.side, PNL_COST_SCALE);
            assert_totals(&model);
        }
        assert_true(!drops_nothing(flavour) || mpq_sgn(model.dropped) == 0);
        model_end(&model);
    }
    mpq_clear(expected);
}

static void
assert_same(const struct decimal *a, const struct decimal *b)
{
    assert_memory_equal(a->limb, b->limb, sizeof(a->limb));
    assert_int_equal(a->scale, b->scale);
    assert_int_equal(a->negative, b->negative);
}

/* To PostgreSQL's format and back, as at the end of a day. */
static void
store_and_resume(struct pnl_state *book)
{
    uint8_t bytes[DECIMAL_PG_BYTES];
    struct decimal quantity;
    struct decimal cost;
    enum decimal_special special;
    struct error error;
    size_t length = decimal_to_pg(&book->quantity, bytes, sizeof(bytes));
    assert_int_equal(decimal_from_pg(bytes, length, &quantity, &special, &error), ERROR_NONE);
    length = decimal_to_pg(&book->cost, bytes, sizeof(bytes));
    assert_int_equal(decimal_from_pg(bytes, length, &cost, &special, &error), ERROR_NONE);
    assert_int_equal(pnl_resume(PNL_AVERAGE_COST, &quantity, &cost, book, &error), ERROR_NONE);
}

/* One pass, one with the state stored here and there, and one with the sides swapped. */
static void
splitting_and_mirroring_change_nothing(void **state)
{
    struct random_source random = random_source_start("splitting_and_mirroring_change_nothing");
    (void)state;
    for (unsigned i = 0; i < SEQUENCES; i++) {
        const struct flavour *flavour = &flavours[i % LENGTH(flavours)];
        struct pnl_state book = pnl_flat(PNL_AVERAGE_COST);
        struct pnl_state split = book;
        struct pnl_state mirror = book;
        for (unsigned fills = random_source_below(&random, FILLS_MAX); fills > 0; fills--) {
            struct pnl_fill fill = random_fill(&random, flavour, &book);
            struct pnl_fill swapped = fill;
            struct decimal realized[3];
            bool closes[3];
            struct error error;
            swapped.side = fill.side == PNL_BUY ? PNL_SELL : PNL_BUY;
            if (random_source_below(&random, 3) == 0)
                store_and_resume(&split);
            assert_int_equal(pnl_apply(&book, &fill, &realized[0], &closes[0], &error), ERROR_NONE);
            assert_int_equal(pnl_apply(&split, &fill, &realized[1], &closes[1], &error), ERROR_NONE);
            assert_int_equal(pnl_apply(&mirror, &swapped, &realized[2], &closes[2], &error), ERROR_NONE);
            struct decimal quantity = decimal_negate(&mirror.quantity);
            struct decimal cost = decimal_negate(&mirror.cost);
            struct decimal loss = decimal_negate(&realized[2]);
            assert_same(&split.quantity, &book.quantity);
            assert_same(&split.cost, &book.cost);
            assert_same(&quantity, &book.quantity);
            assert_same(&cost, &book.cost);
            assert_same(&realized[1], &realized[0]);
            assert_same(&loss, &realized[0]);
            assert_true(closes[0] == closes[1] && closes[0] == closes[2]);
        }
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
        cmocka_unit_test(agrees_with_exact_rationals),
        cmocka_unit_test(splitting_and_mirroring_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
