/* jobs/pnl.h - realised profit and loss of one book, fill by fill, gross of commission and fees.
 *
 * A book is what is held together: (tenant, account, strategy, instrument), or (tenant, client, instrument). Its fills
 * are applied in execution order; what must be kept from one fill, or one day, to the next is struct pnl_state.
 *
 * Whatever the method, there is a signed quantity Q (below zero when short) and a signed total cost C: what the
 * position cost, below zero for what a short sale brought in. A fill has the signed quantity x (buy +, sell -), and
 * value(x) = x * price * multiplier. The methods, which are the cost formulas of IAS 2 (paragraphs 25 and 27), differ
 * in what a close takes off C, and with it in what it realises.
 *
 * Average cost. The state is Q and C.
 *
 *   opens or adds    Q and x have one sign, or Q = 0:  realized = 0,  C becomes C + value(x), exactly
 *
 *   reduces          k = min(|x|, |Q|) of |Q| closes:  realized = round8((value(Q) - C) * k / |Q|)
 *                    and C becomes C + value(x) + realized: what is released is what was booked, to the last digit
 *
 *   reaches zero     realized as above, with k = |Q|;  C becomes exactly 0
 *
 *   flips            closes all of Q as above and opens what is left of x at the fill's price: C is its value
 *
 * round8 rounds half away from zero to PNL_REALIZED_SCALE decimals, once, from the exact quotient. For a long position
 * it is the proceeds less the share of the cost, C * k / |Q|; for a short one the mirror image: swapping the sides of
 * all fills negates every number here.
 *
 * FIFO (first in, first out). The state is the queue of open lots, oldest first; Q and C are their sums. A lot is what
 * is left of one fill: quantity q, cost c, both with the sign of Q, and the fill's instant and reference.
 *
 *   opens or adds    realized = 0; a lot of x at the cost value(x) joins the end of the queue
 *
 *   reduces          takes |x| from the oldest lots: F of them whole, k of the |q| units of the next one
 *                    realized = round8(sum over F of (value(q) - c)  +  (value(q) - c) * k / |q| of the next)
 *                    the next lot, then the oldest, keeps q less k units, and the cost that makes C what it is for
 *                    average cost, C + value(x) + realized; where no lot is broken (k = 0), so does the lot after
 *                    those that were taken
 *
 *   reaches zero     realized as above, over all lots; nothing is left
 *
 *   flips            closes all lots as above and opens one of what is left of x at the fill's price
 *
 * A fill that closes several lots books one figure, rounded once. What that rounding takes too much or too little, at
 * most 0.5e-8, is in the cost of the oldest lot that is left, and comes back with the closes of that lot; it is 0, and
 * every lot costs exactly quantity * price * multiplier, if that product never has more than 8 decimals.
 *
 * Why totals are right. With either method, while a position is open, C = sum of value(x) + sum of realized since it
 * was opened, exactly, whatever was rounded on the way: a rounding error stays in C and comes back with the next close.
 * The close that reaches zero books round8 of all that is left, so that a round trip books its net cash rounded once to
 * 8 decimals, in however many pieces it closed. The residue of that rounding, at most 0.5e-8 each time a book goes flat
 * (a flip does), is dropped; it is 0 if quantity * price * multiplier never has more than 8 decimals. Nothing is
 * carried but the state, so that stopping after any fill and resuming from the stored state books the same as one pass.
 *
 * A fill that closes nothing has realized = 0 (in fact_trades too, not NULL); *closes tells it from a close that broke
 * even. Where almost no cost is left, a rounding error may put C across zero; the next close evens that out. */
#ifndef TAPEMILL_JOBS_PNL_H
#define TAPEMILL_JOBS_PNL_H

#include "core/decimal.h"
#include "core/error.h"
#include "jobs/pnl_lots.h"

#include <stdbool.h>

#define PNL_INPUT_SCALE    8 /* decimals of a quantity, a price, a multiplier */
#define PNL_QUANTITY_SCALE PNL_INPUT_SCALE
#define PNL_COST_SCALE     (3 * PNL_INPUT_SCALE) /* of their product */
#define PNL_REALIZED_SCALE 8

enum pnl_method { PNL_AVERAGE_COST, PNL_FIFO };

enum pnl_side { PNL_BUY, PNL_SELL };

struct pnl_state {
    enum pnl_method method;
    struct decimal quantity; /* PNL_QUANTITY_SCALE; below zero: short */
    struct decimal cost;     /* PNL_COST_SCALE; multiplier included; 0 when flat */
    struct pnl_lots *lots;   /* of a FIFO book; NULL: there was none yet. Owned: a copy of the state is the state */
};

struct pnl_fill {
    enum pnl_side side;
    struct decimal quantity;   /* above zero */
    struct decimal price;      /* above zero */
    struct decimal multiplier; /* of the contract, above zero; 1 where there is none */
    int64_t executed_at_us;    /* what a FIFO lot is known by: since 1970-01-01 UTC, and its reference, */
    const void *reference;     /* borrowed during pnl_apply() */
    size_t reference_length;
};

/* An empty book. */
struct pnl_state pnl_flat(enum pnl_method method);

/* Gives back the memory of its lots; the book is flat then. */
void pnl_release(struct pnl_state *state);

/* A book as it was stored; of FIFO its lots follow. ERROR_RANGE if a number has more decimals than the state;
 * ERROR_ARGUMENT for a cost without a quantity. *state, which has no lots, is untouched on error. */
enum error_code pnl_resume(enum pnl_method method, const struct decimal *quantity, const struct decimal *cost,
                           struct pnl_state *state, struct error *error) ERROR_MUST_CHECK;

/* The next lot of a FIFO book that was resumed, oldest first; lot->reference is borrowed. ERROR_RANGE as above,
 * ERROR_ARGUMENT for a lot that is not of the book's side. */
enum error_code pnl_resume_lot(struct pnl_state *state, const struct pnl_lot *lot,
                               struct error *error) ERROR_MUST_CHECK;

/* After the last lot: ERROR_GATE unless the lots come to the book's quantity and cost (average cost has none). */
enum error_code pnl_check_lots(const struct pnl_state *state, struct error *error) ERROR_MUST_CHECK;

/* Books one fill. *realized has PNL_REALIZED_SCALE; *closes tells whether the fill closed anything. ERROR_ARGUMENT if
 * quantity, price or multiplier are not above zero, ERROR_RANGE if they have more decimals than PNL_INPUT_SCALE or a
 * product does not fit; then neither the state nor the results are touched. */
enum error_code pnl_apply(struct pnl_state *state, const struct pnl_fill *fill, struct decimal *realized, bool *closes,
                          struct error *error) ERROR_MUST_CHECK;

#endif
