/* Realised profit and loss by average cost against exact rationals; and, by every method, that neither the ends of days
 * nor which side is which change anything. */
#include "tests/support/pnl_fills.h"

#define SEQUENCES     2000
#define CUT_SEQUENCES 280
#define FILLS_MAX     60

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
assert_same(const struct decimal *a, const struct decimal *b, bool mirrored)
{
    assert_memory_equal(a->limb, b->limb, sizeof(a->limb));
    assert_int_equal(a->scale, b->scale);
    assert_int_equal(a->negative, (mirrored && !decimal_is_zero(b)) != b->negative);
}

/* Quantity, cost and every lot; a mirrored book has them all negated. */
static void
assert_same_book(const struct pnl_state *a, const struct pnl_state *b, bool mirrored)
{
    size_t lots = a->lots != NULL ? a->lots->count : 0;
    assert_same(&a->quantity, &b->quantity, mirrored);
    assert_same(&a->cost, &b->cost, mirrored);
    assert_int_equal(lots, b->lots != NULL ? b->lots->count : 0);
    for (size_t i = 0; i < lots; i++) {
        const struct pnl_lot *x = pnl_lots_at(a->lots, i);
        const struct pnl_lot *y = pnl_lots_at(b->lots, i);
        assert_same(&x->quantity, &y->quantity, mirrored);
        assert_same(&x->cost, &y->cost, mirrored);
        assert_int_equal(x->executed_at_us, y->executed_at_us);
        assert_int_equal(x->reference_length, y->reference_length);
        assert_memory_equal(x->reference, y->reference, x->reference_length);
    }
}

/* To PostgreSQL's format and back. */
static struct decimal
stored(const struct decimal *value)
{
    uint8_t bytes[DECIMAL_PG_BYTES];
    struct decimal back;
    enum decimal_special special;
    struct error error;
    size_t length = decimal_to_pg(value, bytes, sizeof(bytes));
    assert_int_equal(decimal_from_pg(bytes, length, &back, &special, &error), ERROR_NONE);
    return back;
}

/* As at the end of a day. */
static void
store_and_resume(struct pnl_state *book)
{
    struct decimal quantity = stored(&book->quantity);
    struct decimal cost = stored(&book->cost);
    struct pnl_state resumed = pnl_flat(book->method);
    struct error error;
    assert_int_equal(pnl_resume(book->method, &quantity, &cost, &resumed, &error), ERROR_NONE);
    for (size_t i = 0; book->lots != NULL && i < book->lots->count; i++) {
        struct pnl_lot lot = *pnl_lots_at(book->lots, i);
        lot.quantity = stored(&lot.quantity);
        lot.cost = stored(&lot.cost);
        assert_int_equal(pnl_resume_lot(&resumed, &lot, &error), ERROR_NONE);
    }
    assert_int_equal(pnl_check_lots(&resumed, &error), ERROR_NONE);
    pnl_release(book);
    *book = resumed;
}

static void
swap_side(struct pnl_fill *fill)
{
    fill->side = fill->side == PNL_BUY ? PNL_SELL : PNL_BUY;
}

/* One sequence in one pass, and what came of every fill. */
struct pass {
    struct pnl_fill fills[FILLS_MAX];
    char references[FILLS_MAX][4];
    struct decimal realized[FILLS_MAX];
    bool closes[FILLS_MAX];
    unsigned count;
    struct pnl_state book;
};

static void
run_pass(struct pass *pass, struct random_source *random, const struct flavour *flavour, enum pnl_method method)
{
    pass->book = pnl_flat(method);
    pass->count = random_source_below(random, FILLS_MAX);
    for (unsigned i = 0; i < pass->count; i++) {
        struct error error;
        pass->fills[i] = random_fill(random, flavour, &pass->book);
        pass->fills[i].executed_at_us = (int64_t)i * 1000;
        pass->fills[i].reference = pass->references[i];
        pass->fills[i].reference_length = (size_t)snprintf(pass->references[i], sizeof(pass->references[i]), "%u", i);
        assert_int_equal(pnl_apply(&pass->book, &pass->fills[i], &pass->realized[i], &pass->closes[i], &error),
                         ERROR_NONE);
    }
}

/* The same again from the empty book: stored before the fill of that number, or with all sides swapped. */
static void
assert_again(const struct pass *pass, unsigned cut, bool mirrored)
{
    struct pnl_state book = pnl_flat(pass->book.method);
    for (unsigned i = 0; i < pass->count; i++) {
        struct pnl_fill fill = pass->fills[i];
        struct decimal realized;
        struct error error;
        bool closes;
        if (mirrored)
            swap_side(&fill);
        if (i == cut)
            store_and_resume(&book);
        assert_int_equal(pnl_apply(&book, &fill, &realized, &closes, &error), ERROR_NONE);
        assert_same(&realized, &pass->realized[i], mirrored);
        assert_int_equal(closes, pass->closes[i]);
    }
    assert_same_book(&book, &pass->book, mirrored);
    pnl_release(&book);
}

/* One pass; one with the state stored, at every place where a day may end; one with the sides swapped. */
static void
splitting_and_mirroring_change_nothing(void **state)
{
    static const enum pnl_method methods[] = {PNL_AVERAGE_COST, PNL_FIFO};
    static struct pass pass;
    struct random_source random = random_source_start("splitting_and_mirroring_change_nothing");
    (void)state;
    for (unsigned i = 0; i < CUT_SEQUENCES; i++) {
        run_pass(&pass, &random, &flavours[i % LENGTH(flavours)], methods[i / LENGTH(flavours) % 2]);
        for (unsigned cut = 0; cut < pass.count; cut++)
            assert_again(&pass, cut, false);
        assert_again(&pass, pass.count, true);
        pnl_release(&pass.book);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_exact_rationals),
        cmocka_unit_test(splitting_and_mirroring_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
