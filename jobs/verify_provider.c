/* agg_lp_performance, recomputed. */
#include <stdio.h>
#include <string.h>

#include "jobs/verify_column.h"

enum { QUOTES, FRESH, SAMPLED, TIMED, TRADES, ORDERS, FILLED, REJECTED };
enum { SPREAD, BPS, LATENCY, NOTIONAL, SCORE, RANK };

enum { QUOTE_FIELDS = 7, ORDER_FIELDS = 3, SCALE = 16, BPS_CAP = 100, LATENCY_CAP = 1000 };

static enum error_code
find_group(struct verify_aggregate *all, int period, const char *first, const char *tenant, const char *lp,
           struct verify_group **group, struct error *error)
{
    const char *const parts[] = {verify_periods[period].name, first, tenant, lp};
    char key[VERIFY_KEY_BYTES];
    if (verify_group_key(key, parts, 4, error))
        return error->code;
    return verify_group_get(&all->providers[period], key, group, NULL, error);
}

enum error_code
verify_provider_add(struct verify_aggregate *all, struct error *error)
{
    const struct verify_trade *trade = &all->trade;
    struct verify_group *group;
    char first[16];
    int32_t last;
    for (int period = 0; trade->lp[0] && period < VERIFY_PERIODS; period++) {
        if (!verify_period_counts(all, period, first, &last))
            continue;
        if (find_group(all, period, first, trade->tenant, trade->lp, &group, error))
            return error->code;
        group->counts[TRADES]++;
        group->held = group->held || !trade->has_rate;
        exact_add(&group->sums[NOTIONAL], &trade->notional);
    }
    return ERROR_NONE;
}

/* Adds weight x number. */
static enum error_code
add_weighted(struct verify_group *group, int sum, const struct verify_row *row, int field, const struct exact *weight,
             struct error *error)
{
    struct exact number;
    exact_init(&number);
    if (!verify_row_number(row, field, &number, error) && !exact_multiply(&number, &number, weight, error))
        exact_add(&group->sums[sum], &number);
    exact_term(&number);
    return error->code;
}

static enum error_code
add_quote(struct verify_group *group, struct verify_row *row, struct error *error)
{
    struct exact weight;
    int64_t count;
    exact_init(&weight);
    if (!verify_row_integer(row, 2, &count, error)) {
        exact_set_integer(&weight, count);
        group->counts[SAMPLED]++;
        group->counts[QUOTES] += count;
        if (strcmp(verify_row_text(row, 3), "false") == 0)
            group->counts[FRESH] += count;
        if (!verify_row_is_null(row, 6))
            group->counts[TIMED] += count;
        if (!add_weighted(group, SPREAD, row, 4, &weight, error) && !add_weighted(group, BPS, row, 5, &weight, error))
            error->code = add_weighted(group, LATENCY, row, 6, &weight, error);
    }
    exact_term(&weight);
    return error->code;
}

static enum error_code
add_order(struct verify_group *group, struct verify_row *row, struct error *error)
{
    const char *status = verify_row_text(row, 2);
    (void)error; /* of add_row */
    group->counts[ORDERS]++;
    group->counts[FILLED] += strcmp(status, "FILLED") == 0;
    group->counts[REJECTED] += strcmp(status, "REJECTED") == 0;
    return ERROR_NONE;
}

typedef enum error_code add_row(struct verify_group *group, struct verify_row *row, struct error *error);

static enum error_code
take(struct verify_aggregate *all, struct verify_row *row, void *data, struct error *error)
{
    add_row *const *add = data;
    struct verify_group *group;
    char first[16];
    int32_t last;
    for (int period = 0; period < VERIFY_PERIODS; period++)
        if (verify_period_counts(all, period, first, &last) &&
            (find_group(all, period, first, verify_row_text(row, 0), verify_row_text(row, 1), &group, error) ||
             (*add)(group, row, error)))
            return error->code;
    return ERROR_NONE;
}

enum error_code
verify_provider_read(struct verify_aggregate *all, struct error *error)
{
    add_row *quote = add_quote, *order = add_order;
    if (verify_read(all, "quotes", QUOTE_FIELDS, DATABASE_VALUES(all->date_key), take, &quote, error))
        return error->code;
    return verify_read(all, "orders", ORDER_FIELDS, DATABASE_VALUES(all->date_key), take, &order, error);
}

/* ---- scores and ranks --------------------------------------------------------------------------------------- */

/* weight x (1 - least(greatest(mean, 0), cap) / cap), to EXACT_SCALE; added to the score. count 0: the worst. */
static void
add_penalized(struct exact *score, const struct exact *sum, int64_t count, int cap, int weight_percent)
{
    struct exact share, divisor;
    if (!count || exact_sign(sum) < 0) {
        exact_init(&share);
        exact_set_integer(&share, count ? 1 : 0);
    } else {
        exact_init(&share);
        exact_init(&divisor);
        exact_set_integer(&divisor, count * cap);
        exact_divide(&share, sum, &divisor, EXACT_SCALE);
        exact_set_integer(&divisor, 1);
        if (exact_compare(&share, &divisor) > 0)
            exact_set(&share, &divisor);
        exact_negate(&share);
        exact_add(&share, &divisor);
        exact_term(&divisor);
    }
    for (int i = 0; i < weight_percent; i++)
        exact_add(score, &share);
    exact_term(&share);
}

static void
add_share(struct exact *score, int64_t part, int64_t whole, int weight_percent)
{
    struct exact share;
    exact_init(&share);
    verify_ratio(&share, part * weight_percent, whole);
    exact_add(score, &share);
    exact_term(&share);
}

static void
find_score(struct verify_group *group, void *data)
{
    struct exact *score = &group->sums[SCORE], hundred;
    (void)data;
    if (!group->counts[ORDERS])
        return;
    if (group->counts[QUOTES])
        add_share(score, group->counts[FRESH], group->counts[QUOTES], 25);
    add_penalized(score, &group->sums[BPS], group->counts[QUOTES], BPS_CAP, 35);
    add_penalized(score, &group->sums[LATENCY], group->counts[TIMED], LATENCY_CAP, 20);
    add_share(score, group->counts[FILLED], group->counts[ORDERS], 20);
    exact_init(&hundred);
    exact_set_integer(&hundred, 100);
    exact_divide(score, score, &hundred, SCALE);
    exact_term(&hundred);
    group->known |= 1U << SCORE;
}

struct ranking {
    struct verify_groups *groups;
    struct verify_group *group;
    int64_t better;
};

/* The key up to the tenant. */
static size_t
tenant_length(const char *key)
{
    const char *lp = strrchr(key, VERIFY_KEY_SEPARATOR);
    return (size_t)(lp - key);
}

static void
count_better(struct verify_group *other, void *data)
{
    struct ranking *ranking = data;
    const struct verify_group *group = ranking->group;
    size_t length = tenant_length(group->key);
    if (other->held || tenant_length(other->key) != length || memcmp(other->key, group->key, length) != 0 ||
        !(other->known & (1U << SCORE)))
        return;
    ranking->better += !(group->known & (1U << SCORE)) || exact_compare(&other->sums[SCORE], &group->sums[SCORE]) > 0;
}

static void
find_rank(struct verify_group *group, void *data)
{
    struct ranking ranking = {.groups = data, .group = group};
    verify_group_each(ranking.groups, count_better, &ranking);
    exact_set_integer(&group->sums[RANK], ranking.better + 1);
}

/* ---- what the columns should say ----------------------------------------------------------------------------- */

VERIFY_COUNT(quote_count, QUOTES)
VERIFY_COUNT(sampled_quotes, SAMPLED)
VERIFY_MEAN(avg_spread, SPREAD, QUOTES, SCALE)
VERIFY_MEAN(avg_spread_bps, BPS, QUOTES, SCALE)
VERIFY_MEAN(avg_latency_ms, LATENCY, TIMED, SCALE)
VERIFY_COUNT(trade_count, TRADES)
VERIFY_SUM(total_notional, NOTIONAL, 16)
VERIFY_COUNT(order_count, ORDERS)
VERIFY_EXTREME(performance_score, SCORE, SCALE)
VERIFY_SUM(overall_rank, RANK, 0)

static void
quote_availability(const struct verify_group *group, struct verify_value *value)
{
    value->is_null = !group->counts[QUOTES];
    if (value->is_null)
        return;
    verify_ratio(&value->number, group->counts[FRESH], group->counts[QUOTES]);
    exact_round(&value->number, SCALE);
}

static void
fill_rate(const struct verify_group *group, struct verify_value *value)
{
    value->is_null = !group->counts[ORDERS];
    if (value->is_null)
        return;
    verify_ratio(&value->number, group->counts[FILLED], group->counts[ORDERS]);
    exact_round(&value->number, SCALE);
}

static void
rejection_count(const struct verify_group *group, struct verify_value *value)
{
    value->is_null = !group->counts[ORDERS];
    exact_set_integer(&value->number, group->counts[REJECTED]);
}

static const struct verify_table table = {
    .name = "agg_lp_performance",
    .statement = "stored_providers",
    .key_names = (const char *const[]){"period", "date", "tenant", "provider", NULL},
    .columns =
        (const struct verify_column[]){
            {"quote_count", quote_count},
            {"sampled_quotes", sampled_quotes},
            {"avg_spread", avg_spread},
            {"avg_spread_bps", avg_spread_bps},
            {"quote_availability", quote_availability},
            {"avg_latency_ms", avg_latency_ms},
            {"trade_count", trade_count},
            {"total_notional", total_notional},
            {"order_count", order_count},
            {"fill_rate", fill_rate},
            {"rejection_count", rejection_count},
            {"performance_score", performance_score},
            {"overall_rank", overall_rank},
            {0},
        },
};

static enum error_code
end_period(struct verify_aggregate *all, int period, struct error *error)
{
    char target[64], first[16];
    int32_t last;
    struct verify_groups *groups = &all->providers[period];
    bool counts = verify_period_counts(all, period, first, &last);
    (void)snprintf(target, sizeof(target), "lp_performance:%s", verify_periods[period].name);
    all->provider_dirty[period] = all->provider_dirty[period] || verify_is_dirty(all, target);
    if (last != all->days)
        return ERROR_NONE;
    verify_group_each(groups, find_score, NULL);
    verify_group_each(groups, find_rank, groups);
    if (counts && all->provider_dirty[period])
        verify_count_of(all->verify, table.name)->dirty++;
    else if (counts && verify_compare(all, &table, groups, DATABASE_VALUES(verify_periods[period].name, first), error))
        return error->code;
    all->provider_dirty[period] = false;
    verify_group_clear(groups);
    return ERROR_NONE;
}

enum error_code
verify_provider_compare(struct verify_aggregate *all, struct error *error)
{
    for (int period = 0; period < VERIFY_PERIODS; period++)
        if (end_period(all, period, error))
            return error->code;
    return ERROR_NONE;
}
