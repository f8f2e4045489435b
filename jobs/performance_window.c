#include "jobs/performance_window.h"

void
performance_window_init(struct performance_window *window, int capacity)
{
    window->capacity = capacity;
    window->count = window->oldest = 0;
    window->total = window->squares = decimal_zero();
}

static enum error_code
drop_oldest(struct performance_window *window, struct error *error)
{
    const struct decimal *net_pnl = &window->net_pnl[window->oldest];
    struct decimal square;
    if (decimal_mul(net_pnl, net_pnl, &square, error) || decimal_sub(&window->total, net_pnl, &window->total, error) ||
        decimal_sub(&window->squares, &square, &window->squares, error))
        return error->code;
    window->oldest = (window->oldest + 1) % window->capacity;
    window->count--;
    return ERROR_NONE;
}

enum error_code
performance_window_push(struct performance_window *window, const struct decimal *net_pnl, struct error *error)
{
    struct decimal square;
    if ((window->count == window->capacity && drop_oldest(window, error)) ||
        decimal_mul(net_pnl, net_pnl, &square, error) || decimal_add(&window->total, net_pnl, &window->total, error) ||
        decimal_add(&window->squares, &square, &window->squares, error))
        return error->code;
    window->net_pnl[(window->oldest + window->count) % window->capacity] = *net_pnl;
    window->count++;
    return ERROR_NONE;
}

enum error_code
performance_window_drawdown(const struct performance_window *window, struct decimal *drawdown, struct error *error)
{
    struct decimal below = decimal_zero(); /* how far the sum stands below its peak */
    *drawdown = decimal_zero();
    for (int i = 0; i < window->count; i++) {
        if (decimal_sub(&below, &window->net_pnl[(window->oldest + i) % window->capacity], &below, error))
            return error->code;
        if (decimal_sign(&below) < 0)
            below = decimal_zero();
        if (decimal_compare(&below, drawdown) > 0)
            *drawdown = below;
    }
    return ERROR_NONE;
}
