/* agg_client_metrics, recomputed. */
#include <stdio.h>

#include "core/calendar_date.h"
#include "jobs/verify_column.h"

enum { TRADES, DAYS, INSTRUMENTS, MEASURED, BREACHES, SCORED, PERIOD_DAYS };
enum { VOLUME, NOTIONAL, FEES, REALIZED, UTILIZATION, UTILIZATION_MAX, RISK };

enum { RISK_FIELDS = 6, TRADES_CAP = 100, INSTRUMENTS_CAP = 20 };

/* The client's group of the period that began on first. */
static enum error_code
find_group(struct verify_aggregate *all, int period, const char *first, const char *tenant, const char *client,
           struct verify_group **group, struct error *error)
{
    const char *const parts[] = {verify_periods[period].name, first, tenant, client};
    char key[VERIFY_KEY_BYTES];
    int32_t from, to;
    if (verify_group_key(key, parts, 4, error) || verify_group_get(&all->clients[period], key, group, NULL, error))
        return error->code;
    verify_periods[period].bounds(all->days, &from, &to);
    (*group)->counts[PERIOD_DAYS] = to - from + 1;
    return ERROR_NONE;
}

/* Counts a member of the group's set once. */
static enum error_code
count_once(struct verify_groups *members, struct verify_group *group, int count, const char *kind, const char *member,
           struct error *error)
{
    const char *const parts[] = {group->key, kind, member};
    struct verify_group *seen;
    char key[VERIFY_KEY_BYTES];
    bool made;
    if (verify_group_key(key, parts, 3, error) || verify_group_get(members, key, &seen, &made, error))
        return error->code;
    group->counts[count] += made;
    return ERROR_NONE;
}

static enum error_code
add_trade(struct verify_aggregate *all, int period, const char *first, struct error *error)
{
    const struct verify_trade *trade = &all->trade;
    struct verify_groups *members = &all->client_members[period];
    struct verify_group *group;
    if (find_group(all, period, first, trade->tenant, trade->client, &group, error) ||
        count_once(members, group, DAYS, "date", trade->date, error) ||
        count_once(members, group, INSTRUMENTS, "instrument", trade->instrument, error))
        return error->code;
    group->counts[TRADES]++;
    group->held = group->held || !trade->has_rate;
    exact_add(&group->sums[VOLUME], &trade->quantity);
    exact_add(&group->sums[NOTIONAL], &trade->notional);
    exact_add(&group->sums[FEES], &trade->fees);
    exact_add(&group->sums[REALIZED], &trade->realized);
    return ERROR_NONE;
}

enum error_code
verify_client_add(struct verify_aggregate *all, struct error *error)
{
    char first[16];
    int32_t last;
    for (int period = 0; all->trade.client[0] && period < VERIFY_PERIODS; period++)
        if (verify_period_counts(all, period, first, &last) && add_trade(all, period, first, error))
            return error->code;
    return ERROR_NONE;
}

static enum error_code
add_risk(struct verify_group *group, const struct verify_row *row, struct error *error)
{
    struct exact number;
    int64_t soft, hard;
    exact_init(&number);
    if (!verify_row_number(row, 2, &number, error) && !verify_row_is_null(row, 2)) {
        group->counts[MEASURED]++;
        exact_add(&group->sums[UTILIZATION], &number);
        verify_keep_extreme(group, UTILIZATION_MAX, &number, 1);
    }
    if (!error->code && !verify_row_integer(row, 3, &soft, error) && !verify_row_integer(row, 4, &hard, error))
        group->counts[BREACHES] += soft + hard;
    if (!error->code && !verify_row_number(row, 5, &number, error) && !verify_row_is_null(row, 5)) {
        group->counts[SCORED]++;
        exact_add(&group->sums[RISK], &number);
    }
    exact_term(&number);
    return error->code;
}

static enum error_code
take_risk(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    struct verify_group *group;
    char first[16];
    int32_t last;
    (void)data;
    for (int period = 0; period < VERIFY_PERIODS; period++)
        if (verify_period_counts(all, period, first, &last) &&
            (find_group(all, period, first, verify_row_text(row, 0), verify_row_text(row, 1), &group, error) ||
             add_risk(group, row, error)))
            return error->code;
    return ERROR_NONE;
}

enum error_code
verify_client_read(struct verify_aggregate *all, struct error *error)
{
    return verify_read(all, "risk", RISK_FIELDS, DATABASE_VALUES(all->date_key), take_risk, NULL, error);
}

/* ---- what the columns should say ----------------------------------------------------------------------------- */

VERIFY_COUNT(trading_days, DAYS)
VERIFY_COUNT(total_trades, TRADES)
VERIFY_COUNT(unique_instruments, INSTRUMENTS)
VERIFY_SUM(total_volume, VOLUME, 8)
VERIFY_SUM(total_notional, NOTIONAL, 16)
VERIFY_MEAN(avg_trade_size, NOTIONAL, TRADES, 16)
VERIFY_SUM(total_fees, FEES, 8)
VERIFY_SUM(realized_pnl, REALIZED, 8)
VERIFY_MEAN(avg_utilization, UTILIZATION, MEASURED, 16)
VERIFY_EXTREME(max_utilization, UTILIZATION_MAX, 8)
VERIFY_COUNT(breach_count, BREACHES)
VERIFY_MEAN(risk_score, RISK, SCORED, 16)

/* least(1, days / days of the period) x 0.4 + least(trades, 100) / 100 x 0.3 + least(instruments, 20) / 20 x 0.3: of
 * 10 x 100 x 20 x the period's days, in whole numbers. */
static void
engagement_score(const struct verify_group *group, struct verify_value *value)
{
    const int64_t *counts = group->counts;
    int64_t days = counts[PERIOD_DAYS], active = counts[DAYS] < days ? counts[DAYS] : days;
    int64_t trades = counts[TRADES] < TRADES_CAP ? counts[TRADES] : TRADES_CAP;
    int64_t instruments = counts[INSTRUMENTS] < INSTRUMENTS_CAP ? counts[INSTRUMENTS] : INSTRUMENTS_CAP;
    int64_t above = 4 * active * TRADES_CAP * INSTRUMENTS_CAP + 3 * trades * INSTRUMENTS_CAP * days +
                    3 * instruments * TRADES_CAP * days;
    verify_ratio(&value->number, above, (int64_t)10 * TRADES_CAP * INSTRUMENTS_CAP * days);
    exact_round(&value->number, 16);
}

static const struct verify_table table = {
    .name = "agg_client_metrics",
    .statement = "stored_clients",
    .key_names = (const char *const[]){"period", "date", "tenant", "client", NULL},
    .columns =
        (const struct verify_column[]){
            {"trading_days", trading_days},
            {"total_trades", total_trades},
            {"unique_instruments", unique_instruments},
            {"total_volume", total_volume},
            {"total_notional", total_notional},
            {"avg_trade_size", avg_trade_size},
            {"total_fees", total_fees},
            {"realized_pnl", realized_pnl},
            {"avg_utilization", avg_utilization},
            {"max_utilization", max_utilization},
            {"breach_count", breach_count},
            {"risk_score", risk_score},
            {"engagement_score", engagement_score},
            {0},
        },
};

static enum error_code
end_period(struct verify_aggregate *all, int period, struct error *error)
{
    char target[64], first[16];
    int32_t last;
    bool counts = verify_period_counts(all, period, first, &last);
    (void)snprintf(target, sizeof(target), "client_metrics:%s", verify_periods[period].name);
    all->client_dirty[period] = all->client_dirty[period] || verify_is_dirty(all, target);
    if (last != all->days)
        return ERROR_NONE;
    if (counts && all->client_dirty[period])
        verify_count_of(all->verify, table.name)->dirty++;
    else if (counts && verify_compare(all, &table, &all->clients[period],
                                      DATABASE_VALUES(verify_periods[period].name, first), error))
        return error->code;
    all->client_dirty[period] = false;
    verify_group_clear(&all->clients[period]);
    verify_group_clear(&all->client_members[period]);
    return ERROR_NONE;
}

enum error_code
verify_client_compare(struct verify_aggregate *all, struct error *error)
{
    for (int period = 0; period < VERIFY_PERIODS; period++)
        if (end_period(all, period, error))
            return error->code;
    return ERROR_NONE;
}
