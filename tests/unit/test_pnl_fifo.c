/* Realised profit and loss by FIFO: cases by hand, random fills against exact rationals, and lots that were stored. */
#include "tests/support/pnl_fills.h"

#define STEPS_MAX 6
#define SEQUENCES 2000
#define FILLS_MAX 60

struct step {
    const char *fill; /* "BUY 100 @ 10", with " x 50" for a multiplier; NULL ends the case */
    const char *realized;
    bool closes;
    const char *lots; /* "quantity:cost" of each, oldest first */
};

static const struct {
    const char *name;
    struct step steps[STEPS_MAX];
} cases[] = {
    {"long: the oldest goes first, whatever the average",
     {{"BUY 100 @ 10", "0.00000000", false, "100:1000"},
      {"BUY 50 @ 16", "0.00000000", false, "100:1000 50:800"},
      {"SELL 60 @ 15", "300.00000000", true, "40:400 50:800"},
      {"SELL 60 @ 11", "-60.00000000", true, "30:480"},
      {"SELL 30 @ 16", "0.00000000", true, ""}}},
    {"short",
     {{"SELL 100 @ 10", "0.00000000", false, "-100:-1000"},
      {"SELL 100 @ 12", "0.00000000", false, "-100:-1000 -100:-1200"},
      {"BUY 150 @ 8", "400.00000000", true, "-50:-600"},
      {"BUY 50 @ 13", "-50.00000000", true, ""}}},
    {"a close at a lot's end leaves the next one whole",
     {{"BUY 3 @ 4", "0.00000000", false, "3:12"},
      {"BUY 2 @ 5", "0.00000000", false, "3:12 2:10"},
      {"BUY 1 @ 6", "0.00000000", false, "3:12 2:10 1:6"},
      {"SELL 5 @ 7", "13.00000000", true, "1:6"},
      {"SELL 1 @ 7", "1.00000000", true, ""}}},
    {"flips over several lots, long to short to long",
     {{"BUY 10 @ 5", "0.00000000", false, "10:50"},
      {"BUY 10 @ 7", "0.00000000", false, "10:50 10:70"},
      {"SELL 35 @ 6", "0.00000000", true, "-15:-90"},
      {"BUY 40 @ 4", "30.00000000", true, "25:100"},
      {"SELL 25 @ 4", "0.00000000", true, ""}}},
    {"multiplier of a future, which a correction changed in between",
     {{"BUY 2 @ 4000.25 x 50", "0.00000000", false, "2:400025"},
      {"BUY 1 @ 4000 x 20", "0.00000000", false, "2:400025 1:80000"},
      {"SELL 1 @ 4010.50 x 50", "512.50000000", true, "1:200012.5 1:80000"},
      {"SELL 2 @ 4001 x 20", "-119972.50000000", true, ""}}},
    {"one figure for several lots, rounded once: 0.4e-8 and 0.4e-8 are 1e-8",
     {{"BUY 1 @ 0.00000001 x 0.6", "0.00000000", false, "1:0.000000006"},
      {"BUY 1 @ 0.00000001 x 0.6", "0.00000000", false, "1:0.000000006 1:0.000000006"},
      {"SELL 2 @ 0.00000001", "0.00000001", true, ""}}},
    {"what a close rounds stays in the broken lot",
     {{"BUY 2 @ 0.00000003 x 0.5", "0.00000000", false, "2:0.00000003"},
      {"SELL 1 @ 0.00000003", "0.00000002", true, "1:0.00000002"},
      {"SELL 1 @ 0.00000003", "0.00000001", true, ""}}},
    {"or in the next one, if none is broken",
     {{"BUY 1 @ 0.00000003 x 0.5", "0.00000000", false, "1:0.000000015"},
      {"BUY 1 @ 0.00000005", "0.00000000", false, "1:0.000000015 1:0.00000005"},
      {"SELL 1 @ 0.00000003", "0.00000002", true, "1:0.000000055"},
      {"SELL 1 @ 0.00000003", "-0.00000003", true, ""}}},
    {"a book that went flat begins anew",
     {{"BUY 1 @ 2", "0.00000000", false, "1:2"},
      {"SELL 1 @ 3", "1.00000000", true, ""},
      {"SELL 2 @ 9", "0.00000000", false, "-2:-18"},
      {"BUY 1 @ 9", "0.00000000", true, "-1:-9"}}},
    {"the largest values of numeric(20,8), and a multiplier with 8 decimals",
     {{"BUY 999999999999.99999999 @ 999999999999.99999999 x 1000.00000001", "0.00000000", false,
       "999999999999.99999999:1000000000009999999979999999.999800000000100000000001"},
      {"BUY 1 @ 1", "0.00000000", false,
       "999999999999.99999999:1000000000009999999979999999.999800000000100000000001 1:1"},
      {"SELL 333333333333.33333333 @ 0.00000001 x 1000.00000001", "-333333333336666666656666666.66656667", true,
       "666666666666.66666666:666666666673333333319999999.999866663333466666666668 1:1"}}},
};

static struct pnl_fill
fill_of(const char *text)
{
    char side[8], quantity[40], price[40], multiplier[40] = "1";
    if (sscanf(text, "%7s %39s @ %39s x %39s", side, quantity, price, multiplier) < 3)
        fail_msg("\"%s\" is no fill", text);
    return (struct pnl_fill){.side = side[0] == 'B' ? PNL_BUY : PNL_SELL,
                             .quantity = decimal_literal(quantity),
                             .price = decimal_literal(price),
                             .multiplier = decimal_literal(multiplier)};
}

static void
assert_lots(const struct pnl_state *book, const char *expected)
{
    char text[512] = "";
    for (size_t i = 0; book->lots != NULL && i < book->lots->count; i++) {
        struct decimal quantity = decimal_normalize(&pnl_lots_at(book->lots, i)->quantity);
        struct decimal cost = decimal_normalize(&pnl_lots_at(book->lots, i)->cost);
        size_t length = strlen(text);
        (void)snprintf(text + length, sizeof(text) - length, "%s%s:%s", i > 0 ? " " : "",
                       decimal_literal_of(&quantity).text, decimal_literal_of(&cost).text);
    }
    assert_string_equal(text, expected);
}

static void
books_the_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct pnl_state book = pnl_flat(PNL_FIFO);
        for (size_t j = 0; j < STEPS_MAX && cases[i].steps[j].fill != NULL; j++) {
            const struct step *step = &cases[i].steps[j];
            struct pnl_fill fill = fill_of(step->fill);
            struct decimal realized;
            bool closes;
            struct error error = {0};
            assert_int_equal(pnl_apply(&book, &fill, &realized, &closes, &error), ERROR_NONE);
            assert_string_equal(decimal_literal_of(&realized).text, step->realized);
            assert_int_equal(closes, step->closes);
            assert_lots(&book, step->lots);
            assert_int_equal(pnl_check_lots(&book, &error), ERROR_NONE);
        }
        pnl_release(&book);
    }
}

/* ---- against exact rationals ---------------------------------------------------------------------------------- */

/* The queue as a textbook has it: a side, and lots of units that cost something, all above zero. */
struct model_lot {
    mpq_t quantity;
    mpq_t cost;
};

struct model {
    int side; /* 1 long, -1 short, 0 flat */
    struct model_lot lots[FILLS_MAX];
    unsigned first, end;
};

static void
model_start(struct model *model)
{
    model->side = 0;
    model->first = model->end = 0;
    for (unsigned i = 0; i < FILLS_MAX; i++)
        mpq_inits(model->lots[i].quantity, model->lots[i].cost, NULL);
}

static void
model_end(struct model *model)
{
    for (unsigned i = 0; i < FILLS_MAX; i++)
        mpq_clears(model->lots[i].quantity, model->lots[i].cost, NULL);
}

/* Takes quantity units, or as many as there are, from the front: quantity becomes what is left to take, taken how many
 * they were, cost what they cost, exactly. */
static void
model_take(struct model *model, mpq_t quantity, mpq_t taken, mpq_t cost)
{
    mpq_t part, share;
    mpq_inits(part, share, NULL);
    mpq_set_ui(taken, 0, 1);
    mpq_set_ui(cost, 0, 1);
    while (model->first < model->end && mpq_sgn(quantity) > 0) {
        struct model_lot *lot = &model->lots[model->first];
        mpq_set(part, mpq_cmp(quantity, lot->quantity) < 0 ? quantity : lot->quantity);
        mpq_mul(share, lot->cost, part);
        mpq_div(share, share, lot->quantity);
        mpq_add(taken, taken, part);
        mpq_add(cost, cost, share);
        mpq_sub(quantity, quantity, part);
        mpq_sub(lot->quantity, lot->quantity, part);
        mpq_sub(lot->cost, lot->cost, share);
        if (mpq_sgn(lot->quantity) == 0)
            model->first++;
    }
    mpq_clears(part, share, NULL);
}

/* What is gained on the units taken, rounded; what was rounded away goes to the lot that is the oldest now. */
static void
model_close(struct model *model, mpq_t quantity, const mpq_t unit_value, mpq_t realized)
{
    mpq_t taken, cost, exact;
    mpq_inits(taken, cost, exact, NULL);
    model_take(model, quantity, taken, cost);
    mpq_mul(exact, taken, unit_value);
    if (model->side > 0)
        mpq_sub(exact, exact, cost);
    else
        mpq_sub(exact, cost, exact);
    mpq_set(realized, exact);
    round8(realized);
    mpq_sub(exact, realized, exact);
    if (model->first < model->end) {
        struct model_lot *oldest = &model->lots[model->first];
        if (model->side > 0)
            mpq_add(oldest->cost, oldest->cost, exact);
        else
            mpq_sub(oldest->cost, oldest->cost, exact);
    } else {
        model->side = 0;
    }
    mpq_clears(taken, cost, exact, NULL);
}

static void
model_apply(struct model *model, const struct pnl_fill *fill, mpq_t realized, bool *closes)
{
    int side = fill->side == PNL_BUY ? 1 : -1;
    mpq_t quantity, unit_value, multiplier;
    mpq_inits(quantity, unit_value, multiplier, NULL);
    to_rational(quantity, &fill->quantity);
    to_rational(unit_value, &fill->price);
    to_rational(multiplier, &fill->multiplier);
    mpq_mul(unit_value, unit_value, multiplier);
    mpq_set_ui(realized, 0, 1);
    *closes = model->side == -side;
    if (*closes)
        model_close(model, quantity, unit_value, realized);
    if (mpq_sgn(quantity) > 0) {
        struct model_lot *lot = &model->lots[model->end++];
        model->side = side;
        mpq_set(lot->quantity, quantity);
        mpq_mul(lot->cost, quantity, unit_value);
    }
    mpq_clears(quantity, unit_value, multiplier, NULL);
}

/* Every lot, and that quantity and cost are their sums. */
static void
assert_book(const struct pnl_state *book, const struct model *model)
{
    struct error error;
    size_t lots = book->lots != NULL ? book->lots->count : 0;
    assert_int_equal(lots, model->end - model->first);
    assert_int_equal(decimal_sign(&book->quantity), model->side);
    assert_int_equal(pnl_check_lots(book, &error), ERROR_NONE);
    for (unsigned i = 0; i < lots; i++) {
        const struct pnl_lot *lot = pnl_lots_at(book->lots, i);
        const struct model_lot *expected = &model->lots[model->first + i];
        assert_rational(&lot->quantity, expected->quantity, model->side, PNL_QUANTITY_SCALE);
        assert_rational(&lot->cost, expected->cost, model->side, PNL_COST_SCALE);
    }
}

/* Where nothing is ever rounded, a lot costs its units at the price at which its fill opened it. */
static void
assert_exact_costs(const struct pnl_state *book, const struct pnl_fill *fills)
{
    for (size_t i = 0; book->lots != NULL && i < book->lots->count; i++) {
        const struct pnl_lot *lot = pnl_lots_at(book->lots, i);
        const struct pnl_fill *opened = &fills[lot->executed_at_us];
        struct decimal cost;
        struct error error;
        assert_int_equal(decimal_mul(&lot->quantity, &opened->price, &cost, &error), ERROR_NONE);
        assert_int_equal(decimal_mul(&cost, &opened->multiplier, &cost, &error), ERROR_NONE);
        assert_int_equal(decimal_compare(&cost, &lot->cost), 0);
        assert_memory_equal(lot->reference, opened->reference, opened->reference_length);
    }
}

static void
agrees_with_exact_rationals(void **state)
{
    static struct pnl_fill fills[FILLS_MAX];
    static struct model model;
    struct random_source random = random_source_start("agrees_with_exact_rationals");
    mpq_t expected;
    (void)state;
    mpq_init(expected);
    for (unsigned i = 0; i < SEQUENCES; i++) {
        const struct flavour *flavour = &flavours[i % LENGTH(flavours)];
        struct pnl_state book = pnl_flat(PNL_FIFO);
        model_start(&model);
        unsigned count = random_source_below(&random, FILLS_MAX);
        for (unsigned j = 0; j < count; j++) {
            struct decimal realized;
            struct error error;
            bool closes, expected_closes;
            fills[j] = random_fill(&random, flavour, &book);
            fills[j].executed_at_us = j;
            fills[j].reference = &"0123456789"[j % 10];
            fills[j].reference_length = 1;
            assert_int_equal(pnl_apply(&book, &fills[j], &realized, &closes, &error), ERROR_NONE);
            model_apply(&model, &fills[j], expected, &expected_closes);
            assert_rational(&realized, expected, 1, PNL_REALIZED_SCALE);
            assert_int_equal(closes, expected_closes);
            assert_book(&book, &model);
            if (drops_nothing(flavour))
                assert_exact_costs(&book, fills);
        }
        model_end(&model);
        pnl_release(&book);
    }
    mpq_clear(expected);
}

/* ---- lots that were stored ------------------------------------------------------------------------------------- */

static void
refuses_lots_that_do_not_fit_their_book(void **state)
{
    static const struct {
        enum pnl_method method;
        const char *book[2]; /* quantity, cost */
        const char *lots[2][2];
        enum error_code code;
        const char *says;
    } stored[] = {
        {PNL_FIFO, {"5", "50"}, {{"2", "20"}, {"3", "30"}}, ERROR_NONE, ""},
        {PNL_FIFO, {"-5", "-1"}, {{"-2", "0.5"}, {"-3", "-1.5"}}, ERROR_NONE, ""},
        {PNL_FIFO, {"5", "50"}, {{"2", "20"}}, ERROR_GATE, "holds 5.00000000, its lots 2.00000000"},
        {PNL_FIFO, {"5", "50"}, {{"2", "20"}, {"3", "31"}}, ERROR_GATE, "quantity or cost do not agree"},
        {PNL_FIFO, {"5", "50"}, {{"6", "60"}, {"-1", "-10"}}, ERROR_ARGUMENT, "a stored lot of -1.00000000 is not of"},
        {PNL_FIFO, {"0", "0"}, {{"1", "10"}}, ERROR_ARGUMENT, "a stored lot of 1.00000000"},
        {PNL_FIFO, {"5", "50"}, {{"0", "0"}}, ERROR_ARGUMENT, "a stored lot of 0.00000000"},
        {PNL_FIFO, {"1", "1"}, {{"0.000000001", "1"}}, ERROR_RANGE, "more than 8 decimals"},
        {PNL_FIFO, {"5", "50"}, {{NULL}}, ERROR_GATE, "its lots 0.00000000"},
        {PNL_AVERAGE_COST, {"5", "50"}, {{NULL}}, ERROR_NONE, ""},
        {PNL_AVERAGE_COST, {"5", "50"}, {{"5", "50"}}, ERROR_ARGUMENT, "a stored lot"},
    };
    (void)state;
    for (size_t i = 0; i < LENGTH(stored); i++) {
        struct decimal quantity = decimal_literal(stored[i].book[0]);
        struct decimal cost = decimal_literal(stored[i].book[1]);
        struct pnl_state book = pnl_flat(stored[i].method);
        struct error error = {0};
        assert_int_equal(pnl_resume(stored[i].method, &quantity, &cost, &book, &error), ERROR_NONE);
        enum error_code code = ERROR_NONE;
        for (size_t j = 0; code == ERROR_NONE && j < 2 && stored[i].lots[j][0] != NULL; j++) {
            struct pnl_lot lot = {.quantity = decimal_literal(stored[i].lots[j][0]),
                                  .cost = decimal_literal(stored[i].lots[j][1])};
            code = pnl_resume_lot(&book, &lot, &error);
        }
        if (code == ERROR_NONE)
            code = pnl_check_lots(&book, &error);
        assert_int_equal(code, stored[i].code);
        if (strstr(error.message, stored[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", error.message, stored[i].says);
        pnl_release(&book);
        assert_true(decimal_is_zero(&book.quantity) && book.lots == NULL);
    }
}

/* A queue that runs on for long is moved, not grown; references of any length are kept, none too. */
static void
keeps_a_long_queue(void **state)
{
    static char reference[5000];
    struct pnl_lots *lots = calloc(1, sizeof(*lots));
    (void)state;
    assert_non_null(lots);
    memset(reference, 'r', sizeof(reference));
    for (int i = 0; i < 100000; i++) {
        struct pnl_lot lot = {.executed_at_us = i, .reference = reference, .reference_length = (size_t)(i % 5000)};
        struct error error;
        assert_int_equal(pnl_lots_push(lots, &lot, &error), ERROR_NONE);
        if (lots->count == 10)
            pnl_lots_drop(lots, 7);
        const struct pnl_lot *oldest = pnl_lots_at(lots, 0), *newest = pnl_lots_at(lots, lots->count - 1);
        assert_int_equal(newest->executed_at_us, i);
        assert_int_equal(newest->executed_at_us - oldest->executed_at_us, lots->count - 1);
        assert_int_equal(newest->reference_length, i % 5000);
        assert_memory_equal(newest->reference, reference, newest->reference_length);
    }
    assert_true(lots->capacity <= 32);
    pnl_lots_free(lots);
    pnl_lots_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_the_cases),
        cmocka_unit_test(agrees_with_exact_rationals),
        cmocka_unit_test(refuses_lots_that_do_not_fit_their_book),
        cmocka_unit_test(keeps_a_long_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
