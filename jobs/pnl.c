#include "jobs/pnl.h"

/* A checked fill, as the methods need it. */
struct movement {
    struct decimal quantity;   /* signed: below zero for a sale */
    struct decimal unit_value; /* price * multiplier */
};

struct pnl_state
pnl_flat(enum pnl_method method)
{
    return (struct pnl_state){
        .method = method,
        .quantity = decimal_from_int64(0, PNL_QUANTITY_SCALE),
        .cost = decimal_from_int64(0, PNL_COST_SCALE),
    };
}

/* The value without the trailing zeros that make its scale too large; ERROR_RANGE if digits are in the way. */
static enum error_code
limit_scale(const struct decimal *value, unsigned scale, const char *name, struct decimal *out, struct error *error)
{
    struct decimal limited = value->scale > scale ? decimal_normalize(value) : *value;
    if (limited.scale > scale) {
        char text[DECIMAL_TEXT_BYTES];
        (void)decimal_to_text(value, text, sizeof(text));
        return error_set(error, ERROR_RANGE, "the %s %s has more than %u decimals: round it where it comes from", name,
                         text, scale);
    }
    *out = limited;
    return ERROR_NONE;
}

static enum error_code
check_positive(const struct decimal *value, const char *name, struct decimal *out, struct error *error)
{
    if (decimal_sign(value) <= 0) {
        char text[DECIMAL_TEXT_BYTES];
        (void)decimal_to_text(value, text, sizeof(text));
        return error_set(error, ERROR_ARGUMENT, "a fill has the %s %s: it must be above zero, correct it at the source",
                         name, text);
    }
    return limit_scale(value, PNL_INPUT_SCALE, name, out, error);
}

enum error_code
pnl_resume(enum pnl_method method, const struct decimal *quantity, const struct decimal *cost, struct pnl_state *state,
           struct error *error)
{
    struct pnl_state stored = {.method = method};
    if (limit_scale(quantity, PNL_QUANTITY_SCALE, "stored quantity", &stored.quantity, error) != ERROR_NONE ||
        limit_scale(cost, PNL_COST_SCALE, "stored cost", &stored.cost, error) != ERROR_NONE ||
        decimal_round(&stored.quantity, PNL_QUANTITY_SCALE, DECIMAL_TRUNCATE, &stored.quantity, error) != ERROR_NONE ||
        decimal_round(&stored.cost, PNL_COST_SCALE, DECIMAL_TRUNCATE, &stored.cost, error) != ERROR_NONE)
        return error->code;
    if (decimal_is_zero(&stored.quantity) && !decimal_is_zero(&stored.cost)) {
        char text[DECIMAL_TEXT_BYTES];
        (void)decimal_to_text(cost, text, sizeof(text));
        return error_set(error, ERROR_ARGUMENT,
                         "a stored book holds nothing at a cost of %s: rebuild its state from the fills", text);
    }
    *state = stored;
    return ERROR_NONE;
}

/* realized = round8((value of the position - its cost) * closed / held). One formula serves long and short, because
 * quantity, value and cost carry the position's sign. */
static enum error_code
realize_average_cost(const struct pnl_state *state, const struct movement *movement, struct decimal *realized,
                     struct error *error)
{
    struct decimal held = decimal_abs(&state->quantity);
    struct decimal closed = decimal_abs(&movement->quantity);
    struct decimal gain;
    if (decimal_mul(&state->quantity, &movement->unit_value, &gain, error) != ERROR_NONE ||
        decimal_sub(&gain, &state->cost, &gain, error) != ERROR_NONE)
        return error->code;
    if (decimal_compare(&closed, &held) >= 0)
        return decimal_round(&gain, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
    return decimal_muldiv(&gain, &closed, &held, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
}

static enum error_code
apply_average_cost(struct pnl_state *state, const struct movement *movement, struct decimal *realized, bool *closes,
                   struct error *error)
{
    struct pnl_state next = *state;
    struct decimal booked = decimal_from_int64(0, PNL_REALIZED_SCALE);
    int side_before = decimal_sign(&state->quantity);
    bool reduces = side_before * decimal_sign(&movement->quantity) < 0;
    if (reduces && realize_average_cost(state, movement, &booked, error) != ERROR_NONE)
        return error->code;
    if (decimal_add(&state->quantity, &movement->quantity, &next.quantity, error) != ERROR_NONE)
        return error->code;
    /* A position closed by this fill leaves no cost behind: what is held now, if anything, was opened at its price. */
    bool keeps_cost = !reduces || decimal_sign(&next.quantity) == side_before;
    const struct decimal *opened = keeps_cost ? &movement->quantity : &next.quantity;
    if (decimal_mul(opened, &movement->unit_value, &next.cost, error) != ERROR_NONE ||
        (keeps_cost && (decimal_add(&next.cost, &state->cost, &next.cost, error) != ERROR_NONE ||
                        decimal_add(&next.cost, &booked, &next.cost, error) != ERROR_NONE)) ||
        decimal_round(&next.cost, PNL_COST_SCALE, DECIMAL_TRUNCATE, &next.cost, error) != ERROR_NONE)
        return error->code;
    *state = next;
    *realized = booked;
    *closes = reduces;
    return ERROR_NONE;
}

static enum error_code (*const methods[])(struct pnl_state *state, const struct movement *movement,
                                          struct decimal *realized, bool *closes, struct error *error) = {
    [PNL_AVERAGE_COST] = apply_average_cost,
};

enum error_code
pnl_apply(struct pnl_state *state, const struct pnl_fill *fill, struct decimal *realized, bool *closes,
          struct error *error)
{
    struct movement movement;
    struct decimal price;
    struct decimal multiplier;
    if (check_positive(&fill->quantity, "quantity", &movement.quantity, error) != ERROR_NONE ||
        check_positive(&fill->price, "price", &price, error) != ERROR_NONE ||
        check_positive(&fill->multiplier, "multiplier", &multiplier, error) != ERROR_NONE ||
        decimal_mul(&price, &multiplier, &movement.unit_value, error) != ERROR_NONE)
        return error->code;
    if (fill->side == PNL_SELL)
        movement.quantity = decimal_negate(&movement.quantity);
    return methods[state->method](state, &movement, realized, closes, error);
}
