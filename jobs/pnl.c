#include "jobs/pnl.h"

#include <stdlib.h>

/* A checked fill, as the methods need it. */
struct movement {
    struct decimal quantity;   /* signed: below zero for a sale */
    struct decimal unit_value; /* price * multiplier */
    const struct pnl_fill *fill;
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

void
pnl_release(struct pnl_state *state)
{
    pnl_lots_free(state->lots);
    *state = pnl_flat(state->method);
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

/* A quantity and its cost as they were stored. */
static enum error_code
read_stored(const struct decimal *quantity, const struct decimal *cost, struct decimal *quantity_out,
            struct decimal *cost_out, struct error *error)
{
    if (limit_scale(quantity, PNL_QUANTITY_SCALE, "stored quantity", quantity_out, error) != ERROR_NONE ||
        limit_scale(cost, PNL_COST_SCALE, "stored cost", cost_out, error) != ERROR_NONE ||
        decimal_round(quantity_out, PNL_QUANTITY_SCALE, DECIMAL_TRUNCATE, quantity_out, error) != ERROR_NONE)
        return error->code;
    return decimal_round(cost_out, PNL_COST_SCALE, DECIMAL_TRUNCATE, cost_out, error);
}

enum error_code
pnl_resume(enum pnl_method method, const struct decimal *quantity, const struct decimal *cost, struct pnl_state *state,
           struct error *error)
{
    struct pnl_state stored = {.method = method};
    if (read_stored(quantity, cost, &stored.quantity, &stored.cost, error) != ERROR_NONE)
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

/* ---- what all methods do ------------------------------------------------------------------------------------ */

static inline bool
reduces(const struct pnl_state *state, const struct movement *movement)
{
    return decimal_sign(&state->quantity) * decimal_sign(&movement->quantity) < 0;
}

/* Quantity and cost after a fill that has reduced the position, or not, and realized so much. */
static inline enum error_code
book_totals(const struct pnl_state *state, const struct movement *movement, bool reduced,
            const struct decimal *realized, struct pnl_state *next, struct error *error)
{
    next->method = state->method;
    next->lots = state->lots;
    if (decimal_add(&state->quantity, &movement->quantity, &next->quantity, error) != ERROR_NONE)
        return error->code;
    /* A position closed by this fill leaves no cost behind: what is held now, if anything, was opened at its price. */
    bool keeps_cost = !reduced || decimal_sign(&next->quantity) == decimal_sign(&state->quantity);
    const struct decimal *opened = keeps_cost ? &movement->quantity : &next->quantity;
    if (decimal_mul(opened, &movement->unit_value, &next->cost, error) != ERROR_NONE ||
        (keeps_cost && (decimal_add(&next->cost, &state->cost, &next->cost, error) != ERROR_NONE ||
                        decimal_add(&next->cost, realized, &next->cost, error) != ERROR_NONE)))
        return error->code;
    return decimal_round(&next->cost, PNL_COST_SCALE, DECIMAL_TRUNCATE, &next->cost, error);
}

/* What a position would gain if it were closed: its value less its cost. One formula serves long and short, because
 * quantity, value and cost carry the position's sign. */
static inline enum error_code
gain_of(const struct decimal *quantity, const struct decimal *cost, const struct movement *movement,
        struct decimal *gain, struct error *error)
{
    if (decimal_mul(quantity, &movement->unit_value, gain, error) != ERROR_NONE)
        return error->code;
    return decimal_sub(gain, cost, gain, error);
}

/* ---- average cost ------------------------------------------------------------------------------------------- */

/* realized = round8(gain of the position * closed / held). */
static enum error_code
realize_average_cost(const struct pnl_state *state, const struct movement *movement, struct decimal *realized,
                     struct error *error)
{
    struct decimal held = decimal_abs(&state->quantity);
    struct decimal closed = decimal_abs(&movement->quantity);
    struct decimal gain;
    if (gain_of(&state->quantity, &state->cost, movement, &gain, error) != ERROR_NONE)
        return error->code;
    if (decimal_compare(&closed, &held) >= 0)
        return decimal_round(&gain, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
    return decimal_muldiv(&gain, &closed, &held, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
}

static enum error_code
apply_average_cost(struct pnl_state *state, const struct movement *movement, struct decimal *realized, bool *closes,
                   struct error *error)
{
    struct pnl_state next;
    struct decimal booked = decimal_from_int64(0, PNL_REALIZED_SCALE);
    bool reduced = reduces(state, movement);
    if ((reduced && realize_average_cost(state, movement, &booked, error) != ERROR_NONE) ||
        book_totals(state, movement, reduced, &booked, &next, error) != ERROR_NONE)
        return error->code;
    *state = next;
    *realized = booked;
    *closes = reduced;
    return ERROR_NONE;
}

/* ---- FIFO --------------------------------------------------------------------------------------------------- */

/* The lots that a close takes whole, and how much it takes of the one after them. */
struct taken {
    size_t lots;
    struct decimal quantity; /* of these lots together, signed */
    struct decimal cost;
    struct decimal rest; /* above zero: units of the next lot; or, of a flip, what nothing was left for */
};

static enum error_code
take_lots(const struct pnl_lots *lots, const struct movement *movement, struct taken *taken, struct error *error)
{
    *taken = (struct taken){.quantity = decimal_from_int64(0, PNL_QUANTITY_SCALE),
                            .cost = decimal_from_int64(0, PNL_COST_SCALE),
                            .rest = decimal_abs(&movement->quantity)};
    for (; taken->lots < lots->count; taken->lots++) {
        const struct pnl_lot *lot = pnl_lots_at(lots, taken->lots);
        struct decimal held = decimal_abs(&lot->quantity);
        if (decimal_compare(&taken->rest, &held) < 0)
            break;
        if (decimal_sub(&taken->rest, &held, &taken->rest, error) != ERROR_NONE ||
            decimal_add(&taken->quantity, &lot->quantity, &taken->quantity, error) != ERROR_NONE ||
            decimal_add(&taken->cost, &lot->cost, &taken->cost, error) != ERROR_NONE)
            return error->code;
    }
    return ERROR_NONE;
}

/* realized = round8(gain of the lots taken whole + gain of the broken one * taken of it / held in it). */
static enum error_code
realize_fifo(const struct pnl_lots *lots, const struct movement *movement, const struct taken *taken,
             struct decimal *realized, struct error *error)
{
    struct decimal whole;
    struct decimal broken;
    if (gain_of(&taken->quantity, &taken->cost, movement, &whole, error) != ERROR_NONE)
        return error->code;
    if (taken->lots == lots->count || decimal_is_zero(&taken->rest))
        return decimal_round(&whole, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
    const struct pnl_lot *lot = pnl_lots_at(lots, taken->lots);
    struct decimal held = decimal_abs(&lot->quantity);
    if (gain_of(&lot->quantity, &lot->cost, movement, &broken, error) != ERROR_NONE)
        return error->code;
    if (taken->lots == 0)
        return decimal_muldiv(&broken, &taken->rest, &held, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized, error);
    return decimal_add_muldiv(&whole, &broken, &taken->rest, &held, PNL_REALIZED_SCALE, DECIMAL_HALF_AWAY, realized,
                              error);
}

/* What the oldest lot is after the close, if one is left: q + taken + x and c + taken cost + value(x) + realized, so
 * that the lots come to the book's totals. */
static enum error_code
wear_oldest(const struct pnl_lot *oldest, const struct movement *movement, const struct taken *taken,
            const struct decimal *realized, struct pnl_lot *worn, struct error *error)
{
    struct decimal released;
    *worn = *oldest;
    if (decimal_add(&worn->quantity, &taken->quantity, &worn->quantity, error) != ERROR_NONE ||
        decimal_add(&worn->quantity, &movement->quantity, &worn->quantity, error) != ERROR_NONE ||
        decimal_mul(&movement->quantity, &movement->unit_value, &released, error) != ERROR_NONE ||
        decimal_add(&released, realized, &released, error) != ERROR_NONE ||
        decimal_add(&released, &taken->cost, &released, error) != ERROR_NONE ||
        decimal_add(&worn->cost, &released, &worn->cost, error) != ERROR_NONE)
        return error->code;
    return decimal_round(&worn->cost, PNL_COST_SCALE, DECIMAL_TRUNCATE, &worn->cost, error);
}

/* Opens a lot of the quantity at the fill's price. */
static enum error_code
open_lot(struct pnl_lots *lots, const struct decimal *quantity, const struct movement *movement, struct error *error)
{
    const struct pnl_fill *fill = movement->fill;
    struct pnl_lot lot = {.executed_at_us = fill->executed_at_us,
                          .reference = (char *)(uintptr_t)fill->reference,
                          .reference_length = fill->reference_length};
    if (decimal_mul(quantity, &movement->unit_value, &lot.cost, error) != ERROR_NONE ||
        decimal_round(&lot.cost, PNL_COST_SCALE, DECIMAL_TRUNCATE, &lot.cost, error) != ERROR_NONE ||
        decimal_round(quantity, PNL_QUANTITY_SCALE, DECIMAL_TRUNCATE, &lot.quantity, error) != ERROR_NONE)
        return error->code;
    return pnl_lots_push(lots, &lot, error);
}

static enum error_code
need_lots(struct pnl_state *state, struct error *error)
{
    if (!state->lots)
        state->lots = calloc(1, sizeof(*state->lots));
    return state->lots ? ERROR_NONE : error_set(error, ERROR_MEMORY, "out of memory for the lots of a book");
}

static enum error_code
close_lots(struct pnl_state *state, const struct movement *movement, struct decimal *realized, struct error *error)
{
    struct pnl_state next;
    struct taken taken;
    struct decimal booked;
    struct pnl_lot worn;
    if (take_lots(state->lots, movement, &taken, error) != ERROR_NONE ||
        realize_fifo(state->lots, movement, &taken, &booked, error) != ERROR_NONE ||
        book_totals(state, movement, true, &booked, &next, error) != ERROR_NONE)
        return error->code;
    bool lot_is_left = taken.lots < state->lots->count;
    bool flips = !lot_is_left && !decimal_is_zero(&next.quantity);
    if (flips && decimal_sign(&next.quantity) == decimal_sign(&state->quantity))
        return error_set(error, ERROR_BUG, "a book holds more than its lots");
    if ((lot_is_left && wear_oldest(pnl_lots_at(state->lots, taken.lots), movement, &taken, &booked, &worn, error)) ||
        (flips && open_lot(state->lots, &next.quantity, movement, error)))
        return error->code;
    if (lot_is_left)
        *pnl_lots_at(state->lots, taken.lots) = worn;
    pnl_lots_drop(state->lots, taken.lots);
    *state = next;
    *realized = booked;
    return ERROR_NONE;
}

static enum error_code
apply_fifo(struct pnl_state *state, const struct movement *movement, struct decimal *realized, bool *closes,
           struct error *error)
{
    struct pnl_state next;
    struct decimal nothing = decimal_from_int64(0, PNL_REALIZED_SCALE);
    if (reduces(state, movement)) {
        if (need_lots(state, error) != ERROR_NONE || close_lots(state, movement, realized, error) != ERROR_NONE)
            return error->code;
        *closes = true;
        return ERROR_NONE;
    }
    if (book_totals(state, movement, false, &nothing, &next, error) != ERROR_NONE ||
        need_lots(state, error) != ERROR_NONE ||
        open_lot(state->lots, &movement->quantity, movement, error) != ERROR_NONE)
        return error->code;
    next.lots = state->lots;
    *state = next;
    *realized = nothing;
    *closes = false;
    return ERROR_NONE;
}

enum error_code
pnl_resume_lot(struct pnl_state *state, const struct pnl_lot *lot, struct error *error)
{
    struct pnl_lot stored = *lot;
    if (read_stored(&lot->quantity, &lot->cost, &stored.quantity, &stored.cost, error) != ERROR_NONE)
        return error->code;
    if (state->method != PNL_FIFO || decimal_is_zero(&stored.quantity) ||
        decimal_sign(&stored.quantity) != decimal_sign(&state->quantity)) {
        char text[DECIMAL_TEXT_BYTES];
        (void)decimal_to_text(&stored.quantity, text, sizeof(text));
        return error_set(error, ERROR_ARGUMENT,
                         "a stored lot of %s is not of its book's side: rebuild the book from its fills", text);
    }
    if (need_lots(state, error) != ERROR_NONE)
        return error->code;
    return pnl_lots_push(state->lots, &stored, error);
}

enum error_code
pnl_check_lots(const struct pnl_state *state, struct error *error)
{
    struct decimal quantity = decimal_from_int64(0, PNL_QUANTITY_SCALE);
    struct decimal cost = decimal_from_int64(0, PNL_COST_SCALE);
    if (state->method != PNL_FIFO)
        return ERROR_NONE;
    for (size_t i = 0; state->lots && i < state->lots->count; i++) {
        const struct pnl_lot *lot = pnl_lots_at(state->lots, i);
        if (decimal_add(&quantity, &lot->quantity, &quantity, error) != ERROR_NONE ||
            decimal_add(&cost, &lot->cost, &cost, error) != ERROR_NONE)
            return error->code;
    }
    if (decimal_compare(&quantity, &state->quantity) == 0 && decimal_compare(&cost, &state->cost) == 0)
        return ERROR_NONE;
    char held[DECIMAL_TEXT_BYTES];
    char in_lots[DECIMAL_TEXT_BYTES];
    (void)decimal_to_text(&state->quantity, held, sizeof(held));
    (void)decimal_to_text(&quantity, in_lots, sizeof(in_lots));
    return error_set(error, ERROR_GATE,
                     "a stored book holds %s, its lots %s, and quantity or cost do not agree: close its date again",
                     held, in_lots);
}

/* ---- all methods -------------------------------------------------------------------------------------------- */

static enum error_code (*const methods[])(struct pnl_state *state, const struct movement *movement,
                                          struct decimal *realized, bool *closes, struct error *error) = {
    [PNL_AVERAGE_COST] = apply_average_cost,
    [PNL_FIFO] = apply_fifo,
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
    movement.fill = fill;
    return methods[state->method](state, &movement, realized, closes, error);
}
