/* fact_performance_daily and agg_performance_monthly, recomputed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/calendar_date.h"
#include "jobs/verify_column.h"

/* Of a date, by account and strategy. */
enum { TOTAL, CLOSING, WINNERS, LOSERS };
enum { VOLUME, NOTIONAL, WON, LOST, COMMISSIONS, FEES, LARGEST_WIN, LARGEST_LOSS, NET, SHARPE, DRAWDOWN };
/* Of a month: the same, as far as it goes, and what its days come to. */
enum { DAYS = LOSERS };
enum { SUM_OF_SQUARES = NOTIONAL, PEAK = WON, BEST = LARGEST_WIN, WORST = LARGEST_LOSS };

enum { MONEY = 8, RATIO = 16, SERIES_DAYS = 252, SERIES_LEAST = 20, MONTH_LEAST = 2 };

static const char daily_name[] = "fact_performance_daily", monthly_name[] = "agg_performance_monthly";

/* The last days of an account's strategy: a ring. */
struct series {
    struct exact nets[SERIES_DAYS];
    int count, next;
};

/* ---- a date ------------------------------------------------------------------------------------------------- */

enum error_code
verify_performance_add(struct verify_aggregate *all, struct error *error)
{
    const struct verify_trade *trade = &all->trade;
    const char *const parts[] = {trade->date, trade->tenant, trade->account, trade->strategy};
    struct verify_group *group;
    char key[VERIFY_KEY_BYTES];
    if (!trade->is_desk)
        return ERROR_NONE;
    if (verify_group_key(key, parts, 4, error) || verify_group_get(&all->performance, key, &group, NULL, error))
        return error->code;
    int sign = exact_sign(&trade->realized);
    group->held = group->held || !trade->has_rate;
    group->counts[TOTAL]++;
    group->counts[CLOSING] += trade->is_closing;
    exact_add(&group->sums[VOLUME], &trade->quantity);
    exact_add(&group->sums[NOTIONAL], &trade->notional);
    exact_add(&group->sums[COMMISSIONS], &trade->commission);
    exact_add(&group->sums[FEES], &trade->fees);
    if (sign > 0) {
        group->counts[WINNERS]++;
        exact_add(&group->sums[WON], &trade->realized);
        verify_keep_extreme(group, LARGEST_WIN, &trade->realized, 1);
    } else if (sign < 0) {
        group->counts[LOSERS]++;
        exact_add(&group->sums[LOST], &trade->realized);
        verify_keep_extreme(group, LARGEST_LOSS, &trade->realized, -1);
    }
    return ERROR_NONE;
}

/* Subtracts a sum as its column has it. */
static void
take_away(struct exact *net, const struct exact *sum)
{
    struct exact rounded;
    exact_init(&rounded);
    exact_set(&rounded, sum);
    exact_round(&rounded, MONEY);
    exact_subtract(net, &rounded);
    exact_term(&rounded);
}

/* net = gross profit - gross loss - commissions - fees, of the rounded columns. */
static void
find_net(struct verify_group *group)
{
    struct exact *net = &group->sums[NET], loss;
    exact_init(&loss);
    exact_set(&loss, &group->sums[LOST]);
    exact_negate(&loss);
    exact_set(net, &group->sums[WON]);
    exact_round(net, MONEY);
    take_away(net, &loss);
    take_away(net, &group->sums[COMMISSIONS]);
    take_away(net, &group->sums[FEES]);
    exact_term(&loss);
}

/* ---- over days ---------------------------------------------------------------------------------------------- */

/* mean / sample standard deviation x sqrt(252) of n values with a sum and a sum of squares: its square is
 * 252 sum^2 (n - 1) / (n (n squares - sum^2)). *known is false without deviation. */
static enum error_code
find_sharpe(const struct exact *sum, const struct exact *squares, int64_t count, struct exact *sharpe, bool *known,
            struct error *error)
{
    struct exact above, below, factor;
    exact_init(&above);
    exact_init(&below);
    exact_init(&factor);
    exact_set_integer(&factor, count);
    if (!exact_multiply(&above, sum, sum, error) && !exact_multiply(&below, squares, &factor, error)) {
        exact_subtract(&below, &above);
        *known = exact_sign(&below) > 0;
        if (*known && !exact_multiply(&below, &below, &factor, error)) {
            exact_set_integer(&factor, SERIES_DAYS * (count - 1));
            if (!exact_multiply(&above, &above, &factor, error))
                exact_root(sharpe, &above, &below, RATIO);
            if (exact_sign(sum) < 0)
                exact_negate(sharpe);
        }
    }
    exact_term(&above);
    exact_term(&below);
    exact_term(&factor);
    return error->code;
}

/* The next value of a cumulated sum, its peak, and the largest fall below that. */
static void
follow_drawdown(struct exact *sum, struct exact *peak, struct exact *drawdown, const struct exact *net)
{
    struct exact fall;
    exact_init(&fall);
    exact_add(sum, net);
    if (exact_compare(sum, peak) > 0)
        exact_set(peak, sum);
    exact_set(&fall, peak);
    exact_subtract(&fall, sum);
    if (exact_compare(&fall, drawdown) > 0)
        exact_set(drawdown, &fall);
    exact_term(&fall);
}

static void
release_series(void *more)
{
    struct series *series = more;
    for (int i = 0; i < SERIES_DAYS; i++)
        exact_term(&series->nets[i]);
    free(series);
}

static enum error_code
find_series(struct verify_aggregate *all, const char *key, struct series **series, struct error *error)
{
    struct verify_group *group;
    if (verify_group_get(&all->series, key, &group, NULL, error))
        return error->code;
    if (!group->more) {
        group->more = calloc(1, sizeof(struct series));
        if (!group->more)
            return error_set(error, ERROR_MEMORY, "out of memory for more than %zu series", all->series.count);
        *series = group->more;
        for (int i = 0; i < SERIES_DAYS; i++)
            exact_init(&(*series)->nets[i]);
        group->release = release_series;
    }
    *series = group->more;
    return ERROR_NONE;
}

static void
append(struct series *series, const struct exact *net)
{
    exact_set(&series->nets[series->next], net);
    series->next = (series->next + 1) % SERIES_DAYS;
    series->count += series->count < SERIES_DAYS;
}

/* Sharpe ratio and drawdown of the series as it stands. */
static enum error_code
judge_series(const struct series *series, struct verify_group *group, struct error *error)
{
    struct exact sum, squares, peak, square;
    bool known = false;
    exact_init(&sum);
    exact_init(&squares);
    exact_init(&peak);
    exact_init(&square);
    for (int i = 0; !error->code && i < series->count; i++) {
        const struct exact *net = &series->nets[(series->next - series->count + i + SERIES_DAYS) % SERIES_DAYS];
        if (!exact_multiply(&square, net, net, error))
            exact_add(&squares, &square);
        follow_drawdown(&sum, &peak, &group->sums[DRAWDOWN], net);
    }
    if (!error->code && series->count >= SERIES_LEAST)
        (void)find_sharpe(&sum, &squares, series->count, &group->sums[SHARPE], &known, error);
    if (known)
        group->known |= 1U << SHARPE;
    group->known |= 1U << DRAWDOWN;
    exact_term(&sum);
    exact_term(&squares);
    exact_term(&peak);
    exact_term(&square);
    return error->code;
}

/* A stored day before the range. */
static enum error_code
take_stored(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    const char *const parts[] = {verify_row_text(row, 0), verify_row_text(row, 1), verify_row_text(row, 2)};
    char key[VERIFY_KEY_BYTES];
    struct series *series;
    struct exact net;
    (void)data;
    exact_init(&net);
    if (!verify_group_key(key, parts, 3, error) && !find_series(all, key, &series, error) &&
        !verify_row_number(row, 3, &net, error))
        append(series, &net);
    exact_term(&net);
    return error->code;
}

enum error_code
verify_performance_begin(struct verify_aggregate *all, struct error *error)
{
    return verify_read(all, "series_before", 4, DATABASE_VALUES(all->date_key), take_stored, NULL, error);
}

/* ---- months ------------------------------------------------------------------------------------------------- */

static bool
month_counts(const struct verify_aggregate *all, bool *ends)
{
    struct calendar_date date = calendar_date_split(all->days);
    int length = calendar_date_month_length(date.year, date.month);
    int32_t first = all->days - date.day + 1, last = first + length - 1;
    *ends = last == all->days;
    return first >= all->verify->from_days && last <= all->verify->to_days;
}

static enum error_code
add_to_month(struct verify_aggregate *all, const struct verify_group *day, const char *series_key, struct error *error)
{
    const struct exact *net = &day->sums[NET];
    const char *const parts[] = {(const char[]){all->date_key[0], all->date_key[1], all->date_key[2], all->date_key[3],
                                                all->date_key[4], all->date_key[5], 0},
                                 series_key};
    struct verify_group *month;
    struct exact square;
    char key[VERIFY_KEY_BYTES];
    if (verify_group_key(key, parts, 2, error) || verify_group_get(&all->months, key, &month, NULL, error))
        return error->code;
    month->counts[DAYS]++;
    month->counts[TOTAL] += day->counts[TOTAL];
    month->counts[WINNERS] += day->counts[WINNERS];
    exact_add(&month->sums[VOLUME], &day->sums[VOLUME]);
    verify_keep_extreme(month, BEST, net, 1);
    verify_keep_extreme(month, WORST, net, -1);
    follow_drawdown(&month->sums[NET], &month->sums[PEAK], &month->sums[DRAWDOWN], net);
    exact_init(&square);
    exact_set(&square, &day->sums[COMMISSIONS]);
    exact_round(&square, MONEY);
    exact_add(&month->sums[COMMISSIONS], &square);
    exact_set(&square, &day->sums[FEES]);
    exact_round(&square, MONEY);
    exact_add(&month->sums[FEES], &square);
    if (!exact_multiply(&square, net, net, error))
        exact_add(&month->sums[SUM_OF_SQUARES], &square);
    exact_term(&square);
    return error->code;
}

/* ---- what the columns should say ----------------------------------------------------------------------------- */

VERIFY_COUNT(total_trades, TOTAL)
VERIFY_COUNT(closing_trades, CLOSING)
VERIFY_COUNT(winning_trades, WINNERS)
VERIFY_COUNT(losing_trades, LOSERS)
VERIFY_SUM(total_volume, VOLUME, MONEY)
VERIFY_SUM(total_notional, NOTIONAL, 16)
VERIFY_SUM(gross_profit, WON, MONEY)
VERIFY_SUM(net_pnl, NET, MONEY)
VERIFY_SUM(commissions, COMMISSIONS, MONEY)
VERIFY_SUM(fees, FEES, MONEY)
VERIFY_MEAN(avg_win, WON, WINNERS, MONEY)
VERIFY_MEAN(avg_loss, LOST, LOSERS, MONEY)
VERIFY_EXTREME(largest_win, LARGEST_WIN, MONEY)
VERIFY_EXTREME(largest_loss, LARGEST_LOSS, MONEY)
VERIFY_COUNT(trading_days, DAYS)
VERIFY_SUM(best_day, BEST, MONEY)
VERIFY_SUM(worst_day, WORST, MONEY)
VERIFY_SUM(month_drawdown, DRAWDOWN, MONEY)

static void
gross_loss(const struct verify_group *group, struct verify_value *value)
{
    exact_set(&value->number, &group->sums[LOST]);
    exact_negate(&value->number);
    exact_round(&value->number, MONEY);
}

static void
win_rate(const struct verify_group *group, struct verify_value *value)
{
    verify_ratio(&value->number, group->counts[WINNERS], group->counts[TOTAL]);
    exact_round(&value->number, RATIO);
}

static void
profit_factor(const struct verify_group *group, struct verify_value *value)
{
    struct exact profit;
    gross_loss(group, value);
    value->is_null = exact_sign(&value->number) == 0;
    if (value->is_null)
        return;
    exact_init(&profit);
    exact_set(&profit, &group->sums[WON]);
    exact_round(&profit, MONEY);
    exact_divide(&value->number, &profit, &value->number, RATIO);
    exact_term(&profit);
}

/* Known together: drawdown is set whenever the series was judged. */
static void
sharpe_ratio(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = !(group->known & (1U << DRAWDOWN));
    value->is_null = !(group->known & (1U << SHARPE));
    exact_set(&value->number, &group->sums[SHARPE]);
}

static void
max_drawdown(const struct verify_group *group, struct verify_value *value)
{
    value->is_unknown = !(group->known & (1U << DRAWDOWN));
    exact_set(&value->number, &group->sums[DRAWDOWN]);
}

static const struct verify_table daily_table = {
    .name = daily_name,
    .statement = "stored_performance",
    .key_names = (const char *const[]){"date", "tenant", "account", "strategy", NULL},
    .columns =
        (const struct verify_column[]){
            {"total_trades", total_trades},
            {"closing_trades", closing_trades},
            {"winning_trades", winning_trades},
            {"losing_trades", losing_trades},
            {"total_volume", total_volume},
            {"total_notional", total_notional},
            {"gross_profit", gross_profit},
            {"gross_loss", gross_loss},
            {"net_pnl", net_pnl},
            {"commissions", commissions},
            {"fees", fees},
            {"win_rate", win_rate},
            {"profit_factor", profit_factor},
            {"sharpe_ratio", sharpe_ratio},
            {"max_drawdown", max_drawdown},
            {"avg_win", avg_win},
            {"avg_loss", avg_loss},
            {"largest_win", largest_win},
            {"largest_loss", largest_loss},
            {0},
        },
};

static const struct verify_table monthly_table = {
    .name = monthly_name,
    .statement = "stored_performance_monthly",
    .key_names = (const char *const[]){"month", "tenant", "account", "strategy", NULL},
    .columns =
        (const struct verify_column[]){
            {"trading_days", trading_days},
            {"total_trades", total_trades},
            {"winning_trades", winning_trades},
            {"total_volume", total_volume},
            {"net_pnl", net_pnl},
            {"commissions", commissions},
            {"fees", fees},
            {"win_rate", win_rate},
            {"sharpe_ratio", sharpe_ratio},
            {"max_drawdown", month_drawdown},
            {"best_day_pnl", best_day},
            {"worst_day_pnl", worst_day},
            {0},
        },
};

/* ---- the end of a date -------------------------------------------------------------------------------------- */

struct day_end {
    struct verify_aggregate *all;
    bool in_month;
    struct error *error;
};

/* Into its series and its month. */
static void
end_group(struct verify_group *group, void *data)
{
    const struct day_end *end = data;
    struct verify_aggregate *all = end->all;
    const char *series_key = strchr(group->key, VERIFY_KEY_SEPARATOR) + 1;
    struct series *series;
    if (end->error->code || group->held)
        return;
    find_net(group);
    if (find_series(all, series_key, &series, end->error))
        return;
    if (all->is_trading_day)
        append(series, &group->sums[NET]);
    if (all->days < all->series_dirty_days && judge_series(series, group, end->error))
        return;
    if (end->in_month)
        (void)add_to_month(all, group, series_key, end->error);
}

static void
judge_month(struct verify_group *month, void *data)
{
    const struct day_end *end = data;
    bool known = false;
    month->known |= 1U << DRAWDOWN;
    if (month->counts[DAYS] >= MONTH_LEAST && !end->error->code &&
        !find_sharpe(&month->sums[NET], &month->sums[SUM_OF_SQUARES], month->counts[DAYS], &month->sums[SHARPE], &known,
                     end->error) &&
        known)
        month->known |= 1U << SHARPE;
}

static enum error_code
compare_month(struct verify_aggregate *all, struct day_end *end, struct error *error)
{
    char month_key[8];
    (void)snprintf(month_key, sizeof(month_key), "%.6s", all->date_key);
    verify_group_each(&all->months, judge_month, end);
    if (error->code)
        return error->code;
    if (all->month_dirty)
        verify_count_of(all->verify, monthly_name)->dirty++;
    else if (verify_compare(all, &monthly_table, &all->months, DATABASE_VALUES(month_key), error))
        return error->code;
    verify_group_clear(&all->months);
    return ERROR_NONE;
}

enum error_code
verify_performance_compare(struct verify_aggregate *all, struct error *error)
{
    struct day_end end = {.all = all, .error = error};
    bool month_ends, dirty = verify_is_dirty(all, "performance");
    end.in_month = month_counts(all, &month_ends);
    verify_group_each(&all->performance, end_group, &end);
    if (error->code)
        return error->code;
    if (dirty)
        verify_count_of(all->verify, daily_name)->dirty++;
    else if (verify_compare(all, &daily_table, &all->performance, DATABASE_VALUES(all->date_key), error))
        return error->code;
    verify_group_clear(&all->performance);
    all->month_dirty = all->month_dirty || dirty || verify_is_dirty(all, "performance_monthly");
    if (!month_ends)
        return ERROR_NONE;
    if (end.in_month && compare_month(all, &end, error))
        return error->code;
    all->month_dirty = false;
    return ERROR_NONE;
}
